# The preload library beside nothing and beside peers: a ping-pong of 64 bytes
# on a UNIX socket pair, where a call is cheapest and every nanosecond shows,
# and redis with the library on the server.
# shellcheck shell=bash

# What never happens: no program has so many connections.
SHIM_RULE='conn 999999 recv 1: short 1'

# shim_under WHO COMMAND...: the command with that one in between.
shim_under() {
    local who=$1 trace=$bench_work/trace
    local sockfault=$BENCH_BIN/sockfault
    shift
    case $who in
    raw) "$@" ;;
    loaded) LD_PRELOAD=$BENCH_LIB/libsockfault.so "$@" ;;
    watched) "$sockfault" run -q -- "$@" ;;
    no-match) "$sockfault" run -q -f "$SHIM_RULE" -- "$@" ;;
    traced) "$sockfault" run -q -t "$trace" -- "$@" ;;
    passthrough) LD_PRELOAD=$BENCH_LIB/libbench_passthrough.so "$@" ;;
    libfiu) fiu-run -x "$@" ;;
    strace)
        strace -f -qq -o /dev/null -e trace=sendto,recvfrom \
            -e inject=sendto,recvfrom:error=EIO:when=65535 "$@"
        ;;
    esac
}

# shim_turns WHO: nanoseconds a round, CPU and wall.  strace is another process,
# so that its cost shows on the wall only; it takes long, so it does less.
shim_turns() {
    local rounds=4000
    [[ $1 != strace ]] || rounds=100
    bench_pin
    shim_under "$1" "$BENCH_BIN/bench_pingpong" "$rounds"
}

shim_pingpong() {
    bench_contest shim 200 shim_turns raw loaded watched no-match traced \
        passthrough libfiu strace
    shim_row "library loaded, nobody asks" 1.05 loaded
    shim_row "sockfault run, no plan" 1.05 watched
    shim_row "a plan whose rules never match" 1.10 no-match
    shim_row "trace on" 1.25 traced
    shim_row "peer: bare pass-through library" null passthrough
    shim_row "peer: libfiu, nothing enabled" null libfiu
    bench_row shim "ping-pong, peer: strace -e inject" null lower \
        shim 2 strace raw "wall time, by raw"
}

# shim_row NAME GOAL WHO
shim_row() {
    bench_row shim "ping-pong, $1" "$2" lower shim 1 "$3" raw "CPU time, by raw"
}

# redis_start WHO: a server with that one in between, at its own socket.
redis_start() {
    shim_under "$1" redis-server --port 0 --unixsocket "$bench_work/$1.sock" \
        --save '' --appendonly no --daemonize no >"$bench_work/$1.log" 2>&1 &
    redis_jobs+=($!)
    for _ in {1..100}; do
        [[ -S $bench_work/$1.sock ]] && return
        sleep 0.05
    done
    complain "redis-server ($1): $(tail -n 1 "$bench_work/$1.log")" \
        2>>"$bench_work/errors"
}

# redis_turns WHO: requests a second.
redis_turns() {
    local go
    [[ -S $bench_work/$1.sock ]] || return 1
    while read -r go && [[ -z $go ]]; do
        redis-benchmark -s "$bench_work/$1.sock" -c 20 -t get --csv -n 5000 |
            awk -F '"' '$2 == "GET" { print $4 }'
    done
}

redis_stop() {
    local who
    for who in "$@"; do
        redis-cli -s "$bench_work/$who.sock" shutdown nosave 2>/dev/null || true
    done
    wait "${redis_jobs[@]}" || true
}

shim_redis() {
    local who
    local -a servers=(raw loaded watched traced) redis_jobs=()
    for who in "${servers[@]}"; do
        redis_start "$who"
    done
    bench_contest redis 100 redis_turns "${servers[@]}"
    redis_stop "${servers[@]}"
    redis_row "library loaded, nobody asks" 0.97 loaded
    redis_row "sockfault run, no plan" 0.97 watched
    redis_row "trace on" 0.90 traced
}

# redis_row NAME GOAL WHO
redis_row() {
    bench_row shim "redis, $1" "$2" higher redis 1 "$3" raw \
        "GETs a second, by raw"
}

bench_shim() {
    shim_pingpong
    shim_redis
}
