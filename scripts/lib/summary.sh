# What came of a campaign: the table, the findings, what to do next.
# shellcheck shell=bash

# summary_works FUZZER...: "FUZZER ENGINE" a line, all that should be at work.
summary_works() {
    local fuzzer engine
    for fuzzer in "$@"; do
        for engine in "${engines[@]}"; do
            say "$fuzzer $engine"
        done
    done
    [[ -z $(sweep_plans) ]] || say "framed preload"
}

# summary_rows OUT FUZZER...: fuzzer, engine, executions, a second, edges,
# findings; zeros for what should have been at work and was not.
summary_rows() {
    local out=$1 fuzzer engine row
    while read -r fuzzer engine; do
        row=$(jq -rs --arg f "$fuzzer" --arg e "$engine" '
            map(select(.fuzzer == $f and .engine == $e))
            | (map(.executions) | add // 0) as $n
            | (map(.seconds) | add // 0) as $s
            | [$n, (if $s > 0 then $n / $s else 0 end | floor),
               (map(.edges) | max // 0)] | @tsv' "$out/turns.jsonl")
        printf '%s\t%s\t%s\t%s\n' "$fuzzer" "$engine" "$row" \
            "$(findings_count "$out" "$fuzzer" "$engine")"
    done < <(summary_works "${@:2}")
}

summary_print() {
    local out=$1 fuzzer engine executions rate edges findings
    printf '\n%-24s %-10s %14s %10s %8s %9s\n' \
        target engine executions exec/s edges findings
    while IFS=$'\t' read -r fuzzer engine executions rate edges findings; do
        [[ $engine != preload ]] || edges=- rate=-
        printf '%-24s %-10s %14s %10s %8s %9s\n' "$fuzzer" "$engine" \
            "$(with_commas "$executions")" "$(with_commas "$rate")" \
            "$edges" "$findings"
    done < <(summary_rows "$@")
    say
    summary_findings "$out"
    summary_next "$@"
}

summary_findings() {
    local folder
    for folder in "$1"/findings/*/; do
        [[ -s $folder/meta.json ]] || continue
        jq -r '"finding \(.kind)" +
            (if .frames == [] then "" else " in \(.frames | join(" < "))" end) +
            "\n    \(.message)\n    \(.fuzzer), reproduced " +
            "\(.reproduced) of \(.replays)"' "$folder/meta.json"
        say "    scripts/repro $(relative "${folder%/}")"
    done
}

summary_idle() { summary_rows "$@" | awk -F'\t' '$3 == 0 { print $1, $2 }'; }

# What is not clean although nothing was found.
summary_undone() { summary_idle "$@" && refused_line "$1"; }

summary_next() {
    local fuzzer engine
    say "report: $(relative "$1")/index.html"
    summary_idle "$@" | while read -r fuzzer engine; do
        say "never executed: $fuzzer on $engine; see" \
            "$(relative "$1/work/$fuzzer.$engine/log")"
    done
    [[ ! -s $1/work/idle-plans ]] ||
        say "injected nothing: $(paste -sd' ' "$1/work/idle-plans")"
    [[ ! -s $1/work/refused ]] || sed 's/^/not played: /' "$1/work/refused"
    [[ ! -d $1/unsteady ]] ||
        say "crashed an engine but replay clean: $(relative "$1/unsteady")"
    if [[ $(findings_count "$1") -gt 0 ]]; then
        say "next: scripts/repro on a finding; mend it; put its input into" \
            "corpus/regressions/FUZZER"
    elif [[ -n $(summary_undone "$@") ]]; then
        say "next: nothing found, but not everything was executed"
    else
        say "next: nothing found; scripts/campaign --time 8h looks longer and" \
            "goes on from here"
    fi
}

# summary_checks OUT FUZZER...: the rows as report.sh wants them.
summary_checks() {
    local fuzzer engine executions rate edges findings verdict
    while IFS=$'\t' read -r fuzzer engine executions rate edges findings; do
        verdict=ok
        [[ $executions -gt 0 ]] || verdict=error
        [[ $findings -eq 0 ]] || verdict=found
        jq -nc '{name: $n, verdict: $v, message: $m, seconds: $s,
            executions: $x, edges: $e}' --arg n "$engine.$fuzzer" \
            --arg v "$verdict" --argjson x "$executions" --argjson e "$edges" \
            --arg m "$(with_commas "$executions") executions, $edges edges" \
            --argjson s "$((rate > 0 ? executions / rate : 0))"
    done < <(summary_rows "$@")
    refused_line "$1" | jq -Rc '{name: "corpus", verdict: "error",
        message: ., seconds: 0}'
}

# summary_status OUT FUZZER...: a finding counts more than what did not run.
summary_status() {
    if [[ $(findings_count "$1") -gt 0 ]]; then
        say 1
    elif [[ -n $(summary_undone "$@") ]]; then
        say 2
    else
        say 0
    fi
}
