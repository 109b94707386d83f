#!/bin/sh
# sim_afl.sh: afl-fuzz on a server as it is, over the preloaded simnet; the
# fork server starts where the server waits for its first client, and the
# planted crash is found.
#
#   sim_afl.sh SOCKFAULT LIBRARY SOURCE
set -eu

sockfault=$1
library=$2
source=$3
if ! command -v afl-fuzz >/dev/null; then
    echo "sim_afl.sh: skipped, afl++ is missing"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "sim_afl.sh: $*" >&2
    cat "$work/log" >&2
    exit 1
}

# fuzz PROGRAM BYTES SOURCE...: sets crash.  -D: one byte away is found in a few
# thousand runs, not by luck.
fuzz() {
    program=$1
    mkdir "$work/in.$program"
    printf 'sockfault-session 1\nbytes 1 "%s"\n' "$2" >"$work/text"
    "$(dirname "$sockfault")/sockfault-session" "$work/text" \
        "$work/in.$program/seed"
    shift 2
    afl-clang-fast -O1 -D_GNU_SOURCE -I"$(dirname "$source")/../.." "$@" \
        -o "$work/$program" >"$work/log" 2>&1 || fail "cannot build"
    AFL_PRELOAD=$library AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 \
        AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_BENCH_UNTIL_CRASH=1 \
        timeout 100 afl-fuzz -D -V 60 -t 5000 -i "$work/in.$program" \
        -o "$work/out.$program" -- "$work/$program" crash \
        >"$work/log" 2>&1 || true
    stats=$work/out.$program/default/fuzzer_stats
    [ -e "$stats" ] || fail "afl-fuzz did not run"
    grep -Eq 'stability +: 100' "$stats" || fail "it is not stable"
    crash=$(find "$work/out.$program/default/crashes" -name 'id*' | head -1)
    [ -n "$crash" ] || fail "the planted crash was not found"
}

fuzz served box "$source"

# What it found is a scenario.
! (ulimit -c 0 && "$sockfault" sim -s "$crash" -- "$work/served" crash) \
    >"$work/log" 2>&1 || fail "the crash does not replay"
grep -q 'killed by SIGABRT' "$work/log" || fail "another finding"
"$sockfault" sim -s "$crash" -- "$work/served" good >"$work/log" 2>&1 ||
    fail "it is found without a bug"

# A client: the fork server starts where it connects.
export SOCKFAULT_SIM_DIALS=
here=$(dirname "$source")
fuzz dialler 'box\x0a' "$here/dialler.c" "$here/keeps.c"
! (ulimit -c 0 && "$sockfault" sim --dials -s "$crash" -- "$work/dialler" \
    crash) >"$work/log" 2>&1 || fail "a client's crash does not replay"
grep -q 'killed by SIGABRT' "$work/log" || fail "another finding of a client"
awk '/execs_per_sec/ { print "sim_afl.sh: " $3 " sessions a second" }' "$stats"
