# Measuring in turns, and the rows that come of it.
#
# A contest is a file of lines "ROUND WHO NUMBER...": in each round everyone has
# a turn, in an order that changes, and a ratio is the median over the rounds of
# one's number by another's of the same round.  Who takes part is a command that
# takes turns as bench/turn.h says.  A group of rows is a file bench-GROUP.sh
# with a function bench_GROUP.
# shellcheck shell=bash

BENCH_ALL=(truth shim sim fuzz explore server prove)
BENCH_BIN=$SF_BUILD/bench/bin
BENCH_LIB=$SF_BUILD/bench/lib
bench_percent=100 # of the rounds that a contest has
bench_judging=yes

bench_quick() {
    bench_percent=2
    bench_judging=
}

# bench_groups: the groups there are, in the order in which they run.
bench_groups() {
    local group
    local -a here=()
    for group in "${BENCH_ALL[@]}"; do
        [[ ! -e $SF_LIB/bench-$group.sh ]] || here+=("$group")
    done
    say "${here[*]}"
}

# bench_choose LIST: the groups of a comma-separated list, a line each; all of
# them for an empty one.
bench_choose() {
    local group here
    local -a names
    here=$(bench_groups)
    IFS=, read -ra names <<<"$1"
    for group in "${names[@]}"; do
        [[ " $here " == *" $group "* ]] ||
            die "--only: no group '$group'; there are: $here"
    done
    [[ ${#names[@]} -gt 0 ]] || read -ra names <<<"$here"
    printf '%s\n' "${names[@]}"
}

# What is missing of the peers is installed if that can be done; a peer that is
# still not there has rows that say so.
bench_begin() {
    scratch bench_work
    : >"$bench_work/rows"
    [[ -z $bench_judging ]] || (need bench) || complain "some peers are missing"
}

# bench_contest NAME ROUNDS COMMAND WHO...: everyone is COMMAND WHO and goes on
# in the background from turn to turn.  Who ends early is out of it.
bench_contest() {
    local file=$bench_work/$1 rounds=$((($2 * bench_percent + 99) / 100))
    local command=$3 round who numbers
    shift 3
    local -a all=("$@")
    local -A go=() told=() job=()
    for who in "${all[@]}"; do
        bench_enter "$command" "$who"
    done
    : >"$file"
    for ((round = 0; round < rounds; round++)); do
        for who in "${all[@]}"; do
            printf '\n' >&"${go[$who]}"
            read -r numbers <&"${told[$who]}" || continue
            say "$round $who $numbers" >>"$file"
        done
        all=("${all[@]:1}" "${all[0]}")
    done
    for who in "${all[@]}"; do
        bench_leave "$who"
    done
}

# The end that we write to is open for reading too, so that nobody who is gone
# can hurt us.
bench_enter() {
    local who=$2 in=$bench_work/$2.in out=$bench_work/$2.out fd
    mkfifo "$in" "$out"
    "$1" "$who" <"$in" >"$out" 2>>"$bench_work/errors" &
    job[$who]=$!
    exec {fd}<>"$in"
    go[$who]=$fd
    exec {fd}<"$out"
    told[$who]=$fd
    rm "$in" "$out"
}

bench_leave() {
    local fd
    printf 'end\n' >&"${go[$1]}"
    wait "${job[$1]}" || true
    for fd in "${go[$1]}" "${told[$1]}"; do
        exec {fd}>&-
    done
}

# bench_pin: this shell and what it starts stay on one processor, which is the
# same for all who ask.
bench_pin() {
    local all
    all=$(taskset -cp "$BASHPID")
    taskset -cp "${all##*[ ,-]}" "$BASHPID" >/dev/null
}

# bench_ratio CONTEST COLUMN A B: the median of A's number by B's, and the lower
# and upper quartile; nothing when one of them has none.
bench_ratio() {
    awk -v column=$(($2 + 2)) -v a="$3" -v b="$4" '
        $2 == a { x[$1] = $column }
        $2 == b { y[$1] = $column }
        END {
            for (r in x)
                if (y[r] > 0)
                    print x[r] / y[r]
        }' "$bench_work/$1" | sort -g | awk '
        { v[NR] = $1 }
        END {
            if (NR > 0)
                printf "%.4f %.4f %.4f\n",
                    (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2,
                    v[int((NR + 3) / 4)], v[int((3 * NR + 3) / 4)]
        }'
}

# bench_add GROUP NAME RATIO GOAL BETTER DETAIL: a row; RATIO and GOAL may be
# null.
bench_add() {
    jq -nc --arg group "$1" --arg name "$2" --argjson ratio "$3" \
        --argjson goal "$4" --arg better "$5" --arg detail "$6" \
        '$ARGS.named' >>"$bench_work/rows"
}

# bench_row GROUP NAME GOAL BETTER CONTEST COLUMN A B [DETAIL]: the row of one
# ratio of a contest.
bench_row() {
    local ratio low high
    read -r ratio low high < <(bench_ratio "$5" "$6" "$7" "$8") || true
    if [[ -n $ratio ]]; then
        bench_add "$1" "$2" "$ratio" "$3" "$4" \
            "${9:+$9; }half of the rounds $low to $high"
    else
        bench_add "$1" "$2" null "$3" "$4" "missing: $(bench_why)"
    fi
}

# bench_why: what the last measurement that failed had to say.
bench_why() {
    local line
    line=$(tail -n 1 "$bench_work/errors" 2>/dev/null) || true
    say "${line:-not installed}"
}

bench_json() { jq -s . "$bench_work/rows"; }

# Is a row's goal met?  For jq.
# shellcheck disable=SC2016 # jq's variables
BENCH_MET='def met:
    if .goal == null or $judging == "" then "-"
    elif .ratio == null then "not measured"
    elif .better == "lower" and .ratio <= .goal then "met"
    elif .better == "higher" and .ratio >= .goal then "met"
    else "MISSED" end;'

bench_table() {
    jq -r --arg judging "$bench_judging" "$BENCH_MET"'
        def number: if . == null then "-"
            else . * 1000 | round / 1000 | tostring end;
        def goal: if .goal == null then "-"
            else (if .better == "lower" then "<= " else ">= " end)
                + (.goal | tostring) end;
        [.group, .name, (.ratio | number), goal, met, .detail] | @tsv
    ' "$bench_work/rows" | awk -F '\t' '
        BEGIN { line("group", "what", "ratio", "goal", "", "") }
        { line($1, $2, $3, $4, $5, $6) }
        function line(a, b, c, d, e, f) {
            printf "%-7s %-44s %8s %9s  %-12s %s\n", a, b, c, d, e, f
        }' | sed 's/ *$//'
}

# bench_verdict: the exit status.  Without judging it is enough that something
# was measured.
bench_verdict() {
    jq -s --arg judging "$bench_judging" "$BENCH_MET"'
        map(met) as $met |
        if all(.ratio == null) then 2
        elif any($met[]; . == "MISSED") then 1
        elif any($met[]; . == "not measured") then 2
        else 0 end' "$bench_work/rows"
}
