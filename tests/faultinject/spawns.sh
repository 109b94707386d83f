#!/bin/sh
# spawns.sh: sockfault sim on servers that have other programs do something, by
# posix_spawn(), system(), popen() and vfork(): these take part, too.
#
#   spawns.sh SOCKFAULT SPAWNING
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
spawning=$2
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
wait 9000
bytes 2 "x\x0a"
END
printf 'int main(void) { return 0; }\n' >static.c
cc -static -o static static.c

for how in spawns searches knows fails asks systems reads writes vforks closes \
    loads-none; do
    expect 0 '2 connections, [0-9]* calls, 0 faults: nothing found' '-s two' \
        "$spawning" "$how"
    same "$sockfault" sim -v -s two -- "$spawning" "$how"
done

# shows HOW PATTERN...: of the first client, in this order.
shows() {
    how=$1
    shift
    "$sockfault" sim -v -s two -- "$spawning" "$how" >shown 2>&1
    sed '/connection 2/q
        s/^ *\([0-9.]*\) s  */\1 /' shown >calls
    for pattern; do
        if ! grep -n -m 1 -E -- "$pattern" calls >at; then
            echo "spawns.sh: $how: no '$pattern' in its place:" >&2
            cat shown >&2
            failed=1
            return
        fi
        sed -i "1,$(cut -d: -f1 at)d" calls
    done
}
# What loads none is told of.
expect 0 '2 programs had no part in it, first static, which is static:' \
    '-s two' "$spawning" loads-none
# The other program has the client, by the numbers that it was given, also for
# what it prints.
shows spawns ' 2: read 0 ' ' 2: write 1 10 -> 10'
shows searches ' 2: read 0 .* -> 6' ' 2: write 1 6 -> 6'
# /dev/null and /dev/zero; closed, /usr, leads; blocked, ignored
shows asks ' 3: write 1 20 -> 20' ' 2: write 1 7 -> 7' ' 2: write 1 5 -> 5' \
    ' 2: write 1 6 -> 6' ' 4: write 1 50 -> 50'
shows systems ' 2: write 1 10 -> 10'
# As the command says it, and not all at its end.
shows reads '^1.000 write 513 6 -> 6' '^2.000 write 513 5 -> 5'
shows closes ' 2: read 0 ' ' 2: write 1 6 -> 6'
shows writes ' 3: write 1 4 -> 4' ' 5: write 1 6 -> 6'
# The parent goes on when the child executes something, and then at once.
shows vforks '^2.000 2: write 513 6 -> 6' '^2.000 write 513 7 -> 7' \
    '^3.000 2: write 1 8 -> 8'
exit $failed
