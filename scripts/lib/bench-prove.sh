# The prover: schedules a CPU second, and how many of them are left where states
# that were seen before are recognised.
# shellcheck shell=bash

prove_scenarios=$SF_PROJECT/corpus/scenarios

# prove_run SCENARIO K OPTION...: the schedules, the CPU seconds they took, and
# how many of them were run to their end.
prove_run() {
    local scenario=$prove_scenarios/$1.session k=$2 seconds
    local TIMEFORMAT=%U
    shift 2
    [[ -n $bench_judging ]] || k=1
    {
        seconds=$({ time "$SF_BUILD/bin/sockfault-prove" -k "$k" "$@" \
            "$scenario" >"$bench_work/proved" 2>>"$bench_work/errors"; } 2>&1)
    } || return 1
    awk -v s="$seconds" '$1 == "schedules" { n = $2 + 0; left = n }
        /ended in one that was seen/ { left -= $3 }
        END { print n, s, left }' "$bench_work/proved"
}

# prove_rate SCHEDULES SECONDS: millions a second.
prove_rate() {
    awk -v n="$1" -v s="$2" 'BEGIN { print (s > 0 ? n / s / 1e6 : "null") }'
}

# prove_speed NAME SCENARIO K GOAL
prove_speed() {
    local schedules seconds rate=null
    if read -r schedules seconds _ < <(prove_run "$2" "$3" --plain); then
        rate=$(prove_rate "$schedules" "$seconds")
    fi
    bench_add prove "$1" "$rate" "$4" higher \
        "${schedules:-no} schedules in ${seconds:-no} s of CPU time"
}

# prove_states SCENARIO K GOAL: how many are left, and how fast the walk is
# through with all of them.
prove_states() {
    local all left ended seconds share=null whole=null rate=null
    if read -r all seconds _ < <(prove_run "$1" "$2" --plain) &&
        read -r left seconds ended < <(prove_run "$1" "$2"); then
        share=$(awk -v a="$all" -v l="$left" 'BEGIN { print l / a }')
        whole=$(awk -v a="$all" -v e="$ended" 'BEGIN { print e / a }')
        rate=$(prove_rate "$all" "$seconds")
    fi
    bench_add prove "${1##*/}, k = $2: schedules that are left" "$share" "$3" \
        lower "${left:-none} of ${all:-none}"
    bench_add prove "${1##*/}, k = $2: ... and run to their end" "$whole" null \
        lower "${ended:-none} of ${all:-none}"
    bench_add prove "${1##*/}, k = $2: millions proved a second" "$rate" null \
        higher "${all:-none} in ${seconds:-no} s of CPU time"
}

bench_prove() {
    build_preset default
    prove_speed "two clients (echo): millions a second" \
        fuzz_session/echo 3 0.3
    prove_speed "one loop (recv-exact): millions a second" \
        fuzz_stream/recv-exact 4 3
    prove_states fuzz_session/echo 2 0.05
    prove_states fuzz_session/timeouts 2 0.05
    prove_states fuzz_session/flood 2 0.05
    prove_states fuzz_session/conversation 2 0.05
    prove_states fuzz_session/echo 3 null
    prove_states fuzz_stream/recv-exact 5 null
}
