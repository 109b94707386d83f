# The fuzz targets as a share of what their engine can do at best: executions a
# CPU second of a target, by those of a target that does nothing, same engine,
# same sanitizers, same seeds.
# shellcheck shell=bash

. "$SF_LIB/engine.sh"

# A build, its preset, its sanitizers, and the share that fuzz_session and
# fuzz_decode shall have.
fuzz_table() {
    cat <<'END'
libfuzzer            libfuzzer none              0.045 0.15
libfuzzer-asan       libfuzzer address           0.05  null
libfuzzer-asan-ubsan libfuzzer address,undefined 0.04  null
afl                  afl       none              0.88  null
afl-asan             afl       address           0.68  null
END
}

# fuzz_build BUILD PRESET SANITIZERS
fuzz_build() {
    local dir=$SF_BUILD/bench/$1 log=$SF_BUILD/bench-$1.log
    complain "building $1"
    (cd "$SF_PROJECT" &&
        cmake --preset "$2" -B "$dir" -DSOCKFAULT_BENCH=ON \
            -DSOCKFAULT_SANITIZE="${3#none}" &&
        cmake --build "$dir" -j "$SF_JOBS" \
            --target fuzz_empty fuzz_session fuzz_decode mutate_session \
            fuzz_invariant_true fuzz_invariant_false) >"$log" 2>&1 ||
        complain "$1 failed; whole output in $(relative "$log")"
}

# fuzz_turns TARGET: executions a CPU second, turn by turn.
fuzz_turns() {
    local binary=$SF_BUILD/bench/$fuzz_at/bin/$1
    local seeds=$SF_PROJECT/corpus/fuzz_session go executed
    case $1 in
    fuzz_decode) seeds=$SF_PROJECT/corpus/fuzz_decode ;;
    fuzz_invariant_*) seeds=$SF_PROJECT/examples/outside/seeds ;;
    esac
    if [[ ! -x $binary ]]; then
        complain "$fuzz_at: $1 was not built"
        return 1
    fi
    bench_pin
    while read -r go && [[ -z $go ]]; do
        executed=$(fuzz_once "$binary" "$seeds" || true)
        if [[ -z $executed ]]; then
            complain "$fuzz_at: $1 did not run:" \
                "$(tail -n 1 "$bench_work/fuzz.log")"
            return 1
        fi
        tail -n 1 "$bench_work/fuzz.log" |
            awk '{ print executed / $1 }' executed="$executed"
    done
}

# fuzz_once BINARY SEEDS: fuzz for some seconds; how many were executed.  The
# last line of fuzz.log is how much processor time that took.
fuzz_once() {
    local out=$bench_work/fuzz log=$bench_work/fuzz.log
    local cpu=$BENCH_BIN/bench_cpu
    local -a mutator
    rm -rf "$out"
    mkdir "$out"
    if [[ $fuzz_at == afl* ]]; then
        mapfile -t mutator < <(afl_mutator "${1%/bin/*}" "${1##*/}")
        env AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 \
            AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 "${mutator[@]}" \
            "$cpu" afl-fuzz -i "$2" -o "$out" -V "$fuzz_seconds" -s 1 \
            -- "$1" >"$log" 2>&1
        awk '$1 == "execs_done" { print $3 }' "$out/default/fuzzer_stats"
    else
        "$cpu" "$1" -max_total_time="$fuzz_seconds" -seed=1 \
            -print_final_stats=1 -artifact_prefix="$out/" "$out" "$2" \
            >"$log" 2>&1
        awk '/number_of_executed_units/ { print $2 }' "$log"
    fi
}

# fuzz_row TARGET GOAL
fuzz_row() {
    bench_row fuzz "$1, $fuzz_at" "$2" higher "$fuzz_at" 1 "$1" fuzz_empty \
        "share of the empty target"
}

# A server in sessions that are played with and without faults, by the same with
# them only.
fuzz_invariance() {
    fuzz_at=libfuzzer
    bench_contest invariance 5 fuzz_turns \
        fuzz_invariant_true fuzz_invariant_false </dev/null
    bench_row fuzz "the invariance oracle, libfuzzer" 0.7 higher invariance 1 \
        fuzz_invariant_true fuzz_invariant_false \
            "executions, with it by without"
}

# fuzz_peer NAME GOAL EXECUTIONS: a peer that Debian does not have.  Measured
# once, on a machine where the empty target ran 3,472,123 times a second.
fuzz_peer() {
    local share
    share=$(bench_ratio libfuzzer 1 fuzz_session fuzz_empty | cut -d' ' -f1)
    [[ -n $share ]] || return 0
    bench_add fuzz "fuzz_session, by $1" \
        "$(awk '{ print $1 * 3472123 / n }' n="$3" <<<"$share")" "$2" higher \
        "the peer's own share as measured elsewhere: $3 of 3472123"
}

bench_fuzz() {
    local preset sanitize session decode fuzz_seconds=3 fuzz_at
    [[ -n $bench_judging ]] || fuzz_seconds=1
    while read -r fuzz_at preset sanitize session decode; do
        fuzz_build "$fuzz_at" "$preset" "$sanitize"
        bench_contest "$fuzz_at" 5 fuzz_turns \
            fuzz_empty fuzz_session fuzz_decode </dev/null
        fuzz_row fuzz_session "$session"
        fuzz_row fuzz_decode "$decode"
    done < <(fuzz_table)
    fuzz_invariance
    fuzz_peer "AFL++ with libdesock" 15 7675
    fuzz_peer "honggfuzz's netdriver" 4 29983
    fuzz_peer "AFLNet, tuned" 900 155
}
