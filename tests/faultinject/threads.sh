#!/bin/sh
# threads.sh: sockfault sim on a server of several threads: one at a time has its
# turn, and the same session is the same run each time.
#
#   threads.sh SOCKFAULT THREADED FRAMED_SERVER FOLDER_OF_SOURCES \
#       THREADED_C11
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
threaded=$2
framed=$3
sources=$4
c11=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

. "$here/expect.sh"

cat >two <<'END'
sockfault-session 1
buffers 64
handlers
bytes 1 "hello"
bytes 2 "abc"
wait 1000
+ bytes 1 "again"
bytes 2 "more"
close 1
END
cat >frames <<'END'
sockfault-session 1
buffers 64
bytes 1 "00005hello"
+ bytes 2 "00003abc"
wait 1000
bytes 1 "00002no"
+ reset 2
END
{
    printf 'sockfault-session 1\nbuffers 4096\nconnect 1\nbytes 2 "abc"\n'
    for i in 1 2 3 4 5 6 7 8 9; do
        printf '@1 bytes 1 "%s"\n' one two three four five six
        [ $i != 4 ] || printf '+ bytes 2 "xyz"\n'
    done
} >fast
mkfifo fifo

for how in each pool locks signals first-ends last-ends posted piped \
    reads limits; do
    expect 0 '2 connections, [0-9]* calls, 0 faults: nothing found' '-s two' \
        "$threaded" "$how" fifo
done
# By their names in C11; and who waits for what another does once waits in turns.
for how in good once posix-once files; do
    expect 0 '2 connections, [0-9]* calls, 0 faults: nothing found' '-s two' \
        "$c11" "$how"
done
# Whose peer never lets it wait leaves something to the others.
expect 0 '2 connections, [0-9]* calls, 0 faults: nothing found' '-s fast' \
    "$threaded" pool
expect 1 'finding: stall' '-s two' "$threaded" deadlock
expect 2 'thread 1 of 2 of the program runs on and makes no call' '-s two' \
    "$threaded" spins
expect 1 'finding: fd-leak' '-s two' "$threaded" wakes-nobody
expect 1 'finding: fd-leak' '-s two' "$threaded" forgets
expect 1 'finding: double-close' '-s two' "$threaded" closes-twice

# same COMMAND...: whatever the machine does meanwhile.
same() {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        timeout 60 "$@" 2>&1 | grep -v '^listening' | cksum
    done | sort -u >sums
    if [ "$(wc -l <sums)" -ne 1 ]; then
        echo "threads.sh: ten runs are not the same: $*" >&2
        failed=1
    fi
}
same "$sockfault" sim -v -s frames -- "$framed" --model thread --format ascii:5
# Where a thread lies does not depend on how fast another has gone.
same "$sockfault" sim -v -s two -- "$threaded" brief
# Nor on what a library asks for, or makes, before and beside us.
clang -w -D_GNU_SOURCE -shared -fPIC -o beside.so "$sources/beside.c"
clang -w -D_GNU_SOURCE -o with "$sources/threaded.c" "$work/beside.so"
same "$sockfault" sim -v -s two -- ./with each
same "$sockfault" sim -v -s two -- ./with brief
expect 0 '3: fcntl 512' '-v -s two' ./with each
expect 0 'send 51[0-9] 10 -> 10' '-v -s frames' "$framed" --model thread \
    --format ascii:5
expect 0 'PROVED     complete: every schedule of at most 1' '-k 1 -s frames' \
    "$framed" --model thread --format ascii:5
expect 0 'PROVED     complete: each of [1-9][0-9]* allocations has failed' \
    '--memory -s two' "$threaded" pool
expect 1 'REFUTED    allocation [0-9]+ fails: .*died' '--memory -s two' \
    "$threaded" trusts
expect 1 'REFUTED    with 1 fault: .*finding: double-close' '-k 1 -s two' \
    "$threaded" closes-reset

# C11's threads are no others.
same "$sockfault" sim -v -s two -- "$c11"
expect 0 'PROVED     complete: every schedule of at most 1' '-k 1 -s two' "$c11"

# LeakSanitizer stops all others at the end, and yields until they are.
clang -w -D_GNU_SOURCE -fsanitize=address -o checked "$sources/threaded.c"
for i in 1 2 3 4 5 6 7 8 9 10; do
    expect 0 'nothing found' '-s two' ./checked signals
    expect 0 'nothing found' '-s two' ./checked locks
done
# ThreadSanitizer begins threads in a way of its own; alone it is no matter.
clang -w -D_GNU_SOURCE -fsanitize=thread -o raced "$sources/threaded.c"
expect 2 'cannot be simulated under ThreadSanitizer' '-s two' ./raced each
clang -w -D_GNU_SOURCE -fsanitize=thread -o served \
    "$sources/served.c"
expect 0 'nothing found' '-s two' ./served good
expect 2 'cannot be simulated under ThreadSanitizer' '-s two' \
    env A=1 ./served thread
exit $failed
