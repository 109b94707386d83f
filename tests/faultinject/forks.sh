#!/bin/sh
# forks.sh: sockfault sim on servers of several processes: one at a time has its
# turn, and the same session is the same run each time.
#
#   forks.sh SOCKFAULT FORKING FRAMED_SERVER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
forking=$2
framed=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

. "$here/expect.sh"
. "$here/same.sh"

cat >two <<'END'
sockfault-session 1
buffers 64
handlers
bytes 1 "hello\x0a"
wait 1000
bytes 2 "x\x0a"
+ bytes 1 "again\x0a"
finish 1
END
cat >frames <<'END'
sockfault-session 1
buffers 64
bytes 1 "00005hello"
+ bytes 2 "00003abc"
wait 1000
bytes 1 "00002no"
+ reset 2
fault 19 0 0
fault 5 0 0
END

for how in good waits ignores prefork pipes kills wakes ends execs alarms \
    hands-on group naps rings tidies locks flocks ends-locked semaphores \
    messages drops spins then-threads threads-help inetd shell sleeps; do
    expect 0 '2 connections, [0-9]* calls, 0 faults: nothing found' '-s two' \
        "$forking" "$how"
    same "$sockfault" sim -v -s two -- "$forking" "$how"
done
expect 0 '2 connections, [0-9]* calls, 0 faults: nothing found' '-s two' \
    "$forking" often
expect 0 '3: read 513 64 -> 2' '-v -s two' "$forking" good
expect 0 'accept 512 -> -1 EINTR' '-v -s two' "$forking" good
expect 0 ' 1\.000 s .* accept 512 -> 513 .connection 2' '-v -s two' "$forking" \
    naps
# An alarm clock is its process' own.
expect 0 ' 1\.000 s .* 2: write 513 6 -> 6' '-v -s two' "$forking" rings
# What a child becomes goes on where it was, by the numbers that it had.
expect 0 '3: write 1 2 -> 2' '-v -s two' "$forking" inetd
expect 0 '3: write 1 6 -> 6' '-v -s two' "$forking" shell
# What loads no library has open what it has until it ends, and is waited for.
printf 'int main(void) { return 0; }\n' >static.c
cc -static -o static static.c
expect 0 '2 connections, .* nothing found' '-s two' "$forking" static
# Each has descriptors of its own, and what one leaves open all have open.
expect 1 'fd-leak: 3 descriptors .* 514 was a connection' '-s two' "$forking" \
    leaks
expect 1 'fd-leak: .* 513 of process 3 was a connection' '-s two' "$forking" \
    stays
expect 1 'double-close: close of 512, which is closed' '-s two' "$forking" \
    closes-twice
expect 1 'died: process 3 was killed by SIGABRT' '-s two' "$forking" crashes
same "$sockfault" sim -v -s two -- "$forking" crashes
clang -w -D_GNU_SOURCE -fsanitize=address -o checked "$here/forking.c"
expect 0 '2 connections, .* nothing found' '-s two' ./checked good
expect 1 "died: a sanitizer's report of process 3, see above" '-s two' \
    ./checked loses
expect 2 'a program of several processes can have no threads' '-s two' "$forking" threads

expect 2 'process 3 of 3 of the program runs on and makes no call' '-s two' \
    "$forking" runs-on
expect 2 'process 3 of 3 of the program sleeps in the kernel' '-s two' \
    "$forking" sleeps-on
# … and is forked where it has some, as where nothing is simulated.
expect 2 'another process of .* only one process can be simulated' '-s two' \
    "$forking" threads-then

expect 0 '2 connections, [0-9]* calls, 2 faults: nothing found' '-s frames' \
    "$framed" --model fork --format ascii:5
expect 0 '^!.* short' '-v -s frames' "$framed" --model fork --format ascii:5
same "$sockfault" sim -v -s frames -- "$framed" --model fork --format ascii:5

# Of runs that are forks each has a world.
expect 2 'another process of .* only one process can be simulated' \
    '-k 1 -s two' "$forking" good
expect 2 'another process of .* only one process can be simulated' \
    '--memory -s two' "$forking" good
exit $failed
