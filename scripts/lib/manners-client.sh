# What a client does, with servers of all kinds; see manners.sh.
# shellcheck shell=bash

# Who waits for each answer has it before the next line is there.
manners_dialogue() {
    local line answer
    sweep_start "$1" select env || return 0
    coproc TALKER {
        exec "$SF_BUILD/bin/framed-client" --port "$sweep_port" \
            --format "${sweep_format[select]}" --depth 1 2>/dev/null
    }
    for line in one two; do
        say "$line" >&"${TALKER[1]}" || break
        read -r -t 5 answer <&"${TALKER[0]}" || answer=
        [[ $answer != "$line" ]] || continue
        sweep_finding stall \
            "the client has sent '$line', and does not say '$line'"
        break
    done
    kill "$TALKER_PID" || true
    wait "$TALKER_PID" || true
    sweep_stop "$1"
} 2>/dev/null

# Bytes come now and then, and all in all it takes longer than either waits for
# one.
manners_patience() {
    local i model
    local -a sweep_options=(--idle 800)
    for model in "${mutant_models[@]}"; do
        sweep_start "$1" "$model" env || return 0
        for i in 1 2 3 4 5 6; do
            say "$i"
            sleep 0.25
        done | timeout 5 "$SF_BUILD/bin/framed-client" --port "$sweep_port" \
            --format "${sweep_format[$model]}" --depth 1 --timeout 800 \
            >"$1/out" 2>&1 || sweep_finding lateness \
            "of $model, no byte was late: $(tail -n 1 "$1/out")"
        sweep_stop "$1"
    done
}

# Who is told in vain that there is an answer has no more time for that, and
# says that it was over.
manners_vain() {
    local since=$EPOCHREALTIME
    sweep_start "$1" select env || return 0
    kill -STOP "$sweep_server"
    timeout 5 "$SF_BUILD/bin/sockfault" run --quiet --profile posix \
        --fault 'wait 1..8: spurious' --fault 'recv *: delay 250' -- \
        "$SF_BUILD/bin/framed-client" --port "$sweep_port" --count 1 \
        --format "${sweep_format[select]}" --timeout 500 >"$1/out" 2>&1 || true
    awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a > 1.6 }' ||
        sweep_finding lateness "a client that nobody answers has 500 ms, and \
ends after $(awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }') s"
    grep -q ': the deadline has passed$' "$1/out" || sweep_finding wrong-data \
        "a client that nobody answers in time says: $(head -n 1 "$1/out")"
    kill -CONT "$sweep_server"
    sweep_stop "$1"
}

# Memory that is short for a moment ends no client.
manners_brief() {
    local rule
    sweep_start "$1" select env || return 0
    for rule in 'send 1..3: ENOBUFS' 'send 2..4: ENOMEM' 'recv 1..3: ENOMEM' \
        'recv 2..4: ENOBUFS'; do
        timeout 5 "$SF_BUILD/bin/sockfault" run --quiet --status -P posix \
            --fault "$rule" -- "$SF_BUILD/bin/framed-client" --count 9 --quiet \
            --depth 2 --port "$sweep_port" --format "${sweep_format[select]}" \
            >"$1/out" 2>&1 || sweep_finding died \
            "under '$rule' the client ends: $(head -n 1 "$1/out")"
    done
    sweep_stop "$1"
} 2>/dev/null

# Whichever piece of memory it does not get, it does without or says that this is
# why it ends.
manners_poor() {
    local nth of said status
    sweep_start "$1" select env || return 0
    for of in --count=3 --open; do # frames that it makes, and lines
        for nth in 1 2 3 4 5 6 7 8 9 10 11 12; do
            status=0
            printf 'one\ntwo\n' | timeout 5 "$SF_BUILD/bin/sockfault" run \
                --quiet --status --fault "malloc $nth: no-memory" -- \
                "$SF_BUILD/bin/framed-client" "$of" --port "$sweep_port" \
                --format "${sweep_format[select]}" >"$1/out" 2>&1 || status=$?
            said=$(grep -a '^framed-client: ' "$1/out") || true
            [[ $status -eq 0 || $said == *memory* ]] ||
                sweep_finding wrong-data "with $of the client has no memory at \
its malloc $nth, and says: $said"
        done
    done
    sweep_stop "$1"
} 2>/dev/null

# A server that dies has answered all that it was sent, and the client, who
# sends more, reads the answers all the same: what it has not is what never went
# out.
manners_widow() {
    local client said
    local -a sweep_options=(--listen "unix:$1/widow")
    sweep_start "$1" select env || return 0
    "$SF_BUILD/bin/framed-client" --connect "unix:$1/widow" --count 1000000 \
        --depth 20 --size 5000 --format "${sweep_format[select]}" --quiet \
        >"$1/out" 2>&1 &
    client=$!
    sleep 0.2
    kill -STOP "$client"
    sleep 0.2
    kill -KILL "$sweep_server"
    wait "$sweep_server" || true
    kill -CONT "$client"
    wait "$client" || true
    rm -f "$1/widow"
    said=$(tail -n 1 "$1/out")
    sed -n \
        's/.* after \([0-9]*\) of \([0-9]*\) frames: not everything came back$/\1 \2/p' \
        "$1/out" | awk '{ right = $2 - $1 < 20 } END { exit !right }' ||
        sweep_finding lost-data \
            "of 20 frames, the answers to some of which were \
there, the client says: $said"
} 2>/dev/null

# Whatever the format, one at a time; the last line may have no end, and who has
# nothing to say needs no answer.  Who makes frames makes as many as he is told,
# whatever he could read; up to the end of a stream there is one.
manners_dialects() {
    local format said nothing count made
    for format in ascii:5 'delim:\n' 'delim:\r\n' be8 be16:inclusive be32 \
        fixed:3 \
        type:a=2 close; do
        local -A sweep_format=([select]=$format)
        sweep_start "$1" select env || return 0
        said=$(printf abc | timeout 5 "$SF_BUILD/bin/framed-client" --depth 1 \
            --port "$sweep_port" --format "$format" 2>&1 | head -n 1) || true
        nothing=$(timeout 5 "$SF_BUILD/bin/framed-client" --port "$sweep_port" \
            --format "$format" </dev/null 2>&1) || nothing+=" and fails"
        for count in 0 3; do
            made=$(timeout 5 "$SF_BUILD/bin/framed-client" \
                --port "$sweep_port" --format "$format" --count "$count" \
                --size 3 2>&1 <<<abc | wc -l) || made+=", and fails"
            [[ $made == "$count" || $format$made == close1 ]] ||
                sweep_finding wrong-data "of $format it is to make $count \
frames, and has made $made"
        done
        sweep_stop "$1"
        [[ -z $nothing ]] || sweep_finding stall \
            "of $format the client has nothing to say, and says '$nothing'"
        [[ $said == abc ]] ||
            sweep_finding stall "of $format the client says '$said'"
    done
}

# However long a frame may be, there is room for the answer to one that is longer
# than all that may wait.
manners_large() {
    local format model
    local -a sweep_options=(--high 100)
    for model in "${mutant_models[@]}"; do
        for format in 'be32,max=4294967295' 'delim:\n,max=4294967295'; do
            local -A sweep_format=([$model]=$format)
            sweep_start "$1" "$model" env || return 0
            timeout 5 "$SF_BUILD/bin/framed-client" --quiet --count 3 \
                --size 100000 --port "$sweep_port" --format "$format" \
                >"$1/out" 2>&1 || sweep_finding harm \
                "of $format, 100000 bytes long, $model: $(head -n 1 "$1/out")"
            sweep_stop "$1"
        done
    done
}

# manners_pretender ANSWER: a server that says this to its one client, whatever
# it asks; before, its port.
manners_pretender() {
    # shellcheck disable=SC2016 # it is no shell
    exec perl -MIO::Socket::INET -e '$| = 1;
        $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print $l->sockport, "\n";
        $s = $l->accept;
        1 while sysread $s, $_, 100;
        syswrite $s, $ARGV[0];' "$1"
}

# manners_counter: says its port, and how many lines its one client sends before
# it has an answer.
manners_counter() {
    # shellcheck disable=SC2016 # it is no shell
    exec perl -MIO::Socket::INET -e '$| = 1;
        $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print $l->sockport, "\n";
        $s = $l->accept;
        select undef, undef, undef, 0.3;
        sysread $s, $_, 10000;
        print tr/\n//, "\n";'
}

# No more are under way than was said.
manners_depth() {
    local depth says port lines
    for depth in 1 2 7; do
        exec {says}< <(manners_counter)
        read -r port <&"$says" || {
            sweep_finding died "there is nobody to count what the client sends"
            return 0
        }
        timeout 5 "$SF_BUILD/bin/framed-client" --quiet --port "$port" \
            --format 'delim:\n' --count 20 --depth "$depth" &
        read -r -t 5 lines <&"$says" || lines=no
        wait "$!" || true
        exec {says}<&-
        [[ $lines == "$depth" ]] || sweep_finding wrong-data \
            "with --depth $depth the client has $lines frames under way"
    done
} 2>/dev/null

# A server that knows the answer before it has read the question: to a large
# frame of the client's own making.  Then it parts.
manners_prophet() {
    # shellcheck disable=SC2016 # it is no shell
    exec perl -MIO::Socket::INET -e '$| = 1;
        $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print $l->sockport, "\n";
        $s = $l->accept;
        $all = substr(join("", "a" .. "z") x (1 + $ARGV[0] / 26), 0, $ARGV[0]);
        print $s "$all\n";
        shutdown $s, 1;
        sleep 1;' "$1"
}

# Who has not sent all of it has not had it answered, whatever comes back.
manners_rash() {
    local says port status=0 size=20000000
    exec {says}< <(manners_prophet "$size")
    read -r port <&"$says" || {
        sweep_finding died "there is nobody to answer the client too early"
        return 0
    }
    timeout 5 "$SF_BUILD/bin/framed-client" --quiet --port "$port" --count 2 \
        --depth 1 --size "$size" --format "delim:\n,max=$size" || status=$?
    exec {says}<&-
    [[ $status -eq 1 ]] || sweep_finding wrong-data \
        "a part of the first of two frames was sent, and it ends with $status"
} 2>/dev/null

# What comes back is what was sent, and nothing else.
manners_liar() {
    local answer port pid status want
    for answer in $'truth\n' $'trut\n' $'truth or so\n' $'Truth\n' \
        $'truth\ntruth\n' \
        $'truth\ntru' '' truth $'\n'; do
        coproc PRETENDER { manners_pretender "$answer"; }
        pid=$PRETENDER_PID # which is unset when it has ended
        read -r port <&"${PRETENDER[0]}" || {
            sweep_finding died "there is nobody to lie to the client"
            return 0
        }
        status=0
        say truth | timeout 5 "$SF_BUILD/bin/framed-client" --quiet \
            --port "$port" --format 'delim:\n' || status=$?
        wait "$pid" || true
        want=1
        [[ $answer != $'truth\n' ]] || want=0
        [[ $status -eq $want ]] || sweep_finding wrong-data \
            "sent is 'truth', back comes '$answer', and it ends with $status"
    done
} 2>/dev/null
