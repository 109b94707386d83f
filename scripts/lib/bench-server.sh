# The framed echo server beside the same server on other event loops: frames
# pipelined on 16 connections, every byte checked, one client for all.
# shellcheck shell=bash

# server_turns WHO: frames a second, and CPU microseconds a frame.
server_turns() {
    local -a command=("$BENCH_BIN/echo_$1")
    if [[ $1 == ours ]]; then
        command=("$BENCH_BIN/framed-server" --model select --listen 127.0.0.1
            --port 0 --format 'be32,max=65536')
    fi
    if [[ ! -x ${command[0]} ]]; then
        complain "${command[0]##*/} was not built"
        return 1
    fi
    "$BENCH_BIN/bench_load" -c 16 -s "$server_size" -w "$server_in_flight" \
        -n "$server_frames" -- "${command[@]}"
}

# server_frame SIZE IN-FLIGHT FRAMES NAME: the rows of one size of frame.
server_frame() {
    local server_size=$1 server_in_flight=$2 server_frames=$3 peer
    bench_contest "server-$1" 50 server_turns ours libevent libuv
    for peer in libevent libuv; do
        bench_row server "$4: throughput, by $peer" 1.0 higher \
            "server-$1" 1 ours "$peer" "frames a second"
        bench_row server "$4: CPU, by $peer" 1.0 lower \
            "server-$1" 2 ours "$peer" "CPU time a frame"
    done
}

bench_server() {
    server_frame 64 64 200000 "64-byte frames"
    server_frame 16384 8 5000 "16-KiB frames"
}
