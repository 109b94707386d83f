#!/usr/bin/env bash
# sim_prove.sh: sockfault sim --prove on servers as they are: a good one is
# proved, a bad one refuted with the fewest faults, and shown; and what cannot be
# proved is told.
#
#   sim_prove.sh SOCKFAULT SERVED FRAMED_SERVER
set -euo pipefail

sockfault=$1
served=$2
framed=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    printf '%s\n' "$*" "$(cat "$work/out")"
    failures=$((failures + 1))
}

# ends STATUS PATTERN OPTION... -- COMMAND...
ends() {
    local want=$1 pattern=$2 got=0
    shift 2
    (cd "$work" && timeout 120 "$sockfault" sim -s talk "$@") \
        >"$work/out" 2>&1 || got=$?
    [[ $got == "$want" ]] && grep -Eq -- "$pattern" "$work/out" ||
        fail "status $got, and not $want with '$pattern': sim $*"
}

says() { grep -Eq -- "$1" "$work/out" || fail "it does not say '$1'"; }

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
says 'to see it again: sockfault sim -v -s ./faultinject_served.talk.session'
got=0
"$sockfault" sim -s "$work/faultinject_served.talk.session" -- "$served" tires \
    >"$work/out" 2>&1 || got=$?
[[ $got == 1 ]] || fail "the counterexample shows nothing: $got"
ends 1 'REFUTED    with 0 faults: .*finding: died' --prove 1 -- "$served" quit
ends 0 PROVED --prove 1 --allow died -- "$served" tires

# Every second process waits in another way.
ends 2 'not deterministic' --prove 1 -- "$served" fickle
says 'NOTHING    is proved'
ends 2 'INCOMPLETE the time was over; complete only for at most (1 fault|0 faults)' \
    --prove 9 --budget 1s -- "$framed" --format ascii:5
ends 2 'ended before it waited' -k 1 -- true

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
static void on_term(int signo) { stop = signo; }
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
            n += atoi("1");
        close(fd);
    }
    return argc > 9 ? n : 0;
}
END
clang -w -fsanitize=undefined -o "$work/bad" "$work/bad.c"
ends 1 "REFUTED    with 1 fault: .*sanitizer's report" -k 1 -- ./bad
cc -w -o "$work/leaves" "$work/bad.c"
printf 'not its own' >"$work/input"
ends 0 PROVED -k 0 -- ./leaves behind <"$work/input"
! pgrep -f '^./leaves behind' >&2 || fail 'what it started goes on'

# Told to end, it does not wait for a run that never does.
got=0
(cd "$work" && timeout 2 "$sockfault" sim -k 1 -s talk -- "$served" hangs) \
    >"$work/out" 2>&1 || got=$?
[[ $got == 124 ]] || fail "it ended by itself: $got"
! grep -q PROVED "$work/out" || fail 'what was stopped is proved'
! pgrep -f "$served hangs" >&2 || fail 'the server goes on'
ends 2 '--prove x: expected a number' --prove x -- "$served"
ends 2 '--budget soon: expected a time' -k 1 --budget soon -- "$served"
ends 2 '--out nothing: No such file' -k 1 -o nothing -- "$served" tires

exit $((failures > 0))
