#!/bin/sh
# confirm.sh: over real sockets a bug of the program is found again, one of the
# simulator is not, and a sound session goes the same way, call for call.  A
# session is text or bytes.
#
#   confirm.sh BIN CORPUS
#
# BIN has the targets, in memory and as *_loopback; CORPUS their sessions.
set -eu

bin=$1
corpus=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
    echo "confirm.sh: $*" >&2
    failed=1
}

# expect STATUS PATTERN PROGRAM FILE
expect() {
    is=0
    (ulimit -c 0 && "$bin/$3" "$4") >"$work/out" 2>&1 || is=$?
    if [ "$is" -ne "$1" ] || ! grep -Eq -- "$2" "$work/out"; then
        complain "$3 $4: ended $is, not $1 with '$2':"
        cat "$work/out" >&2
    fi
}

# same TARGET: how many of its sessions went alike, and how many could not.
same() {
    alike=0 unsaid=0
    for session in "$corpus/$1"/*; do
        "$bin/$1" -v "$session" | grep -v '^input \|^executed ' >"$work/memory"
        is=0
        "$bin/${1}_loopback" -v "$session" >"$work/real" 2>"$work/why" || is=$?
        if [ "$is" -eq 2 ]; then
            cat "$work/why"
            unsaid=$((unsaid + 1))
        elif sed '$d' "$work/real" | diff "$work/memory" - >"$work/diff"; then
            alike=$((alike + 1))
        else
            complain "$session goes another way over real sockets:"
            cat "$work/diff" >&2
        fi
    done
    echo "$1: $alike alike, $unsaid cannot be said"
    [ "$alike" -gt "$2" ] || complain "$1: no more than $alike alike"
}

# A fault makes the first piece short.
session() {
    printf 'sockfault-session 1\nvariant %s\nfamily %s\n' "$1" "$2"
    printf 'bytes 1 "hello"\nbytes 1 "there"\nfault 0 0 0\n'
}

for family in tcp unix; do
    session 0 $family >"$work/right"
    session 1 $family >"$work/wrong"
    "$bin/sockfault-session" "$work/right" "$work/right.bytes"
    "$bin/sockfault-session" "$work/wrong" "$work/wrong.bytes"
    expect 134 'finding: wrong-data' planted "$work/wrong.bytes"
    expect 134 'finding: wrong-data' planted "$work/wrong"
    expect 1 '^confirmed: wrong-data: connection 1' planted_loopback \
        "$work/wrong"
    expect 1 '^confirmed: wrong-data' planted_loopback "$work/wrong.bytes"
    expect 134 'finding: wrong-data' planted_artefact "$work/right.bytes"
    expect 0 '^not confirmed: .*in memory, suspect the simulator' planted_loopback \
        "$work/right"
done

printf 'sockfault-session 1\nvariant 1\nbuffers 3\nbytes 1 "he"\n' \
    >"$work/blocks"
expect 2 '^cannot be said with real sockets: the program blocks in a send' \
    planted_loopback "$work/blocks"
printf 'sockfault-session 1\nfamily unix\nbytes 1 "he"\nreset 1\n' \
    >"$work/resets"
expect 2 'a peer on AF_UNIX that has read everything resets' \
    planted_loopback "$work/resets"
printf 'sockfault-session 1\nbyte 1 "a"\n' >"$work/malformed"
expect 2 'malformed:2:1: expected' planted_loopback "$work/malformed"
expect 2 'malformed:2:1: expected' planted "$work/malformed"
expect 2 'No such file' planted_loopback "$work/nowhere"
expect 0 '^usage: planted_loopback \[-v\] FILE$' planted_loopback --help
expect 2 '^usage: planted_loopback \[-v\] FILE$' planted_loopback -x

# What ends the process is the program's as well; where coverage is measured
# there is no sanitizer.
ends=2
for how in 'died: by SIGUSR1' "a sanitizer's report" 'hang: '; do
    printf 'sockfault-session 1\nvariant %s\n' $ends >"$work/ends"
    if [ $ends -ne 3 ] || grep -q __asan_init "$bin/planted_loopback"; then
        expect 1 "^confirmed: $how" planted_loopback "$work/ends"
    fi
    ends=$((ends + 1))
done

# A wait that is longer than the clock is none that is short.
printf 'sockfault-session 1\nvariant 5\nwait 30000\nbytes 1 "he"\n' \
    >"$work/patient"
expect 0 'executed 1 of 1' planted "$work/patient"
expect 0 '^not confirmed' planted_loopback "$work/patient"

same fuzz_session 20
same fuzz_client 3
same fuzz_stream 10
exit $failed
