#!/bin/sh
# sim.sh: sockfault sim on servers as they are: good ones pass, each bad one is
# found, and what cannot be done is told in one line.
#
#   sim.sh SOCKFAULT SERVED FRAMED_SERVER SOURCE
set -eu

sockfault=$1
served=$2
framed=$3
source=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

allow=
# expect STATUS PATTERN SESSION COMMAND...
expect() {
    status=$1 pattern=$2 session=$3
    shift 3
    is=0
    # shellcheck disable=SC2086 # words
    (ulimit -c 0 && timeout 20 "$sockfault" sim -v $allow \
        -s "$work/$session" -- "$@") >"$work/out" 2>&1 </dev/null || is=$?
    if [ "$is" -ne "$status" ] || ! grep -Eq -- "$pattern" "$work/out"; then
        echo "sim.sh: $*: ended $is, not $status with '$pattern':" >&2
        cat "$work/out" >&2
        failed=1
    fi
}

cat >"$work/talk" <<'END'
sockfault-session 1
buffers 64
family tcp
bytes 1 "00005hello"
+ bytes 1 "00001x"
wait 90000
bytes 2 "00003abc"
finish 1
fault 2 0 0
fault 0 0 0
END
cat >"$work/reset" <<'END'
sockfault-session 1
bytes 1 "hello"
reset 1
bytes 2 "there"
END
printf 'sockfault-session 1\nbytes 1 "bom"\n' >"$work/bom"
printf 'sockfault-session 1\nbytes 1 "one\\x0atwo\\x0a"\nfinish 1\n' \
    >"$work/lines"
printf 'sockfault-session 1\nconnect 1\nwait 9000\nwait 500\nclose 1\n' \
    >"$work/silent"
printf '\357\273\277sockfault-session 1\nclose 1\n' >"$work/marked"
head -c 3000000 /dev/zero >"$work/zeros"
printf 'sockfault-session 1\nbyte 1 "bom"\n' >"$work/malformed"

{
    printf 'sockfault-session 1\nhandlers\nconnect 1\nsignal\nclose 1\nsignal\n'
    printf 'connect 2\nsignal\nclose 2\nsignal\n'
    for i in 1 2 3 4 5 6 7 8 9; do printf 'fault 0 0 0\n'; done
} >"$work/signals"

# A minute and a half of idleness ends connection 1 in no time.
expect 0 '^! .*recv 51[0-9]: short [0-9]+ of' talk "$framed" --format ascii:5
expect 0 '^ +90\.000 s .*.the program is told' talk "$framed" --format ascii:5
expect 0 '2 connections.*nothing found' reset "$served" good
expect 1 'finding: fd-leak' reset "$served" leak
expect 1 'finding: died: .* killed by SIGABRT' bom "$served" crash
expect 0 'nothing found' bom "$served" good
allow='--allow fd-leak --allow died'
expect 0 'told to stop' reset "$served" leak
expect 0 'nothing found' talk "$served" quit
expect 1 'finding: spin' talk "$served" spin
allow='--allow double-close --allow no-such'
expect 2 'no-such: no such monitor: sockfault list monitors' reset "$served" \
    good
allow=
expect 1 'finding: spin' talk "$served" spin
expect 1 'finding: died: .* returned' talk "$served" quit
expect 1 'finding: died: .* returned' talk "$served" 86
expect 1 'finding: spin: 2000 calls in a row' talk "$served" flushes
# After a handler with SA_RESTART accept() goes on.
expect 0 'nothing found' talk "$served" shuts
expect 0 'nothing found' talk "$served" restarts
expect 0 'it waits on: another client comes' reset "$served" restarts
expect 1 'finding: stall: .* told to stop and goes on' talk "$served" deafens
# A child has the world, too, and what it becomes by exec().
only='only one process can be simulated here'
for how in fork bare; do
    expect 0 '2: send 513 5 -> 5' talk "$served" "$how"
done
expect 0 '2 connections.*nothing found' talk "$served" thread
expect 0 '2 connections.*nothing found' talk "$served" c11
# libc's own name for it is past ours.
expect 2 "another thread of .*served calls send on .*$only" talk "$served" \
    past
foreground="$only: run it in the foreground and without workers"
expect 2 'ended before .* process [0-9]* goes on without it' talk "$served" \
    daemon
for how in waits execs; do
    expect 0 '2: recv 513 256 -> 16' talk "$served" "$how"
done
expect 0 'nothing found' talk "$served" beside
if [ "$(uname -m)" = x86_64 ]; then
    cc -w -O -D_GNU_SOURCE -o "$work/inline" \
        "$source/tests/faultinject/inline.c"
    expect 2 'listens on the real network: .*--notify' talk "$work/inline" \
        listens
fi
expect 2 "process [0-9]* goes on without it: run it in the foreground" \
    talk "$served" leaves
! pgrep -f "$served (daemon|waits|execs|any-port|leaves)" >&2 || {
    echo "sim.sh: servers that nobody simulates go on" >&2
    failed=1
}
expect 2 "served wants SIGIO from descriptor 513, .*$foreground" \
    talk "$served" sigio
expect 2 "served passes a descriptor on through 514: $foreground" \
    talk "$served" rights
expect 2 "or by 'sockfault run', over real sockets" talk "$served" past
expect 1 'fd-leak: .*; 0 was a connection' talk "$served" onto
expect 2 'served makes descriptor 5 a copy of 513' talk "$served" beyond
expect 0 '2 connections.*nothing found' talk "$served" helper
expect 0 '2 connections.*nothing found' talk env A=1 "$served" good
expect 0 '2 connections.*nothing found' talk sh -c "exec '$served' good"
printf '#!/bin/sh\nexec "%s" good\n' "$served" >"$work/script"
chmod +x "$work/script"
expect 0 '2 connections.*nothing found' talk "$work/script"
expect 0 '2 connections.*nothing found' talk "$served" redies
expect 0 '2 connections.*nothing found' talk "$served" masks
expect 0 '2 connections.*nothing found' talk "$served" reads
expect 0 '2 connections.*nothing found' talk "$served" epolls
expect 0 '2 connections.*nothing found' talk "$served" sigwaits
expect 0 '2 connections.*nothing found' talk "$served" files
expect 0 '^ +0\.3[0-9]* s .*recv 513' talk "$served" asks
expect 0 'accept 512 -> 513 .connection 2' talk "$served" logs
# Only a program that has a handler is interrupted, and then it has run.
expect 0 '2 connections.*nothing found' signals "$served" deaf
expect 0 'poll -1: EINTR' signals "$served" hears
expect 0 '^ .* poll -> -1 EINTR' signals "$served" hears
expect 0 'sendfile 513 100 -> 100' reset "$served" file
expect 0 '^ +3\.000 s .*close 513 -> 0' reset "$served" dawdle
expect 0 '1 connection.*nothing found' lines "$served" streams
expect 0 'write 514 13 -> 13' lines "$served" streams
expect 0 '^ +5\.000 s .*recv 513 256 -> -1 EINTR' silent "$served" alarm
expect 0 '^ +9\.500 s .*recv 513 256 -> 0' silent "$served" ticks
# Nor does it say that nothing was found where nothing was done.
for act in 'kill 1' 'limit 1'; do
    printf 'sockfault-session 1\nconnect 1\n%s\n' "$act" >"$work/robbed"
    expect 2 "robbed: 'kill' and 'limit' are done to fuzz targets" robbed \
        "$served" good
done
# It lies where it lay, whether it is shown or not, and whatever is in the
# environment.
# Who looks for a line reads all of them, or what says them is killed.
for more in '' 1 22 333 4444; do
    export MORE=$more
    expect 2 '^(8192|16384|32768) ' talk wc -c /proc/self/environ
done
unset MORE
# Nor is a run within another one a difference.
for i in $(seq 0 63); do
    export "SOCKFAULT_EVEN_$i=1"
done
expect 2 '^(8192|16384|32768) ' talk wc -c /proc/self/environ
for i in $(seq 0 63); do
    unset "SOCKFAULT_EVEN_$i"
done
"$sockfault" sim -s "$work/reset" -- "$served" lies >"$work/quiet"
"$sockfault" sim -v -s "$work/reset" -- "$served" lies 2>&1 >"$work/shown" |
    grep 'accept 512' >"$work/out" || failed=1
if ! grep -q '^0x' "$work/quiet" || ! cmp "$work/quiet" "$work/shown"; then
    echo "sim.sh: what is shown moves what it shows" >&2
    failed=1
fi
# What is random is the same in each run.
for i in 1 2 3 4 5 6 7 8 9; do
    expect 0 'send 513 [0-9]+ -> .*' reset "$served" chance
    cat "$work/out" >"$work/chance.$i"
done
sent=$(cat "$work"/chance.* | grep -c ' send 513 ')
kinds=$(md5sum "$work"/chance.* | cut -d' ' -f1 | sort -u | wc -l)
if [ "$sent" -ne 108 ] || [ "$kinds" -ne 1 ]; then
    echo "sim.sh: the same session is not the same by chance:" >&2
    tail -n +1 "$work"/chance.[12] >&2
    failed=1
fi
(cd "$work" && "$sockfault" sim -s talk -- "$served" moves) >/dev/null || {
    echo "sim.sh: a program that changes its directory loses the session" >&2
    failed=1
}
if command -v beanstalkd >/dev/null; then
    printf 'sockfault-session 1\nbytes 1 "put 0 0 9 1\\x0d\\x0aa\\x0d\\x0a"\n' \
        >"$work/job"
    expect 0 'writev? 51[0-9] 1[0-9] -> 1[0-9]' job beanstalkd -p 4711
else
    echo "sim.sh: no beanstalkd"
fi

expect 2 '^sockfault: .*malformed:2:1: expected' malformed "$served" good
expect 2 '^sockfault: .*marked: expected .*byte order mark' marked "$served" \
    good
expect 2 '^sockfault: .*zeros: larger than 64 KiB' zeros "$served" good
expect 2 'No such file' nowhere "$served" good
expect 2 'command not found' talk no-such-command
expect 2 'before it waited for a client' talk true
expect 2 'listens nowhere' talk "$served" nowhere
expect 1 'SIGABRT; descriptors have numbers from 512 on' talk "$served" cramped

# The manual has each option and each act.
"$sockfault" sim --help | grep -o -- '--[a-z][a-z]*' | tr -d - | sort -u |
    while read -r option; do
        grep -q "Fl .*, -$option\|Fl -$option" \
            "$source/docs/man/sockfault-sim.1" || echo "--$option"
    done >"$work/missing"
for word in $(sed -n 's/^ *X([A-Z]*, *"\([a-z]*\)".*/\1/p' \
    "$source/faultinject/session/session.h"); do
    grep -q "Cm $word" "$source/docs/man/sockfault-session.5" || echo "$word"
done >>"$work/missing"
if [ -s "$work/missing" ]; then
    echo "sim.sh: not in the manual: $(tr '\n' ' ' <"$work/missing")" >&2
    failed=1
fi
exit $failed
