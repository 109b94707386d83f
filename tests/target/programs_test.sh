#!/usr/bin/env bash
# programs_test.sh BIN: framed-server and framed-client as people use them.
set -euo pipefail

bin=$1
dir=$(mktemp -d)
server=
trap 'test -z "$server" || kill -9 "$server" 2>/dev/null; rm -rf "$dir"' EXIT

fail() {
    echo "programs_test.sh: $*" >&2
    exit 1
}

# refused WORDS COMMAND...: one line on stderr that has these words, and 2.
refused() {
    local words=$1 status=0
    shift
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
    [ "$status" -eq 2 ] || fail "$*: status $status, not 2"
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$*: $(cat "$dir/err")"
    grep -qF -- "$words" "$dir/err" || fail "$*: $(cat "$dir/err")"
}

# start OPTION...: a server; sets $port.
start() {
    : >"$dir/listening" # or it still says where the last one did
    "$bin/framed-server" "$@" >"$dir/listening" 2>"$dir/server.err" &
    server=$!
    for _ in $(seq 100); do
        if grep -q '^listening on ' "$dir/listening"; then
            port=$(sed 's/.*://' "$dir/listening")
            return
        fi
        sleep 0.05
    done
    fail "no server: $(cat "$dir/server.err")"
}

# stop: SIGTERM ends it, with 0.
stop() {
    local status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    [ "$status" -eq 0 ] || fail "server: status $status"
}

client() {
    "$bin/framed-client" --port "$port" "$@"
}

for program in framed-server framed-client; do
    "$bin/$program" --help | grep -q -- --format || fail "$program --help"
    refused "--colour" "$bin/$program" --colour
    refused "--format" "$bin/$program" --format
    refused "unexpected argument 'x'" "$bin/$program" x
    refused "column 7: expected digits" "$bin/$program" --format ascii:0
    refused "--port 65536: expected a number from 0 to 65535" \
        "$bin/$program" --port 65536
done
refused "--idle x" "$bin/framed-server" --idle x
refused "expected select, thread or fork" "$bin/framed-server" --model poll
refused "cannot listen on 203.0.113.1" "$bin/framed-server" \
    --listen 203.0.113.1
refused "--depth 0" "$bin/framed-client" --depth 0

lines() {
    printf 'one\n\nthree, with\ttab\n'
    head -c 5000 /dev/zero | tr '\0' x
    printf '\nlast without newline'
}
lines >"$dir/in"
(cat "$dir/in"; echo) >"$dir/want"

for model in select thread fork; do
    start --model "$model" --format ascii:5 --linger 300
    refused "the address is in use" "$bin/framed-server" --port "$port"
    client --format ascii:5 <"$dir/in" >"$dir/out" || fail "$model: client"
    cmp "$dir/out" "$dir/want" || fail "$model: not what was sent"
    for depth in 1 1000; do
        client --format ascii:5 --count 2000 --size 300 --depth "$depth" \
            --quiet || fail "$model: depth $depth"
    done
    client --format ascii:5 --count 10 --open --quiet ||
        fail "$model: without half-close"
    # Another format is a broken one; the server goes on.
    if client --format be32 --count 1 --quiet 2>"$dir/err"; then
        fail "$model: a frame of another format came back"
    fi
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$(cat "$dir/err")"
    client --format ascii:5 --count 10 --quiet || fail "$model: afterwards"
    stop
    refused "nobody listens" "$bin/framed-client" --port "$port"
done

start --listen ::1 --format 'type:a=3' --stats
client --connect ::1 --format 'type:a=3' --count 3 >"$dir/out"
printf 'abcd\nacde\nadef\n' | cmp - "$dir/out" || fail "IPv6, type"
stop
grep -q 'accepted 1, .* frames 3, ended 1,' "$dir/server.err" ||
    fail "--stats: $(cat "$dir/server.err")"

start --listen "unix:$dir/socket" --format fixed:5
"$bin/framed-client" --connect "unix:$dir/socket" --format fixed:5 \
    --count 100 --quiet || fail "UNIX"
stop

start --format close
client --format close <"$dir/in" >"$dir/out" || fail "close"
cmp "$dir/out" "$dir/want" || fail "close: not what was sent"
stop

start --format 'delim:\r\n' --idle 100
client --format 'delim:\r\n' --count 100 --quiet || fail "delim"
stop
echo "programs: all as it should be"
