# The bug benchmark by other means, the way each is used where it comes from:
#
#   decoder   libFuzzer on the decoder alone, whole inputs (bench/peer_decoder.c)
#   server    AFL++ on the select server with its sockets taken away, as libdesock
#             and preeny do it, which Debian has not (bench/peer_server.c)
#   libfiu    the servers as they are shipped, real clients, a random errno at
#             one socket call in a hundred
#
# Each has $seconds, the sanitizers where it is fuzzed, and the same seeds.  They
# set what a check sets, see mutant-checks.sh.
# shellcheck shell=bash

mutant_peers=(decoder server libfiu)
peers_libfiu=/usr/lib/fiu/fiu_run_preload.so:/usr/lib/fiu/fiu_posix_preload.so

peers_configure() {
    local preset
    for preset in libfuzzer afl; do
        cmake -S "$SF_PROJECT" --preset "$preset" -DBUILD_TESTING=OFF \
            -DSOCKFAULT_WERROR=OFF -DSOCKFAULT_BENCH=ON || return
    done >"$copy/build.log" 2>&1
}

peers_build() {
    mutant_make libfuzzer peer_decoder && mutant_make afl peer_server &&
        mutant_make . framed-server framed-client
}

# The seeds of fuzz_decode without the lengths of their pieces.
peers_seeds() {
    local file pieces
    rm -rf "$1"
    mkdir -p "$1"
    while read -r file; do
        pieces=$(od -An -tu1 -j1 -N1 "$file")
        {
            head -c 1 "$file"
            tail -c +$((3 + pieces)) "$file"
        } >"$1/$(basename "$file")"
    done < <(corpus_files fuzz_decode)
}

peer_decoder() {
    local status=0
    peers_seeds "$copy/peer"
    quietly "$report" $((seconds + SF_RUN_S)) \
        "$SF_BUILD/libfuzzer/bin/peer_decoder" -max_total_time="$seconds" \
        -print_final_stats=1 -timeout="$SF_TIMEOUT_S" \
        -rss_limit_mb="$SF_MEMORY_MB" -artifact_prefix="$copy/" \
        "$copy/peer" || status=$?
    found_runs=$(libfuzzer_executions "$report")
    [[ $status -eq 0 ]] || mutant_found "$status"
}

# A crash or a hang ends it, also one of a seed; told to end by a TERM it ends what
# it has started, too.
peer_server() {
    local status=0
    local -x AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_FAST_CAL=1
    local -x AFL_BENCH_UNTIL_CRASH=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
    local -x AFL_CRASHING_SEEDS_AS_NEW_CRASH=1
    peers_seeds "$copy/peer"
    rm -rf "$copy/afl"
    mkdir "$copy/afl"
    quietly "$report" $((seconds + SF_RUN_S)) env -u ASAN_OPTIONS \
        -u UBSAN_OPTIONS timeout -k 2 $((seconds + 3)) \
        afl-fuzz -i "$copy/peer" -o "$copy/afl/out" -V "$seconds" \
        -t $((SF_TIMEOUT_S * 1000)) -m none -- "$SF_BUILD/afl/bin/peer_server" || status=$?
    found_runs=$(afl_stat "$copy/afl" execs_done)
    found_kind=$(find "$copy/afl" -path '*/crashes/id*' -printf 'crash\n' \
        -o -path '*/hangs/id*' -printf 'timeout\n' 2>/dev/null | head -1)
}

# A client that fails proves nothing, for a random error may end any connection;
# a server that crashes, or does not end when it is told to, does.
peer_libfiu() {
    local end=$((SECONDS + seconds)) model
    sweep_frames >"$copy/frames"
    while [[ $SECONDS -lt $end && -z $found_kind ]]; do
        model=${mutant_models[found_runs % ${#mutant_models[@]}]}
        found_runs=$((found_runs + 1))
        peers_libfiu_run "$model"
    done
}

peers_libfiu_run() {
    local other status
    rm -f "$copy/0.err"
    # shellcheck disable=SC2154 # the port is set by sweep_start
    sweep_start "$copy" "$1" env LD_PRELOAD="$peers_libfiu" \
        FIU_PRNG_SEED="$found_runs" FIU_ENABLE="$peers_libfiu_rule" || return 0
    sweep_client "$copy" second "$1" env &
    other=$!
    sweep_client "$copy" first "$1" env
    wait "$other"
    sweep_stop "$copy"
    status=$(cat "$copy/server.status")
    if [[ -s $copy/0.err ]]; then
        found_kind=stall
    elif [[ $status -gt 128 ]]; then
        found_kind=crash
        found_message="status $status"
    fi
}
peers_libfiu_rule='enable_random name=posix/io/net/*,probability=0.01'
