#!/usr/bin/env bash
# programs_test.sh BIN NO_SELECT: framed-server and framed-client as people use
# them; NO_SELECT is a library that makes select fail.
set -euo pipefail

bin=$1
no_select=$2
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
start() { start_program framed-server "$@"; }

# Stands in for a server, and says always the same.
start_talker() { start_program target_talker "$@"; }

start_program() {
    : >"$dir/listening" # or it still says where the last one did
    bash -c 'exec "$@" <&-' closed "$bin/$1" "${@:2}" \
        >"$dir/listening" 2>"$dir/server.err" &
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
[ ! -s "$dir/out" ] || fail "before it knew how: $(cat "$dir/out")"
refused "cannot listen on 203.0.113.1" "$bin/framed-server" \
    --listen 203.0.113.1
refused "--depth 0" "$bin/framed-client" --depth 0

refused "--port 99999999999999999999: expected" \
    "$bin/framed-client" --port 99999999999999999999
refused "--port : expected" "$bin/framed-client" --port ''
refused "--port 5x: expected" "$bin/framed-client" --port 5x

# crowded COMMAND...: all descriptors that select can hold are taken.  By a
# shell of its own, because this one has some that it closes before COMMAND.
crowded() {
    bash -c 'ulimit -n 1100
        for fd in {3..1030}; do eval "exec $fd</dev/null"; done
        exec "$@"' crowded "$@"
}
refused "too high for select" crowded "$bin/framed-server"

# destitute COMMAND...: one descriptor is free, which loading a library takes.
destitute() {
    bash -c 'for fd in {3..255}; do eval "exec $fd<&-"; done
        ulimit -n 4
        exec "$@"' destitute "$@"
}
refused "no descriptors" destitute "$bin/framed-server"

# Nobody's standard input is a connection.
start
[ "$(readlink "/proc/$server/fd/0")" = /dev/null ] || fail "0 is something else"
stop

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

# disappointed WORDS OPTION...: the client says so in a line, and ends with 1.
disappointed() {
    local words=$1 status=0
    client --quiet "${@:2}" </dev/null 2>"$dir/err" || status=$?
    [ "$status" -eq 1 ] || fail "$*: status $status, not 1"
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$*: $(cat "$dir/err")"
    grep -qF -- "$words" "$dir/err" || fail "$*: $(cat "$dir/err")"
}

start_talker abX
disappointed "something else came back" --format fixed:3 --count 1
wait "$server"
start_talker 'ab;'
disappointed "something else came back" --format 'delim:;' --count 1
wait "$server"
start_talker abc
disappointed "the bytes are not a frame of this format" \
    --format ascii:5 --count 1
wait "$server"
start_talker abcdef
disappointed "more came back than was sent" --format fixed:3 --count 1
wait "$server"
start_talker ''
disappointed "the deadline has passed" \
    --format fixed:3 --count 1 --open --timeout 100
wait "$server"
start --format be32
refused "too high for select" crowded "$bin/framed-client" --port "$port"
disappointed "longer than the maximum" --format be8 --count 1 --size 300
(
    ulimit -v 300000
    disappointed "no more memory" --count 1 --size 4000000000
)
stop

# What nobody can hear, or would hear in vain, is not said.
crowded() {
    bash -c 'ulimit -n 2048
        for ((i = 3; i < 1100; i++)); do eval "exec $i</dev/null"; done
        exec timeout 10 "$@"' crowded "$@"
}
for model in select thread fork; do
    refused 'cannot listen' crowded "$bin/framed-server" --model $model
    [ ! -s "$dir/out" ] || fail "crowded: $(cat "$dir/out")"
done
mute() { timeout 10 "$@" >&-; }
full() { timeout 10 "$@" >/dev/full; }
refused 'standard output: Bad file descriptor' mute "$bin/framed-server"
refused 'standard output: No space left' full "$bin/framed-server"
# Who cannot go on says why.
refused 'stopped: the system is short of buffers' \
    env LD_PRELOAD="$no_select" timeout 10 "$bin/framed-server"

# unheard WORDS COMMAND...: it has to read or to write, and cannot.
unheard() {
    local words=$1 status=0
    shift
    "$@" 2>"$dir/err" || status=$?
    [ "$status" -eq 1 ] || fail "$words: status $status, not 1"
    grep -qx "framed-client: after . of . frames: $words" "$dir/err" ||
        fail "$words, not: $(cat "$dir/err")"
    [ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$words: $(cat "$dir/err")"
}
# Two frames that just fill what is kept before it is written.
long_lines() { echo a && head -c 4094 /dev/zero | tr '\0' x; }
start
unheard 'standard input: Is a directory' client </
echo a | unheard 'standard output: No space left on device' client >/dev/full
long_lines |
    unheard 'standard output: No space left on device' client >/dev/full
printf 'a\nb\n' |
    unheard 'standard output: No space left on device' client --depth 1 \
        >/dev/full
unheard 'standard output: No space left on device' client --count 9 \
    --size 20000 >/dev/full
echo a | unheard 'standard output: Bad file descriptor' client >&-
client --count 1 --quiet >&- || fail "quiet, it needs no standard output"
client <&- || fail "no standard input has no lines"
{ head -c 300000000 /dev/zero || true; } | (
    ulimit -v 300000
    unheard 'standard input: Cannot allocate memory' client
)
stop

start --format close
for how in --timeout=5000 --open; do # this format always half-closes
    client --format close "$how" <"$dir/in" >"$dir/out" || fail "close $how"
    cmp "$dir/out" "$dir/want" || fail "close $how: not what was sent"
done
stop

# More than goes out at once.
start --format fixed:1048576
client --format fixed:1048576 --count 20 --quiet || fail "much"
stop

# faulted RULE OPTION...: the client, with this done to its calls.
faulted() {
    "$bin/sockfault" run --status --profile posix --fault "$1" -- \
        "$bin/framed-client" --connect 127.0.0.1 --port "$port" "${@:2}" \
        2>"$dir/err"
}

# broken WORDS RULE: it gives up in its second request, and says why.
broken() {
    local status=0
    faulted "$2" --count 2 --depth 1 --quiet || status=$?
    [ "$status" -eq 1 ] || fail "$2: status $status, not 1"
    grep -q "^framed-client: after . of . frames: $1\$" "$dir/err" ||
        fail "$2: $(cat "$dir/err")"
}

start
for rule in 'recv 1: EINTR' 'recv 1: EAGAIN' 'recv 1: ENOMEM' \
    'send 1: EINTR' 'send 1: EAGAIN' 'send 1: ENOBUFS'; do
    faulted "client 1 $rule" <"$dir/in" >"$dir/out" || fail "$rule"
    cmp "$dir/out" "$dir/want" || fail "$rule: not what was sent"
    grep -q '1 fault' "$dir/err" || fail "$rule: $(cat "$dir/err")"
done
# Memory that is short for a while is left alone for 10 ms each time.
for call in recv send; do
    since=$(date +%s%N)
    faulted "client 1 $call 1..6: ENOBUFS" <"$dir/in" >"$dir/out" ||
        fail "$call: no memory for a while"
    [ $(($(date +%s%N) - since)) -ge 60000000 ] ||
        fail "$call: asked for memory again at once"
    grep -q '6 faults' "$dir/err" || fail "$call: $(cat "$dir/err")"
done
# Of two addresses the second is as good as any.
for why in ECONNREFUSED ENETUNREACH ETIMEDOUT EADDRNOTAVAIL; do
    faulted "connect 1: $why" --connect localhost <"$dir/in" >"$dir/out" ||
        fail "$why"
    cmp "$dir/out" "$dir/want" || fail "$why: not what was sent"
    grep -q '1 fault' "$dir/err" || fail "$why: $(cat "$dir/err")"
done
broken "not everything came back" 'client 1 send 2: EPIPE'
broken "the connection was reset or lost" 'client 1 send 2: ECONNRESET'
broken "the descriptor is not open" 'wait 2: deadfd client 1'
LD_PRELOAD=$no_select disappointed "short of buffers" --count 1
stop

start --format 'delim:\r\n' --idle 100
client --format 'delim:\r\n' --count 100 --quiet || fail "delim"
stop

# A child that is told to end alone does not hear it, nor does its server.
start_program target_server --model fork --format 'delim:\n'
exec 3<>/dev/tcp/127.0.0.1/"$port"
for word in one two; do
    echo "$word" >&3
    read -r -t 5 answer <&3 || fail "told alone, it does not answer"
    [ "$answer" = "$word" ] || fail "told alone, it answers '$answer'"
    child=$(cat "/proc/$server/task/$server/children")
    kill -TERM "${child% }"
done
client --format 'delim:\n' --count 1 --quiet || fail "a child was told to end"
exec 3>&-
stop

# Does TCP keep a timer ("02") of ours for an accepted connection?
kept_alive() {
    local name
    name=$(printf '0100007F:%04X' "$port")
    grep -Eq "$name [0-9A-F:]+ 01 [0-9A-F:]+ 02:" /proc/net/tcp
}

for model in select thread fork; do
    start --model "$model" --keepalive 7
    exec 3<>/dev/tcp/127.0.0.1/"$port"
    for _ in $(seq 100); do
        ! kept_alive || break
        sleep 0.05
    done
    kept_alive || fail "$model: --keepalive, and no timer"
    exec 3>&-
    stop
done
start
exec 3<>/dev/tcp/127.0.0.1/"$port"
client --count 1 --quiet || fail "beside one that is silent"
! kept_alive || fail "a timer that nobody asked for"
exec 3>&-
stop

# No frame that is made has a letter of the delimiter in it.
start --format delim:abz
client --format delim:abz --count 100 --quiet || fail "delim of letters"
stop

# What the end of the stream ends is one frame, however many are to be made.
start --format close
client --format close --count 3 --size 5 >"$dir/out" || fail "three to the end"
[ "$(wc -l <"$dir/out")" -eq 1 ] || fail "to the end: $(cat "$dir/out")"
stop
echo "programs: all as it should be"
