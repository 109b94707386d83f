# What a server does at its beginning and from one client to the next, which no
# fault has a part in.  Uses sweep.sh and mutant_models; each says what it
# finds.
# shellcheck shell=bash

. "$SF_LIB/manners-client.sh"
. "$SF_LIB/manners-start.sh"
. "$SF_LIB/manners-death.sh"

# The last take longest.
manners=(restart exec_flags turns dialogue address announced streams unheard
    path rush long killed vain lied unmoved high nagged limits quiet vanish
    spoilt refused brief poor widow frugal dialects large depth rash liar scarce
    patience sleep busy babble prompt picky neighbours stranger orphans word
    worker aside deaf robbed orphaned deserted farewell stillborn ages)

# manners_guest: a client that says nothing, and parts when the server does.
manners_guest() {
    # shellcheck disable=SC2016 # expanded by the shell that has the socket
    exec bash -c 'exec {fd}<>"$0" && exec cat <&"$fd"' \
        "/dev/tcp/$sweep_host/$sweep_port" >/dev/null 2>&1
}

# One at a time, one after the other, as many as there may be at once.
manners_turns() {
    local i model
    for model in "${mutant_models[@]}"; do
        sweep_conns=1 sweep_start "$1" "$model" env || return 0
        for i in 1 2 3 4 5 6; do
            say hi | timeout 5 "$SF_BUILD/bin/framed-client" \
                --port "$sweep_port" --format "${sweep_format[$model]}" \
                >/dev/null 2>&1 || {
                sweep_finding stall "client $i of $model, alone, is not served"
                break
            }
        done
        sweep_stop "$1"
    done
}

# manners_sockets PID: the numbers that are sockets, the lowest first.
manners_sockets() {
    find "/proc/$1/fd" -lname 'socket:*' -printf '%f\n' 2>/dev/null | sort -n
}

# Who comes while a server is busy waits, unless it was told how many may.
manners_rush() {
    local client
    local -a sweep_options=(--listen "unix:$1/rush") clients=()
    sweep_start "$1" select env || return 0
    kill -STOP "$sweep_server"
    for client in 1 2 3 4 5; do
        timeout 5 "$SF_BUILD/bin/framed-client" --connect "unix:$1/rush" \
            --count 1 --format "${sweep_format[select]}" \
            >"$1/client.$client" 2>&1 &
        clients+=("$!")
    done
    sleep 0.2
    kill -CONT "$sweep_server"
    for client in 1 2 3 4 5; do
        wait "${clients[client - 1]}" || sweep_finding harm \
            "five come at once, and one says: $(cat "$1/client.$client")"
    done
    sweep_stop "$1"
}

# The server has children, which are in child.
manners_has_child() {
    child=$(cat "/proc/$sweep_server/task/$sweep_server/children")
    [[ -n $child ]]
}

# A child that somebody kills has not ended in good order.
manners_killed() {
    local fd child
    sweep_start "$1" fork env || return 0
    exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
    sweep_until manners_has_child || true
    kill -KILL "${child% }"
    cat <&"$fd" >/dev/null
    exec {fd}>&-
    sweep_stop "$1"
    grep -q '^accepted 1,.* ended 0, failed 1,' "$1/server.err" ||
        sweep_finding wrong-data "a child was killed, and it has counted: $(
            tail -n 1 "$1/server.err")"
} 2>/dev/null

# Who was told in vain that there is something to read hears the word to stop.
manners_lied() {
    local model client
    for model in thread fork; do
        sweep_start "$1" "$model" "$SF_BUILD/bin/sockfault" run --quiet \
            --profile hostile --fault 'poll 1: spurious' -- || return 0
        manners_guest &
        client=$!
        sleep 0.3
        sweep_stop "$1"
        wait "$client" || true
    done
}

# A send that takes nothing is no end of anything: it is made again, by servers
# and by clients, and not at once.
manners_unmoved() {
    local model
    local -a unmoved=("$SF_BUILD/bin/sockfault" run --quiet --status
        --profile hostile --fault 'out *: zero' --)
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" "${unmoved[@]}" || return 0
        say hi | timeout 5 "${unmoved[@]}" "$SF_BUILD/bin/framed-client" \
            --port "$sweep_port" --format "${sweep_format[$model]}" \
            >"$1/out" 2>&1 || sweep_finding wrong-data \
            "of $model, whose sends take nothing at first: $(cat "$1/out")"
        sweep_stop "$1"
    done
}

# manners_crowd LAST COMMAND...: numbers up to LAST are in use; does not return.
manners_crowd() {
    exec bash -c 'ulimit -n 1100
        for ((fd = 3; fd <= $1; fd++)); do eval "exec $fd</dev/null"; done
        exec "${@:2}"' - "$@"
}

# Numbers end that select can hold, with some clients more; when they are gone,
# all is as before.
manners_high() {
    local left model
    for model in "${mutant_models[@]}"; do
        for left in 6 7; do
            if sweep_start "$1" "$model" manners_crowd $((1023 - left)); then
                manners_visits "$1" "$model"
                sweep_stop "$1"
            else
                sweep_finding died "$model does not start with $left numbers"
            fi
        done
    done
}

# With fewer of them than it takes it ends, and misuses none.
manners_scarce() {
    local left model said
    for model in "${mutant_models[@]}"; do
        for left in 0 1 2 3; do
            said=$( (manners_crowd $((1023 - left)) timeout 1 \
                "$SF_BUILD/bin/sockfault" run --quiet -- \
                "$SF_BUILD/bin/framed-server" --port 0 --model "$model" \
                --format "${sweep_format[$model]}") 2>&1 |
                sed -n 's/^sockfault: finding: //p' | head -n 1) || true
            [[ -z $said ]] || sweep_finding "${said%%: *}" \
                "$model, with $left numbers that select can hold: ${said#*: }"
        done
    done
}

# The server has the sockets that it had before; they are in after.
manners_is_alone() {
    after=$(manners_sockets "${server:-$sweep_server}")
    [[ $after == "$before" ]]
}

# manners_visits DIR MODEL
manners_visits() {
    local before after fd i fds=()
    before=$(manners_sockets "$sweep_server")
    for i in 1 2 3 4 5 6; do
        exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
        fds+=("$fd")
    done
    sleep 0.1
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
    sweep_until manners_is_alone ||
        sweep_finding fd-leak \
            "all clients of $2 are gone, and it has the sockets \
${after//$'\n'/ }"
}

# Who has come last and stays keeps nobody from being parted with.
manners_neighbours() {
    local before fd guest model
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" env || return 0
        exec {guest}<>"/dev/tcp/$sweep_host/$sweep_port"
        exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
        sleep 0.2
        before=$(manners_sockets "$sweep_server" | wc -l)
        exec {guest}>&-
        sweep_until manners_has_sockets $((before - 1)) ||
            sweep_finding fd-leak \
                "a client of $model is gone, and another stays: it has $(
                manners_sockets "$sweep_server" | wc -l) sockets"
        exec {fd}>&-
        sweep_stop "$1"
    done
}

manners_has_sockets() {
    [[ $(manners_sockets "$sweep_server" | wc -l) -eq $1 ]]
}

# A child that the server has from whom it was before is not its own, and left
# to whoever asks for it.
manners_stranger() {
    local child fd strangers
    # shellcheck disable=SC2016 # expanded by the shell that becomes the server
    sweep_start "$1" fork bash -c 'sleep 0.1 & exec "$@"' - || return 0
    sleep 0.3
    manners_has_child
    strangers=$child
    exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
    sleep 0.2
    exec {fd}>&-
    sweep_until manners_has_children "$strangers" || sweep_finding zombie \
        "it had the child ${strangers% }, had another and was left by it, and \
has the children $child"
    sweep_stop "$1"
} 2>/dev/null

manners_has_children() {
    manners_has_child && [[ $child == "$1" ]]
}

# When the server is killed its children end as if it had told them to.
manners_orphans() {
    local client children
    local -a clients=()
    sweep_start "$1" fork env || return 0
    for client in 1 2 3; do
        manners_guest &
        clients+=("$!")
    done
    sleep 0.3
    children=$(cat "/proc/$sweep_server/task/$sweep_server/children")
    kill -KILL "$sweep_server"
    wait "$sweep_server" || true
    # shellcheck disable=SC2086 # a row of numbers
    sweep_until manners_are_gone $children || sweep_finding stall \
        "the server was killed, and its children $children go on"
    # shellcheck disable=SC2086
    kill -KILL $children "${clients[@]}" || true
    wait "${clients[@]}" || true
} 2>/dev/null

manners_are_gone() {
    local pid
    for pid; do
        [[ -z $(manners_sockets "$pid") ]] || return
    done
}

# manners_narrow COMMAND...: on one processor, and last in the row: whoever is
# woken runs before who wakes him goes on.
manners_narrow() {
    exec taskset -c "$(manners_cpu)" nice -n 19 "$@"
}

# manners_beside COMMAND...: on the same one.
manners_beside() {
    taskset -c "$(manners_cpu)" "$@"
}

manners_cpu() {
    sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status
}

# Told to end, it ends when its clients have, who part as soon as it does: that
# takes no time, if the word reaches all that wait.
manners_word() {
    local model try
    for try in 1 2 3; do
        for model in "${mutant_models[@]}"; do
            sweep_linger=4000 sweep_start "$1" "$model" manners_narrow || {
                sweep_finding died "$model does not start on one processor"
                return 0
            }
            manners_told "$1" "$model" || return 0
        done
    done
}

# A signal for the server may come to any of its threads, whose handler may be
# late: here whoever is woken runs before it goes on.
manners_worker() {
    local try
    for try in 1 2 3 4 5 6; do
        sweep_linger=4000 sweep_start "$1" thread manners_narrow || return 0
        manners_told "$1" thread manners_a_worker || return 0
    done
}

manners_a_worker() {
    find "/proc/$sweep_server/task" -mindepth 1 -maxdepth 1 \
        ! -name "$sweep_server" -printf '%f\n' | head -n 1
}

# manners_told DIR MODEL [WHO]: fails when something was found.  WHO says which
# of its threads is told.
manners_told() {
    local i since clients=()
    for i in 1 2 3 4; do
        manners_guest &
        clients+=("$!")
    done
    sleep 0.2
    since=$EPOCHREALTIME
    sweep_stop "$1" "$(${3:-true})"
    wait "${clients[@]}" || true
    awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a > 2 }' || {
        sweep_finding lateness "told to end, $2 waits for clients that ended"
        return 1
    }
}

# What a child of the fork server is told is not the server's, who hears its own
# word later, between the look at its flag and the wait.
manners_aside() {
    local child clients=()
    sweep_start "$1" fork "$SF_BUILD/bin/sockfault" run --quiet \
        --fault 'process 1 select *: delay 400' -- || return 0
    manners_guest &
    clients+=("$!")
    sleep 1
    child=$(sweep_children)
    kill -TERM "${child% }"
    sleep 1
    manners_guest & # after which it waits again
    clients+=("$!")
    sleep 0.2
    sweep_stop "$1"
    wait "${clients[@]}" || true
}

# Told again and again while it waits for a client, it ends in good order when
# its time is over.
manners_nagged() {
    local fd until status=0
    sweep_linger=1000 sweep_start "$1" select env || return 0
    exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
    sleep 0.2
    until=$((${EPOCHREALTIME/./} + 700000))
    while [[ ${EPOCHREALTIME/./} -lt $until ]]; do
        kill -TERM "$sweep_server" || break
    done
    timeout 4 tail -s 0.05 --pid="$sweep_server" -f /dev/null || sweep_finding \
        stall "told to end a great many times, it does not"
    exec {fd}>&-
    kill -KILL "$sweep_server" || true
    wait "$sweep_server" || status=$?
    [[ $status -eq 0 || $status -gt 128 ]] || sweep_finding died \
        "told to end a great many times: $(tail -n 1 "$1/server.err")"
} 2>/dev/null

# Who has nothing to do, and nobody to wait for but those who are quiet, sleeps.
manners_sleep() {
    local model
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" env || return 0
        manners_sleeps "$model, with one quiet client,"
        sweep_stop "$1"
    done
}

# manners_sleeps WHO
manners_sleeps() {
    local before after fd
    exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
    sleep 0.3
    before=$(manners_switches)
    sleep 0.7
    after=$(manners_switches)
    exec {fd}>&-
    [[ $((after - before)) -le 3 ]] ||
        sweep_finding spin "$1 woke $((after - before)) times in 0.7 s"
}

# How often the server, its threads and children have been on a processor.
manners_switches() {
    local pid
    for pid in "$sweep_server" \
        $(cat "/proc/$sweep_server/task/$sweep_server/children"); do
        cat "/proc/$pid"/task/*/status
    done 2>/dev/null | awk '/ctxt_switches/ { n += $2 } END { print n + 0 }'
}

# What an option limits ends then, and no earlier: in memory, where times and
# room are exact.  The least room of all will do.
manners_limits() {
    local -a sweep_options=(--high 1)
    local model
    manners_ends "$1" --idle 'connect 1'
    manners_ends "$1" --frame 'bytes 1 "99999"'
    manners_ends "$1" --linger 'bytes 1 "what is no frame"'
    manners_room "$1"
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" env || return 0
        timeout 5 "$SF_BUILD/bin/framed-client" --port "$sweep_port" \
            --count 99 --format "${sweep_format[$model]}" >/dev/null 2>&1 ||
            sweep_finding stall "with room for one byte $model does not answer"
        sweep_stop "$1"
    done
}

# manners_sim DIR OPTION...: a server in memory; the session is on standard
# input, and what happened is in DIR/sim.
manners_sim() {
    { say 'sockfault-session 1' && cat; } >"$1/session"
    timeout "$SF_RUN_S" "$SF_BUILD/bin/sockfault" sim -v -s "$1/session" -- \
        "$SF_BUILD/bin/framed-server" --format ascii:5 "${@:2}" \
        >"$1/sim" 2>&1 ||
        grep '^sockfault: finding: ' "$1/sim" || true
}

# manners_ends DIR OPTION ACT: with the option 3000 the server closes a
# connection three seconds after the act, although a byte comes each second.
manners_ends() {
    local acts=$3$'\n' at
    for at in 1 2 3 4 5 6; do
        acts+=$'wait 1000\n'
        [[ $2 == --idle ]] || acts+=$'bytes 1 "0"\n'
    done
    manners_sim "$1" "$2" 3000 <<<"$acts"
    at=$(awk '/ close / { print $1; exit }' "$1/sim")
    [[ $at == 3.0* ]] || sweep_finding lateness \
        "with $2 3000 it ends a connection after ${at:-no} seconds"
}

# manners_room DIR: of a peer that takes no answers it reads no more than its
# buffers hold, a frame and a receive.
manners_room() {
    local acts=$'buffers 64\nconnect 1\nstop 1\n' i taken
    for ((i = 0; i < 20; i++)); do
        acts+=$'+ bytes 1 "00005hello00005hello00005hello"\n'
    done
    for ((i = 0; i < 20; i++)); do
        acts+=$'send 1 0\n'
    done
    manners_sim "$1" --high 100 <<<"$acts"
    taken=$(awk '/the script is over/ { exit }
        / recv .* -> [0-9]/ { n += $NF } END { print n + 0 }' "$1/sim")
    [[ $taken -ge 100 && $taken -le $((100 + 2 * 64 + 10)) ]] || sweep_finding \
        memory "with --high 100 it reads $taken bytes, and nobody takes answers"
}

# Who says nothing is parted with when his time is up, and counted as that.
manners_quiet() {
    local fd model status
    local -a sweep_options=(--idle 300)
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" env || return 0
        exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
        status=0
        timeout 3 cat <&"$fd" || status=$?
        exec {fd}>&-
        sweep_stop "$1"
        [[ $status -eq 0 ]] ||
            sweep_finding lateness "$model does not part with who says nothing"
        grep -q '^accepted 1,.* timed out 1,' "$1/server.err" ||
            sweep_finding wrong-data \
                "$model had one client, who said nothing: $(
                tail -n 1 "$1/server.err")"
    done
}

# Who sends what is no frame, and goes on faster than he is read, is listened to
# until his time is over, and no longer.
manners_babble() {
    local model status
    for model in "${mutant_models[@]}"; do
        sweep_linger=500 sweep_start "$1" "$model" "$SF_BUILD/bin/sockfault" \
            run --quiet --fault 'recv *: delay 20' -- || return 0
        status=0
        # shellcheck disable=SC2016 # expanded by the shell that has the socket
        timeout 4 bash -c 'exec {fd}<>"$0" && exec yes no frame >&"$fd"' \
            "/dev/tcp/$sweep_host/$sweep_port" >/dev/null 2>&1 || status=$?
        sweep_stop "$1"
        [[ $status -ne 124 ]] || sweep_finding lateness \
            "$model listens without end to who sends on after what is no frame"
    done
}

# Whose time is up while another one takes long is parted with when that is
# done; who has said something meanwhile is answered.
manners_busy() {
    local quiet talker waiter since answer
    local -a sweep_options=(--idle 2000)
    sweep_start "$1" select "$SF_BUILD/bin/sockfault" run --quiet \
        --profile posix --fault 'recv 1: delay 2500' -- || return 0
    since=$EPOCHREALTIME
    exec {quiet}<>"/dev/tcp/$sweep_host/$sweep_port"
    exec {talker}<>"/dev/tcp/$sweep_host/$sweep_port"
    exec {waiter}<>"/dev/tcp/$sweep_host/$sweep_port"
    sleep 0.2
    printf 00002hi >&"$talker"
    sleep 0.2 # the server is busy with that one
    printf 00003you >&"$waiter"
    timeout 6 cat <&"$quiet"
    awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a > 3.7 }' ||
        sweep_finding lateness \
            "quiet for 2 s, while another one was served until \
2.7 s, and parted with after $(awk -v a="$since" -v b="$EPOCHREALTIME" \
            'BEGIN { print b - a }') s"
    answer=$(timeout 3 head -c 8 <&"$waiter") || true
    [[ $answer == 00003you ]] || sweep_finding lost-data \
        "it has 2 s, asks while another one is served, and is told '$answer'"
    exec {quiet}>&- {talker}>&- {waiter}>&-
    sweep_stop "$1"
} 2>/dev/null

# Whom TCP has to ask whether he is there has a timer for it in the kernel.
manners_vanish() {
    local address
    for address in 127.0.0.1 ::1; do
        [[ $address != ::1 ]] || manners_has_ipv6 || continue
        local -a sweep_options=(--keepalive 30 --listen "$address")
        sweep_start "$1" select env || return 0
        manners_asked "$address"
        sweep_stop "$1"
    done
}

# manners_asked ADDRESS: is a client of the server asked in 30 seconds?
manners_asked() {
    local fd timer
    exec {fd}<>"/dev/tcp/$1/$sweep_port"
    sleep 0.2
    timer=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$(printf ':%04X' "$sweep_port")" \
            'index($2, port) && $4 == "01" { print $6 }')
    exec {fd}>&-
    # 02 is keepalive's, and its time in hundredths of a second
    [[ $timer == 02:* && $((16#${timer#02:})) -le 3000 ]] || sweep_finding \
        lateness \
            "with --keepalive 30 the kernel's timer at $1 is ${timer:-none}"
}

# What accept says of a connection that was gone before concerns no other.
manners_spoilt() {
    local fd why n=0
    {
        say $'sockfault-plan 1\nprofile posix'
        for why in EPERM ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH \
            EOPNOTSUPP EPROTO ECONNABORTED ECONNRESET-accept ETIMEDOUT-accept \
            ENETUNREACH-accept; do
            say "accept4 $((2 * ++n - 1)): $why"
        done
    } >"$1/plan"
    sweep_start "$1" select "$SF_BUILD/bin/sockfault" run --plan "$1/plan" -- ||
        return 0
    for ((; n > 0; n--)); do
        { exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"; } 2>/dev/null || break
        timeout 3 cat <&"$fd" >/dev/null 2>&1 || true
        exec {fd}>&-
        sleep 0.05 # the next call finds nobody, as it is counted on
    done
    say hi | timeout 3 "$SF_BUILD/bin/framed-client" --port "$sweep_port" \
        --format "${sweep_format[select]}" >/dev/null 2>&1 || sweep_finding \
        stall "after connections that were gone before, nobody is served"
    sweep_stop "$1"
}

# Who cannot be served, for want of a thread or a process, is parted with, and
# leaves nothing behind.
manners_refused() {
    local before after fd model server status
    printf '%s\n' 'sockfault-plan 1' 'fork 1: no-process' \
        'pthread_create 1: no-process' >"$1/plan"
    for model in thread fork; do
        sweep_start "$1" "$model" \
            "$SF_BUILD/bin/sockfault" run --plan "$1/plan" -- || return 0
        server=$(cat "/proc/$sweep_server/task/$sweep_server/children")
        server=${server% } status=0
        before=$(manners_sockets "$server")
        exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
        timeout 3 cat <&"$fd" || status=$?
        exec {fd}>&-
        [[ $status -ne 124 ]] ||
            sweep_finding stall "$model cannot serve a client, and keeps it"
        sweep_until manners_is_alone ||
            sweep_finding fd-leak "$model could not \
serve a client, and has the sockets ${after//$'\n'/ }"
        sweep_stop "$1"
    done
} 2>/dev/null

# The listener is at its end: found by accept, or by the wait for it.  Whom a
# server has is served, then it ends, says why, and has counted all.
manners_deaf() {
    local model rule
    for model in "${mutant_models[@]}"; do
        for rule in 'accept4 2: listener-dead' 'accept4 2: listener-notsock' \
            'accept4 2: listener-shut' 'select 2: listener-dead'; do
            sweep_start "$1" "$model" "$SF_BUILD/bin/sockfault" run \
                --fault "process 1 $rule" -- || return 0
            manners_parting "$1" "$model" "${rule#*: }"
        done
    done
}

# manners_parting DIR MODEL WHAT: its last client, who says something later.
manners_parting() {
    local status=0 said
    { sleep 0.2 && say hi; } | timeout 5 "$SF_BUILD/bin/framed-client" \
        --port "$sweep_port" --format "${sweep_format[$2]}" >/dev/null 2>&1 ||
        sweep_finding harm "$2: $3, and whom it had is not served"
    timeout 3 tail -s 0.05 --pid="$sweep_server" -f /dev/null || status=$?
    [[ $status -eq 0 ]] || sweep_finding stall "$2: $3, and it goes on"
    sweep_stop "$1"
    said=$(sed -n 's/^sockfault: finding: //p' "$1/server.err")
    [[ -z $said ]] || sweep_finding "${said%%: *}" "$2: $3: ${said#*: }"
    [[ $status -ne 0 ]] || {
        grep -q '^accepted 1,.* ended 1, failed 0,.* dead 0,' "$1/server.err" &&
            grep -q '^framed-server: stopped: the ' "$1/server.err" &&
            grep -q ' ended with status 2$' "$1/server.err"
    } ||
        sweep_finding wrong-data \
            "$2: $3, and it says: $(head -n 1 "$1/server.err")"
} 2>/dev/null

# Who has his answer and says nothing holds no memory for it: clients have sent
# a large frame each, all of them the first half of it before any has sent the
# rest.
manners_frugal() {
    local -A sweep_format=([select]=be32)
    local i fd fds=() guests=16 size=1000000 held
    sweep_conns=$((guests + 1)) sweep_start "$1" select env || return 0
    for ((i = 0; i < guests; i++)); do
        exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
        fds+=("$fd")
        printf '\0\017\102\100' >&"$fd"
        head -c $((size / 2)) /dev/zero >&"$fd"
    done
    for fd in "${fds[@]}"; do
        head -c $((size / 2)) /dev/zero >&"$fd"
        timeout 5 head -c $((size + 4)) <&"$fd" >/dev/null || break
    done
    held=$(awk '$1 == "RssAnon:" { print $2 * 1024 }' \
        "/proc/$sweep_server/status")
    [[ $held -lt $((guests * size / 2)) ]] || sweep_finding memory \
        "$held bytes are held, for $guests clients that do nothing"
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
    sweep_stop "$1"
} 2>/dev/null

# Time that is as good as none at all does not wrap: told to end, a server with
# so much of it sends what a client, who is slow to read, is still to have.
manners_ages() {
    local -A sweep_format=([select]='delim:\n' [thread]='delim:\n'
        [fork]='delim:\n')
    local fd model linger writer got
    for model in "${mutant_models[@]}"; do
        for linger in 1431655766 2147483647; do
            sweep_linger=$linger sweep_start "$1" "$model" env || return 0
            exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
            yes 1234567 >&"$fd" &
            writer=$!
            sleep 0.4
            kill -TERM "$sweep_server"
            sleep 0.2
            kill "$writer"
            got=$(timeout 5 cat <&"$fd" | wc -c) || got="$got, and no end"
            exec {fd}>&-
            [[ $got =~ ^[0-9]{7,}$ && $((got % 8)) -eq 0 ]] || sweep_finding \
                lost-data \
                    "told to end with $linger ms for that, $model has sent $got"
            sweep_stop "$1"
        done
    done
} 2>/dev/null
