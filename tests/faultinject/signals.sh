#!/bin/sh
# ^C and what kill sends end a run or a shrink, and lose and leave nothing of
# it. usage: signals.sh SOCKFAULT
set -eu

sockfault=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "signals.sh: $*" >&2
    bad=1
}

# Reads 16 times, then takes a while; dies of two short counts, and of SIGTERM.
cat >"$work/slow.c" <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
static void die(int sig) { (void)sig; abort(); }
int main(int argc, char **argv)
{
    FILE *runs = fopen(argv[1], "a");
    int pair[2], cuts = 0;
    char buf[8];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    for (int i = 0; i < 16; i++) {
        send(pair[1], buf, 8, 0);
        cuts += recv(pair[0], buf, 4, 0) < 4;
    }
    if (argc > 3)
        signal(SIGTERM, die);
    fputs("a run\n", runs);
    fclose(runs);
    usleep((useconds_t)atoi(argv[2]) * 1000);
    return cuts > 1 ? abort(), 1 : 0;
}
END
cc -o "$work/slow" "$work/slow.c"

# begin SOCKFAULT-OPTION...: in a group of its own, as a terminal's job; what
# is started with & in a script ignores SIGINT.
dispositions=--default-signal=INT,QUIT
begin() {
    : >"$work/runs"
    env "$dispositions" setsid "$sockfault" "$@" \
        >"$work/out" 2>"$work/said" &
    pid=$!
}

# soon_over: however long the command would sleep.
soon_over() {
    tenths=0
    while kill -0 "$pid" 2>/dev/null && [ "$tenths" -lt 40 ]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    [ "$tenths" -lt 40 ] || fail "it goes on: $(kill -KILL "-$pid")"
}

# ends STATUS: soon.
ends() {
    soon_over
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq "$1" ] ||
        fail "status $status, not $1: $(cat "$work/said" "$work/out")"
}

says() {
    grep -q -- "$1" "$work/said" ||
        fail "it does not say $1: $(cat "$work/said")"
}

# interrupts STATUS RUN SIGNAL-AND-TO-WHOM: while this run is under way.
interrupts() {
    i=0
    until [ "$(wc -l <"$work/runs")" -ge "$2" ] || [ "$i" -eq 200 ]; do
        sleep 0.05
        i=$((i + 1))
    done
    # shellcheck disable=SC2086
    kill $3
    ends "$1"
}

# --- run: who interrupts a server has found nothing ---

for time in '' '--timeout 1m'; do
    # shellcheck disable=SC2086
    begin run $time --trace "$work/trace" -- "$work/slow" "$work/runs" 60000
    interrupts 0 1 "-INT -$pid"
    says '^sockfault: 3[34] calls .* 0 faults'
    ! grep finding "$work/said" || fail "an interrupt is a finding"
    [ "$(grep -c 'recv' "$work/trace")" -eq 16 ] || fail "$(cat "$work/trace")"
done

# What is sent to sockfault alone is passed on, as a CI runner does.
for signal in INT QUIT TERM; do
    for how in '' '--timeout 1m' --notify; do
        # shellcheck disable=SC2086
        begin run $how -- "$work/slow" "$work/runs" 60000
        interrupts 0 1 "-$signal $pid"
        ! grep finding "$work/said" || fail "an interrupt is a finding"
        ! pgrep -f "$work/slow" || fail "after SIG$signal the command goes on"
    done
done
# Nobody can say yet that it makes no call.
begin run -- sh -c "echo a run >'$work/runs'; exec sleep 60"
interrupts 2 1 "-INT -$pid"
says '^sockfault: no call was intercepted until SIGINT: sh made no socket call'
cat >"$work/waits.c" <<'END'
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    FILE *runs = fopen(argv[argc - 1], "a");
    if (fork() == 0)
        return raise(SIGSTOP);
    fputs("a run\n", runs);
    fclose(runs);
    return wait(NULL) < 0;
}
END
cc -o "$work/waits" "$work/waits.c"
printf 'sockfault-session 1\nbytes 1 "x"\n' >"$work/session"
for signal in INT TERM; do
    begin sim --scenario "$work/session" -- "$work/waits" "$work/runs"
    interrupts 2 1 "-$signal $pid"
    says "^sockfault: stopped by SIG$signal before the session ended"
    ! pgrep -f "$work/waits" || fail "what sim ran goes on"
done

# What a signal brought to light is told as well.
begin run -- "$work/slow" "$work/runs" 60000 dies
interrupts 1 1 "-TERM $pid"
says '^sockfault: finding: died: the command was killed by SIGABRT$'

# Who starts us may ignore how children end; we do not.
for how in '' --notify; do
    status=0
    # shellcheck disable=SC2086
    env --ignore-signal=CHLD "$sockfault" run $how --fault 'recv: short 1' \
        -- "$work/slow" "$work/runs" 1 2>"$work/said" || status=$?
    [ "$status" -eq 1 ] || fail "SIGCHLD ignored, $how: the status is $status"
    says '^sockfault: finding: died: the command was killed by SIGABRT$'
done

# A script ignores SIGINT for what it starts with &: so does the command, until
# it has a handler.
cat >"$work/asked.pl" <<'END'
use Socket;
socket(my $fd, AF_UNIX, SOCK_STREAM, 0);
$SIG{$ARGV[1]} = sub { exit $ARGV[2] };
open my $runs, ">>", $ARGV[0];
print $runs "a run\n";
close $runs;
sleep 60;
END
dispositions=--ignore-signal=INT
for how in '' --notify; do
    # shellcheck disable=SC2086
    begin run -q $how -- perl "$work/asked.pl" "$work/runs" INT 3
    interrupts 0 1 "-INT $pid"
    says 'the command ended with status 3'
    # shellcheck disable=SC2086
    begin run -q $how -- perl "$work/asked.pl" "$work/runs" TERM 4
    until [ -s "$work/runs" ]; do sleep 0.05; done
    kill -INT "$pid"
    sleep 0.2
    kill -0 "$pid" || fail "$how: SIGINT, which it ignores, has ended it"
    interrupts 0 1 "-TERM $pid"
done
dispositions=--default-signal=INT,QUIT

# Signals that ask for no end do not put off the end of the time.
begin run --timeout 1s -- \
    sh -c "trap '' USR1; exec '$work/slow' '$work/runs' 60000"
until [ -s "$work/runs" ]; do sleep 0.05; done
i=0
while [ "$i" -lt 60 ] && kill -USR1 "$pid" 2>/dev/null; do
    sleep 0.1
    i=$((i + 1))
done
[ "$i" -lt 60 ] || fail 'USR1 puts off the end of the time'
ends 1

# When the time is over it is so for all that the command has started.
: >"$work/runs"
begin run --timeout 500ms -- "$work/waits" "$work/runs"
ends 1
says '^sockfault: finding: stall: the command was not done after 500 ms$'
! pgrep -f "$work/waits" || fail 'after the time-out a child goes on'

# --- shrink: what it came to by then ---

"$sockfault" run --quiet --fault 'recv: short 1' --trace "$work/trace" \
    -- "$work/slow" "$work/runs" 1 2>/dev/null && fail 'it does not die'
for whom in -INT:- -TERM:; do
    sed '/^run/s/ 1$/ 150/' "$work/trace" >"$work/slower"
    begin shrink "$work/slower"
    interrupts 1 4 "$(echo "$whom" | tr : ' ')$pid"
    says '^sockfault: died: [0-9]* rules, [0-9]* runs, then stopped: there may'
    status=0
    "$sockfault" replay --quiet "$work/out" 2>/dev/null || status=$?
    [ "$status" -eq 1 ] || fail "what is left ends with $status"

    # shellcheck disable=SC2016
    begin shrink --check 'exit $((SOCKFAULT_STATUS == 134))' "$work/slower"
    interrupts 1 4 "$(echo "$whom" | tr : ' ')$pid"
    says '^sockfault: check: [0-9]* rules, [0-9]* runs, then stopped'

    sed '/^run/s/ 1$/ 60000/' "$work/trace" >"$work/slower"
    begin shrink "$work/slower"
    interrupts 2 1 "$(echo "$whom" | tr : ' ')$pid"
    says '^sockfault: shrink: stopped by SIG'
done

# --- early: while the command is only being started ---

i=0
while [ "$i" -lt 30 ]; do
    begin run -- "$work/slow" "$work/runs" 60000
    sleep "0.0$((i % 3))$((i % 10))"
    until kill -INT "-$pid" 2>/dev/null; do sleep 0.01; done
    soon_over
    i=$((i + 1))
done

# --- of a program whose calls another process makes for it ---

cat >"$work/handles.c" <<'END'
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
static volatile sig_atomic_t asked;
static void ask(int sig) { asked = sig; }
int main(int argc, char **argv)
{
    FILE *runs = fopen(argv[argc - 1], "a");
    int pair[2];
    signal(SIGINT, ask);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    fputs("a run\n", runs);
    fclose(runs);
    while (!asked)
        pause();
    send(pair[0], "bye", 3, 0);
    return 0;
}
END
cc -o "$work/handles" "$work/handles.c"
begin run --notify -- "$work/handles" "$work/runs"
interrupts 0 1 "-INT -$pid"

# --- SIGKILL: the next run removes what is left of it, and nothing else ---

shared_by() {
    grep -o '/dev/shm/sockfault\.[A-Za-z0-9]*' "/proc/$1/maps" | head -1
}
begin run --quiet -- "$work/slow" "$work/runs" 60000
until [ -s "$work/runs" ]; do sleep 0.05; done
left=$(shared_by "$pid")
interrupts 137 1 "-KILL -$pid"
begin run --quiet -- "$work/slow" "$work/runs" 60000
until [ -s "$work/runs" ]; do sleep 0.05; done
held=$(shared_by "$pid")
sleep 3.1
"$sockfault" run --quiet -- "$work/slow" "$work/runs" 1 ||
    fail "a run ends with $?"
[ -n "$left" ] && [ ! -e "$left" ] || fail "'$left' is still there"
[ -n "$held" ] && [ -e "$held" ] || fail "'$held' is gone"
interrupts 0 1 "-TERM -$pid"
exit $bad
