# Replaying what a path stands for.  Uses fuzzer (--fuzzer), work (a folder for
# what is passing), loopback (--loopback) and verbose (-v), and sets found to 1,
# refused to yes for what could not be played.
# shellcheck shell=bash

repro_lines=40 # of a session in which nothing was found

repro_path() {
    local name
    if [[ -f $1/meta.json ]]; then
        repro_finding "$1"
    elif [[ -d $1 && -n $(repro_plans "$1") ]]; then
        repro_all_plans "$1"
    elif [[ -d $1 ]]; then
        repro_corpus "$1"
    elif [[ $1 == *.plan ]]; then
        repro_plan "$1"
    else
        name=$(repro_fuzzer "$1")
        repro_input "$name" "$1"
    fi
}

repro_plans() { find "$1" -maxdepth 1 -type f -name '*.plan' | sort; }

# repro_status: what was found counts more than what could not be played.
repro_status() {
    if [[ $found -gt 0 ]]; then
        say 1
    elif [[ -n $refused ]]; then
        say 2
    else
        say 0
    fi
}

# repro_refuse: what the replay had to say.
repro_refuse() {
    refused=yes
    complain "$replay_message"
}

# A finding may be a plan's: its fuzzer is then a case of the sweep.
repro_finding() {
    local name=$fuzzer
    [[ -n $name ]] || name=$(jq -er '.fuzzer | strings | select(. != "")' \
        "$1/meta.json" 2>/dev/null) ||
        die "'$1/meta.json': expected a finding's, with a fuzzer"
    [[ -e $1/input ]] || die "'$1/input': no such file"
    if [[ " ${sweep_cases[*]} " != *" $name "* ]]; then
        name=$(build_replayer "$name")
    fi
    repro_input "$name" "$1/input"
}

# repro_plan PLAN: in each case of the preload sweep.
repro_plan() {
    local case
    for case in "${sweep_cases[@]}"; do
        repro_input "$case" "$1"
        [[ $replay_kind != refused ]] || break
    done
}

# repro_fuzzer PATH: --fuzzer, or the part of the path that is a target's name.
repro_fuzzer() {
    local all
    if [[ -n $fuzzer ]]; then
        build_replayer "$fuzzer"
        return
    fi
    all=$(build_fuzzers)
    { grep -xF -- "$all" <<<"${1//[.\/]/$'\n'}" || true; } | tail -1 | grep . ||
        die "'$1': which target? --fuzzer is one of: ${all//$'\n'/ }"
}

# repro_input FUZZER INPUT
repro_input() {
    local k=0 i executed=0 kind='' frames='' message='' shown=$work/shown.txt
    for ((i = 0; i < SF_REPLAYS; i++)); do
        replay "$1" "$2" "$work/report.txt"
        if [[ $replay_kind == refused ]]; then
            repro_refuse
            return
        fi
        [[ $replay_kind == silent-exit ]] || executed=$((executed + 1))
        [[ -n $replay_kind ]] || continue
        [[ -n $kind ]] || cp "$work/report.txt" "$shown"
        : "${kind:=$replay_kind}" "${frames:=$replay_frames}"
        : "${message:=$replay_message}"
        [[ $replay_kind != "$kind" ]] || k=$((k + 1))
    done
    say "$(relative "$2"): $1, $(stat -c %s "$2") bytes"
    say "executed $executed of $SF_REPLAYS"
    if [[ -z $kind ]]; then
        say "reproduced 0 of $SF_REPLAYS"
        repro_session "$work/report.txt" "$repro_lines"
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

# repro_session REPORT [LINES]: no more than so many, unless all are wanted.
repro_session() {
    rm -rf "$work/split"
    mkdir "$work/split"
    report_split "$1" "$work/split"
    [[ -z $verbose ]] || set -- "$1"
    awk -v most="${2:-0}" '
        most == 0 || NR <= most { print "    " $0 }
        END {
            if (most > 0 && NR > most)
                print "    … and " NR - most " more lines; -v shows all"
        }' "$work/split/session.txt"
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
    find "$1" -type f ! -name '.*' | sort | sed "s/^/$name /" >"$work/each"
    repro_each "$1" "$name"
}

# repro_all_plans FOLDER: each once in each case.
repro_all_plans() {
    local case
    repro_plans "$1" | while read -r plan; do
        for case in "${sweep_cases[@]}"; do
            say "$case $plan"
        done
    done >"$work/each"
    repro_each "$1" "each in ${sweep_cases[*]}"
}

# repro_each FOLDER WHAT: the lines "FUZZER FILE" of $work/each.
repro_each() {
    local name file total executed=0 bad=0 last=''
    total=$(wc -l <"$work/each")
    while read -r name file; do
        replay "$name" "$file" "$work/report.txt"
        if [[ $replay_kind == refused ]]; then
            [[ $file == "$last" ]] || repro_refuse
            last=$file
            continue
        fi
        [[ $replay_kind == silent-exit ]] || executed=$((executed + 1))
        [[ -n $replay_kind ]] || continue
        bad=$((bad + 1))
        say "$(relative "$file"): $replay_kind${replay_frames:+ in \
${replay_frames// / < }}"
    done <"$work/each"
    say "$(relative "$1"): $2, executed $executed of $total, reproduced $bad"
    [[ $executed -gt 0 ]] || die "'$1': nothing was executed"
    [[ $bad -eq 0 ]] || found=1
}
