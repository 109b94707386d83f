# One turn of one engine on one fuzz target.  What outlives a turn:
#
#   OUT/corpus/FUZZER/   the corpus that all engines share, by content hash
#   OUT/findings/        see findings.sh
#   OUT/turns.jsonl      a line a turn: fuzzer, engine, seconds, executions, edges
#   OUT/work/FUZZER.ENGINE/  what the turn now running has; a turn that was
#                        killed is harvested by the next one
# shellcheck shell=bash

# engine_last PATTERN FILE: the last match's last number, or 0.
engine_last() {
    local n
    n=$({ grep -aoE "$1" "$2" || true; } 2>/dev/null | tail -1 |
        grep -oE '[0-9]+$' || true)
    say "${n:-0}"
}

# corpus_add FOLDER FILE...: under the name of their content.
corpus_add() {
    local folder=$1 file name
    shift
    for file in "$@"; do
        name=$(content_of "$file")
        [[ -e $folder/$name ]] || cp -- "$file" "$folder/$name"
    done
}

# turn_record OUT FUZZER ENGINE SECONDS EXECUTIONS EDGES
turn_record() {
    printf '{"fuzzer":"%s","engine":"%s","seconds":%d,' "$2" "$3" "$4" \
        >>"$1/turns.jsonl.$$"
    printf '"executions":%d,"edges":%d}\n' "$5" "$6" >>"$1/turns.jsonl.$$"
    cat "$1/turns.jsonl.$$" >>"$1/turns.jsonl"
    rm -f "$1/turns.jsonl.$$"
}

# engine_run LOG SECONDS CPU COMMAND...: to its end, which comes by itself, when
# the turn is told to stop (turn_stopped), or when the turn dies.
engine_run() {
    local log=$1 seconds=$2 cpu=$3
    shift 3
    setpriv --pdeathsig TERM timeout -k 2 $((seconds + SF_TIMEOUT_S + 30)) \
        "${steady[@]}" taskset -c "$cpu" "$@" >"$log" 2>&1 </dev/null &
    engine_pid=$!
    { wait "$engine_pid" || wait "$engine_pid" || true; } 2>/dev/null
    engine_pid=
}

engine_stop() {
    turn_stopped=yes
    [[ -z $engine_pid ]] || kill "$engine_pid" 2>/dev/null || true
}

# ------------------------------------------------------------- libFuzzer

# libFuzzer ends at the first crash.  So it is started again until the turn is
# over; what it has learnt is in the corpus folder.
libfuzzer_turn() {
    local out=$1 fuzzer=$2 seconds=$3 cpu=$4
    local work=$out/work/$fuzzer.libfuzzer end=$((SECONDS + $3)) begin
    mkdir -p "$work/artifacts"
    libfuzzer_harvest "$out" "$fuzzer" "$work"
    while [[ $SECONDS -lt $end && -z $turn_stopped ]]; do
        begin=$SECONDS
        libfuzzer_once "$out" "$fuzzer" "$work" $((end - SECONDS)) "$cpu"
        turn_record "$out" "$fuzzer" libfuzzer $((SECONDS - begin)) \
            "$(libfuzzer_executions "$work/log")" \
            "$(engine_last 'cov: [0-9]+' "$work/log")"
        libfuzzer_harvest "$out" "$fuzzer" "$work"
        # One that does not even start is not started for ever.
        [[ $(libfuzzer_executions "$work/log") -gt 0 ]] || break
    done
}

libfuzzer_once() {
    local -a dict=()
    [[ ! -e $SF_PROJECT/fuzzers/$2.dict ]] ||
        dict=(-dict="$SF_PROJECT/fuzzers/$2.dict")
    engine_run "$3/log" "$4" "$5" "$SF_BUILD/libfuzzer/bin/$2" \
        -max_total_time="$4" -timeout="$SF_TIMEOUT_S" \
        -rss_limit_mb="$SF_MEMORY_MB" -print_final_stats=1 \
        -artifact_prefix="$3/artifacts/" "${dict[@]}" \
        "$1/corpus/$2"
}

# The final statistics, or where it stood when it died without them.
libfuzzer_executions() {
    local n
    n=$(engine_last 'number_of_executed_units: [0-9]+' "$1")
    [[ $n -gt 0 ]] || n=$(engine_last '^#[0-9]+' "$1")
    say "$n"
}

# A slow unit is no finding.
libfuzzer_harvest() {
    local artifact name
    for artifact in "$3"/artifacts/*; do
        [[ -f $artifact ]] || continue
        name=${artifact##*/}
        if [[ $name != slow-unit-* ]]; then
            rm -f "$1/corpus/$2/${name#*-}"
            finding_input "$1" "$2" libfuzzer "$artifact" "$3/log"
        fi
        rm -f "$artifact"
    done
}

# ----------------------------------------------------------------- AFL++

# Each turn starts from the shared corpus with a clean folder: what it found
# goes into the corpus, nothing else has to be resumed.
afl_turn() {
    local out=$1 fuzzer=$2 seconds=$3 cpu=$4
    local work=$out/work/$fuzzer.afl begin
    afl_harvest "$out" "$fuzzer" "$work"
    rm -rf "$work"
    mkdir -p "$work/in"
    afl_seeds "$out/corpus/$fuzzer" "$work/in"
    begin=$SECONDS
    afl_once "$out" "$fuzzer" "$work" "$seconds" "$cpu"
    afl_record "$out" "$fuzzer" "$work" $((SECONDS - begin))
    afl_harvest "$out" "$fuzzer" "$work"
}

# libFuzzer at work beside it replaces inputs by smaller ones, so AFL++ reads
# from a copy; what vanishes while that is made is not missed.  AFL++ does not
# start when every seed crashes, so there is always one in which next to nothing
# happens.
afl_seeds() {
    cp -l -- "$1"/* "$2" 2>/dev/null || true
    printf '\n' >"$2/newline"
}

# afl_mutator BUILD FUZZER: the mutator of sessions, a setting a line.  A target
# that has it built in for libFuzzer gets the same one from a library; AFL++'s
# own makes long sessions of it and few new ones.
afl_mutator() {
    grep -qa LLVMFuzzerCustomMutator "$1/bin/$2" || return 0
    say "AFL_CUSTOM_MUTATOR_LIBRARY=$1/lib/libmutate_session.so"
    say AFL_CUSTOM_MUTATOR_ONLY=1
}

# AFL_NO_AFFINITY with taskset: its own search for an idle core refuses to start
# when all are taken, and without either it runs three times slower.
afl_once() {
    local -a dict=() mutator
    [[ ! -e $SF_PROJECT/fuzzers/$2.dict ]] ||
        dict=(-x "$SF_PROJECT/fuzzers/$2.dict")
    mapfile -t mutator < <(afl_mutator "$SF_BUILD/afl" "$2")
    local -x AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_FAST_CAL=1
    local -x AFL_TESTCACHE_SIZE=50
    grep -q '^|' /proc/sys/kernel/core_pattern &&
        local -x AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
    engine_run "$3/log" "$4" "$5" env -u ASAN_OPTIONS -u UBSAN_OPTIONS \
        "${mutator[@]}" afl-fuzz -i "$3/in" -o "$3/out" -V "$4" \
        -t $((SF_TIMEOUT_S * 1000)) -m none "${dict[@]}" \
        -- "$SF_BUILD/afl/bin/$2"
}

afl_stat() {
    local n
    n=$(sed -n "s/^$2 *: *\([0-9]*\).*/\1/p" \
        "$1/out/default/fuzzer_stats" 2>/dev/null || true)
    say "${n:-0}"
}

afl_record() {
    turn_record "$1" "$2" afl "$4" "$(afl_stat "$3" execs_done)" \
        "$(afl_stat "$3" edges_found)"
}

# afl_files WORK KIND: what it saved itself, newest first.
afl_files() {
    find "$1/out/default/$2" -name 'id:*' ! -name '*,orig:*' \
        -printf '%T@ %p\n' 2>/dev/null | sort -rn | cut -d' ' -f2-
}

afl_harvest() {
    local -a files
    local file
    mapfile -t files < <(afl_files "$3" queue)
    corpus_add "$1/corpus/$2" "${files[@]}"
    mapfile -t files < <(
        afl_files "$3" crashes | head -n "$SF_TRIAGE"
        afl_files "$3" hangs | head -n 2
    )
    for file in "${files[@]}"; do
        finding_input "$1" "$2" afl "$file" "$3/log"
    done
    rm -rf "$3/out" "$3/in"
}
