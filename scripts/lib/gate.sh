# The checks of the gate.  Each ends as a line of OUT/work/checks.jsonl:
#
#   name, verdict (ok, found, error), seconds, message, and figures
#
# from which report.sh makes everything else.
# shellcheck shell=bash

# gate_begin OUT: only what this run brings is in OUT afterwards.
gate_begin() {
    gate_out=$1 gate_start=$SECONDS gate_since=$SECONDS
    campaign_lock "$1"
    rm -rf "$1"/{work,findings,corpus,unsteady,turns.jsonl,result.json} \
        "$1"/{junit.xml,results.sarif,summary.md,index.html}
    mkdir -p "$1/work" "$1/findings"
    touch "$1/work/checks.jsonl" "$1/turns.jsonl"
}

# gate_check NAME VERDICT MESSAGE [FIGURES]: FIGURES is a JSON object.
gate_check() {
    jq -nc '{name: $n, verdict: $v, message: $m, seconds: $s} + $f' \
        --arg n "$1" --arg v "$2" --arg m "$3" --argjson f "${4:-{\}}" \
        --argjson s $((SECONDS - gate_since)) >>"$gate_out/work/checks.jsonl"
    printf '%-32s %-5s %s\n' "$1" "$2" "$3"
    gate_since=$SECONDS
}

gate_wants() { [[ ,$only, == *",$1,"* ]]; }

# What --only comes to: presets to build, engines to run, the sweep or not.
gate_choose() {
    presets=(default) engines=()
    if gate_wants fuzz; then
        presets+=(libfuzzer)
        engines=(libfuzzer)
    fi
    gate_wants preload || sweeping=
}

gate_build() {
    local preset log
    for preset in "$@"; do
        log=$SF_BUILD/$preset.log
        if (build_preset "$preset") >/dev/null; then
            gate_check "build.$preset" ok "built"
        else
            gate_check "build.$preset" error \
                "does not build: $(grep -m1 -E 'error|Error' "$log")"
            return 1
        fi
    done
}

# gate_replay FUZZER...: every input that git tracks, and as many executed as
# there are.
gate_replay() {
    local fuzzer n before
    [[ $# -gt 0 ]] || gate_check replay error "there is no fuzz target"
    for fuzzer in "$@"; do
        n=$(corpus_distinct "$fuzzer")
        before=$(findings_count "$gate_out")
        corpus_prepare "$gate_out" "$fuzzer" >/dev/null
        gate_replayed "$fuzzer" "$n" \
            $(($(findings_count "$gate_out") - before))
        gate_refused "$fuzzer"
    done
}

# gate_refused NAME: what could not be played is an error of its own, whatever
# was found in the rest.
gate_refused() {
    local line
    line=$(refused_line "$gate_out")
    [[ -n $line ]] || return 0
    gate_check "corpus.$1" error "$line"
    : >"$gate_out/work/refused"
}

# corpus_prepare leaves in OUT/work/FUZZER.executed how many it executed.
gate_replayed() {
    local executed figures verdict=ok
    executed=$(cat "$gate_out/work/$1.executed")
    figures="{\"executed\":$executed,\"expected\":$2}"
    if [[ $3 -gt 0 ]]; then
        verdict=found
    elif [[ $executed -ne $2 || $2 -eq 0 ]]; then
        verdict=error
    fi
    gate_check "replay.$1" "$verdict" "executed $executed of $2" "$figures"
}

# gate_prove FUZZER...: of sockfault's own core what docs/proofs.md calls the
# first part: all schedules of one fault, the blocking loops with two, recovery
# from dead descriptors, the decoders, and allocations that fail.  Of another
# project all schedules of one fault, where a fuzz target has scenarios.
gate_prove() {
    local fuzzer scenarios
    if [[ -x $SF_BUILD/bin/sockfault-prove ]]; then
        gate_prove_core
        return
    fi
    for fuzzer in "$@"; do
        scenarios=corpus/scenarios/$fuzzer
        [[ -d $SF_PROJECT/$scenarios ]] || continue
        gate_proof "$fuzzer" "$fuzzer" --prove -k 1 "$scenarios"
    done
}

gate_prove_core() {
    local prover=sockfault-prove
    gate_proof sessions $prover -k 1 corpus/scenarios/fuzz_session
    gate_proof loops $prover -k 2 corpus/scenarios/fuzz_stream
    gate_proof clients $prover -k 1 corpus/scenarios/fuzz_client
    gate_proof recovery $prover --recovery -k 0
    gate_proof decoders $prover --decoder all --max 2
    gate_proof memory $prover \
        --memory corpus/scenarios/fuzz_{session,stream,client}
}

# gate_proof NAME PROGRAM OPTION...: a counterexample is an input of a fuzz
# target and becomes a finding; one of a decoder is told in the message.
gate_proof() {
    local dir=$gate_out/work/prove.$1 status=0 verdict=ok before input name
    local unlisted=false
    before=$(findings_count "$gate_out")
    mkdir "$dir"
    (cd "$SF_PROJECT" && "${steady[@]}" "build/bin/$2" "${@:3}" \
        --out "$dir") >"$dir/log" 2>&1 </dev/null || status=$?
    for input in "$dir"/*.input; do
        [[ -f $input ]] || continue
        name=${input##*/}
        finding_input "$gate_out" "${name%%.*}" prove "$input" "$dir/log"
    done
    case $status in
    0) ;;
    1) verdict=found ;;
    *) verdict=error ;;
    esac
    [[ $verdict != found || $(findings_count "$gate_out") -gt $before ]] ||
        unlisted=true
    gate_check "prove.$1" "$verdict" "$(gate_proved "$dir/log")" \
        "{\"unlisted\":$unlisted}"
}

# The prover's last line where it counts, else how many times it says proved.
gate_proved() {
    tail -n 1 "$1" | grep ' proved' ||
        say "$(grep -c '^  PROVED' "$1") proved, $(grep -c '^  REFUTED' "$1")" \
            "refuted"
}

# gate_fuzz FUZZER...: with the time that is left, but some in any case; the
# preload sweep beside it.
gate_fuzz() {
    local left=$((budget - (SECONDS - gate_start) - 5)) row
    if [[ $# -eq 0 ]] || ! { gate_wants preload || gate_wants fuzz; }; then
        return 0
    fi
    turns_run "$gate_out" $((left > 3 ? left : 3)) "$@" >/dev/null
    while IFS=$'\t' read -r -a row; do
        case ${row[1]} in
        preload) gate_swept "${row[@]}" ;;
        *) gate_fuzzed "${row[@]}" ;;
        esac
    done < <(summary_rows "$gate_out" "$@")
}

# gate_floors FUZZER...: a floor of what is no fuzz target would be none.
gate_floors() {
    local file=$SF_PROJECT/corpus/edges.txt name
    [[ -e $file ]] || return 0
    while read -r name; do
        gate_check "floor.$name" error "corpus/edges.txt: no such fuzz target"
    done < <(awk '!/^[[:space:]]*(#|$)/ { print $1 }' "$file" |
        grep -vxF -f <(printf '%s\n' "$@"))
}

# gate_fuzzed FUZZER ENGINE EXECUTIONS RATE EDGES FINDINGS
gate_fuzzed() {
    local floor verdict=ok message
    floor=$(awk -v f="$1" '$1 == f { print $2 }' \
        "$SF_PROJECT/corpus/edges.txt" 2>/dev/null || true)
    : "${floor:=0}"
    message="$(with_commas "$3") executions, $(with_commas "$4")/s, $5 edges"
    if [[ $6 -gt 0 ]]; then
        verdict=found
    elif [[ $3 -eq 0 ]]; then
        verdict=error
    elif [[ $5 -lt $floor ]]; then
        verdict=error
        message+=", which is below the floor of $floor"
    fi
    gate_check "fuzz.$1" "$verdict" "$message" \
        "{\"executions\":$3,\"rate\":$4,\"edges\":$5,\"floor\":$floor}"
}

# gate_swept FUZZER ENGINE RUNS RATE EDGES FINDINGS: every plan in every case,
# and each did something somewhere.
gate_swept() {
    local expected verdict=ok idle
    expected=$(($(sweep_plans | wc -l) * ${#sweep_cases[@]}))
    idle=$(paste -sd' ' "$gate_out/work/idle-plans" 2>/dev/null || true)
    if [[ $6 -gt 0 ]]; then
        verdict=found
    elif [[ $3 -ne $expected || -n $idle ]]; then
        verdict=error
    fi
    gate_check preload "$verdict" \
        "$3 of $expected runs${idle:+, injected nothing: $idle}" \
        "{\"runs\":$3,\"expected_runs\":$expected}"
    gate_refused plans
}
