#!/bin/sh
# sim_real.sh: real peers of a program in memory become a session, which is the
# same once more without them.
#
#   sim_real.sh BIN ASKER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$1
sockfault=$1/sockfault
asker=$2
work=$(mktemp -d)
server='' live=''
trap 'kill $server $live 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
failed=0
# Below the numbers that the kernel gives to whoever asks for none.
base=$((20000 + $$ % 12000))
there=$((base + 1))

. "$here/expect.sh"

says() {
    if ! grep -Eq "$1" "$2"; then
        echo "sim_real.sh: no '$1' in $2:" >&2
        cat "$2" >&2
        failed=1
    fi
}

# --- a client, and a server that is real ---

"$bin/framed-server" --format ascii:5 --port $there >server &
server=$!
until grep -q listening server 2>errors; do sleep 0.1; done

# What it makes up is the same whenever it is played.
expect 0 '^sockfault: asked: [1-9] acts$' "--live $there --dials -s asked" \
    "$asker" random 7
expect 0 ': 1 connection, .* nothing found$' '--dials -s asked' \
    "$asker" random 7
expect 0 PROVED '-k 2 --dials -s asked' "$asker" random 7
says '^bytes 1 "00004' asked
# Nor does it matter what is in the environment, nor how the session is called.
expect 0 '^sockfault: stack: [1-9] acts$' "--live $there --dials -s stack" \
    "$asker" stack 7
cp stack the-same-by-another-name
(
    export SOME_MORE=0123456789 AND_MORE=0123456789
    expect 0 ': 1 connection, .* nothing found$' '--dials -s stack' \
        "$asker" stack 7
    expect 0 PROVED '-k 1 --dials -s the-same-by-another-name' \
        "$asker" stack 7
    ! grep 'something else than when' out || failed=1
    exit $failed
) || failed=1
expect 0 '^sockfault: stack: .*asker says something else than when' \
    '--dials -s stack' "$asker" random 7
# That this is not so is said at once.
expect 2 '^sockfault: pid: played again, .*asker does something else' \
    "--live $there --dials -s pid" "$asker" pid 7
expect 2 'more than the 256 acts that a session can have$' \
    "--live $there --dials -s much" "$asker" much 7
expect 2 '^sockfault: asked: expected a new file' \
    "--live $there --dials -s asked" "$asker" random 7
says '^bytes 1 "00004' asked

# A server ends what its client has ended.
printf 'one\ntwo\n' >lines
# shellcheck disable=SC2016 # the other shell's
expect 0 ': 1 connection, .* nothing found$' "--live $there --dials -s half" \
    sh -c 'exec "$0" --format ascii:5 --port 7 <lines' "$bin/framed-client"
says '^finish 1$' half
expect 2 "port $there of 127.0.0.1: Address already in use" \
    "--live $there -s taken" "$bin/framed-server" --port 7
expect 2 "port $((base + 2)) of 127.0.0.1: Connection refused" \
    "--live $((base + 2)) --dials -s nobody" "$asker" random 7
[ ! -e nobody ] && [ ! -e taken ] || failed=1
expect 2 "^sockfault: sim: --live 0: expected a port, 1 to 65535" \
    "--live 0 --dials -s none" "$asker" random 7
expect 2 "^sockfault: sim: --live writes a session down; " \
    "--live $there --dials -k 1 -s none" "$asker" random 7

# --- a server, and clients that are real ---

# serve SESSION [OPTION]...
serve() {
    session=$1
    shift
    "$sockfault" sim --live $base -s "$session" -- "$bin/framed-server" \
        --format ascii:5 --port 7 "$@" >"$session.out" 2>&1 </dev/null &
    live=$!
}

# ask LINE: as soon as somebody listens there.
ask() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        printf '%s\n' "$1" | timeout 10 "$bin/framed-client" \
            --format ascii:5 --port $base 2>errors && return
        sleep 0.2
    done
}

serve both
long='again, and longer than an act can be'
{
    sleep 0.5 # which is before the session
    ask hello
    sleep 0.3
    ask "$long"
} >answers
wait $live || failed=1
printf '%s\n' hello "$long" | cmp - answers || failed=1
[ "$(sed -n 6p both)" = 'connect 1' ] || failed=1
says '^\+ bytes 1 ' both
says '^sockfault: both: [1-9] acts$' both.out
says '^wait [1-9]00$' both
[ "$(grep -c '^connect ' both)" = 2 ] || failed=1
[ "$(grep -c '^finish ' both)" = 2 ] || failed=1
[ "$(sed -n 's/^.*bytes [0-9] "\(.*\)"$/\1/p' both | tr -d '\n')" = \
    "00005hello00036$long" ] || failed=1
expect 0 ': 2 connections, .* nothing found$' '-s both' \
    "$bin/framed-server" --format ascii:5 --port 7
expect 0 PROVED '-k 1 -s both' "$bin/framed-server" --format ascii:5 --port 7

# Who vanishes, does so when it is played; who is stopped has lost nothing.
serve cut
for _ in 1 2 3 4 5 6 7 8 9 10; do
    bash -c 'exec 3<>/dev/tcp/127.0.0.1/"$1" && printf 00003abc >&3 &&
        sleep 1 && kill -TERM "$2" && sleep 1' - $base $live 2>errors && break
    sleep 0.2
done
is=0
wait $live || is=$?
[ $is = 2 ] || failed=1
says '^sockfault: stopped by SIGTERM, ' cut.out
says '^bytes 1 "00003abc"$' cut

# A child has no real peers.
serve forks --model fork
ask hello >answers || true
is=0
wait $live || is=$?
[ $is = 2 ] || failed=1
says 'another process of framed-server' forks.out
live=''
exit $failed
