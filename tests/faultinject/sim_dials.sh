#!/bin/sh
# sim_dials.sh: sockfault sim --dials: clients as they are, and a proxy, whom
# peers answer.
#
#   sim_dials.sh SOCKFAULT DIALLER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
dialler=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

. "$here/expect.sh"

printf '%s\n' 'sockfault-session 1' 'bytes 1 "abcde\x0a"' >line
printf '%s\n' 'sockfault-session 1' 'profile posix' 'bytes 1 "abc"' \
    'bytes 1 "de\x0a"' >pieces
printf '%s\n' 'sockfault-session 1' 'bytes 1 "hello\x0a"' 'bytes 2 "abc"' \
    'bytes 2 "de\x0a"' >both

client() {
    expect "$1" "$2" "$3" "$dialler" "$4"
}

# --- a run ---

client 0 '^abcde$' '--dials -s line' right
client 0 ': 1 connection, 5 calls, 0 faults: nothing found$' '--dials -s line' \
    right
client 0 ': 1 connection, 6 calls' '--dials -s pieces' right
client 0 ': nothing found; it ended with status 1$' '--dials -s pieces' short
client 2 'ended before it connected or waited' '--dials -s line' idle
client 2 'waits for ever and listens nowhere|ended before it waited' '-s line' \
    right
client 1 'finding: stall: all peers are gone' '--dials -s line' waits
client 1 'finding: spin: ' '--dials -s line' spins

client 0 ': 1 connection, 3 calls' '--dials -s line' tells
client 0 'connect 512 -> -1 ECONNREFUSED' '-v --dials -s line' returns

# Who has cleaned up by itself ends without handlers.
client 0 '^abcde$' '--dials -s line' leaves
client 0 ': 1 connection, 5 calls' '--dials -s line' leaves
client 0 'returned after 5 calls' '-v --dials -s line' leaves
client 0 PROVED '-k 2 --compare --dials -s line' leaves
client 0 PROVED '--memory --dials -s line' leaves

# --- its children ---

client 0 '^abcde$' '--dials -s line' asks-by
client 0 '^abcde$' '--dials -s line' sh -c "$dialler right; :"
# One that is the client, where runs are forks, would ask the real network.
expect 2 'another process of .*dialler.* calls connect' \
    '--dials -k 1 -s line' sh -c "$dialler right; :"

# --- what is proved of one ---

for all in '--compare --silent' '--plain --compare --silent'; do
    for session in line pieces; do
        client 0 'PROVED     complete: every schedule of at most 2' \
            "-k 2 $all --dials -s $session" right
    done
done
client 0 'PROVED     closed: any number of faults' '--loops --dials -s line' right
client 1 'finding: died: .* SIGABRT' '-k 1 --dials -s pieces' crash
client 0 PROVED '-k 2 --dials -s pieces' asks

client 1 'finding: status: after transient faults it ended with status 1, and' \
    '-k 1 --dials -s line' short
client 0 PROVED '-k 1 --allow died --dials -s line' short
client 1 'finding: output: after transient faults' \
    '-k 1 --compare --dials -s line' brief
client 0 PROVED '-k 1 --dials -s line' brief
client 1 'finding: silent: ' '-k 1 --silent --dials -s line' half
client 0 PROVED '-k 1 --compare --dials -s line' half
# … though its memory is as without any fault, or as after another one.
for way in says says-elsewhere drops-both-ways closes moves handles pends arms \
    masks; do
    client 1 'finding: output: ' '--loops --compare --dials -s pieces' $way
done
client 1 'finding: output: ' '-k 1 --compare --dials -s pieces' says
client 1 'finding: status: ' '-k 1 --dials -s pieces' gives-up
client 1 'finding: status: ' '--loops --dials -s pieces' gives-up

# All forks have a file in common.
echo more >more
# shellcheck disable=SC2016 # by that shell
client_of_more() {
    expect "$1" "$2" "$3" sh -c 'exec "$0" "$1" <more' "$dialler" "$4"
}
client_of_more 0 '^more$' '--dials -s line' rests
client_of_more 0 '^  states ' '-k 2 --compare --dials -s line' rests
client_of_more 0 PROVED '-k 2 --compare --dials -s line' rests
client_of_more 1 'finding: output: ' '--loops --compare --dials -s pieces' drops

# Nor is what a call of ours has left on the stack.
for way in filled holes; do
    client 0 PROVED '-k 2 --dials -s pieces' $way
    grep '^  schedules ' out >"$way"
done
cmp filled holes || failed=1

# What is below a handler's stack may be in use.
client 0 '^  states ' '-k 1 --dials -s line' aside

# What was printed before runs are forked is a part of each.
client 0 '^  states ' '-k 1 --compare --dials -s line' begins

# The counterexample shows it by itself.
client 1 '^to see it again: ' '-k 1 --dials -s pieces' crash
again() {
    sed -n 's/^to see it again: //p' out >again
    status=0
    sh again >out 2>&1 || status=$?
    { [ $status -eq 1 ] && grep -q "finding: $1" out; } || {
        echo "sim_dials.sh: $(cat again): status $status: $(cat out)" >&2
        failed=1
    }
}
again died
client 1 'finding: status: ' '-k 1 --dials -s line' short
again status
client 1 'finding: output: ' '-k 1 --compare --dials -s line' brief
again output
client 1 'finding: silent: ' '-k 1 --silent --dials -s line' half
again silent

# --- who connects again is answered again ---

printf '%s\n' 'fault 0 1 0' | cat line - >refused
client 0 '^! .* connect 512: ECONNREFUSED' '-v --dials -s refused' again
client 0 '1.000 s .* connect 512 -> 0$' '-v --dials -s refused' again
client 0 '^abcde$' '--dials -s refused' again
client 0 PROVED '-k 2 --compare --dials -s line' again

# … for whom its server waits.
printf '%s\n' 'sockfault-session 1' 'bytes 2 "abcde\x0a"' >second
client 0 '^abcde$' '--dials -s second' dawdles
# … by the same peer, though nothing has happened in between.
client 0 '^abcde$' '--dials -s line' twice
client 0 '^ +0.000 s +returned after' '-v --dials -s line' twice

# --- where ---

expect 0 '^abcde$' '--dials=7000 -s line' "$dialler" right
expect 2 'nobody was met: .* connected to none' '--dials=8000 -s line' \
    "$dialler" right
expect 0 '^abcde$' '--dials=/x/y -s line' "$dialler" right /x/y
expect 2 'nobody was met' '--dials=/x/y -s line' "$dialler" right /x/z
expect 2 'nobody was met' '--dials -s line' "$dialler" right /x/y
expect 0 '^abcde$' '--dials -s line' "$dialler" asks 443
for where in x 0 65536 7000x "/$(printf '%0108d' 0)"; do
    expect 2 'expected a port, or the path' "--dials=$where -s line" \
        "$dialler" right
done
expect 2 'go with --dials, and not' '--compare --memory --dials -s line' \
    "$dialler" right
expect 2 'go with --dials, and not' '-k 1 --silent -s line' "$dialler" right

# --- a proxy: peer 1 is its client, peer 2 who it connects to ---

expect 0 ': 2 connections, ' '--dials=8000 -s both' "$dialler" proxy 8000
expect 0 'send 513 6 -> 6' '-v --dials -s both' "$dialler" proxy 8000
expect 0 PROVED '-k 2 --dials -s both' "$dialler" proxy 8000
printf '%s\n' 'bytes 1 "hello\x0a"' 'bytes 2 "fgh\x0a"' | cat line - >late
expect 0 'recv 513 64 -> 6' '-v --dials -s late' "$dialler" enters 8000

# … who connect where it listens first, or where they are told to.
expect 2 'nobody was met' '--dials=8000 -s both' "$dialler" desks 8000
expect 0 ': 2 connections, ' '--at 7000 --dials=8000 -s both' "$dialler" desks \
    8000
expect 0 PROVED '-k 1 --at 7000 --dials=8000 -s both' "$dialler" desks 8000
expect 2 'before it waited for a client at 80;' '--at 80 -s both' "$dialler" \
    right
expect 2 'expected a port, or the path' '--at 70x -s both' "$dialler" desks
expect 1 'finding: died' '--dials=8000 -s late' "$dialler" ends 8000
for all in --compare --silent; do
    expect 2 'are for clients' "-k 1 $all --dials=8000 -s both" "$dialler" \
        proxy 8000
done
expect 2 'peers cannot answer where' '--dials=7000 -s both' "$dialler" proxy 8000

exit "$failed"
