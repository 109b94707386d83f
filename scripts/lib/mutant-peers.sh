# The bug benchmark by other means, the way each is used where it comes from:
#
#   decoder   libFuzzer on the decoder alone, whole inputs (bench/peer_decoder.c)
#   server    AFL++ on the select server with its sockets taken away, as libdesock
#             and preeny do it, which Debian has not (bench/peer_server.c)
#   libfiu    the servers as they are shipped, real clients, a random errno at
#             one socket call in a hundred
#
# Each has $seconds, the sanitizers where it is fuzzed, and the same seeds.
# They set what a check sets, see mutant-checks.sh.
# shellcheck shell=bash

mutant_peers=(decoder server libfiu)
peers_libfiu=/usr/lib/fiu/fiu_run_preload.so:/usr/lib/fiu/fiu_posix_preload.so
peers_libfiu_rule='enable_random name=posix/io/net/*,probability=0.01'

# Once a copy: the builds, and the seeds of fuzz_decode without the lengths of
# their pieces.
peers_configure() {
    local preset file pieces
    for preset in libfuzzer afl; do
        cmake -S "$SF_PROJECT" --preset "$preset" -DBUILD_TESTING=OFF \
            -DSOCKFAULT_WERROR=OFF -DSOCKFAULT_BENCH=ON || return
    done >"$copy/build.log" 2>&1
    mkdir -p "$copy/peers"
    while read -r file; do
        pieces=$(od -An -tu1 -j1 -N1 "$file")
        {
            head -c 1 "$file"
            tail -c +$((3 + pieces)) "$file"
        } >"$copy/peers/$(basename "$file")"
    done < <(corpus_files fuzz_decode)
}

peers_build() {
    mutant_make libfuzzer peer_decoder && mutant_make afl peer_server &&
        mutant_make . framed-server framed-client
}

peer_decoder() {
    rm -rf "$copy/decoder"
    mkdir "$copy/decoder"
    mutant_libfuzzer peer_decoder "$seconds" "$copy/decoder" "$copy/peers" ||
        true
}

# A crash, at the first of which it ends.
peer_server() {
    local -x AFL_BENCH_UNTIL_CRASH=1 AFL_CRASHING_SEEDS_AS_NEW_CRASH=1
    local turn_stopped='' engine_pid='' afl=$copy/afl
    rm -rf "$afl"
    mkdir -p "$afl/in"
    afl_seeds "$copy/peers" "$afl/in"
    afl_once '' peer_server "$afl" "$seconds" "$cpu"
    found_runs=$(afl_stat "$afl" execs_done)
    [[ -z $(afl_files "$afl" crashes) ]] || found_kind=crash
    [[ -n $found_kind || -z $(afl_files "$afl" hangs) ]] || found_kind=timeout
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
    sweep_linger=0 sweep_start "$copy" "$1" env LD_PRELOAD="$peers_libfiu" \
        FIU_PRNG_SEED="$RANDOM" FIU_ENABLE="$peers_libfiu_rule" || return 0
    sweep_client "$copy" second "$1" env <"$copy/frames" &
    other=$!
    sweep_client "$copy" first "$1" env <"$copy/frames"
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
