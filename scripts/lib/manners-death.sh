# What a descriptor that dies takes along, when its number is somebody else's
# before anyone has noticed; see manners.sh.
# shellcheck shell=bash

# manners_answers FD: does the server send back what it is sent?
manners_answers() {
    local answer=
    say hello >&"$1" || return
    read -r -t 3 -u "$1" answer || return
    [[ $answer == hello ]]
} 2>/dev/null

# manners_join: a new client, in fd, who is answered or not.
manners_join() {
    { exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"; } 2>/dev/null || return
    manners_answers "$fd"
}

# manners_company DIR MODEL FAULT: two clients have come, one of whom has left.
# Then the fault happens, where more come.
manners_company() {
    local -A sweep_format=([$2]='delim:\n')
    local -a sweep_options=(--idle 2000)
    sweep_conns=9 sweep_linger=300 sweep_start "$1" "$2" \
        "$SF_BUILD/bin/sockfault" run --fault "$3" -- || return
    server=$(cat "/proc/$sweep_server/task/$sweep_server/children")
    server=${server% }
    before=$(manners_sockets "$server")
    local guest
    manners_join || return
    guest=$fd
    manners_join || return
    first=$fd
    sleep 0.1 # a parent may still have what is its child's alone
    after=$(manners_sockets "$server")
    exec {guest}>&-
    sleep 0.1
}

# manners_victim WHICH: the number of the last client, or of one of the server's
# own sockets, counted from the last.
manners_victim() {
    if [[ $1 == client ]]; then
        tail -n 1 <<<"$after"
    else
        tail -n "$1" <<<"$before" | head -n 1
    fi
}

# manners_death DIR MODEL WHICH: who has lost his descriptor is lost, but none
# of those who come next, as long as his time is not over; and who comes later
# is served, whatever became of these.  Nobody is sent what is not his.
manners_death() {
    local server before after first fd victim client said
    local clients=() harmed=0 more=0
    trap '' PIPE
    manners_company "$1" "$2" 'accept4 99: none' || return 0
    victim=$(manners_victim "$3")
    exec {first}>&-
    sweep_stop "$1"
    manners_company "$1" "$2" "process 1 accept4 5: fd-dead $victim" || return 0
    for client in 1 2 3; do
        manners_join || harmed=$((harmed + 1))
        clients+=("$fd")
    done
    sleep 0.6
    for fd in "${clients[@]}"; do
        manners_answers "$fd" || harmed=$((harmed + 1))
    done
    sleep 1.7 # the time of the first is over, and that of the others not yet
    manners_join || harmed=$((harmed + 1))
    sleep 0.9
    manners_answers "$fd" || harmed=$((harmed + 1))
    [[ $harmed -eq 0 ]] || sweep_finding harm "descriptor $victim of $2 has \
died and was given out again, and others are not answered, $harmed times"
    for client in "${clients[@]}"; do # whose time is over by now, all of it
        more=$((more + $(timeout 1 cat <&"$client" | wc -c)))
    done
    [[ $more -eq 0 ]] || sweep_finding wrong-data "descriptor $victim of $2 \
has died and was given out again, and others are sent $more bytes too many"
    for fd in "$first" "${clients[@]}" "$fd"; do
        exec {fd}>&-
    done
    sweep_stop "$1"
    said=$(sed -n 's/^sockfault: finding: //p' "$1/server.err" | head -n 1)
    [[ -z $said ]] || sweep_finding "${said%%: *}" \
        "descriptor $victim of $2 has died: ${said#*: }"
} 2>/dev/null

# Of a client: with workers one sleeps on it, with children it is the pair that
# joins the server with one.
manners_robbed() {
    local model
    for model in "${mutant_models[@]}"; do
        manners_death "$1" "$model" client
    done
}

# The ends of the pair that joins the server with its workers.
manners_orphaned() {
    local which
    for which in 1 2; do
        manners_death "$1" thread "$which"
    done
}

# manners_own DIR WHICH: the number of one of the thread server's own sockets,
# counted from the last, in victim.
manners_own() {
    local server before
    sweep_start "$1" thread "$SF_BUILD/bin/sockfault" run -- || return
    server=$(cat "/proc/$sweep_server/task/$sweep_server/children")
    before=$(manners_sockets "${server% }")
    victim=$(manners_victim "$2")
    sweep_stop "$1"
}

# manners_met DIR FAULT: it did happen to the server, which has ended; who was
# not hit has shown nothing.
manners_met() {
    grep -q "^sockfault: .*, 1 fault: 1 $2\$" "$1/server.err" ||
        sweep_finding untried \
            "$2 was to happen: $(tail -n 1 "$1/server.err")"
}

# An end of the pair that joins the thread server with its workers, or of that
# by which a signal wakes it, dies, and nobody is given its number: it sleeps all
# the same.
manners_deserted() {
    local which victim
    for which in 1 2 4 5; do # the third is the listener
        manners_own "$1" "$which" || return 0
        sweep_start "$1" thread "$SF_BUILD/bin/sockfault" run \
            --fault "process 1 select 2: fd-dead $victim" -- || return 0
        manners_sleeps "thread, whose descriptor $victim has died,"
        sweep_stop "$1"
        manners_met "$1" fd-dead
    done
}

# The pair that joins the thread server with its workers dies while it waits for
# them to end: who is slow to read has his time all the same.
manners_farewell() {
    local -A sweep_format=([thread]='delim:\n')
    local victim fd writer
    manners_own "$1" 2 || return 0
    sweep_start "$1" thread "$SF_BUILD/bin/sockfault" run \
        --fault "process 1 select 3: fd-dead $victim" -- || return 0
    exec {fd}<>"/dev/tcp/$sweep_host/$sweep_port"
    yes 1234567 >&"$fd" &
    writer=$!
    sweep_rest # nobody reads, and all buffers are full
    kill "$writer"
    kill -TERM "$sweep_server"
    ! timeout 1.5 tail -s 0.05 --pid="$sweep_server" -f /dev/null ||
        sweep_finding lost-data "descriptor $victim of thread died after the \
word to end, and it ends with answers to be sent"
    exec {fd}>&-
    sweep_stop "$1"
    manners_met "$1" fd-dead
} 2>/dev/null

# manners_free PID: the number that it is given next.
manners_free() {
    local n=0
    while [[ -L /proc/$1/fd/$n ]]; do
        n=$((n + 1))
    done
    say "$n"
}

# Who dies after he was accepted, and before he is served, leaves his place to
# those who come one after the other, and is counted.
manners_stillborn() {
    local i model server victim sweep_conns=1
    local -a sweep_options=(--keepalive 30)
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" "$SF_BUILD/bin/sockfault" run -- || return 0
        server=$(cat "/proc/$sweep_server/task/$sweep_server/children")
        victim=$(manners_free "${server% }")
        sweep_stop "$1"
        sweep_start "$1" "$model" "$SF_BUILD/bin/sockfault" run \
            --fault "server 1 setsockopt 1: fd-dead $victim" -- || return 0
        timeout 3 "$SF_BUILD/bin/framed-client" --port "$sweep_port" \
            --count 1 >/dev/null 2>&1 || true
        for i in 1 2; do
            say hi | timeout 3 "$SF_BUILD/bin/framed-client" --format \
                "${sweep_format[$model]}" --port "$sweep_port" \
                >/dev/null 2>&1 || sweep_finding stall \
                "a client of $model has died, and number $i then is not served"
        done
        sweep_stop "$1"
        grep -q '^accepted 3,.* ended 2, .* dead 1,' "$1/server.err" ||
            sweep_finding wrong-data "a client of $model has died, and it says \
$(grep '^accepted' "$1/server.err")"
        manners_met "$1" fd-dead
    done
} 2>/dev/null
