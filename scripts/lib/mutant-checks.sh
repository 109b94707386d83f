# The checks of the bug benchmark, each on the copy in SF_PROJECT.  A check sets
#
#   found_kind     the monitor, oracle or sanitizer that spoke; empty: none did
#   found_message  what it said
#   found_runs     executions up to then: inputs, schedules, runs
#
# None of them is a unit test.
# shellcheck shell=bash

mutant_checks=(corpus proofs fuzz preload hurry manners races)
mutant_fuzzers=(fuzz_session fuzz_stream fuzz_client fuzz_decode)
mutant_models=(select thread fork)
mutant_swept=(framed-server-checked framed-client-checked)
mutant_at_once=4 # runs of the real programs

# A warning in a mutant is no error.
mutant_configure() {
    local preset
    for preset in default libfuzzer; do
        cmake -S "$SF_PROJECT" --preset "$preset" -DBUILD_TESTING=OFF \
            -DSOCKFAULT_WERROR=OFF || return
    done >"$copy/build.log" 2>&1
    cmake -S "$SF_PROJECT" --preset default -B "$SF_BUILD/races" \
        -DBUILD_TESTING=OFF -DSOCKFAULT_WERROR=OFF \
        -DCMAKE_C_FLAGS=-fsanitize=thread >>"$copy/build.log" 2>&1
}

# mutant_make FOLDER TARGET...: ninja builds what the patch touches, and no
# more, and only what the next check runs.
mutant_make() {
    ninja -C "$SF_BUILD/$1" "${@:2}" >"$copy/build.log" 2>&1
}

mutant_build() {
    mutant_make . "${mutant_fuzzers[@]}" framed-server framed-client
}

# Before the first mutant, so that no mutant pays for what all have.
mutant_build_all() {
    mutant_build && mutant_make . sockfault-prove sockfault-prove-checked \
        sockfault sockfault_command sockfault_memory sockfault_sim_preload \
        sockfault-sim "${mutant_swept[@]}" &&
        mutant_make libfuzzer "${mutant_fuzzers[@]}"
}

# Whole frames, one at a time, no faults, a peer that reads, each server: what
# any test does.
mutant_polite() {
    local model
    awk 'BEGIN { for (n = 1; n < 9; n++) print substr("polite traffic", n) }' \
        >"$copy/frames"
    for model in "${mutant_models[@]}"; do
        sweep_start "$copy" "$model" env &&
            sweep_client "$copy" polite "$model" env <"$copy/frames" &&
            sweep_stop "$copy"
        [[ $(cat "$copy/polite.status") == 0 &&
            $(cat "$copy/server.status") == 0 ]] || return 1
    done >"$report" 2>&1
}

# mutant_found STATUS: what the report is about.
mutant_found() {
    report_read "$1" "$report"
    found_kind=${replay_kind:-silent-exit}
    found_message=$replay_message
}

# Everything that git tracks, a process a fuzzer; the inputs go in the order of
# names, so the name of the last one says how many there were.
mutant_corpus() {
    local fuzzer folder status
    for fuzzer in "${mutant_fuzzers[@]}"; do
        folder=$copy/corpus/$fuzzer
        mutant_seeds "$fuzzer" "$folder"
        status=0
        quietly "$report" "$SF_RUN_S" "$SF_BUILD/bin/$fuzzer" "$folder" ||
            status=$?
        if [[ $status -ne 0 ]]; then
            found_runs=$((found_runs + $(mutant_position "$folder")))
            mutant_found "$status"
            return
        fi
        found_runs=$((found_runs + $(engine_last 'executed [0-9]+' "$report")))
    done
}

# mutant_seeds FUZZER FOLDER: nothing but the seeds is in it, or, for what is as
# good as empty, one input: libFuzzer does not start when nothing happens at
# all.
mutant_seeds() {
    local -a files
    mapfile -t files < <(corpus_files "$1")
    rm -rf "$2"
    mkdir -p "$2"
    if [[ -n $empty ]]; then
        printf '\n\n' >"$2/newlines"
    else
        corpus_add "$2" "${files[@]}"
    fi
}

# mutant_position FOLDER: of the input that the report names.
mutant_position() {
    local input
    input=$(sed -n 's/^sockfault: the input was .*\///p' "$report" | tail -1)
    find "$1" -type f -printf '%f\n' | sort |
        awk -v input="$input" '!at && $0 == input { at = NR }
            END { print at ? at : NR }' # to the end, or it may break the pipe
}

# All schedules of one fault under the sanitizers, then two and dead
# descriptors without, then the decoders.
mutant_proofs() {
    local scenarios=$SF_PROJECT/corpus/scenarios
    mutant_make . sockfault-prove sockfault-prove-checked
    local -a bound
    while read -r -a bound; do
        mutant_proof "${bound[@]}" || return 0
    done <<END
-checked -k 1 --profile linux $scenarios/fuzz_session
-checked -k 1 $scenarios/fuzz_stream
-checked -k 1 $scenarios/fuzz_client
-checked -k 1 --profile posix $scenarios/fuzz_session
-fast -k 2 $scenarios/fuzz_stream
-checked -k 1 --profile posix $scenarios/fuzz_client
-checked --memory $scenarios/fuzz_session
-checked --memory $scenarios/fuzz_stream
-checked --memory $scenarios/fuzz_client
-fast -k 2 $scenarios/fuzz_client
-fast -k 0 --recovery
-fast --decoder all --max 2
-fast -k 2 --profile linux $scenarios/fuzz_session
END
}

# mutant_proof WHICH OPTION...: fails when it is refuted.  What a prover cannot
# do is no finding.
mutant_proof() {
    local status=0
    rm -rf "$copy/proof"
    mkdir -p "$copy/proof"
    (cd "$copy/proof" && quietly "$report" $((9 * SF_RUN_S)) \
        "$SF_BUILD/bin/sockfault-prove${1#-fast}" --first "${@:2}") || status=$?
    found_runs=$((found_runs + $(
        awk '/^  schedules / { n += $2 }
            / closed$/ { n++ }
            END { print n + 0 }' \
            "$report"
    )))
    [[ $status -eq 1 ]] || return 0
    found_message=$(sed -n 's/^ *REFUTED *//p' "$report" | head -1)
    found_message=${found_message//sockfault: finding: /}
    found_kind=$(proof_kind)
    return 1
}

# A monitor's word, a sanitizer's, or how the process ended.
proof_kind() {
    sed -nE -e 's/.*: ERROR: (Address|Leak)Sanitizer: ([A-Za-z-]+).*/\2/p' \
        -e 's/.*: runtime error: .*/ubsan/p' \
        -e 's/^with [0-9]+ faults?: ([a-z]+(-[a-z]+)*): .*/\1/p' \
        -e 's/^with [0-9]+ faults?: it does not return.*/timeout/p' \
        -e 's/.*the process (was killed|ended).*/died/p' \
        <<<"$found_message" | head -1 | grep . || say refuted
}

# The targets in turns that grow, so that none waits long for its first one; the
# sessions, which are the largest, begin.
mutant_fuzz() {
    local fuzzer turn=1 end left
    mutant_make libfuzzer "${mutant_fuzzers[@]}"
    for fuzzer in "${mutant_fuzzers[@]}"; do
        mutant_seeds "$fuzzer" "$copy/corpus/$fuzzer"
    done
    end=$((SECONDS + seconds)) # what it takes to build is not fuzzed
    while [[ $SECONDS -lt $end ]]; do
        for fuzzer in "${mutant_fuzzers[@]}"; do
            left=$((end - SECONDS))
            [[ $left -gt 0 ]] || return 0
            mutant_libfuzzer "$fuzzer" $((turn < left ? turn : left)) \
                "$copy/corpus/$fuzzer" || return 0
        done
        turn=$((2 * turn))
    done
}

# mutant_libfuzzer FUZZER SECONDS FOLDER...: fails when something was found.
mutant_libfuzzer() {
    local status=0
    quietly "$report" $(($2 + SF_RUN_S)) "$SF_BUILD/libfuzzer/bin/$1" \
        -max_total_time="$2" -print_final_stats=1 -timeout="$SF_TIMEOUT_S" \
        -rss_limit_mb="$SF_MEMORY_MB" -artifact_prefix="$copy/" "${@:3}" ||
        status=$?
    found_runs=$((found_runs + $(libfuzzer_executions "$report")))
    [[ $status -ne 0 ]] || return 0
    mutant_found "$status"
    return 1
}

# mutant_probes: each line of the standard input is a FUNCTION and its
# ARGUMENTs, which gets a folder, FUNCTION DIR ARGUMENT..., and says what it
# finds.  They wait more than they work, so some go on at the same time; what is
# found so, where each may have waited for the others, has to be found alone as
# well.
mutant_probes() {
    local dir first i
    local -a probes suspects
    mapfile -t probes < <(grep .)
    dir=$(mktemp -d -p "$work" probes.XXXXXX)
    for ((first = 0; first < ${#probes[@]}; first += mutant_at_once)); do
        for ((i = first;
            i < first + mutant_at_once && i < ${#probes[@]}; i++)); do
            # shellcheck disable=SC2086 # words
            mutant_probe "$dir/$i" ${probes[i]} </dev/null &
        done
        wait
        mutant_end_left
        found_runs=$i
        mapfile -t suspects \
            < <(cd "$dir" && find . -maxdepth 2 -name said -size +0 | sort -V)
        for i in "${suspects[@]}"; do
            i=$(dirname "${i#./}")
            # shellcheck disable=SC2086 # words
            mutant_probe "$dir/$i" ${probes[i]} </dev/null
            mutant_end_left
            found_message=$(cat "$dir/$i/said")
            [[ -z $found_message ]] || break 2
        done
    done
    found_kind=${found_message%%: *}
    rm -rf "$dir"
}

# What a probe has left, as a server that did not start in time, or the children
# of one that was killed: whoever runs a program of this build.
mutant_end_left() {
    local left
    find /proc -maxdepth 2 -name exe -lname "$(realpath "$SF_BUILD")/*" \
        -printf '%h\n' | while read -r left; do
        kill -KILL "${left#/proc/}" || true
    done || true # of what has ended meanwhile
} 2>/dev/null

# mutant_probe DIR FUNCTION [ARGUMENT]...: its first finding, in DIR/said.
mutant_probe() {
    rm -rf "$1"
    mkdir -p "$1/own"
    {
        "$2" "$1/own" "${@:3}" || true
        cat "$1/own/0.err" 2>/dev/null || true # of sweep_stop
    } | sed -n 's/^sockfault: finding: //p' | head -1 >"$1/said"
}

# Every plan in every case.
mutant_preload() {
    local plan case
    mutant_make . "${mutant_swept[@]}"
    mutant_probes <<<"$(
        while read -r plan; do
            for case in "${sweep_cases[@]}"; do
                say mutant_sweep "$case" "$plan"
            done
        done < <(sweep_plans)
    )"
}

# mutant_sweep DIR CASE PLAN
mutant_sweep() {
    sweep_replay "$2" "$3" "$1/report"
    [[ -z $replay_kind ]] ||
        sweep_finding "$replay_kind" "$2, $(basename "$3"): $replay_message"
}

# Told to end among peers that do not, and with one alone that reads nothing.
mutant_hurry() {
    local model
    mutant_probes <<<"$(
        for model in "${mutant_models[@]}"; do
            say sweep_hurry "$model" stuck
            say sweep_hurry "$model" stuck flooder quiet dribbler
        done
    )"
}

# Without any fault, at the beginning and the end.
mutant_manners() {
    mutant_at_once=8 mutant_probes <<<"$(printf 'manners_%s\n' "${manners[@]}")"
}

# The thread server under TSan, with clients at the same time; it tells of
# races, and at the end of threads that nobody has joined.  Clang 14's cannot do
# with as much randomness of addresses as newer kernels have.  One client takes
# no answers: its worker runs until all of its time is over.  Clients that got
# all their answers count as executions.
mutant_races() {
    local client stays stuck
    local -a clients=()
    mutant_make races framed-server framed-client
    rm -f "$copy"/race.*.status
    sweep_frames >"$copy/frames"
    (
        SF_BUILD+=/races
        # It says nothing where it has forgotten what one of both was doing.
        export TSAN_OPTIONS=history_size=7
        sweep_linger=500 sweep_start "$copy" thread setarch "$(uname -m)" -R
        exec {stays}<>"/dev/tcp/$sweep_host/$sweep_port"
        cat /dev/zero >&"$stays" & # empty frames
        stuck=$!
        for client in 1 2 3 4; do
            sweep_client "$copy" "race.$client" thread \
                setarch "$(uname -m)" -R <"$copy/frames" &
            clients+=($!)
        done
        wait "${clients[@]}"
        sweep_stop "$copy"
        kill "$stuck" || true
    ) 2>/dev/null || true
    found_runs=$(cat "$copy"/race.*.status 2>/dev/null | grep -cx 0 || true)
    found_message=$(sed -nE 's/^(WARNING|ERROR|FATAL): ThreadSanitizer: //p' \
        "$copy/server.err" | head -1)
    found_kind=${found_message%% (*}
}
