# The preload sweep: the framed server and client, with sanitizers, on the real
# kernel under `sockfault run`, with each plan of corpus/plans.
#
# A case is "SIDE.MODEL": which side has the faults, and which dispatcher the
# server uses; each dispatcher speaks another format.  Two clients at the same
# time; then one that stays when it has its answers, while others come and go: a
# third, one that only reads, and one that sends much and takes no answer but
# one until the server has been told to end.  What a run has to show:
#
#   benign plan   each client prints exactly what it was given; the last one has
#                 whole answers, as many as were made; all were accepted, and have
#                 ended clean
#   fatal plan    all but one do; that one ends by itself, and before its time
#                 is up
#   any plan      who parts is parted with, whoever else is there; the server ends
#                 by itself and clean when told, takes no more clients from then
#                 on, and has counted each connection once; no child has
#                 descriptors of another's; no monitor has anything to say, and
#                 no sanitizer
# shellcheck shell=bash

sweeping=yes
sweep_host=127.0.0.1
sweep_orderly=yes # a server that is told to end sends all answers before
sweep_clients=6
sweep_depth=1 # frames under way; a client with faults has more
sweep_cases=(server.select server.thread server.fork client.select)
sweep_frame_size=1000
sweep_options=()
sweep_build= # -checked: with sanitizers; else as they are shipped
declare -A sweep_frame=([select]='00995%995s' [thread]='\0\0\3\344%996s'
    [fork]='%998s\r\n')
declare -A sweep_format=([select]=ascii:5 [thread]=be32 [fork]='delim:\r\n')

# Plans for a project that has the programs, unless sweeping is off.
sweep_plans() {
    [[ -z $sweeping || ! -x $SF_BUILD/bin/sockfault ]] ||
        find "$SF_PROJECT/corpus/plans" -name '*.plan' 2>/dev/null | sort
}

# Frames of all sizes, from none to more than a buffer takes at once, and of
# bytes that are no text.
sweep_frames() {
    awk 'BEGIN {
        for (n = 0; n < 24; n++) {
            line = ""
            size = n < 12 ? n : n < 23 ? n * n * 3 % 257 : 3000
            for (i = 0; i < size; i++)
                line = line sprintf("%c", 97 + (n + i) % 26)
            print line
        }
    }' | LC_ALL=C tr qx '\0\377'
}

# sweep_fatal PLAN: has it a fault that may end a connection?
sweep_fatal() {
    local words
    words=$(sed -n 's/^FAULT([A-Z_]*, *"\([A-Za-z-]*\)".*FATAL.*/\1/p' \
        "$SF_HOME/faultinject/inject/faults.def" | paste -sd'|')
    sed 's/#.*//' "$1" | grep -qE ":.*\b($words|fatal)\b"
}

# sweep_start DIR MODEL COMMAND...: a server; its port, or its path, in
# sweep_port.  It waits longer for those who do not part than anyone waits for
# it, or sweep_linger ms, has room for fewer clients than come in a run, and
# what else is in sweep_options.
sweep_start() {
    local i
    : >"$1/server.out"
    "${@:3}" "$SF_BUILD/bin/framed-server$sweep_build" --port "${sweep_at:-0}" \
        --model "$2" --format "${sweep_format[$2]}" \
        --conns "${sweep_conns:-5}" \
        --linger "${sweep_linger:-$((3000 * SF_RUN_S))}" --stats \
        "${sweep_options[@]}" >"$1/server.out" 2>"$1/server.err" </dev/null &
    sweep_server=$!
    for ((i = 0; i < 200; i++)); do
        sweep_port=$(sed -n 's/^listening on .*:\([^:]*\)$/\1/p' \
            "$1/server.out")
        [[ -z $sweep_port ]] || return 0
        kill -0 "$sweep_server" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# sweep_client DIR NAME MODEL COMMAND...: the frames are on its standard input;
# how it ended goes to DIR/NAME.status.
sweep_client() {
    local status=0
    timeout -k 2 "$SF_RUN_S" "${@:4}" \
        "$SF_BUILD/bin/framed-client$sweep_build" \
        --connect "$sweep_host" --port "$sweep_port" \
        --format "${sweep_format[$3]}" --depth "$sweep_depth" \
        --timeout $((750 * SF_RUN_S)) \
        >"$1/$2.out" 2>"$1/$2.err" || status=$?
    [[ $status -ne 0 ]] || cmp -s "$1/frames" "$1/$2.out" || status=wrong
    say "$status" >"$1/$2.status"
} 2>/dev/null

# sweep_stay DIR MODEL: a client that has all answers and stays until there is
# DIR/leave.
sweep_stay() {
    {
        cat "$1/frames"
        # shellcheck disable=SC2016 # expanded by the shell that waits
        timeout "$((2 * SF_RUN_S))" bash -c \
            'until [[ -e $0 ]]; do sleep 0.05; done' "$1/leave" || true
    } | sweep_client "$1" stay "$2"
}

# sweep_read DIR: a client that sends nothing and reads to the end, which comes
# when the server is told to end; it has more patience than sweep_stop.
sweep_read() {
    local status=0 to=/dev/tcp/$sweep_host/$sweep_port
    timeout "$((2 * SF_RUN_S))" bash -c "exec {fd}<>$to && cat <&\$fd" \
        >"$1/reader.out" 2>&1 || status=$?
    say "$status" >"$1/reader.status"
}

# sweep_much PLAN: many bytes; where each call moves one, or calls take their
# time, there is none for so many.
sweep_much() {
    if grep -q '\*: short 1$' "$1"; then
        say $((4 << 10))
    elif grep -q ': delay ' "$1"; then
        say $((1 << 20))
    else
        say $((4 << 20))
    fi
}

# sweep_last DIR MODEL BYTES: a client that sends so much in frames of one size,
# and takes no answer but the first before the server has been told to end and
# takes no more clients; two seconds are enough for that.
sweep_last() {
    local status=0 size=$sweep_frame_size
    # shellcheck disable=SC2059 # the format is a frame's
    printf "${sweep_frame[$2]}" '' | tr ' ' x >"$1/many"
    for (( ; size < $3; size *= 2)); do
        cat "$1/many" "$1/many" >"$1/more"
        mv "$1/more" "$1/many"
    done
    # shellcheck disable=SC2016 # expanded by the shell that has the socket
    timeout "$((2 * SF_RUN_S))" bash -c '
        exec {fd}<>"$1"
        cat "$2/many" >&"$fd" &
        head -c "$3" <&"$fd"
        : >"$2/going"
        until [[ -e $2/told ]]; do sleep 0.02; done
        for ((i = 0; i < 100; i++)); do
            (exec {late}<>"$1") 2>/dev/null || break
            sleep 0.02
        done
        [[ $i -lt 100 ]] || : >"$2/late"
        sleep 0.1
        cat <&"$fd" || exit
        kill "$!" || true' - "/dev/tcp/$sweep_host/$sweep_port" "$1" \
        "$sweep_frame_size" >"$1/last.out" || status=$?
    size=$(stat -c %s "$1/last.out")
    [[ $status -ne 0 ]] || { [[ $((size % sweep_frame_size)) -eq 0 ]] &&
        cmp -s -n "$size" "$1/many" "$1/last.out"; } || status=wrong
    say "$status" >"$1/last.status"
} 2>/dev/null

# sweep_until TEST...: until it holds; fails when it has not after some seconds.
sweep_until() {
    local i
    for ((i = 0; i < 200; i++)); do
        ! "$@" || return 0
        sleep 0.02
    done
    return 1
}

# sweep_await DIR CLIENT TEST...: until TEST holds or the client has ended; not
# for ever.
sweep_await() { sweep_until sweep_settled "$@" || true; }

sweep_settled() { [[ -s $1/$2.status ]] || "${@:3}"; }

# sweep_company DIR MODEL BYTES PLAN: who comes while another stays, and who
# stays longer.
sweep_company() {
    local stays
    sweep_stay "$1" "$2" &
    stays=$!
    sweep_await "$1" stay cmp -s "$1/frames" "$1/stay.out"
    sweep_read "$1" &
    sweep_readers=$!
    if [[ -n $sweep_orderly ]]; then
        sweep_last "$1" "$2" "$3" &
        sweep_readers+=" $!"
    else
        say 0 >"$1/last.status"
    fi
    sweep_host=localhost sweep_client "$1" third "$2" <"$1/frames"
    sweep_inherit "$1" "$4"
    : >"$1/leave"
    wait "$stays" || true
    sweep_await "$1" last test -e "$1/going"
    sleep 0.1 # there is room for so much more
}

# sweep_children: those of a fork server under the shim; of any other, none.
sweep_children() {
    local pid
    pid=$(cat "/proc/$sweep_server/task/$sweep_server/children")
    [[ -z $pid ]] || cat "/proc/${pid% }/task/${pid% }/children"
} 2>/dev/null

# sweep_alike: all children have as many descriptors, or it cannot be said.
sweep_alike() {
    local child
    for child in $(sweep_children); do
        find "/proc/$child/fd" -type l 2>/dev/null | wc -l
    done | sort -u | awk 'END { exit NR > 1 }'
}

# sweep_inherit DIR PLAN: a child that was made just now has not closed yet what
# it does not need, and one that ends has closed more: once alike is enough.
sweep_inherit() {
    ! grep -q deadfd "$2" || return 0
    sweep_until sweep_alike ||
        sweep_finding fd-leak \
            "a child has descriptors that others do not have" \
            >"$1/children.err"
}

# sweep_stop DIR [TASK]: the server is told to end, by way of this thread of it,
# and how it did is written down.  One that does not is killed; under the shim
# only itself, so that its trace is kept.
sweep_stop() {
    local status=0 pid=$sweep_server child
    kill -TERM "${2:-$pid}" || true
    : >"$1/told"
    if ! timeout "$SF_RUN_S" tail -s 0.05 --pid="$pid" -f /dev/null; then
        sweep_finding stall "the server did not end when told" >"$1/0.err"
        child=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children" || true)
        kill -KILL "${child:-$pid}" || true
        timeout 1 tail -s 0.05 --pid="$pid" -f /dev/null ||
            kill -KILL "$pid" || true # the child was a server's own
    fi
    wait "$sweep_server" || status=$?
    say "$status" >"$1/server.status"
} 2>/dev/null

# What peers of a server in a hurry do; each on a socket of its own, $fd.  A
# byte now and then is half a frame.
# shellcheck disable=SC2016 # expanded by the shell that has the socket
declare -A sweep_peer=(
    [flooder]='yes "$1" >&"$fd" & exec cat <&"$fd" >/dev/null'
    [stuck]='exec yes "$1" >&"$fd"'
    [quiet]='exec sleep 60'
    [dribbler]='while printf "\0" >&"$fd"; do sleep 0.1; done'
)

# How long the server and its children have had a processor.
sweep_worked() {
    local pid
    for pid in "$sweep_server" \
        $(cat "/proc/$sweep_server/task/$sweep_server/children"); do
        cat "/proc/$pid"/task/*/schedstat
    done 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

# Until the server waits: who reads nothing is stuck when buffers are full,
# which takes longer on a machine that is busy.  One that never does is not
# waited for.
sweep_rest() {
    local before i
    for ((i = 0; i < 15; i++)); do
        before=$(sweep_worked)
        sleep 0.2
        [[ $(sweep_worked) != "$before" ]] || return 0
    done
}

# sweep_hurry DIR MODEL PEER...: a server that has some time for each thing that
# ends a connection is told to end among such peers.  It ends in time, whatever
# they do: all is over then, or, for children, has had it three times.  In good
# order it parts with all but those who read nothing; with who always has
# something more to send only a child has more time than that.
sweep_hurry() {
    local dir=$1 model=$2 name since ended stuck=0 pids=() time=3000
    [[ $model != fork ]] || time=1000
    local -A sweep_format=([$2]='delim:\n')
    sweep_linger=$time sweep_start "$dir" "$model" env || return 0
    for name in "${@:3}"; do
        # shellcheck disable=SC2016
        setsid bash -c 'exec {fd}<>"$0" || exit; '"${sweep_peer[$name]}" \
            "/dev/tcp/$sweep_host/$sweep_port" \
            x >/dev/null 2>&1 &
        pids+=("$!")
        [[ $name$model != stuck* && $name$model != flooder[st]* ]] ||
            stuck=$((stuck + 1))
    done
    sleep 0.7
    [[ ${*:3} != stuck ]] || sweep_rest
    since=$EPOCHREALTIME
    sweep_stop "$dir"
    for name in "${pids[@]}"; do
        kill -- "-$name" || true
    done 2>/dev/null
    wait "${pids[@]}" || true
    awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a > 5 }' ||
        sweep_finding stall "told to end, it takes more than its time"
    ended=$(sed -nE \
        's/^accepted.* ended ([0-9]+),.* timed out ([0-9]+),.*/\1 \2/p' \
        "$dir/server.err" | awk '{ print $1 + $2 }')
    [[ ${ended:-0} -ge $(($# - 2 - stuck)) ]] ||
        sweep_finding wrong-data "of $(($# - 2)) it has parted with $ended in \
good order or for want of time"
}

# sweep_run CASE PLAN DIR: one run; everything that came of it is in DIR.
sweep_run() {
    local model=${1#*.} dir=$3 other sweep_readers='' depth=1
    local -a shim=("$SF_BUILD/bin/sockfault" run --plan "$2"
        --trace "$dir/trace" --)
    local -a at_server=() at_client=()
    case $1 in
    server.*) at_server=("${shim[@]}") ;;
    client.*) at_client=("${shim[@]}") depth=16 ;;
    esac
    sweep_frames >"$dir/frames"
    if sweep_start "$dir" "$model" "${at_server[@]}"; then
        sweep_client "$dir" second "$model" <"$dir/frames" &
        other=$!
        sweep_depth=$depth sweep_client "$dir" first "$model" \
            "${at_client[@]}" <"$dir/frames"
        wait "$other" || true
        sweep_company "$dir" "$model" "$(sweep_much "$2")" "$2"
    fi
    sweep_stop "$dir"
    # shellcheck disable=SC2086 # two words, or none
    [[ -z $sweep_readers ]] || wait $sweep_readers || true
}

# sweep_wrong DIR CLIENT STATUS: how one ended, and what it said last, if it did.
sweep_wrong() {
    local last
    last=$(tail -n 1 "$1/$2.err" 2>/dev/null || true)
    if [[ $3 == none ]]; then
        say "the $2 client was never started"
    else
        say "the $2 client: status $3${last:+, $last}"
    fi >>"$1/wrong"
}

# What is wrong with a run, each a finding as the monitors print theirs, which
# come first, and alone where a sanitizer has ended it.  A shim that saw no call
# makes no run: its plan injected nothing.
sweep_judge() {
    local plan=$2 dir=$3 name status right=0
    ! grep -qs 'no call was intercepted' "$dir"/*.err || return 0
    grep -h '^sockfault: finding: ' "$dir"/*.err >"$dir/said" || true
    if grep -qs 'Sanitizer: \|: runtime error: ' "$dir"/*.err; then
        grep -v ': finding: died: ' "$dir/said" || true
        return
    fi
    cat "$dir/said"
    for name in first second third stay last; do
        status=$(cat "$dir/$name.status" 2>/dev/null || say none)
        case $status in
        0) right=$((right + 1)) ;;
        124 | 137) sweep_finding stall "the $name client did not end" ;;
        esac
        ! grep -qs 'the deadline has passed' "$dir/$name.err" ||
            sweep_finding stall "the $name client waited in vain"
        [[ $status == 0 ]] || sweep_wrong "$dir" "$name" "$status"
    done
    sweep_fatal "$plan" && right=$((right + 1))
    [[ $right -ge 5 ]] ||
        sweep_finding wrong-data "$(head -n 1 "$dir/wrong")"
    [[ $(cat "$dir/reader.status" 2>/dev/null) != 124 ]] ||
        sweep_finding stall "the client that only reads was not parted with"
    [[ ! -e $dir/late ]] ||
        sweep_finding stall "told to end, it goes on taking clients"
    sweep_counts "$dir" "$plan" "$1"
    status=$(cat "$dir/server.status")
    case $status in
    0 | 1 | 137) ;;
    *) sweep_finding died "the server ended with status $status" ;;
    esac
}

# sweep_counts DIR PLAN CASE: what the server says in the end, if it says so; of
# frames only a child knows.  What was done to it has to be in it as well.
sweep_counts() {
    local over benign=1 frames=0 dead refused exhausted
    ! sweep_fatal "$2" || benign=0
    [[ $3 == *.fork ]] || frames=$((4 * $(sweep_frames | wc -l)))
    dead=$(sweep_done "$1" "$3" ': deadfd(-late|-notsock|$)')
    refused=$(sweep_done "$1" "$3" ': no-process|socketpair .*: EMFILE')
    exhausted=$(sweep_done "$1" "$3" 'accept.*: EMFILE')
    over=$(sed -nE 's/^accepted ([0-9]+), refused ([0-9]+), frames ([0-9]+), ended ([0-9]+), failed ([0-9]+), timed out ([0-9]+), dead ([0-9]+), exhausted ([0-9]+),.*/\1 \4 \5 \6 \7 \3 \2 \8/p' \
        "$1/server.err" | awk '$1 != $2 + $3 + $4 + $5 ||
            $5 < dead || $7 < refused || $8 < exhausted ||
            benign && ($1 != $2 || $1 < clients || $6 < frames)' clients="$sweep_clients" \
        frames="$frames" benign=$benign dead="$dead" refused="$refused" \
        exhausted="$exhausted")
    [[ -z $over ]] ||
        sweep_finding wrong-data "accepted, ended, failed, timed out, \
dead, frames, refused, exhausted: it has counted $over"
}

# sweep_done DIR CASE PATTERN: how many such faults the server has met.
sweep_done() {
    if [[ $2 == server.* ]]; then
        sed 's/#.*//' "$1/trace" 2>/dev/null | grep -cE "$3" || true
    else
        say 0
    fi
}

sweep_finding() { say "sockfault: finding: $1: $2"; }

# sweep_replay CASE PLAN REPORT: one run, judged; sets replay_*, as
# replay_input does, and sweep_faults, how many faults were injected.  What the
# run writes lies beside REPORT, where it goes with its folder, however this
# ends.
sweep_replay() {
    local dir sweep_build=-checked
    sweep_faults=0
    if ! "$SF_BUILD/bin/sockfault" check "$2" >"$3" 2>&1; then
        replay_refuse "$3"
        return
    fi
    [[ -x $SF_BUILD/bin/framed-server-checked ]] || sweep_build=
    dir=$(mktemp -d -p "$(dirname "$3")" run.XXXXXX)
    sweep_run "$1" "$2" "$dir"
    {
        cat "$dir/trace" 2>/dev/null || true
        sweep_judge "$1" "$2" "$dir"
        grep -hE '^sockfault: |^ *#[0-9]+ |Sanitizer: |: runtime error: ' \
            "$dir"/*.err | grep -v '^sockfault: finding: ' || true
    } >"$3"
    sweep_faults=$(sed -n 's/^sockfault: .*, \([0-9]*\) faults\{0,1\}.*/\1/p' "$3" |
        tail -1)
    rm -rf "$dir"
    report_read 0 "$3"
    replay_frames=${replay_kind:+$1}
}

# preload_turn OUT: all plans in all cases; a case in which something was found
# is over, since with a server that hangs or loses data each plan would say so
# again.  A run in which the turn was told to stop does not count: its programs
# may have been told, too.  A plan that never injected anything is no check; it
# goes to OUT/work/idle-plans, and what is no plan to OUT/work/refused.
preload_turn() {
    local out=$1 plan case faults since=$SECONDS runs=0 report
    local -A over=()
    report=$(mktemp "$out/work/report.XXXXXX")
    : >"$out/work/idle-plans"
    while read -r plan; do
        faults=0
        for case in "${sweep_cases[@]}"; do
            [[ -z ${turn_stopped-} ]] || break 2
            [[ -z ${over[$case]-} ]] || continue
            sweep_replay "$case" "$plan" "$report"
            [[ -z ${turn_stopped-} ]] || break 2
            if [[ $replay_kind == refused ]]; then
                refused_note "$out" "$plan" "$plan"
                continue 2
            fi
            say $((++runs)) >"$out/work/framed.preload.runs"
            faults=$((faults + ${sweep_faults:-0}))
            [[ -n $replay_kind ]] || continue
            over[$case]=yes
            finding_keep "$out" "$case" preload "$plan" "$report" 1
        done
        [[ ${#over[@]} -gt 0 || $faults -gt 0 ]] ||
            relative "$plan" >>"$out/work/idle-plans"
    done < <(sweep_plans)
    turn_record "$out" framed preload $((SECONDS - since)) "$runs" 0
    rm -f "$report"
}
