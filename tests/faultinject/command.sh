#!/bin/sh
# What the options of run and shrink do, and what the trace survives.
# usage: command.sh SOCKFAULT VICTIMS LATENT
set -eu

sockfault=$1
victims=$2
latent=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "command.sh: $*" >&2
    bad=1
}

# ends STATUS COMMAND...: what it said on standard error is in said.
ends() {
    want=$1
    shift
    status=0
    "$@" >"$work/out" 2>"$work/said" || status=$?
    [ "$status" -eq "$want" ] ||
        fail "$*: status $status, not $want: $(cat "$work/said")"
}

says() {
    grep -q -- "$1" "$work/said" ||
        fail "it does not say $1: $(cat "$work/said")"
}

# is FILTER VALUE: in the JSON.
is() {
    value=$(jq -r "$1" "$work/json") || value=
    [ "$value" = "$2" ] || fail "$1 is $value, not $2"
}

# --- the summary, for people and for programs ---

ends 1 "$sockfault" run --json "$work/json" --fault 'conn 1 recv 5: short 3' \
    -- "$victims" frames
says '^sockfault: 1[01] calls of 2 connections in 1 process, 1 fault: 1 short$'
says 'finding: died: the command was killed by SIGABRT$'
says \
    '^sockfault: it came after conn 1 recv 5: short 3 (in read_all at victims.c:'
is '.command | join(" ")' "$victims frames"
is '[.verdict, .exit, .faults, .connections] | join(" ")' 'died 1 1 2'
is '.by_fault.short' 1
is '.calls == (.by_call | add)' true
is '.processes[0].program' "$(basename "$victims")"
is '.rules[0] | .rule + ", " + .state' 'conn 1 recv 5: short 3, done'
is '.findings[0] | .monitor + ", " + .after' 'died, conn 1 recv 5: short 3'
is '.end.signal' SIGABRT
ends 0 "$sockfault" run --quiet --json - -- "$victims" frames-not
jq -e '.exit == 0 and .verdict == null and .end.status == 0' "$work/out" \
    >/dev/null || fail "--json -: $(cat "$work/out")"

ends 1 "$sockfault" run --json "$work/json" -- "$victims" fd-range
says 'finding: fd-range: .*(process 1, .*, in select_high at victims_waits.c:'
is '.findings[0].monitor' fd-range
is '.findings[0].site | startswith("select_high at victims_waits.c:")' true

# Whose it is, and what it came after: of that process, and before.
cat >"$work/second" <<END
#!/bin/sh
$victims frames-not
$victims stale-fd
END
chmod +x "$work/second"
ends 1 "$sockfault" run --json "$work/json" -P posix \
    --fault 'process 1 conn 1 recv 1: EINTR' "$work/second"
is '.by_fault.EINTR' 1
is '.findings[0] | "\(.process) \(.after)"' '2 null'
says 'finding: stale-fd: .*(process 2, '
cat >"$work/before.c" <<'END'
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
    int pair[2], other[2];
    char c;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    close(other[0]);
    send(pair[1], "1", 1, 0);
    recv(pair[0], &c, 1, 0);
    recv(other[0], &c, 1, 0);
    recv(pair[0], &c, 1, MSG_DONTWAIT);
}
END
cc -o "$work/before" "$work/before.c"
for rule in 'conn 1 recv 1: EINTR' 'conn 1 recv 2: ENOBUFS'; do
    ends 1 "$sockfault" run --json "$work/json" -P posix --fault "$rule" \
        "$work/before"
    is '.faults' 1
    case $rule in *ENOBUFS) rule=null ;; esac
    is '.findings[0] | "\(.monitor) \(.after)"' "stale-fd $rule"
done

# A script that closes its files twice hits no socket, as long as there is none.
printf 'exec 3</dev/null 3<&- 4<&-\nexec 3<&- 4<&-\n' >"$work/tidy"
echo 'exec 5<>/dev/tcp/127.0.0.1/9 || :' >"$work/dials"
cat "$work/tidy" "$work/dials" >"$work/first"
cat "$work/dials" "$work/tidy" >"$work/then"
ends 0 "$sockfault" run bash "$work/first"
ends 1 "$sockfault" run bash "$work/then"
says 'finding: double-close: close of 3'

# A double close is told late, of where it was, and once: a fork, or a fault,
# that comes between has nothing to do with it.
cat >"$work/twice.c" <<'END'
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
__attribute__((noinline)) void guilty(int fd)
{
    close(fd);
    close(fd);
    __asm__ volatile("");
}
__attribute__((noinline)) void innocent(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    poll(&p, 1, 1);
    __asm__ volatile("");
}
int main(int argc, char **argv)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    guilty(pair[0]);
    if (argc == 1)
        innocent(pair[1]);
    else if (fork() != 0)
        wait(0);
    (void)argv;
}
END
cc -g -o "$work/twice" "$work/twice.c"
for rule in 'poll 1: EINTR' 'close 2: late 1' 'close 1: late 1'; do
    ends 1 "$sockfault" run --json "$work/json" -P posix --fault "$rule" \
        "$work/twice"
    case $rule in
    poll*) after=null ;;
    close*1:*) after='conn 1 close 1: late 1' ;;
    *) after='close 2: late 1' ;;
    esac
    is '.findings | map("\(.monitor) \(.after)") | join(" ")' \
        "double-close $after"
    is '.findings[0].site | startswith("guilty at twice.c:")' true
done
ends 1 "$sockfault" run --json "$work/json" "$work/twice" forks
is '.findings | map("\(.monitor) \(.process)") | join(" ")' 'double-close 1'
is '.findings[0].site | startswith("guilty at twice.c:")' true

# A rule that names what cannot be done there is not done.
ends 0 "$sockfault" run --json "$work/json" \
    --fault 'conn 1 recv 1: ETIMEDOUT' -- "$victims" frames-not
is '.rules[0] | "\(.state) \(.matched) \(.done)"' 'never possible 1 0'
# Where chance decides, that it did not fall there is no call that never came.
ends 0 "$sockfault" run --json "$work/json" --fault 'p 1 recv 1: ETIMEDOUT' \
    --fault 'p 0.000000001 recv: short 1' -- "$victims" frames-not
is '[.rules[].state] | join(", ")' 'never possible when drawn, never drawn'
says '^sockfault: never drawn: p 0\.000000001 recv: short 1$'

# What is seen again in the same place is said once, and whose end it was.
ends 1 "$sockfault" run -- "$victims" stale-fd
says '^sockfault: found 3 stale-fd$'
says \
    'finding: stale-fd: .* in stale_fd at victims_descriptors.c:[0-9]*, 3 times)$'
# However often that was, what is different has room beside it.
cat >"$work/often.c" <<'END'
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
    int pair[2];
    char c;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    for (int i = 0; i < 100; i++)
        recv(pair[0], &c, 0, MSG_DONTWAIT);
    close(pair[1]);
    shutdown(pair[1], SHUT_WR);
}
END
cc -g -o "$work/often" "$work/often.c"
ends 1 "$sockfault" run --json "$work/json" -- "$work/often"
says '^sockfault: found 1 stale-fd, 100 misuse$'
says 'finding: misuse: .*, 100 times)$'
is '.findings | map("\(.times) \(.monitor)") | join(" ")' \
    '100 misuse 1 stale-fd'
# Connections beyond all that can be followed are told.
cat >"$work/many.c" <<'END'
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    for (int i = 0; i < 4101; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            return 1;
    return 0;
}
END
cc -o "$work/many" "$work/many.c"
if (ulimit -n 9000) 2>/dev/null; then
    ends 0 sh -c 'ulimit -n 9000; exec "$@"' sh \
        "$sockfault" run --json "$work/json" --status -- "$work/many"
    says '^sockfault: 10 connections found no room: neither watched nor harmed$'
    is .not_kept.connections 10
fi

ends 1 "$sockfault" run -- "$victims" spin
says '^sockfault: the command was ended, since it spins$'

# What a daemon does is not told, and that it goes on is.
cat >"$work/daemon.c" <<'END'
#define _GNU_SOURCE
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char c = 'x';
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    for (char *title = argv[0]; *title; title++)
        *title = 't';
    if (FORK != 0)
        return recv(pair[1], &c, 1, 0) != 1;
    send(pair[0], &c, 1, 0);
    usleep(argc > 1 ? 3000000 : 1);
}
END
for by in 'fork()' '_Fork()' 'syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)'; do
    cc -w "-DFORK=$by" -o "$work/daemon" "$work/daemon.c"
    ends 0 "$sockfault" run -- "$work/daemon"
    ! grep 'goes on' "$work/said" || fail "it does not go on"
    ends 0 "$sockfault" run -- "$work/daemon" stays
    says \
        '^sockfault: daemon goes on in the background, and nothing more is told'
done

# --- which monitors, which programs ---

ends 0 "$sockfault" run --monitor spin -- "$victims" fd-range
ends 1 "$sockfault" run --monitor spin --monitor fd-range -- "$victims" fd-range
# ... and who asks for it is told what may be right, too.
ends 0 "$sockfault" run -- "$victims" fd-range-not
ends 1 "$sockfault" run --monitor fd-range -- "$victims" fd-range-not
ends 0 "$sockfault" run --monitor fd-range --allow fd-range -- "$victims" \
    fd-range
ends 0 "$sockfault" run --allow died -- "$victims" died
ends 0 "$sockfault" run --allow unguarded-sigpipe -- "$victims" \
    unguarded-sigpipe
# What is written to nobody may be no connection.
ends 0 "$sockfault" run -- "$victims" unread-output
says 'the command was killed by SIGPIPE'
ends 1 "$sockfault" run --status -- "$victims" unread-output
ends 0 "$sockfault" run -- sh -c '"$1" unread-output; true' sh "$victims"
ends 1 "$sockfault" run -- sh -c '"$1" unguarded-sigpipe; true' sh "$victims"
says 'finding: unguarded-sigpipe: a child was killed by SIGPIPE'
ends 0 "$sockfault" run --allow stall --timeout 200ms -- "$victims" stall
says 'not done after 200 ms'
ends 0 "$sockfault" run --allow stall --timeout 200ms --json "$work/json" \
    -- "$victims" stall
is '.end.timed_out' true
ends 0 "$sockfault" run --timeout 20s --json "$work/json" -- "$victims" \
    stall-not
is '.end.timed_out' false

# A set that is too small, and stands alone: only a sanitizer knows.
cat >"$work/small.c" <<'END'
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct rlimit limit;
    struct timeval now = {0, 0};
    int pair[2];
    fd_set *set = calloc(argc > 1 ? 2 : 1, sizeof *set);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    if (dup2(pair[0], FD_SETSIZE) < 0)
        return 3;
    select(FD_SETSIZE + 1, set, NULL, NULL, &now);
    free(set);
    (void)argv;
    return 0;
}
END
for cc in cc clang; do
    $cc -g -fsanitize=address -o "$work/small" "$work/small.c"
    ends 1 "$sockfault" run -- "$work/small"
    says \
        'finding: fd-range: select of 1025 descriptors, a set holds 1024 (.*main'
    ends 0 "$sockfault" run -- "$work/small" enough
done

# --- an exit status of a sanitizer's, and the same of the program itself ---

cat >"$work/status.c" <<'END'
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static void *volatile lost;
int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int pair[2], status = 0;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    if (strcmp(how, "beyond") == 0)
        return ((volatile char *)calloc(8, 1))[8];
    if (strcmp(how, "leak") == 0) {
        lost = malloc(99);
        lost = NULL;
        return 0;
    }
    if (strcmp(how, "child") != 0)
        return 86;
    if (fork() == 0)
        exit(86);
    wait(&status);
    return ((volatile char *)calloc(8, 1))[8];
}
END
cc -o "$work/status" "$work/status.c"
cc -fsanitize=address -o "$work/asan" "$work/status.c"
clang -fsanitize=address -o "$work/clang-asan" "$work/status.c"
for program in status asan clang-asan; do
    ends 0 "$sockfault" run -- "$work/$program" itself
    says '^sockfault: the command ended with status 86$'
    ends 1 "$sockfault" run --status -- "$work/$program" itself
done
for program in asan clang-asan; do
    for how in beyond leak child; do
        ends 1 "$sockfault" run -- "$work/$program" $how
        says '^sockfault: finding: died: a sanitizer ended the command$'
    done
done
ends 1 "$sockfault" run -- sh -c "'$work/clang-asan' beyond; exit \$?"
says 'finding: died: a child was ended by a sanitizer (process 1, clang-asan)$'

cat >"$work/both" <<END
#!/bin/sh
$victims frames-not
$latent misuse
END
chmod +x "$work/both"
ends 0 "$sockfault" run --only "$(basename "$latent")" --json "$work/json" \
    --fault 'conn 1 recv 1: EINTR' -P posix "$work/both"
is '.processes | map(.program) | join(" ")' "$(basename "$latent")"
ends 2 "$sockfault" run --only nothing "$work/both"
says 'no call was intercepted'

# --- shrink ---

# Correct, and says how often it was interrupted: no monitor minds that.
cat >"$work/count.c" <<'END'
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
int main(void)
{
    int pair[2], cuts = 0;
    char buf[8];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    for (int i = 0; i < 50; i++) {
        send(pair[1], buf, 8, 0);
        for (ssize_t n, done = 0; done < 8; done += n > 0 ? n : 0)
            if ((n = recv(pair[0], buf, 8 - (size_t)done, 0)) + done < 8)
                cuts++;
    }
    printf("%s\n", cuts > 2 ? "many" : "few");
}
END
cc -o "$work/count" "$work/count.c"
ends 0 "$sockfault" run --seed 3 --rate 0.5 --trace "$work/trace" -- \
    "$work/count"
[ "$(cat "$work/out")" = many ] || fail "the seed cuts too little"
# shellcheck disable=SC2016 # for the shell of --check
ends 1 "$sockfault" shrink --check 'grep -q few "$SOCKFAULT_OUTPUT"' \
    "$work/trace"
says '^sockfault: check: 3 rules, '
grep -vc '^sockfault-plan\|^run\|^#' "$work/out" | grep -qx 3 ||
    fail "shrunk to $(cat "$work/out")"
# shellcheck disable=SC2016
ends 1 "$sockfault" shrink --check 'exit $((SOCKFAULT_STATUS == 0))' \
    "$work/trace"
says '^sockfault: check: 0 rules, .*needs no fault at all'
# shellcheck disable=SC2016
ends 1 env TMPDIR="$work" "$sockfault" shrink \
    --check 'case $SOCKFAULT_OUTPUT in '"$work"'/*) exit 1 ;; esac' \
    "$work/trace"
ends 2 env TMPDIR="$work/none" "$sockfault" shrink --check 'exit 1' \
    "$work/trace"
says "^sockfault: $work/none/sockfault.*: No such file or directory$"
ends 2 "$sockfault" shrink --check 'exit 7' "$work/trace"
says '^sockfault: --check .exit 7. ended with 7: expected 1 when'
ends 2 "$sockfault" shrink --check 'exit 0' "$work/trace"
says '^sockfault: shrink: nothing is found with this plan$'
ends 2 "$sockfault" shrink "$work/trace"
says '^sockfault: shrink: nothing is found with this plan$'

# Another finding is not the finding, though fewer rules show it.
cat >"$work/two.c" <<'END'
#include <stdlib.h>
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    char c;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[1], "123", 3, 0);
    if (recv(pair[0], &c, 1, 0) < 0 && recv(pair[0], &c, 0, 0) < 0)
        return 1;
    if (send(pair[1], "4", 1, 0) < 0)
        abort();
}
END
cc -o "$work/two" "$work/two.c"
ends 1 "$sockfault" run -P posix --fault 'recv 1: EINTR' \
    --fault 'send 2: ENOBUFS' --trace "$work/trace" -- "$work/two"
ends 1 "$sockfault" shrink "$work/trace"
says '^sockfault: misuse: 1 rule, '
grep -qx 'conn 1 recv 1: EINTR' "$work/out" ||
    fail "shrunk to $(cat "$work/out")"

# A trace says how much of it, and of whom.
ends 0 "$sockfault" run --fault 'conn 1 recv 1: delay 30' \
    --fault 'select 1: withhold conn 1' --trace "$work/trace" -- "$victims" \
        spin-not
grep -q '^conn 1 recv 1: delay 30 # ' "$work/trace" || fail 'a delay of nothing'

# What comes and goes by itself is not blamed on faults: it has to come again.
cat >"$work/flaky" <<END
#!/bin/sh
$latent spin-not
! rm "$work/marker" 2>"$work/none" || kill -ABRT \$\$
END
chmod +x "$work/flaky"
: >"$work/marker"
ends 1 "$sockfault" run --seed 3 --rate 0.5 --trace "$work/trace" "$work/flaky"
: >"$work/marker"
ends 2 "$sockfault" shrink "$work/trace"
says '^sockfault: shrink: died is not found again by what happened$'

# --- the trace ---

# All that happened up to the end of a program that is killed is there.
cat >"$work/killed.c" <<'END'
#include <signal.h>
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    char c;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    for (int i = 0; i < 1000; i++) {
        send(pair[1], "", 1, 0);
        recv(pair[0], &c, 1, 0);
    }
    raise(SIGKILL);
}
END
cc -o "$work/killed" "$work/killed.c"
ends 1 "$sockfault" run --trace "$work/trace" -- "$work/killed"
says 'killed by SIGKILL'
tail -1 "$work/trace" | grep -q '^# conn 1 recv 1000: 1 of 1 at 999 fd' ||
    fail "the trace ends with $(tail -1 "$work/trace")"

# A record costs no system call: of the program, whoever watches it.
calls_of() {
    strace -f -o "$work/strace" "$sockfault" run --quiet "$@" \
        -- "$work/killed" 2>/dev/null || true
    awk '/ socketpair\(/ { pid = $1 } pid == $1' "$work/strace" |
        grep -cv ' resumed>'
}
if command -v strace >/dev/null &&
    strace -o "$work/strace" true 2>/dev/null; then
    without=$(calls_of)
    with=$(calls_of --trace "$work/trace")
    { [ "$without" -ge 2000 ] && [ "$with" -eq "$without" ]; } ||
        fail "$with system calls with a trace, $without without"
fi

# It is bounded, and says what it does not have.
sed 's/1000/70000/' "$work/killed.c" >"$work/longer.c"
cc -o "$work/longer" "$work/longer.c"
ends 1 "$sockfault" run --trace "$work/trace" --json "$work/json" -- \
    "$work/longer"
grep -q '^# 74465 calls before the last 65536 are not kept$' "$work/trace" ||
    fail "$(grep 'not kept' "$work/trace")"
is '.not_kept.calls' 74465

# Where it cannot be written, one line says so, and the command is well.
ends 2 sh -c "ulimit -f 4; exec '$sockfault' run --quiet --trace '$work/trace' \
    -- '$victims' frames-not"
[ "$(wc -l <"$work/said")" -eq 1 ] || fail "$(cat "$work/said")"
says '^sockfault: .*: File too large\|no room for'
exit $bad
