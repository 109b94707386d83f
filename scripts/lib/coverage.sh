# Coverage by clang 19, the first of Debian's to count conditions (MC/DC);
# see scripts/coverage.  Uses work, a folder for what is
# passing.
# shellcheck shell=bash

# Every process adds to the profile of its program (%m).
coverage_run() {
    local fuzzer log=$work/log plan case
    export LLVM_PROFILE_FILE=$work/%m.profraw
    for fuzzer in $(build_fuzzers); do
        coverage_replay "$fuzzer"
    done
    [[ -z $corpus_only ]] || return 0
    (cd "$SF_PROJECT" && ctest --test-dir build/coverage -j "$SF_JOBS" \
        -LE scripts -E house) >"$log" 2>&1 ||
        die "the tests fail: $(grep -m3 -E '\(Failed\)|rror' "$log")"
    say "tests: $(grep 'tests passed' "$log")"
    for plan in $(sweep_plans); do
        for case in "${sweep_cases[@]}"; do
            sweep_replay "$case" "$plan" "$work/report"
        done
    done
    unset LLVM_PROFILE_FILE
}

coverage_replay() {
    local -a inputs
    mapfile -t inputs < <(corpus_files "$1")
    [[ ${#inputs[@]} -gt 0 ]] || die "$1: the corpus is empty"
    say "$1: $("$SF_BUILD/bin/$1" "${inputs[@]}" 2>/dev/null | tail -1)"
}

coverage_merge() {
    llvm-profdata-19 merge -sparse "$work"/*.profraw -o "$work/all.profdata" ||
        die "no profile was written"
    mapfile -t objects < <(find "$SF_BUILD/bin" "$SF_BUILD/lib" -type f \
        \( -name '*.so' -o -perm -100 \))
}

# coverage_llvm VERB OPTION...: llvm-cov over all programs.
coverage_llvm() {
    llvm-cov-19 "$1" -instr-profile="$work/all.profdata" "${@:2}" \
        "${objects[0]}" "${objects[@]/#/-object=}" "$SF_PROJECT/target" "$SF_PROJECT/faultinject" \
        2>/dev/null
}

coverage_summary() {
    coverage_llvm export -summary-only | jq --arg root "$SF_PROJECT/" '
        def percent(f): (map(f.count) | add // 0) as $n
            | if $n == 0 then null
              else (map(f.covered) | add) * 10000 / $n | round / 100 end;
        def row: { lines: percent(.summary.lines),
            branches: percent(.summary.branches),
            mcdc: percent(.summary.mcdc // {count: 0, covered: 0}) };
        [.data[0].files[] | .filename |= ltrimstr($root)]
        | group_by(.filename | split("/")[0])
        | map({key: (.[0].filename | split("/")[0]),
            value: (row + {files: (map({key: .filename, value: ([.] | row)})
                | from_entries)})})
        | from_entries'
}

coverage_html() {
    coverage_llvm show -format=html -output-dir="$1" ||
        die "--html '$1': llvm-cov could not write it"
}

coverage_table() {
    coverage_summary | jq -r '
        to_entries[] | .key as $part
        | ([$part, .value.lines, .value.branches, .value.mcdc],
           (.value.files | to_entries[] | [.key, .value.lines, .value.branches,
            .value.mcdc]))
        | select(.[1] != null) | map(. // "-") | @tsv' |
        awk -F'\t' 'BEGIN {
                printf "\n%-40s %8s %9s %8s\n", "", "lines", "branches", "mc/dc"
            }
            { printf "%-40s %8s %9s %8s\n", $1, $2, $3, $4 }'
}
