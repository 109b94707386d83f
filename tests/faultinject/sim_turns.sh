#!/bin/sh
# sim_turns.sh: sockfault sim --turns on a server that works as long as its
# threads run in one order: another one is found, shown, and shown again.
#
#   sim_turns.sh SOCKFAULT RELAY FRAMED_SERVER REVIVED
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
relay=$2
framed=$3
revived=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

. "$here/expect.sh"

cat >talk <<'END'
sockfault-session 1
bytes 1 "abc"
close 1
bytes 2 "de"
wait 1000
+ bytes 2 "f"
END

printf 'sockfault-session 1\nconnect 1\n' >one

# As it runs by itself nothing is wrong, and no fault makes it so.
for how in right closes-early sleeps-on looks-twice embraces; do
    expect 0 ', 0 faults: nothing found' '-s talk' "$relay" $how
done
expect 0 'PROVED     complete: every schedule of at most 1' '-k 1 -s talk' \
    "$relay" sleeps-on
expect 0 'PROVED     complete: every schedule of at most 1' \
    '-k 1 --turns -s talk' "$relay" right
expect 0 'PROVED     complete: every schedule of at most 1' \
    '-k 1 --turns -s talk' "$framed" --model thread --format ascii:5

expect 1 'REFUTED    with 1 fault: .*finding: stale-fd: send on' \
    '-k 1 --turns=only -s talk' "$relay" closes-early
expect 1 '^! .* [23]: others go first, for 1 ms$' \
    '-v -s faultinject_relay.talk.session' "$relay" closes-early
expect 1 'REFUTED    with 1 fault: .*finding: (fd-leak|stall)' \
    '-k 1 --turns -s talk' "$relay" sleeps-on
# What was written shows it again, by itself.
for i in 1 2 3; do
    expect 1 '^! .* [23]: others go first$' '-v -s faultinject_relay.talk.session' "$relay" \
        sleeps-on
done

# Who takes a lock, and no more, has done something.
expect 1 'REFUTED    with 1 fault: .*finding: ' \
    '-k 1 --turns=only -s talk' "$relay" embraces
# All others go on, as long as they can.
expect 1 'REFUTED    with 1 fault: .*killed by SIGABRT' \
    '-k 1 --turns=only -o . -s talk' "$relay" looks-twice

# A fork has all of its threads: so the states of its runs are told.
expect 0 ', 0 faults: nothing found' '-s talk' "$revived"
expect 0 '^  states     [1-9][0-9]*; ' '-k 1 --turns -s talk' "$revived"
expect 0 'PROVED     closed' '--loops -s one' "$revived"

expect 2 "sim: --turns=some: expected --turns or --turns=only" \
    '-k 1 --turns=some -s talk' "$relay"
expect 2 'sim: .*--turns go with --prove' '--turns -s talk' "$relay"
exit $failed
