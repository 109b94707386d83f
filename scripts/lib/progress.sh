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
        text+=", $name $(progress_of "$1/work/$name")"
    done
    text+=", $(findings_count "$1") findings"
    if [[ -t 1 ]]; then
        printf '\r\033[K%.*s' $((${COLUMNS:-80} - 1)) "$text"
    else
        say "$text"
    fi
}

progress_clear() { [[ ! -t 1 ]] || printf '\r\033[K'; }

# progress_of WORK: executions per second, as the engine itself last said.
# AFL++ writes its figures only now and then; until it has, how many inputs it
# knows.
progress_of() {
    local rate
    if [[ $1 == *.preload ]]; then
        say "$(cat "$1.runs" 2>/dev/null || say 0) runs"
        return
    elif [[ $1 == *.afl ]]; then
        rate=$(awk -F, '/^[0-9]/ { n = $11 } END { printf "%d", n }' \
            "$1/out/default/plot_data" 2>/dev/null || true)
    else
        rate=$(engine_last 'exec/s: [0-9]+' "$1/log")
    fi
    if [[ $rate -gt 0 ]]; then
        say "$(with_commas "$rate")/s"
    else
        say "$(find "$1/out/default/queue" -type f 2>/dev/null | wc -l) inputs"
    fi
}
