# Who works when: turns of engines on targets, SF_JOBS at a time, until the
# time is over.  Uses engines, those that are to work, and until_found: the
# first finding ends it.
# shellcheck shell=bash

# One campaign at a time on a folder; what a killed one had started dies with
# it, which takes a moment, and has the lock until then.
campaign_lock() {
    exec {lock}>"$1/lock"
    flock -w 10 "$lock" || die "--out '$1': another campaign is at work there"
}

# The cores this process may use, one a line.
cores() {
    local part
    for part in $(taskset -pc $$ | sed 's/.*: //; s/,/ /g'); do
        seq "${part%-*}" "${part#*-}"
    done
}

# turns_plan SECONDS FUZZER...: "ENGINE FUZZER SECONDS" a line, in order.  First
# the preload sweep, which takes what it takes.  Then all get the same share; a
# long campaign goes round several times, so that what one engine learns reaches
# the others.
turns_plan() {
    local total=$1 fuzzer engine round
    shift
    local works=$(($# * ${#engines[@]})) sweep=0 share rounds
    if [[ -n $(sweep_plans) ]]; then
        say "preload framed 0"
        sweep=$((total < 90 ? total / 3 : 30))
    fi
    [[ $works -gt 0 ]] || return 0
    share=$(((total * SF_JOBS - sweep) / works))
    rounds=$(((share + SF_SLICE_S - 1) / SF_SLICE_S))
    share=$((share / (rounds > 0 ? rounds : 1)))
    for ((round = 0; round < (rounds > 0 ? rounds : 1); round++)); do
        for fuzzer in "$@"; do
            for engine in "${engines[@]}"; do
                say "$engine $fuzzer $((share > 3 ? share : 3))"
            done
        done
    done
}

# turns_run OUT SECONDS FUZZER...: each gets a first turn whatever the time;
# after that the time decides.
turns_run() {
    local out=$1 end=$((SECONDS + $2)) engine fuzzer share left
    local -A ran=()
    turn_core=() turn_name=() stopped='' progress_end=$end
    touch "$out/turns.jsonl"
    trap 'stopped=yes' INT TERM
    while read -r engine fuzzer share; do
        turns_wait "$out" $((SF_JOBS - 1))
        left=$((end - SECONDS))
        [[ -z $stopped ]] || break
        [[ $left -gt 3 || -z ${ran[$fuzzer.$engine]-} ]] || break
        [[ $share -le $left ]] || share=$((left > 3 ? left : 3))
        turn_start "$out" "$engine" "$fuzzer" "$share"
        ran[$fuzzer.$engine]=yes
    done < <(turns_plan "$2" "${@:3}")
    turns_wait "$out" 0
    trap - INT TERM
    progress_clear
}

# The core with the fewest turns on it.
turn_core_free() {
    { cores && printf '%s\n' "${turn_core[@]}"; } | grep . | sort -n | uniq -c |
        sort -n | awk 'NR == 1 { print $2 }'
}

# A session of its own: what is sent to the campaign's group, as Ctrl-C is,
# would else end programs under test, which then look wrong.
turn_start() {
    local core
    core=$(turn_core_free)
    setsid setpriv --pdeathsig KILL \
        "$SF_LIB/turn" "$2" "$3" "$4" "$core" "$1" "$lock" \
        >>"$1/work/turns.log" 2>&1 </dev/null &
    turn_core[$!]=$core
    turn_name[$!]="$3.$2"
}

# turns_wait OUT N: until at most N are at work; progress meanwhile.
turns_wait() {
    local pid
    while :; do
        for pid in "${!turn_core[@]}"; do
            kill -0 "$pid" 2>/dev/null && continue
            wait "$pid" || complain "${turn_name[pid]}: the turn went wrong"
            unset "turn_core[$pid]" "turn_name[$pid]"
        done
        [[ ${#turn_core[@]} -gt $2 ]] || return 0
        [[ -z $until_found || $(findings_count "$1") -eq 0 ]] || stopped=yes
        [[ -z $stopped ]] || turns_stop
        progress_show "$1" || true # a signal to all may end what it asks
        sleep 1 || true
    done
}

turns_stop() { kill "${!turn_core[@]}" 2>/dev/null || true; }
