# A run of `sockfault explore`, by the command without anything, and beside it
# the same command under tools that make one fault in it: a server that starts,
# echoes some frames to a client that checks them, and ends.
# shellcheck shell=bash

EXPLORE_RUNS=16 # of the command in a turn

# The command: each of its faults leaves it as much to do as it had.
explore_once() {
    local line
    line="'$BENCH_BIN/bench_load' -c 1 -w 4 -n 500 -s 64 --
        '$BENCH_BIN/framed-server' --model select --listen 127.0.0.1 --port 0
        --format be32"
    printf '#!/bin/sh\necho | %s\n' "${line//$'\n'/ }" >"$bench_work/once"
    chmod +x "$bench_work/once"
}

# explore_part JOBS FOLDER OPTION...
explore_part() {
    local jobs=$1 folder=$2
    shift 2
    "$BENCH_BIN/sockfault" explore -o "$folder" --jobs "$jobs" --status \
        --only framed-server --class benign --without delay --without late \
        "$@" -- "$bench_work/once"
}

# What explore learns at first is learnt once: a turn is of the cases alone.
explore_learn() {
    explore_part "$1" "$2" --budget 1ms >/dev/null 2>>"$bench_work/errors" ||
        true
    shards=$(($(grep -c ': ' "$2/cases") / EXPLORE_RUNS))
}

# explore_cases JOBS FOLDER TURN: some of the cases anew; how often the command
# was run for them, since one whose fault is not possible is run twice.
explore_cases() {
    rm -f "$2/runs"
    explore_part "$1" "$2" --shard "$(($3 % shards + 1))/$shards" |
        awk '$1 == "runs" { print $2 }'
}

# explore_under WHO: the command once.
explore_under() {
    local once=$bench_work/once
    case $1 in
    bare) "$once" ;;
    strace)
        strace -f -qq --seccomp-bpf -o /dev/null -e trace=recvfrom \
            -e inject=recvfrom:error=EAGAIN:when=20 "$once"
        ;;
    libfiu)
        fiu-run -x -c "enable name=posix/io/net/recv,onetime,failinfo=11" \
            "$once"
        ;;
    esac
}

# explore_turn WHO TURN: prints how often it was run.
explore_turn() {
    local i
    case $1 in
    jobs-*) explore_cases "${1#jobs-}" "$bench_work/$1" "$2" ;;
    *)
        for ((i = 0; i < EXPLORE_RUNS; i++)); do
            explore_under "$1" >/dev/null || return 1
        done
        say "$EXPLORE_RUNS"
        ;;
    esac
}

# explore_turns WHO: wall and CPU milliseconds a run.
explore_turns() {
    local go turn=0 shards=0
    local TIMEFORMAT='%R %U %S'
    [[ $1 != jobs-* ]] || explore_learn "${1#jobs-}" "$bench_work/$1"
    while read -r go && [[ -z $go ]]; do
        {
            time explore_turn "$1" "$turn" >"$bench_work/$1.n" \
                2>>"$bench_work/errors" </dev/null
        } 2>"$bench_work/$1.time" || return 1
        awk 'NR == FNR { n = $1; next }
            { print $1 / n * 1000, ($2 + $3) / n * 1000; fflush() }' \
            "$bench_work/$1.n" "$bench_work/$1.time"
        turn=$((turn + 1))
    done
}

# explore_rows NAME GOAL WHO: the goal is for CPU time, since how long others
# let so short a command wait is a matter of the machine.
explore_rows() {
    bench_row explore "$1: CPU" "$2" lower explore 2 "$3" bare \
        "CPU time, by bare"
    bench_row explore "$1: wall" null lower explore 1 "$3" bare \
        "wall time, by bare"
}

# Who has a thousand cases waits for the program, not for us: half as much
# again.  And runs share nothing, so that two processors are for two.
bench_explore() {
    explore_once
    bench_contest explore 30 explore_turns bare jobs-1 strace libfiu
    explore_rows "a run of explore" 1.5 jobs-1
    explore_rows "peer: strace -f -e inject" null strace
    explore_rows "peer: libfiu, one failure" null libfiu
    bench_contest jobs 20 explore_turns jobs-1 jobs-2
    bench_row explore "two jobs: runs a second, by one" 1.6 higher jobs 1 \
        jobs-1 jobs-2
}
