# Replaying what a path stands for.  Uses fuzzer (--fuzzer), work (a folder for
# what is passing), loopback (--loopback) and sets found to 1.
# shellcheck shell=bash

repro_path() {
    local name
    if [[ -f $1/meta.json ]]; then
        repro_finding "$1"
    elif [[ -d $1 ]]; then
        repro_corpus "$1"
    elif [[ $1 == *.plan ]]; then
        repro_plan "$1"
    else
        name=$(repro_fuzzer "$1")
        repro_input "$name" "$1"
    fi
}

repro_finding() {
    local name
    name=$(jq -r .fuzzer "$1/meta.json")
    repro_input "${fuzzer:-$name}" "$1/input"
}

# repro_plan PLAN: in each case of the preload sweep.
repro_plan() {
    local case
    for case in "${sweep_cases[@]}"; do
        repro_input "$case" "$1"
    done
}

# repro_fuzzer PATH: --fuzzer, or the part of the path that is a target's name.
repro_fuzzer() {
    local all name
    all=$(build_fuzzers)
    if [[ -n $fuzzer ]]; then
        build_choose "$fuzzer"
        return
    fi
    for name in $all; do
        [[ "/$1/" != *"/$name"[./]* ]] || say "$name"
    done | tail -1 | grep . ||
        die "'$1': which target? --fuzzer is one of: ${all//$'\n'/ }"
}

# repro_input FUZZER INPUT
repro_input() {
    local k=0 i kind='' frames='' message='' shown=$work/shown.txt
    for ((i = 0; i < SF_REPLAYS; i++)); do
        replay "$1" "$2" "$work/report.txt"
        [[ -n $replay_kind ]] || continue
        [[ -n $kind ]] || cp "$work/report.txt" "$shown"
        : "${kind:=$replay_kind}" "${frames:=$replay_frames}"
        : "${message:=$replay_message}"
        [[ $replay_kind != "$kind" ]] || k=$((k + 1))
    done
    say "$(relative "$2"): $1, $(stat -c %s "$2") bytes"
    say "executed $SF_REPLAYS of $SF_REPLAYS"
    if [[ -z $kind ]]; then
        say "reproduced 0 of $SF_REPLAYS"
        repro_session "$work/report.txt"
        return
    fi
    found=1
    say "reproduced $k of $SF_REPLAYS: $kind${frames:+ in ${frames// / < }}"
    say "signature $(signature_of "$kind" "$frames"): $message"
    repro_session "$shown"
    sed '/^=*$/d; s/^/    /; /SUMMARY: /q' "$work/split/report.txt"
    [[ -z $loopback ]] || repro_loopback "$1" "$2"
}

# repro_loopback FUZZER INPUT: is it the program's or the simulator's?
repro_loopback() {
    local program=$SF_BUILD/bin/${1}_loopback
    [[ -x $program ]] ||
        { say "cannot be said with real sockets: no ${1}_loopback" && return; }
    "${steady[@]}" "$program" "$2" 2>&1 </dev/null |
        grep -E '^(not )?confirmed: |^cannot be said ' || true
}

repro_session() {
    rm -rf "$work/split"
    mkdir "$work/split"
    report_split "$1" "$work/split"
    sed 's/^/    /' "$work/split/session.txt"
}

# repro_corpus FOLDER: all in one process; one by one if that does not end well.
repro_corpus() {
    local name n log=$work/corpus.log
    name=$(repro_fuzzer "$1")
    n=$(find "$1" -type f ! -name '.*' | wc -l)
    [[ $n -gt 0 ]] || die "'$1': no input in this folder"
    if replay_folder "$name" "$1" "$log"; then
        say "$(relative "$1"): $name, executed $n of $n, reproduced 0"
        return
    fi
    repro_each "$name" "$1" "$n"
}

repro_each() {
    local file executed=0 bad=0
    while read -r file; do
        replay_input "$1" "$file" "$work/report.txt"
        [[ $replay_kind == silent-exit ]] || executed=$((executed + 1))
        [[ -n $replay_kind ]] || continue
        bad=$((bad + 1))
        say "$(relative "$file"): $replay_kind${replay_frames:+ in \
${replay_frames// / < }}"
    done < <(find "$2" -type f ! -name '.*' | sort)
    say "$(relative "$2"): $1, executed $executed of $3, reproduced $bad"
    [[ $executed -gt 0 ]] || die "'$2': nothing was executed"
    [[ $bad -eq 0 ]] || found=1
}
