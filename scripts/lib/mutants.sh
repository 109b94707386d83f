# The bug benchmark; see scripts/mutants.  Uses list, names, json and seconds.
# shellcheck shell=bash

# The patches that are meant, in patches.
mutants_choose() {
    local name
    patches=()
    if [[ ${#names[@]} -eq 0 ]]; then
        mapfile -t patches < <(find "$list" -name '*.patch' | sort)
    fi
    for name in "${names[@]}"; do
        [[ -f $list/$name.patch ]] || die "no mutant '$name' in '$list'"
        patches+=("$list/$name.patch")
    done
    [[ ${#patches[@]} -gt 0 ]] || die "--list '$list': no *.patch in it"
    mapfile -t patches < <(realpath "${patches[@]}")
}

# A copy of the sources as they are, outside of any repository.
mutants_copy() {
    scratch copy
    mkdir "$copy/tree"
    tar -C "$SF_PROJECT" --exclude=./build --exclude=./out --exclude=./.git \
        -cf - . | tar -C "$copy/tree" -xf -
    rows=$copy/rows.jsonl
    : >"$rows"
}

# mutant_check VERB ARGUMENT...: a script of ours, on the copy.
mutant_check() {
    SOCKFAULT_PROJECT=$copy/tree SOCKFAULT_HOME=$copy/tree \
        "$SF_HOME/scripts/$1" "${@:2}" >"$copy/check.log" 2>&1 </dev/null
}

mutant_corpus() { mutant_check gate --only replay; }
mutant_prove() { mutant_check gate --only prove; }
mutant_tests() { mutant_check test -LE scripts -E house --stop-on-failure; }
mutant_preload() { mutant_check gate --only preload --until-found; }
mutant_fuzz() {
    mutant_check gate --only fuzz --until-found --budget "${seconds}s"
}

mutants_clean() {
    local check
    say "the unchanged sources"
    for check in corpus prove tests preload; do
        "mutant_$check" || {
            tail -20 "$copy/check.log" >&2
            die "the unchanged sources do not pass: $check"
        }
    done
}

mutants_run() {
    local patch
    for patch in "${patches[@]}"; do
        mutant_one "$patch"
    done
}

# mutant_header PATCH KEY: from the lines before the diff.
mutant_header() {
    sed -n '/^\(diff\|---\) /q; s/^'"$2"': *//p' "$1"
}

mutant_one() {
    local id since=$SECONDS check status verdict=survived by=''
    id=$(basename "$1" .patch)
    (cd "$copy/tree" && git apply "$1") 2>"$copy/apply.log" ||
        die "$id does not apply: $(head -1 "$copy/apply.log")"
    for check in corpus prove tests preload fuzz; do
        status=0
        "mutant_$check" || status=$?
        case $status in
        0) continue ;;
        1) verdict=killed ;;
        *) verdict=error ;;
        esac
        by=$(mutant_by "$check")
        break
    done
    [[ $verdict != survived || -z $(mutant_header "$1" equivalent) ]] ||
        verdict=equivalent
    (cd "$copy/tree" && git apply -R "$1")
    mutant_row "$id" "$verdict" "$by" $((SECONDS - since)) "$1"
}

# mutant_by CHECK: what it was that went red.
mutant_by() {
    if [[ $1 == tests ]]; then
        sed -n 's/^[[:space:]]*[0-9]* - \(.*\) (.*)$/tests: \1/p' \
            "$copy/check.log" | head -1
    else
        jq -r --arg c "$1" '.findings[0] // {kind: "error", frames: []}
            | "\($c): \(.kind) in \(.frames[0] // .fuzzer)"' \
            "$copy/tree/out/gate/result.json"
    fi
}

# mutant_row ID VERDICT BY SECONDS PATCH
mutant_row() {
    printf '%-8s %-10s %4d s  %s\n' "$1" "$2" "$4" "$3"
    jq -nc '{id: $i, verdict: $v, by: $b, seconds: $s, change: $c}' \
        --arg i "$1" --arg v "$2" --arg b "$3" --argjson s "$4" \
        --arg c "$(mutant_header "$5" change)" >>"$rows"
}

mutants_report() {
    local all
    all=$(jq -s 'def ids(v): map(select(.verdict == v) | .id);
        {total: length, killed: (ids("killed") | length),
         equivalent: (ids("equivalent") | length),
         survived: ids("survived"), errors: ids("error"), rows: .}' "$rows")
    [[ -z $json ]] || printf '%s\n' "$all" >"$json"
    jq -r '"\(.killed) of \(.total) killed, \(.equivalent) equivalent, " +
        "\(.survived | length) survived \(.survived | join(" "))"' <<<"$all"
    mutants_status=$(jq 'if .errors != [] then 2 elif .survived != [] then 1
        else 0 end' <<<"$all")
}
