#!/usr/bin/env bash
# sim_prove.sh: sockfault sim --prove on servers as they are: a good one is
# proved, a bad one refuted with the fewest faults, and shown; and what cannot
# be proved is told.
#
#   sim_prove.sh SOCKFAULT SERVED FRAMED_SERVER
set -euo pipefail

sockfault=$1
served=$2
framed=$3
. "$(dirname "$0")/sim_checks.sh"

# pasted STATUS PATTERN: what is said to be the command does it again.
pasted() {
    local got=0
    sed -n 's/^to see it again: //p' "$work/out" >"$work/again"
    (cd "$work" && bash ./again) >"$work/out" 2>&1 || got=$?
    [[ $got == "$1" ]] && grep -Eq -- "$2" "$work/out" ||
        fail "what is to be seen again is not: $got: $(cat "$work/again")"
}

# gone PATTERN: no such process is there any more, once they had their turn.
gone() {
    for ((i = 0; i < 100; i++)); do
        pgrep -f -- "$1" >"$work/left" || return 0
        sleep 0.1
    done
    ps -o pid,ppid,stat,args -p "$(paste -sd, "$work/left")" >&2
    return 1
}

cat >"$work/talk" <<'END'
sockfault-session 1
buffers 64
profile posix
bytes 1 "00005hello"
wait 90000
bytes 2 "00003abc"
finish 1
fault 2 0 0
END

# The session's own fault is left out.
ends 0 'PROVED     complete: every schedule of at most 2 faults' \
    -k 2 -- "$framed" --format ascii:5
says '^  schedules  [0-9]{3,}: 1 with 0, [0-9]+ with 1, [0-9]{3,} with 2'
! grep -q 'listening' "$work/out" || fail 'it says what the program says'
ends 0 'with 0, [1-9][0-9]* with 1$' --prove 1 -- "$served" good

# It gives up when accept fails, which it does by itself of no session.
ends 0 'schedules  1: 1 with 0' --prove 0 -- "$served" tires
ends 1 'REFUTED    with 1 fault: .*finding: died' -k 2 -o . -- "$served" tires
says '^! .* accept [0-9]+: (EINTR|ECONNABORTED|EMFILE|ENFILE)'
pasted 1 'accept [0-9]+: (EINTR|ECONNABORTED|EMFILE|ENFILE)'
ends 1 'REFUTED    with 0 faults: .*finding: died' --prove 1 -- "$served" quit
ends 1 'REFUTED    with 0 faults: .*finding: spin' --prove 1 -- "$served" spin
says '^  session    [1-9][0-9]* calls, [1-9]'
ends 0 PROVED --prove 1 --allow died -- "$served" tires
ends 1 'REFUTED    with 1 fault: .*finding: fd-leak' -k 1 -- "$served" leak

# The command has its words and what was allowed.
mkdir "$work/a b"
cp "$served" "$work/it's"
ends 1 REFUTED -k 1 --allow stall --allow spin -o 'a b' -- "./it's" tires \
    '$HOME *' ''
says "sim -v -s 'a b/it.*' --allow spin --allow stall -- .* tires '[$]HOME [*]' ''$"
pasted 1 'finding: died'

# All shards together are the whole, whatever each of them has to do.
total() { sed -n 's/^  schedules  \([0-9]*\):.*/\1/p' "$work/out"; }
ends 0 PROVED -k 1 -- "$framed" --format ascii:5
whole=$(total) parts=0
for i in 1 2 3; do
    ends 0 'every schedule of at most 1 fault was run \(of this shard\)$' \
        -k 1 --shard "$i/3" -- "$framed" --format ascii:5
    says ", profile posix, at most 1 fault, shard $i of 3\)$"
    parts=$((parts + $(total)))
done
[[ $whole == "$parts" ]] || fail "$whole schedules, in three shards $parts"
ends 0 '\(of this shard\): no fault is possible in it$' \
    -k 1 --shard 500/500 -- "$framed" --format ascii:5

# Stopped and taken up again until it is over, it is the whole as well.
turns=0 ms=5
until (cd "$work" && "$sockfault" sim -s talk -k 1 -t ${ms}ms -r place -- \
    "$framed" --format ascii:5) >"$work/out" 2>&1; do
    says 'INCOMPLETE the time was over'
    turns=$((turns + 1)) ms=$((ms < 400 ? ms * 2 : ms))
    [[ $turns -lt 100 ]] || break
done
[[ $turns -gt 0 && $(total) == "$whole" ]] ||
    fail "taken up $turns times: not $whole schedules"
for other in '-k 1 --shard 1/2' '-k 1 --allow spin' '-k 0'; do
    # shellcheck disable=SC2086 # words
    ends 2 '^sockfault: sim: place: expected what a walk of this' $other \
        -r place -- "$framed" --format ascii:5
done
ends 2 '^sockfault: sim: place: expected' -k 1 -r place -- \
    "$framed" --format ascii:6
cp "$framed" "$work/another"
echo >>"$work/another" # as another build
for program in "$framed" ./another; do
    rm -f "$work/place"
    ends 2 INCOMPLETE -k 2 -t 300ms -r place -- "$program" --format ascii:5
    cp "$work/place" "$work/of-${program##*/}"
done
cp "$framed" "$work/another"
ends 2 'by this build of the program' -k 2 -r of-another -- ./another \
    --format ascii:5

# Whatever ends it, once something is kept, that is kept, and the server goes with
# it.
# strikes SIGNAL STATUS PATTERN
strikes() {
    local got=0 pid
    rm -f "$work/place"
    (cd "$work" && exec env --default-signal=INT "$sockfault" sim -k 3 -s talk \
        -r place -- "$framed" --format ascii:5 --port 7777) >"$work/out" 2>&1 &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        [[ ! -e $work/place ]] || break
        sleep 0.1
    done
    kill -"$1" $pid
    wait $pid 2>"$work/shell" || got=$?
    [[ $got == "$2" ]] && grep -q -- "$3" "$work/out" "$work/place" ||
        fail "$1: status $got, and not $2 with '$3'"
    grep -q '^bound [123]$' "$work/place" || fail "$1: nothing is kept"
    gone 'ascii:5 --port 7777' || fail "$1: the server goes on"
}
strikes INT 2 'sim: stopped by SIGINT; go on with --resume place$'
says 'INCOMPLETE it was stopped; complete only for at most '
strikes KILL 137 sockfault-prove
ends 2 INCOMPLETE -k 3 -t 1s -r place -- "$framed" --format ascii:5 \
    --port 7777

# Somebody else kills a server, once.
mkdir "$work/once"
rm "$work/place"
printf '%s\n' '! rmdir once || kill -9 $$' 'exec "$@"' >"$work/struck"
ends 2 'sh was killed by SIGKILL, .* nothing it did; go on with --resume place$' \
    -k 1 -r place -- sh struck "$served"
ends 0 PROVED -k 1 -r place -- sh struck "$served"

# Who met nobody has proved nothing.
for prove in '-k 1' -q; do
    # shellcheck disable=SC2086 # words
    ends 2 'nobody was met: of 2 connections .* accepted none' $prove -- \
        "$served" shy
done
# … nor who only shows the door, in a profile in which doors do not stick.
printf 'sockfault-session 1\nconnect 1\n' >"$work/knock"
ends 0 'PROVED .*at most 1 fault was run: no fault is possible in this session$' \
    -k 1 -s knock -- "$served" shuns
printf 'sockfault-session 1\nwait 100\n' >"$work/nobody"
ends 2 'nobody was met: of 0 connections' -k 1 -s nobody -- "$served"

# It is begun for the first run, and to fork for the others; or for each, where a
# fork of it cannot be or does not do the same; and for what was found.
begun 0 PROVED 2 2 good -k 1
begun 0 PROVED 30 200 shy-fork -k 1
begun 0 PROVED 30 200 bad-fork -k 1
says '^sockfault: sim: each run begins at the program.s start: forked'
begun 0 PROVED 2 2 dreams -k 1
begun 1 'REFUTED    with 1 fault: .*finding: died' 4 6 tires -k 1

# A run that comes to a state that was seen is over; whatever the program keeps,
# and wherever, is a part of that.
cat >"$work/knocks" <<'END'
sockfault-session 1
buffers 64
profile posix
bytes 1 "hi"
bytes 2 "you"
END
for k in 1 2; do
    ends 0 PROVED -k $k --plain -s knocks -- "$served" good
    all=$(total)
    ends 0 'states     [1-9]' -k $k -s knocks -- "$served" good
    [[ $k == 1 && $(total) == "$all" || $k == 2 && $(total) -lt $all ]] ||
        fail "$k: $(total) schedules by states, and $all"
done
printf 'sockfault-session 1\nprofile posix\n' >"$work/queue"
printf 'connect %s\n' 1 2 3 4 >>"$work/queue"
for place in data heap stack thread libc shared; do
    ends 1 'REFUTED    with 3 faults: .*finding: died' -k 3 -s queue -- \
        "$served" counts-$place
done
printf 'sockfault-session 1\nbuffers 64\nbytes 1 "hi"\n' >"$work/knock1"
ends 0 'PROVED     closed: any number of faults' --loops -s knock1 -- \
    "$served" good
says '^  schedules  [0-9]+, of at most [0-9]+ faults$'
states() { sed -n 's/^  states  *\([0-9]*\);.*/\1/p' "$work/out"; }
few=$(states)
ends 0 'PROVED     closed' --loops -s knock1 -- "$served" clocks
[[ $(states) == "$few" ]] || # to ask for the time is none
    fail "clocks: $(states) states, and $few if nobody asks for the time"
# Each run is the process that it was forked from, and what was drawn there is
# drawn again.
ends 0 'PROVED     closed' --loops -s knock1 -- "$served" recalls
[[ $(states) == "$few" ]] ||
    fail "recalls: $(states) states, and $few if its number is not kept"
begun 0 'PROVED     complete' 2 2 numbers --prove 1 -s knock1
ends 0 'PROVED     closed' --loops -s knock1 -- "$served" chance
ends 1 'REFUTED    with [0-9]+ faults: .*finding: died' --loops -s queue -- \
    "$served" counts-heap
ends 2 'INCOMPLETE not closed: states were left, when the time was over, last' \
    --loops -t 1s -s talk -- "$framed" --format ascii:5
ends 2 '--loops: its states are not recognised' --loops -s knocks -- \
    "$served" shy-fork
# Nor is what it comes to another session after the first fork.
for k in 0 1; do
    ends 0 PROVED -k $k -s talk -- "$framed" --model thread --format ascii:5
    grep session "$work/out" >"$work/calls.$k"
done
cmp "$work/calls.0" "$work/calls.1" || fail 'forks: another session'
# Threads that wait are a part of the state.
ends 0 'PROVED     closed' --loops -s knock1 -- "$served" dreams
for other in '-k 1' --plain '-r place' '--shard 1/2'; do
    # shellcheck disable=SC2086 # words
    ends 2 'sim: --loops says nothing with' --loops $other -- "$served" good
done

# Every second process waits in another way.
ends 2 'not deterministic' --prove 1 -- "$served" fickle
says 'NOTHING    is proved'
ends 2 \
    'INCOMPLETE the time was over; complete only for at most [0-3] faults?$' \
    --prove 9 --budget 1s -- "$framed" --format ascii:5
# Who gets no turn for longer than a run may take does not stall.
# shellcheck disable=SC2016
ends 0 PROVED -k 1 -- sh -c '[ -e once ] || {
    : >once
    (sleep 22 && kill -CONT $$) &
    kill -STOP $$
}
exec "$1"' sh "$served"
ends 2 'ended before it waited' -k 1 -- true
# ... which is said also when it goes well the next time.
# shellcheck disable=SC2016
ends 2 'ended before it waited' -k 1 -- \
    sh -c '[ -e tried ] || exec touch tried; exec "$1"' sh "$served"
ends 2 '^no such thing$' -k 1 -- sh -c 'echo no such thing >&2'

# A report that the program goes on after is one all the same; whom it leaves
# behind goes with it; and what it reads is not another run's.
cat >"$work/bad.c" <<'END'
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
static volatile sig_atomic_t stop;
static char *volatile lost;
static void on_term(int signo) { stop = signo; }
static int past(const char *p) { return p[8]; }
static void lose(void) { lost = malloc(77); lost = NULL; }
int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(4711)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), n = INT_MAX;
    char bytes[64];
    if (argc > 1 && (read(0, bytes, 1) != 0 || fork() == 0))
        pause();
    signal(SIGTERM, on_term);
    bind(listener, (struct sockaddr *)&addr, sizeof addr);
    listen(listener, 8);
    while (!stop) {
        int fd = accept(listener, NULL, NULL);
        ssize_t r = fd < 0 ? 0 : 1;
        while (r > 0 && (r = recv(fd, bytes, sizeof bytes, 0)) > 0)
            ;
        if (r < 0)
            DOES;
        close(fd);
    }
    return argc > 9 ? n : 0;
}
END
clang -w -fsanitize=undefined '-DDOES=n += atoi("1")' -o "$work/bad" "$work/bad.c"
ends 1 "REFUTED    with 1 fault: .*sanitizer's report" -k 1 -- ./bad
# Its pipes to the symbolizer are not the program's.
if command -v llvm-symbolizer >"$work/which"; then
    for does in 'past(calloc(1, 8))' 'lose()'; do
        clang -w -g -fsanitize=address "-DDOES=$does" -o "$work/bad" \
            "$work/bad.c"
        ends 1 "REFUTED    with 1 fault: .*sanitizer's report" -k 1 -- ./bad
        says "#[01] .* in ${does%%(*} .*/bad\\.c:[0-9]+"
    done
fi
cc -w -DDOES= -o "$work/leaves" "$work/bad.c"
printf 'not its own' >"$work/input"
ends 0 PROVED -k 0 -- ./leaves behind <"$work/input"
gone '^./leaves behind' || fail 'what it started goes on'

# Told to end, it does not wait for a run that never does; nor does that go on
# when it is killed.
for signal in TERM KILL; do
    got=0
    {
        (cd "$work" && timeout --foreground -s $signal 2 "$sockfault" sim \
            -k 1 -s talk -- "$served" hangs) >"$work/out" 2>&1 || got=$?
    } 2>"$work/shell"
    [[ $got == 124 || $got == 137 ]] || fail "it ended by itself: $got"
    ! grep -q PROVED "$work/out" || fail 'what was stopped is proved'
    gone "$served hangs" || fail "$signal: the server goes on"
done
ends 2 '--prove x: expected a number' --prove x -- "$served"
ends 2 '--prove 65: expected a number' --prove 65 -- "$served"
ends 2 '--budget soon: expected a time' -k 1 --budget soon -- "$served"
ends 2 '^sockfault: sim: --out nothing: No such file' -k 1 -o nothing -- "$served"
ends 2 '^sockfault: sim: --out ./bad: Not a directory' -k 1 -o ./bad -- "$served"
ends 2 '^sockfault: sim: --out /proc: ' -k 1 -o /proc -- "$served"
ends 2 '--shard 3/2: expected I/N' -k 1 --shard 3/2 -- "$served"
ends 2 '--resume ..: expected a file' -k 1 -r .. -- "$served"
ends 2 'go with --prove' --shard 1/2 -- "$served"
ends 2 'go with --prove' --cuts 3 -- "$served"
ends 2 '--cuts 0: expected a number from 1 to 127' -k 1 --cuts 0 -- "$served"

# Pieces of three bytes are misread, and nothing else is.
printf 'sockfault-session 1\nbytes 1 "abcdefghij"\nfinish 1\n' >"$work/ten"
ends 0 PROVED -k 1 -s ten -- "$served" third
ends 0 'at most 1 fault, cuts 2' -k 1 --cuts 2 -s ten -- "$served" third
ends 1 'REFUTED    with 1 fault' -k 1 --cuts 3 -s ten -- "$served" third
says '^! .* recv [0-9]*: short 3 of '
pasted 1 'short 3 of'

exit $((failures > 0))
