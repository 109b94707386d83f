# Coverage by clang 19, the first of Debian's to count conditions (MC/DC);
# see scripts/coverage.  Uses work, a folder for what is passing, and
# corpus_only.
# shellcheck shell=bash

# The folders that are measured.
coverage_parts=("$SF_PROJECT/target/" "$SF_PROJECT/faultinject/")

# Tests that run no program, or build one with another compiler's options; those
# with processes that cannot write what they counted: a file may not be that
# large, a system call is forbidden; proofs, for which a counter that grows makes
# every state a new one; and those that count what a program allocates.
coverage_uncounted='house|^proofs$|^target\.build\.narrow$'
coverage_uncounted+='|^examples\.(.*_memory|middle|outside)$|^judges\.prover$'
coverage_uncounted+='|^faultinject\.(command|image|imprint|memory|memory_new|prove'
coverage_uncounted+='|sim_dials|sim_lives|sim_memory|sim_prove|sim_real|survives|unmended)$'

# Every process adds to the profile of its program (%m).  The tests that fail
# go to coverage_failed; what they reached is counted.
coverage_run() {
    local fuzzer log=$work/log passed plan case
    export LLVM_PROFILE_FILE=$work/%m.profraw
    for fuzzer in $(build_fuzzers); do
        coverage_replay "$fuzzer"
    done
    [[ -z $corpus_only ]] || return 0
    (cd "$SF_PROJECT" && ctest --test-dir build/coverage -j "$SF_JOBS" \
        -LE scripts -E "$coverage_uncounted") >"$log" 2>&1 ||
        coverage_failed=$(sed -n '/(Disabled)$/d; /(Skipped)$/d
            s/^\t *[0-9]* - \(.*\) (.*)$/\1/p' "$log")
    passed=$(grep 'tests passed' "$log") || die "ctest ran no test"
    say "tests: $passed"
    while read -r plan; do
        for case in "${sweep_cases[@]}"; do
            sweep_replay "$case" "$plan" "$work/report"
            [[ $replay_kind != refused ]] || die "$replay_message"
        done
    done < <(sweep_plans)
    unset LLVM_PROFILE_FILE
}

coverage_replay() {
    local -a inputs
    mapfile -t inputs < <(corpus_files "$1")
    [[ ${#inputs[@]} -gt 0 ]] || die "$1: the corpus is empty"
    say "$1: $("$SF_BUILD/bin/$1" "${inputs[@]}" 2>/dev/null | tail -1)"
}

# Programs and libraries that count; those of C++ alone do not.
coverage_objects() {
    find "$SF_BUILD/bin" "$SF_BUILD/lib" -type f \
        \( -name '*.so' -o -perm -100 \) -exec grep -l __llvm_covmap {} +
}

# What any program reached, to $work/items; see coverage-merge.awk.
coverage_merge() {
    local object parts
    parts=$(jq -nc '$ARGS.positional' --args "${coverage_parts[@]}")
    llvm-profdata-19 merge -sparse "$work"/*.profraw -o "$work/all.profdata" ||
        die "no profile was written"
    coverage_objects | while read -r object; do
        llvm-cov-19 export -instr-profile="$work/all.profdata" "$object" \
            2>/dev/null |
            jq -r --argjson parts "$parts" -f "$SF_LIB/coverage-rows.jq"
    done | awk -f "$SF_LIB/coverage-merge.awk" | sort -V >"$work/items"
    [[ -s $work/items ]] || die "the profile has nothing of the project"
}

coverage_summary() {
    jq -Rn --arg root "$SF_PROJECT/" -f "$SF_LIB/coverage-summary.jq" \
        "$work/items"
}

coverage_html() {
    local -a objects
    mapfile -t objects < <(coverage_objects)
    llvm-cov-19 show -format=html -output-dir="$1" \
        -instr-profile="$work/all.profdata" "${objects[0]}" \
        "${objects[@]/#/-object=}" "${coverage_parts[@]}" 2>/dev/null ||
        die "--html '$1': llvm-cov could not write it"
}

coverage_table() {
    coverage_summary | jq -r '
        to_entries[] | .key as $part
        | ([$part, .value.lines, .value.branches, .value.mcdc,
            .value.excluded],
           (.value.files | to_entries[] | [.key, .value.lines, .value.branches,
            .value.mcdc, .value.excluded]))
        | select(.[1] != null) | map(. // "-") | @tsv' |
        awk -F'\t' 'BEGIN {
                printf "\n%-40s %8s %9s %8s %9s\n", "", "lines", "branches",
                    "mc/dc", "excluded"
            }
            { printf "%-40s %8s %9s %8s %9s\n", $1, $2, $3, $4, $5 }'
}

# coverage_judge PART: is each line and branch of this folder reached, but for
# those that the sources exclude?  Says which are not, and each exclusion.
coverage_judge() {
    awk -F'\t' -v root="$SF_PROJECT/" -v part="$1" '
        index($1, root part "/") != 1 { next }
        { place = substr($1, length(root) + 1) ":" $2 }
        $4 == "line" { lines++ }
        $4 == "true" || $4 == "false" { branches++ }
        $4 ~ /^condition/ { conditions++; reached += $5 == "hit"; next }
        $5 == "excluded" { excluded[$4 == "line"]++ }
        $5 == "used" { print place ": excluded: " $6 }
        $5 == "stale" { print place ": excluded, but it is all reached"; bad++ }
        $5 == "missed" {
            print place ($3 ? ":" $3 : "") ": never " \
                ($4 == "line" ? "executed" : $4)
            bad++
        }
        END {
            printf "%s: %d lines and %d branches, of which %d and %d " \
                "excluded; %d not reached or wrongly excluded; " \
                "%d of %d conditions (MC/DC)\n", part, lines, branches,
                excluded[1], excluded[0], bad, reached, conditions
            exit bad > 0
        }' "$work/items"
}
