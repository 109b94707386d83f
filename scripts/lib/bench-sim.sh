# A simulated call beside the real one: the ping-pong of the group shim, once on
# the kernel and once in memory, with all that a fuzz target has in between.
# shellcheck shell=bash

sim_turns() {
    bench_pin
    "$BENCH_BIN/bench_$1" 4000
}

bench_sim() {
    bench_contest sim 200 sim_turns pingpong simulated simulated_asan
    bench_row sim "a simulated call, by the real one" 0.25 lower \
        sim 1 simulated pingpong "CPU time"
    bench_row sim "... called from a program under ASan" 0.5 lower \
        sim 1 simulated_asan pingpong "CPU time"
}
