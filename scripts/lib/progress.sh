# Progress: a line that stays in its place on a terminal, a line every ten
# seconds elsewhere.
# shellcheck shell=bash

progress_said=0

# progress_show OUT: who is at work and how fast, how long it still takes.
progress_show() {
    local left=$((progress_end - SECONDS)) name text
    if [[ ! -t 1 ]]; then
        [[ $((SECONDS - progress_said)) -ge 10 ]] || return 0
        progress_said=$SECONDS
    fi
    text="$((left > 0 ? left : 0)) s left"
    for name in "${turn_name[@]}"; do
        text+=", $name $(with_commas "$(progress_rate "$1/work/$name")")/s"
    done
    text+=", $(findings_count "$1") findings"
    if [[ -t 1 ]]; then
        printf '\r\033[K%.*s' $((${COLUMNS:-80} - 1)) "$text"
    else
        say "$text"
    fi
}

progress_clear() { [[ ! -t 1 ]] || printf '\r\033[K'; }

# progress_rate WORK: executions per second, as the engine itself last said.
progress_rate() {
    local plot=$1/out/default/plot_data
    case $1 in
    *.afl) tail -n 1 "$plot" 2>/dev/null | awk -F, '{ n = $11 } END { printf "%d", n }' ;;
    *) engine_last 'exec/s: [0-9]+' "$1/log" ;;
    esac
}
