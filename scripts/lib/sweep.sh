# The preload sweep: the framed server and client, as they are shipped, on the
# real kernel under `sockfault run`, with each plan of corpus/plans.
#
# A case is "SIDE.MODEL": which side has the faults, and which dispatcher the
# server uses; each dispatcher speaks another format.  What a run has to show:
#
#   benign plan   the client under test prints exactly what it was given
#   fatal plan    it may fail, but ends by itself in time
#   any plan      a second client, without faults and on the same server, prints
#                 exactly what it was given; the server ends by itself and
#                 clean when told; no monitor has anything to say
# shellcheck shell=bash

sweep_cases=(server.select server.thread server.fork client.select)
declare -A sweep_format=([select]=ascii:5 [thread]=be32 [fork]='delim:\r\n')

sweep_plans() {
    find "$SF_PROJECT/corpus/plans" -name '*.plan' 2>/dev/null | sort
}

# Frames of all sizes from none to more than any buffer takes at once.
sweep_frames() {
    awk 'BEGIN {
        for (n = 0; n < 48; n++) {
            line = ""
            size = n < 12 ? n : n < 47 ? n * n * 3 % 4099 : 90000
            for (i = 0; i < size; i++)
                line = line sprintf("%c", 97 + (n + i) % 26)
            print line
        }
    }'
}

# sweep_fatal PLAN: does it have a fault that may end a connection?
sweep_fatal() {
    local words
    words=$(sed -n 's/^FAULT([A-Z]*, *"\([A-Za-z]*\)".*FATAL.*/\1/p' \
        "$SF_HOME/faultinject/inject/faults.def" | paste -sd'|')
    sed 's/#.*//' "$1" | grep -qE ":.*\b($words|fatal)\b"
}

# sweep_start DIR MODEL COMMAND...: a server; its port in sweep_port.
sweep_start() {
    local dir=$1 format=${sweep_format[$2]} i
    "${@:3}" "$SF_BUILD/bin/framed-server" --port 0 --format "$format" \
        --model "$2" >"$dir/server.out" 2>"$dir/server.err" </dev/null &
    sweep_server=$!
    for ((i = 0; i < 100; i++)); do
        sweep_port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' \
            "$dir/server.out")
        [[ -z $sweep_port ]] || return 0
        kill -0 "$sweep_server" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# sweep_client DIR NAME MODEL COMMAND...: sets sweep_status.
sweep_client() {
    sweep_status=0
    {
        timeout -k 2 "$SF_RUN_S" "${@:4}" "$SF_BUILD/bin/framed-client" \
            --connect 127.0.0.1 --port "$sweep_port" \
            --format "${sweep_format[$3]}" <"$1/frames" \
            >"$1/$2.out" 2>"$1/$2.err" || sweep_status=$?
    } 2>/dev/null
}

# sweep_stop DIR: the server is told to end; its status in sweep_status.
sweep_stop() {
    sweep_status=0
    kill -TERM "$sweep_server" 2>/dev/null || true
    timeout "$SF_RUN_S" tail --pid="$sweep_server" -f /dev/null || {
        kill -KILL "$sweep_server" 2>/dev/null || true
    }
    { wait "$sweep_server" || sweep_status=$?; } 2>/dev/null
}

# sweep_case CASE PLAN DIR: one run.  Prints the first thing that is not as it
# should be as "KIND message", or nothing.
sweep_case() {
    local side=${1%.*} model=${1#*.} dir=$3
    local -a shim=("$SF_BUILD/bin/sockfault" run --plan "$2" --) none=()
    local -n at_server=none at_client=none
    sweep_frames >"$dir/frames"
    if [[ $side == server ]]; then
        local -n at_server=shim
    else
        local -n at_client=shim
    fi
    if ! sweep_start "$dir" "$model" "${at_server[@]}"; then
        sweep_stop
        say "no-start the server did not begin to listen"
        return
    fi
    sweep_client "$dir" first "$model" "${at_client[@]}"
    sweep_first "$2" "$dir" "$side"
    sweep_client "$dir" second "$model"
    [[ $sweep_status -eq 0 ]] && cmp -s "$dir/frames" "$dir/second.out" ||
        say "harm a later connection without faults was not served right"
    sweep_stop
    sweep_end "$side"
}

# sweep_first PLAN DIR SIDE: the connection that has the faults.
sweep_first() {
    local told
    case $sweep_status in
    124 | 137) say "hang the client did not end within $SF_RUN_S s" ;;
    esac
    [[ $sweep_status -lt 129 || $sweep_status -eq 137 ]] ||
        say "died the client was killed by signal $((sweep_status - 128))"
    told=$(sweep_told "$2")
    [[ -z $told ]] || say "$told"
    sweep_fatal "$1" && return
    cmp -s "$2/frames" "$2/first.out" ||
        say "wrong-data what came back is not what was sent"
    [[ $sweep_status -eq 0 ]] ||
        say "lost-data the client ended with $sweep_status on a benign plan"
}

# sweep_end SIDE: how the server ended.
sweep_end() {
    case $sweep_status in
    0) ;;
    1) [[ $1 == client ]] && say "died the server ended with 1" ;;
    137) say "hang the server did not end within $SF_RUN_S s of SIGTERM" ;;
    *) say "died the server ended with $sweep_status" ;;
    esac
}
