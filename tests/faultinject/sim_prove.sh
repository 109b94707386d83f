#!/usr/bin/env bash
# sim_prove.sh: sockfault sim --prove on servers as they are: a good one is
# proved, a bad one refuted with the fewest faults, and shown; and what cannot be
# proved is told.
#
#   sim_prove.sh SOCKFAULT SERVED FRAMED_SERVER
set -euo pipefail

sockfault=$1
served=$2
framed=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    printf '%s\n' "$*" "$(cat "$work/out")"
    failures=$((failures + 1))
}

# ends STATUS PATTERN OPTION... -- COMMAND...
ends() {
    local want=$1 pattern=$2 got=0
    shift 2
    (cd "$work" && timeout 120 "$sockfault" sim -s talk "$@") \
        >"$work/out" 2>&1 </dev/null || got=$?
    [[ $got == "$want" ]] && grep -Eq -- "$pattern" "$work/out" ||
        fail "status $got, and not $want with '$pattern': sim $*"
}

says() { grep -Eq -- "$1" "$work/out" || fail "it does not say '$1'"; }

cat >"$work/talk" <<'END'
sockfault-session 1
buffers 64
profile posix
bytes 1 "00005hello"
wait 90000
bytes 2 "00003abc"
finish 1
fault 2 0 0
END

# The session's own fault is left out.
ends 0 'PROVED     complete: every schedule of at most 2 faults' \
    -k 2 -- "$framed" --format ascii:5
says '^  schedules  [0-9]{3,}: 1 with 0, [0-9]+ with 1, [0-9]{3,} with 2'
! grep -q 'listening' "$work/out" || fail 'it says what the program says'
ends 0 'with 0, [1-9][0-9]* with 1$' --prove 1 -- "$served" good

# It gives up when accept fails, which it does by itself of no session.
ends 0 'schedules  1: 1 with 0' --prove 0 -- "$served" tires
ends 1 'REFUTED    with 1 fault: .*finding: died' -k 2 -o . -- "$served" tires
says '^! .* accept [0-9]+: (EINTR|ECONNABORTED|EMFILE|ENFILE)'
says 'to see it again: sockfault sim -v -s ./faultinject_served.talk.session'
got=0
"$sockfault" sim -s "$work/faultinject_served.talk.session" -- "$served" tires \
    >"$work/out" 2>&1 || got=$?
[[ $got == 1 ]] || fail "the counterexample shows nothing: $got"
ends 1 'REFUTED    with 0 faults: .*finding: died' --prove 1 -- "$served" quit
ends 0 PROVED --prove 1 --allow died -- "$served" tires

# Every second process waits in another way.
ends 2 'not deterministic' --prove 1 -- "$served" fickle
says 'NOTHING    is proved'
ends 2 'INCOMPLETE the time was over; complete only for at most [01] faults' \
    --prove 9 --budget 1s -- "$framed" --format ascii:5
ends 2 'NOTHING    is proved' -k 1 -- true

# Told to end, it does not wait for a run that never does.
got=0
(cd "$work" && timeout 2 "$sockfault" sim -k 1 -s talk -- "$served" hangs) \
    >"$work/out" 2>&1 || got=$?
[[ $got == 124 ]] || fail "it ended by itself: $got"
says 'INCOMPLETE it was stopped'
! pgrep -f "$served hangs" >&2 || fail 'the server goes on'
ends 2 '--prove x: expected a number' --prove x -- "$served"
ends 2 '--budget soon: expected a time' -k 1 --budget soon -- "$served"
ends 2 '--out nothing: No such file' -k 1 -o nothing -- "$served" tires

exit $((failures > 0))
