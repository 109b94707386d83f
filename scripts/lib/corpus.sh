# The corpus at the start of a campaign: all seeds, each replayed once.
# shellcheck shell=bash

# corpus_files FUZZER: what git tracks for it, seeds and regressions.
corpus_files() {
    local folder
    for folder in corpus corpus/regressions; do
        [[ ! -d $SF_PROJECT/$folder/$1 ]] ||
            find "$SF_PROJECT/$folder/$1" -type f ! -name '.*' ! -name '*.md'
    done | sort
}

# corpus_distinct FUZZER: how many of these differ, which is how many there are
# to execute.
corpus_distinct() {
    corpus_files "$1" | tr '\n' '\0' | xargs -0r sha1sum | cut -d' ' -f1 |
        sort -u | wc -l
}

# corpus_prepare OUT FUZZER...: seeds go into the shared corpus, except those
# that are findings, on which neither engine would start.
corpus_prepare() {
    local out=$1 fuzzer file
    local -a seeds
    shift
    mkdir -p "$out/work" "$out/findings"
    for fuzzer in "$@"; do
        mkdir -p "$out/corpus/$fuzzer"
        mapfile -t seeds < <(corpus_files "$fuzzer")
        corpus_add "$out/corpus/$fuzzer" "${seeds[@]}"
        corpus_check "$out" "$fuzzer"
    done
}

# One process replays the whole folder; only when that does not end well is
# each input looked at in a process of its own.  A target that ends silently
# on every input is dead, which the figures will say; on some, it is a finding.
# OUT/work/FUZZER.executed gets how many were executed, OUT/work/refused what is
# no input at all.
corpus_check() {
    local folder=$1/corpus/$2 log=$1/work/replay.log file total refused=0
    local -a silent=()
    [[ -n $(ls -A "$folder") ]] || printf '\n' >"$folder/newline"
    total=$(find "$folder" -type f | wc -l)
    say "replaying $total inputs of $2"
    echo "$total" >"$1/work/$2.executed"
    ! replay_folder "$2" "$folder" "$log" || return 0
    for file in "$folder"/*; do
        replay_input "$2" "$file" "$log"
        case $replay_kind in
        '') ;;
        silent-exit) silent+=("$file") ;;
        refused)
            refused=$((refused + 1))
            corpus_refuse "$1" "$2" "$file"
            ;;
        *) corpus_drop "$1" "$2" "$file" "$log" ;;
        esac
    done
    echo $((total - refused - ${#silent[@]})) >"$1/work/$2.executed"
    [[ ${#silent[@]} -lt $((total - refused)) ]] || return 0
    for file in "${silent[@]}"; do
        replay_input "$2" "$file" "$log"
        corpus_drop "$1" "$2" "$file" "$log"
    done
    [[ -n $(ls -A "$folder") ]] || printf '\n' >"$folder/newline"
}

corpus_drop() {
    finding_keep "$1" "$2" corpus "$3" "$4" 1
    rm -f "$3"
}

# corpus_refuse OUT FUZZER FILE: out with it.  It is told of what is in the
# project; what an engine has made for itself is nobody's fault.
corpus_refuse() {
    local file
    while read -r file; do
        [[ $(content_of "$file") != "${3##*/}" ]] ||
            refused_note "$1" "$file" "$3"
    done < <(corpus_files "$2")
    rm -f "$3"
}
