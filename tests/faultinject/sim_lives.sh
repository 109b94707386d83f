#!/bin/sh
# sim_lives.sh: sockfault sim --dials: who connects again is answered from the
# start.
#
#   sim_lives.sh SOCKFAULT DIALLER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
dialler=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

. "$here/expect.sh"

client() {
    expect "$1" "$2" "$3" "$dialler" "$4"
}

# session NAME LINE...: of the profile that is in profile
profile=linux
session() {
    name=$1
    shift
    printf '%s\n' 'sockfault-session 1' "profile $profile" "$@" >"$name"
}

# hit FAULT SESSION: the same, and this fault
hit() {
    { cat "$2" && echo "fault $1"; } >hit
}

# comes OPTIONS HOW TEXT: it is what the client prints, by two connections
comes() {
    client 0 ': 2 connections, .*: nothing found$' "$1" "$2"
    printed=$(grep -v '^sockfault: ' out | tr '\n' ,)
    [ "$printed" = "$3" ] || tell "$1: $2: it prints $printed, not $3"
}

tell() {
    echo "sim_lives.sh: $*" >&2
    failed=1
}

sessions() {
    session line 'bytes 1 "abcde\x0a"'
    session pieces 'bytes 1 "abc"' 'bytes 1 "de\x0a"'
    session alike 'bytes 1 "abc\x0a"' 'close 1'
    session slow 'bytes 1 "ab"' 'wait 3000' 'bytes 1 "c\x0a"' 'close 1'
    session lives 'bytes 1 "ab"' 'bytes 1 "c\x0a"' 'close 1' 'bytes 1 "de"' \
        'bytes 1 "f\x0a"' 'close 1'
    session at-once 'bytes 1 "abc\x0a"' '+ close 1' 'bytes 1 "def\x0a"' \
        '+ close 1'
    session resets 'bytes 1 "abc\x0a"' 'reset 1' 'bytes 1 "def\x0a"' 'reset 1'
    session half 'bytes 1 "abc\x0a"' 'finish 1' 'bytes 1 "def\x0a"' 'finish 1'
}
sessions

# --- without a fault ---

for how in lines pages slowly; do
    for name in lives at-once half; do
        comes "--dials -s $name" $how abc,def,
    done
    for name in alike slow; do
        comes "--dials -s $name" $how abc,abc,
    done
done
comes '--dials -s resets' lines abc,def,
comes '--dials -s line' lines abcde,abcde,

# Whoever comes back for ever is told so often, and then the session ends.
client 0 'connect 512 -> -1 ECONNREFUSED' '-v --dials -s alike' returns
[ "$(grep -c 'peer 1 begins anew' out)" -eq 4 ] || tell "not 4: $(cat out)"
# … and no more where peers part by themselves.
client 0 'connect 512 -> -1 ECONNREFUSED' '-v --dials -s line' returns
! grep -q 'begins anew' out || tell "of the peers' parting: $(cat out)"

# --- cut off ---

hit '3 1 0' pieces
comes '--dials -s hit' anew abcde,
client 0 'recv 512: EOF at byte 3' '-v --dials -s hit' anew
client 0 'peer 1 begins anew' '-v --dials -s hit' anew

# A wait is of who acts after it, and takes as long as before.
hit '3 1 0' slow
client 0 '^ +63.000 s  bytes 1 "c' '-v --dials -s hit' slowly
# … and holds up nobody else who begins anew meanwhile.
session others 'bytes 1 "abcde\x0a"' 'wait 90000' 'bytes 2 "x"'
hit '3 1 0' others
client 0 '^ +60.000 s  bytes 1 "abcde' '-v --dials -s hit' slowly
grep -q ' 0.000 s  wait 90000' out || tell "when it waits: $(cat out)"

# The script is over, and peers wait for it all the same.
hit '3 1 0' line
client 0 'recv 512: ECONNRESET at byte 6' '-v --dials -s hit' slowly
sed -n '/script is over/,/60.000 s  bytes 1/p' out >late
grep -q 'peer 1 begins anew' late || tell "it is not waited for: $(cat out)"
grep -q 'bytes 1' late || tell "it is not told: $(cat out)"

# --- what is proved of one ---

all='-k 2 --compare --silent --dials'
for profile in linux posix; do
    sessions
    for name in lives at-once half alike slow; do
        for how in lines pages slowly; do
            client 0 'PROVED     complete' "$all -s $name" $how
        done
    done
    client 0 'PROVED     complete' "$all -s pieces" anew
    client 0 'PROVED     complete' "$all -s pieces" again
done
# Who prints the first half as well, and then the whole.
client 1 'finding: silent: .*; it connected 2 times, not 1$' \
    '-k 1 --silent --dials -s pieces' doubles
client 0 PROVED '-k 1 --compare --dials -s pieces' doubles
profile=linux
sessions

# --- of a proxy ---

session both 'bytes 1 "hello\x0a"' 'bytes 2 "abc"' 'bytes 2 "de\x0a"'
# Cut off, refused, and before it was answered: who it connects to waits for
# it, and does not connect to it.
for fault in '5 1 0' '2 0 0' '3 0 0'; do
    hit "$fault" both
    expect 0 '^! ' '-v --dials=8000 -s hit' "$dialler" insists 8000
    grep -q 'send 513 6 -> 6' out || tell "$fault: no answer: $(cat out)"
    ! grep -q 'connection 3' out || tell "$fault: a client: $(cat out)"
done
expect 0 PROVED '-k 2 --dials=8000 -s both' "$dialler" insists 8000
# The next client's request is answered by the same one.
session next 'bytes 1 "hello\x0a"' 'bytes 2 "abcde\x0a"' 'bytes 3 "hi\x0a"'
expect 0 'peer 2 begins anew' '-v --dials=8000 -s next' "$dialler" proxy 8000
[ "$(grep -c 'send 513 6 -> 6' out)" -eq 2 ] || tell "not 2: $(cat out)"
# What a client said is no answer.
session gone 'bytes 1 "hello\x0a"' '+ close 1'
expect 0 ': 2 connections, ' '--dials=8000 -s gone' "$dialler" proxy 8000
expect 0 'connect 514 -> 0' '-v --dials=8000 -s gone' "$dialler" proxy 8000
! grep -q 'begins anew' out || tell "of what a client said: $(cat out)"

exit "$failed"
