#!/bin/sh
# redis-server and redis-cli, both moving one byte a call, say byte for byte
# the same as without: usage: redis.sh SOCKFAULT PLAN
set -eu

sockfault=$1
plan=$2
work=$(mktemp -d)
server=

cleanup() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT

if ! command -v redis-server >/dev/null ||
    ! command -v redis-cli >/dev/null; then
    echo "redis.sh: redis-server and redis-cli are needed" >&2
    exit 77
fi

# Below the ports that the kernel gives out by itself.
free_port() {
    port=$((20000 + $$ % 10000))
    while redis-cli -p "$port" ping >/dev/null 2>&1; do
        port=$((port + 1))
    done
    echo "$port"
}

commands() {
    i=0
    while [ $i -lt 40 ]; do
        echo "SET key:$i value-$i-abcdefghijklmnopqrstuvwxyz"
        echo "GET key:$i"
        echo "RPUSH list $i $i$i $i$i$i"
        i=$((i + 1))
    done
    echo "LRANGE list 0 -1"
    echo "GET nothing"
    echo "NO-SUCH-COMMAND"
    echo "DBSIZE"
}

# session OUT SERVER-PREFIX...: one server, one client over TCP, one over
# AF_UNIX, their output in OUT.
session() {
    out=$1
    shift
    port=$(free_port)
    "$@" redis-server --port "$port" --bind 127.0.0.1 --save '' \
        --unixsocket "$work/sock" --dir "$work" >"$work/log" 2>&1 &
    server=$!
    tries=0
    until redis-cli -p "$port" ping >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -ge 100 ]; then
            cat "$work/log" >&2
            exit 1
        fi
        sleep 0.1
    done
    commands | "$@" redis-cli -p "$port" >"$out"
    commands | "$@" redis-cli -s "$work/sock" >>"$out"
    kill "$server"
    wait "$server" || [ $? -eq 143 ]
    server=
}

session "$work/plain" env
session "$work/faulty" "$sockfault" run --quiet --plan "$plan" \
    --trace "$work/trace" --
cmp "$work/plain" "$work/faulty"
grep -q ': short 1' "$work/trace" || {
    echo "redis.sh: nothing was injected" >&2
    exit 1
}
echo "redis.sh: $(wc -l <"$work/plain") lines, the same"
