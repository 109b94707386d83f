# How a server starts: where it listens, what it is told, and that it ends when
# it is told to at once.
# shellcheck shell=bash

# A server at a port where connections of the one before are not long gone.
manners_restart() {
    local port client
    sweep_start "$1" select env || return 0
    port=$sweep_port
    manners_guest &
    client=$!
    sleep 0.2
    sweep_stop "$1"
    wait "$client" || true
    if sweep_at=$port sweep_start "$1" select env; then
        sweep_stop "$1"
    else
        sweep_finding died "started again at once, it cannot have its port"
    fi
}

# Started without standard streams, neither has a connection in their place, to
# which it would say what is meant for people.  The client has somebody to wait
# for; a server that cannot say where it is is none.
manners_streams() {
    local streams
    sweep_start "$1" select env || return 0
    kill -STOP "$sweep_server"
    for streams in '<&-' '2>&-' '<&- 2>&-'; do
        manners_closed "$streams" framed-server
    done
    for streams in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
        manners_closed "$streams" framed-client --port "$sweep_port" --count 1
    done
    kill -CONT "$sweep_server"
    sweep_stop "$1"
}

# It has a socket, the lowest of which is in fd.
manners_has_socket() {
    fd=$(manners_sockets "$1" | head -n 1)
    [[ -n $fd ]]
}

# manners_closed STREAMS PROGRAM OPTION...
manners_closed() {
    local fd pid
    bash -c 'exec "$@" '"$1" - "$SF_BUILD/bin/$2" "${@:3}" \
        </dev/null >/dev/null 2>&1 &
    pid=$!
    sweep_until manners_has_socket "$pid" || true
    kill -KILL "$pid" || true
    wait "$pid" || true
    if [[ -z $fd ]]; then
        sweep_finding died "$2 does not start with $1"
    elif [[ $fd -le 2 ]]; then
        sweep_finding stale-fd "$2, started with $1, has a socket as $fd"
    fi
} 2>/dev/null

# What nobody can hear is not passed over: where a server listens, and what has
# come back.
manners_unheard() {
    local to
    sweep_start "$1" select env || return 0
    for to in '>&-' '>/dev/full'; do
        manners_mute "$1" 2 "$to" framed-server
        manners_mute "$1" 1 "$to" framed-client --port "$sweep_port" --count 1 \
            --format "${sweep_format[select]}"
    done
    sweep_stop "$1"
}

# manners_mute DIR STATUS STREAM PROGRAM OPTION...: it says why in a line.
manners_mute() {
    local status=0
    timeout 3 bash -c 'exec "$@" '"$3" - "$SF_BUILD/bin/$4" "${@:5}" \
        </dev/null 2>"$1/said" || status=$?
    [[ $status -eq $2 && $(wc -l <"$1/said") -eq 1 ]] || sweep_finding \
        wrong-data "$4, with $3, ends with $status and says: $(cat "$1/said")"
}

# What it executed would have none of its sockets.
manners_exec_flags() {
    local fd info flags
    sweep_start "$1" select env || return 0
    exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
    sleep 0.2
    for info in /proc/"$sweep_server"/fdinfo/*; do
        flags=$(sed -n 's/^flags:[^0-9]*//p' "$info" 2>/dev/null)
        [[ $(readlink "${info/fdinfo/fd}") != socket:* ]] ||
            (((8#$flags & 8#2000000) != 0)) ||
            sweep_finding fd-leak "descriptor ${info##*/} stays open in exec"
    done
    exec {fd}>&-
    sweep_stop "$1"
}

# A path is another server's as long as that one lives, however busy it is, and
# anyone's when it is dead; a file that is no socket is nobody's.
manners_path() {
    local i before after
    say mine >"$1/path"
    manners_intrude "$1" "that is a file"
    rm "$1/path"
    local -a sweep_options=(--listen "unix:$1/path" --backlog 1) clients=()
    sweep_start "$1" select env || return 0
    before=$(manners_sockets "$sweep_server")
    manners_intrude "$1" "where a server lives"
    kill -STOP "$sweep_server"
    for i in 1 2 3 4; do # the last ones find no room
        "$SF_BUILD/bin/framed-client" --connect "unix:$1/path" --count 1 \
            --format "${sweep_format[select]}" >"$1/client.$i" 2>&1 &
        clients+=("$!")
    done
    wait -n "${clients[@]}" || true
    manners_intrude "$1" "where a server's backlog is full"
    kill -KILL "$sweep_server"
    wait "$sweep_server" "${clients[@]}" || true
    mv "$1/path" "$1/dead"
    ln -s dead "$1/path"
    manners_intrude "$1" "where a link leads to one that is dead"
    mv "$1/dead" "$1/path"
    if sweep_start "$1" select env; then
        manners_is_alone ||
            sweep_finding fd-leak "who had the path is dead, and \
it has the sockets ${after//$'\n'/ }"
        sweep_stop "$1"
    else
        sweep_finding died "it cannot have the path of one that is dead"
    fi
} 2>/dev/null

# manners_intrude DIR WHICH: a second server at a path that is in use.
manners_intrude() {
    local status=0
    timeout -k 1 2 "$SF_BUILD/bin/framed-server" --listen "unix:$1/path" \
        >"$1/second.out" 2>&1 || status=$?
    [[ $status -eq 2 ]] ||
        sweep_finding wrong-data "it takes a path $2"
}

# A path is as long as there is room for it with its NUL, and no longer.
manners_long() {
    local path size status
    for size in 107 108; do
        path=$(printf "%${size}s" '' | tr ' ' p) status=0
        (cd "$1" && exec timeout -k 1 1 "$SF_BUILD/bin/framed-server" \
            --listen "unix:$path" >/dev/null 2>&1) || status=$?
        case $size.$status in
        107.124 | 108.2) ;; # it serves until it is told to end; it refuses
        *) sweep_finding wrong-data \
            "at a path of $size bytes it ends with status $status" ;;
        esac
    done
}

# Who is told to end as soon as he says that he is there ends as at any other
# time, by whichever of both signals.
manners_prompt() {
    local pid status word
    mkfifo "$1/says"
    for word in TERM INT TERM INT TERM; do
        manners_narrow "$SF_BUILD/bin/framed-server" --port 0 >"$1/says" \
            2>/dev/null &
        pid=$! status=0
        # shellcheck disable=SC2016 # expanded by the shell that tells it
        manners_beside bash -c 'read -r _ <"$0" && kill -"$2" "$1"' \
            "$1/says" "$pid" "$word" || true
        timeout 3 tail -s 0.05 --pid="$pid" -f /dev/null || kill -KILL "$pid" ||
            true
        wait "$pid" || status=$?
        [[ $status -eq 0 ]] || {
            sweep_finding died \
                "told SIG$word when it listens, it ends with $status"
            return 0
        }
    done
}

# What is no number, or too large a one, or an option that there is not, starts
# no server; help is no mistake, and knows what options there are.
manners_picky() {
    local -a wrong=('--port=' '--port=1x' '--port= ' '--port=65536' '--port=-1'
        '--port=99999999999999999999' '--port=0x50' '--idle=-2'
        '--conns=1000001' '--port' '--model=' '--format=' '--surprise'
        'surprise')
    local option status help
    help=$(timeout -k 1 1 "$SF_BUILD/bin/framed-server" --help) || true
    for option in "${wrong[@]}" --help; do
        status=0
        timeout -k 1 1 "$SF_BUILD/bin/framed-server" "$option" \
            >/dev/null 2>"$1/said" || status=$?
        case $option.$status in
        --help.0) ;;
        *.2) [[ $(wc -l <"$1/said") -eq 1 && ! ($(cat "$1/said") == *unknown* &&
            $help == *" ${option%%=*} "*) ]] ||
            sweep_finding wrong-data "of '$option' it says: $(cat "$1/said")" ;;
        *) sweep_finding wrong-data "with '$option' it ends with $status" ;;
        esac
    done
}

# Where it says that it listens is where it is.
manners_announced() {
    local listen said
    for listen in 127.0.0.1 ::1 "unix:$1/path"; do
        [[ $listen != ::1 ]] || manners_has_ipv6 || continue
        local -a sweep_options=(--listen "$listen")
        sweep_start "$1" select env || return 0
        said=$(cat "$1/server.out")
        case $said in
        "listening on 127.0.0.1:$sweep_port" | "listening on [::1]:$sweep_port" | \
            "listening on unix:$1/path") ;;
        *) sweep_finding wrong-data "told to listen at $listen it says: $said" ;;
        esac
        sweep_stop "$1"
    done
}

# One address of the host is not all of them, and '*' is.
manners_address() {
    local listen there
    for listen in 127.0.0.1 '*'; do
        local -a sweep_options=(--listen "$listen")
        sweep_start "$1" select env || return 0
        there=$(manners_reach 127.0.0.1)$(manners_reach 127.0.0.2)
        [[ $listen != '*' ]] || ! manners_has_ipv6 ||
            there+=$(manners_reach ::1)
        sweep_stop "$1"
        case $listen$there in
        127.0.0.1yesno | \*yesyes | \*yesyesyes) ;;
        *) sweep_finding wrong-data "told to listen at $listen, is it at \
127.0.0.1, at 127.0.0.2 and, with IPv6, at ::1? $there" ;;
        esac
    done
    there='no server'
    ! sweep_start "$1" select "$SF_BUILD/bin/sockfault" run --quiet \
        --fault 'socket *: EAFNOSUPPORT' -- || {
        there=$(manners_reach 127.0.0.2)
        sweep_stop "$1"
    }
    [[ $there == yes ]] || sweep_finding wrong-data \
        'where there is no IPv6, * is not everywhere'
}

# The machine has the address ::1.
manners_has_ipv6() { grep -qs '^0\{31\}1 ' /proc/net/if_inet6; }

# manners_reach ADDRESS: does the server listen there?
manners_reach() {
    if (exec {fd}<>"/dev/tcp/$1/$sweep_port") 2>/dev/null; then
        printf yes
    else
        printf no
    fi
}
