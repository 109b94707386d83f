# The bug benchmark: patches, copies, workers, and the table; see
# scripts/mutants, which sets list, names, jobs, runs, seconds, peers, empty,
# json and html.
#
# Each worker has a copy of the sources with builds of its own.  A mutant is
# planted in it, what it changes is built again, the checks are run, and the
# files it touched are restored from the project.
# shellcheck shell=bash

# The patches that are meant, in patches.
mutants_choose() {
    local name
    patches=()
    if [[ ${#names[@]} -eq 0 ]]; then
        mapfile -t patches < <(
            find -L "$list" -type f \( -name '*.patch' -o -name '*.diff' \) |
                sort
        )
    fi
    for name in "${names[@]}"; do
        mutants_add "$name"
    done
    [[ ${#patches[@]} -gt 0 ]] ||
        die "--list '$list': no *.patch or *.diff in it"
    mapfile -t patches < <(realpath "${patches[@]}")
    [[ $jobs -le ${#patches[@]} ]] || jobs=${#patches[@]}
}

mutants_add() {
    local end
    for end in patch diff; do
        [[ ! -f $list/$1.$end ]] || break
    done
    [[ -f $list/$1.$end ]] || die "no mutant '$1' in '$list'"
    patches+=("$list/$1.$end")
}

# What the project is now, and a copy a worker, built; the first one shows that
# the unchanged sources pass.
mutants_begin() {
    local i
    local -a pids=()
    scratch work
    rows=$work/rows.jsonl
    mkdir "$work/pristine"
    tar -C "$SF_PROJECT" --exclude=./build --exclude=./out --exclude=./.git \
        -cf - . | tar -C "$work/pristine" -xf -
    : >"$rows"
    say 0 >"$work/next"
    sanitizers_env
    set -m # as the workers below
    for ((i = 0; i < jobs; i++)); do
        (mutants_copy "$i") &
        pids+=($!)
    done
    set +m
    sf_groups=("${pids[@]}")
    for i in "${pids[@]}"; do
        wait "$i" || die "the unchanged sources do not build"
    done
    sf_groups=()
    (mutants_clean) || die "the unchanged sources do not pass"
}

# Outside of any repository.  Where there is a ccache the copies share it.
mutants_copy() {
    mutants_enter "$1"
    mkdir -p "$copy"
    cp -a "$work/pristine" "$SF_PROJECT"
    if ! mutant_configure || ! mutant_build_all ||
        { [[ -n $peers ]] && ! { peers_configure && peers_build; }; }; then
        tail -20 "$copy/build.log" >&2
        return 1
    fi
}

# mutants_enter N: this process works on copy N from now on.
mutants_enter() {
    copy=$work/$1
    cpu=$(($1 % SF_JOBS))
    pristine=$work/pristine
    SF_PROJECT=$copy/tree
    SF_BUILD=$SF_PROJECT/build
    report=$copy/report
    if command -v ccache >/dev/null; then
        export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$copy/tree
        export CCACHE_NOHASHDIR=1
    fi
}

mutants_clean() {
    local check
    mutants_enter 0
    say "the unchanged sources"
    mutant_polite || die "polite traffic does not work: $(tail -1 "$report")"
    for check in "${mutant_checks[@]/#/mutant_}" \
        ${peers:+"${mutant_peers[@]/#/peer_}"}; do
        found_kind='' found_message='' found_runs=0
        "$check"
        # What a peer says of correct code is a result about the peer.
        [[ -z $found_kind || $check == peer_* ]] ||
            die "$check: $found_kind: $found_message"
        [[ $found_runs -gt 0 ]] || die "$check: nothing was executed"
        printf '  %-10s %s in %s executions\n' "${check#*_}" \
            "${found_kind:-nothing}" "$(with_commas "$found_runs")"
    done
}

mutants_work() {
    local i
    printf '%-10s %-10s %-9s %-28s %10s %7s\n' \
        mutant verdict check 'monitor or oracle' executions seconds
    set -m # a worker is a group: in the background, it does not hear Ctrl-C
    for ((i = 0; i < jobs; i++)); do
        (
            mutants_enter "$i"
            while mutants_next; do
                mutant_one "${patches[next]}" & # what ends early ends alone
                wait "$!" || mutant_restore
            done
        ) &
        sf_groups+=("$!")
    done
    set +m
    wait
    sf_groups=()
    mutants_missing
}

# One whose checks ended before they could say anything has a row all the same.
mutants_missing() {
    local patch id
    for patch in "${patches[@]}"; do
        id=$(basename "$patch")
        grep -qF "\"id\":\"${id%.*}\"" "$rows" ||
            mutant_row "$patch" "its checks ended early" '[]' true '{}' 0
    done
}

# The next one that nobody has taken, in next.
mutants_next() {
    local lock
    exec {lock}>"$work/lock"
    flock "$lock"
    next=$(cat "$work/next")
    say $((next + 1)) >"$work/next"
    exec {lock}>&-
    [[ $next -lt ${#patches[@]} ]]
}

# mutant_header PATCH KEY: from the lines before the diff.
mutant_header() {
    sed -n '/^\(diff\|---\) /q; s/^'"$2"': *//p' "$1" | tr -d '\r' | head -n 1
}

# seconds_since TIME: of EPOCHREALTIME, with two digits.
seconds_since() {
    awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}

# mutant_one PATCH: a row, whatever happens.
mutant_one() {
    local patch=$1 since=$EPOCHREALTIME why='' tries='[]' others='{}'
    local polite=true
    if ! mutant_plant "$patch"; then
        why="does not apply: $(grep -m1 -iE "fail|find file|garbage|malformed" \
            "$copy/apply.log" || say "no patch")"
    elif ! mutant_build; then
        why="does not compile: $(grep -m1 -E 'error' "$copy/build.log" || true)"
    else
        mutant_polite || polite=false
        tries=$(mutant_tries "${mutant_checks[@]/#/mutant_}")
        [[ -z $peers ]] || ! peers_build || others=$(mutant_by_peers)
    fi
    mutant_restore
    mutant_row "$patch" "$why" "$tries" "$polite" "$others" \
        "$(seconds_since "$since")"
}

# mutant_plant PATCH: paths with or without a first folder to strip.
mutant_plant() {
    local strip
    for strip in 1 0; do
        if patch -d "$SF_PROJECT" -p"$strip" -f -s --dry-run <"$1"; then
            patch -d "$SF_PROJECT" -p"$strip" -f -s --no-backup-if-mismatch \
                <"$1"
            return
        fi
    done >"$copy/apply.log" 2>&1
    return 1
}

# As the project has it: files that differ, and those it does not have.
mutant_restore() {
    local file
    while IFS= read -r -d '' file; do
        if [[ -f $pristine/$file ]]; then
            cmp -s "$pristine/$file" "$SF_PROJECT/$file" ||
                cp "$pristine/$file" "$SF_PROJECT/$file"
        else
            rm -f "$SF_PROJECT/$file"
        fi
    done < <(cd "$SF_PROJECT" &&
        find . \( -path ./build -o -path ./out \) -prune -o -type f -print0)
    while IFS= read -r file; do
        [[ -f $SF_PROJECT/$file ]] || cp "$pristine/$file" "$SF_PROJECT/$file"
    done < <(cd "$pristine" && find target -type f)
}

# mutant_tries CHECK...: one JSON object a try.
mutant_tries() {
    local i
    for ((i = 0; i < runs; i++)); do
        mutant_try "$@"
    done | jq -cs .
}

# mutant_try CHECK...: what finds it, and when.
mutant_try() {
    local since=$EPOCHREALTIME check total=0
    for check in "$@"; do
        found_kind='' found_message='' found_runs=0
        "$check" >>"$copy/check.log" 2>&1
        total=$((total + found_runs))
        [[ -z $found_kind ]] || break
    done
    jq -nc '{found: ($k != ""), check: $c, kind: $k, message: $m,
        executions: $n, seconds: $s}' --arg c "${check#*_}" \
        --arg k "$found_kind" --arg m "$found_message" --argjson n "$total" \
        --argjson s "$(seconds_since "$since")"
}

# The tries of each peer, by its name.
mutant_by_peers() {
    local peer
    for peer in "${mutant_peers[@]}"; do
        jq -c --arg peer "$peer" '{($peer): .}' < <(mutant_tries "peer_$peer")
    done | jq -cs add
}

# mutant_row PATCH WHY TRIES POLITE PEERS SECONDS
mutant_row() {
    local id row
    id=$(basename "$1")
    row=$(jq -nc -L "$SF_LIB" -f "$SF_LIB/mutant-row.jq" \
        --arg id "${id%.*}" --arg why "$2" \
        --argjson tries "$3" --argjson polite "$4" --argjson peers "$5" \
        --argjson seconds "$6" \
        --arg change "$(mutant_header "$1" change)" \
        --arg where "$(mutant_header "$1" where)" \
        --arg k "$(mutant_header "$1" K)" \
        --arg observable "$(mutant_header "$1" observable)" \
        --arg equivalent "$(mutant_header "$1" equivalent)")
    printf '%s\n' "$row" >>"$rows"
    jq -r -L "$SF_LIB" 'include "mutant-line"; line' <<<"$row"
}

mutants_report() {
    local all
    all=$(jq -s -L "$SF_LIB" -f "$SF_LIB/mutants.jq" --argjson cap "$seconds" \
        --argjson expected "${#patches[@]}" --argjson took "$SECONDS" "$rows")
    [[ -z $json ]] || printf '%s\n' "$all" >"$json"
    [[ -z $html ]] || jq -r -f "$SF_LIB/mutants.html.jq" <<<"$all" >"$html"
    jq -r -f "$SF_LIB/mutants.txt.jq" <<<"$all"
    mutants_status=$(jq .status <<<"$all")
}
