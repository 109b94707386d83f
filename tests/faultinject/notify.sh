#!/bin/sh
# A static program, whose calls no library can reach: the same plans do the
# same to it as to its dynamic twin.  usage: notify.sh SOCKFAULT SOURCES
set -eu

sockfault=$1
sources=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "notify.sh: $*" >&2
    cat "$work/said" >&2
    bad=1
}

for program in victims odd; do
    cc -w -D_GNU_SOURCE -I "$sources/../.." -o "$work/$program" \
        "$sources/$program"*.c -lpthread
    cc -w -static -D_GNU_SOURCE -I "$sources/../.." \
        -o "$work/static-$program" "$sources/$program"*.c -lpthread
done

# run OPTION... -- COMMAND: by notification; its end in $status.
run() {
    status=0
    "$sockfault" run --notify --timeout 20s "$@" >"$work/out" \
        2>"$work/said" || status=$?
}

run --fault 'send 1: short 1' -- "$work/static-odd" names
if [ "$status" -eq 2 ] && grep -q 'seccomp' "$work/said"; then
    echo "notify.sh: $(cat "$work/said")"
    exit 77
fi

# Whatever it does with processes, it ends well and something was done to it.
for way in constructor names fork vfork spawn exec closes stack handler \
    stdio raw batch signals; do
    run --profile posix --fault 'in *: short 3' -- "$work/static-odd" $way
    if [ "$status" -ne 0 ] || ! grep -q '[1-9][0-9]* short' "$work/said"; then
        fail "$way: status $status"
    fi
done

# What comes beside the bytes comes.
cc -w -static -D_GNU_SOURCE -I "$sources/../.." -o "$work/trusting" \
    "$sources"/trusting*.c -lpthread
if "$work/trusting" error-queue; then
    run --status -- "$work/trusting" error-queue
    [ "$status" -eq 0 ] || fail "error-queue: status $status"
fi

# A program is known by the whole name that it was called by.
ln -s static-odd "$work/a-name-of-a-good-length"
run --only a-name-of-a-good-length -P posix --fault 'send 1: short 1' -- \
    "$work/a-name-of-a-good-length" names
if [ "$status" -ne 0 ] || ! grep -q '1 short' "$work/said"; then
    fail "a long name: status $status"
fi

# The monitors see the same bugs.
for bug in stale-fd double-close fd-leak blocking-in-loop unguarded-sigpipe \
    unchecked-connect misuse died; do
    run -- "$work/static-victims" $bug
    if [ "$status" -ne 1 ] || ! grep -q "finding: $bug: " "$work/said"; then
        fail "$bug: status $status"
    fi
    run -- "$work/static-victims" $bug-not
    [ "$status" -eq 0 ] || fail "$bug-not: status $status"
done

# calls TRACE: what happened, without the names of processes and callers.
calls() {
    grep -v -e '^run ' -e '^# process' "$1" | sed 's/ in [a-z_]* of [a-z]*$//'
}

# same PROGRAM WAY OPTION...: what happens is the same in both.
same() {
    program=$1
    way=$2
    shift 2
    run --trace "$work/there" "$@" -- "$work/static-$program" "$way"
    "$sockfault" run -q --timeout 20s --trace "$work/here" "$@" \
        -- "$work/$program" "$way" 2>/dev/null || true
    calls "$work/here" >"$work/here.calls"
    calls "$work/there" >"$work/there.calls"
    diff "$work/here.calls" "$work/there.calls" >"$work/said" ||
        fail "$program $way: not the same calls: $*"
    "$sockfault" replay -q "$work/there" 2>/dev/null ||
        fail "$program $way: its trace ends with $?"
}

for seed in 1 2 3; do
    same victims frames-not --profile posix --seed $seed --rate 0.1
done
for fault in 'conn 3 recv 1: EOF' 'conn 4 send 1: EPIPE' \
    'conn 3 recv 1: short 1' 'conn 3 in @5: EOF' 'socketpair 2: EMFILE'; do
    same odd names --fault "$fault"
done

# An interrupted wait runs no handler that waits for what has not ended.
cat >"$work/waits.c" <<'END'
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static void reap(int sig) { (void)sig; wait(NULL); }
int main(void)
{
    int pair[2], end[2];
    char c;
    signal(SIGCHLD, reap);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe(end) < 0)
        return 1;
    if (fork() == 0) {
        close(end[1]);
        read(end[0], &c, 1);
        _exit(0);
    }
    struct pollfd p = {.fd = pair[0], .events = POLLIN};
    send(pair[1], "x", 1, 0);
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
    return recv(pair[0], &c, 1, 0) != 1;
}
END
cc -w -static -o "$work/waits" "$work/waits.c"
run --fault 'poll 1: EINTR' -- "$work/waits"
if [ "$status" -ne 0 ] || ! grep -q '1 fault: 1 EINTR' "$work/said"; then
    fail "a handler that waits: status $status"
fi

# A child knows what its parent knew when it was made: what the parent closes
# before the child's first call, and a parent that ends before it, are no
# matter.
cat >"$work/heir.c" <<'END'
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static int make(const char *way)
{
#ifdef SYS_fork
    if (strcmp(way, "raw") == 0)
        return (int)syscall(SYS_fork);
#endif
    if (strcmp(way, "clone") == 0)
        return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (strcmp(way, "vfork") == 0 && vfork() == 0)
        _exit(0);
    return fork();
}
int main(int argc, char **argv)
{
    int pair[2], done[2];
    char c;
    pipe(done);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[0], "123", 3, 0);
    recv(pair[1], &c, 1, 0);
    if (make(argv[1]) == 0) {
        if (strcmp(argv[1], "twice") == 0 && fork() > 0)
            _exit(0);
        usleep(50000);
        close(pair[0]);
        return recv(pair[1], &c, 1, 0) != 1 || c != '2' ||
               recv(pair[1], &c, 1, 0) != 1 || c != '3';
    }
    close(pair[1]);
    close(done[1]);
    read(done[0], &c, 1);
    return 0;
}
END
cc -w -static -D_GNU_SOURCE -o "$work/heir" "$work/heir.c"
for way in fork raw clone vfork twice; do
    run --fault 'process 2 conn 2 recv 3: EOF' -- "$work/heir" $way
    if [ "$status" -ne 0 ] || ! grep -q '1 fault: 1 EOF' "$work/said"; then
        fail "heir $way: status $status"
    fi
done

# A wait without a mask has the thread's own, in which the signal is blocked.
cat >"$work/maskless.c" <<'END'
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/socket.h>
static void on_signal(int sig) { (void)sig; }
static int waits(int fd, const sigset_t *mask)
{
    struct timespec moment = {0, 1000000};
    fd_set rd;
    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    return pselect(fd + 1, &rd, NULL, NULL, &moment, mask);
}
int main(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigset_t urgent, none;
    int pair[2];
    sigemptyset(&none);
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    sigaction(SIGURG, &sa, NULL);
    sigprocmask(SIG_BLOCK, &urgent, NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    if (waits(pair[0], NULL) != 0)
        return 2;
    return waits(pair[0], &none) < 0 && errno == EINTR ? 0 : 3;
}
END
cc -w -static -D_GNU_SOURCE -o "$work/maskless" "$work/maskless.c"
run --status --fault 'select: EINTR' -- "$work/maskless"
[ "$status" -eq 0 ] || fail "without a mask: status $status"

# Arguments at their limits mean what they mean to the kernel.
cat >"$work/limits.c" <<'END'
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef SYS_select /* libc's is pselect6 */
#define select(n, rd, wr, ex, t) syscall(SYS_select, n, rd, wr, ex, t)
#endif
static void wake(int sig) { (void)sig; }
static int takes_half_a_name(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET}, from;
    socklen_t len = sizeof at, room = 4;
    struct sockaddr *name = (struct sockaddr *)&at;
    int to = socket(AF_INET, SOCK_STREAM, 0);
    memset(&from, 'x', sizeof from);
    return bind(to, name, len) == 0 && listen(to, 1) == 0 &&
           getsockname(to, name, &len) == 0 &&
           connect(socket(AF_INET, SOCK_STREAM, 0), name, len) == 0 &&
           accept(to, (struct sockaddr *)&from, &room) >= 0 &&
           room == sizeof at && from.sin_family == AF_INET &&
           ((char *)&from)[4] == 'x';
}
static int waits_for(int fd, long ns)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct timespec t = {0, ns}, begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (ppoll(&p, 1, &t, NULL) != 0)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec -
           begin.tv_nsec >= ns;
}
int main(void)
{
    char name[200] = {AF_INET};
    struct sigaction sa = {.sa_handler = wake};
    struct timeval weeks = {4294968, 0}; /* 2^32 ms and some */
    struct timeval before = {-1, 0}, moment = {0, 100000};
    int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];
    fd_set rd;
    if (connect(fd, (struct sockaddr *)name, sizeof name) == 0 ||
        errno != EINVAL)
        return 1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 2;
    if (!takes_half_a_name())
        return 4;
    if (!waits_for(pair[0], 2900000))
        return 5;
    FD_ZERO(&rd);
    FD_SET(pair[0], &rd);
    if (select(pair[0] + 1, &rd, NULL, NULL, &before) >= 0 || errno != EINVAL)
        return 4;
    FD_SET(pair[0], &rd);
    if (select(pair[0] + 1, &rd, NULL, NULL, &moment) != 0 || moment.tv_usec)
        return 5;
    FD_SET(pair[0], &rd);
    sigaction(SIGALRM, &sa, NULL);
    alarm(2);
    return select(pair[0] + 1, &rd, NULL, NULL, &weeks) < 0 ? 0 : 3;
}
END
cc -w -static -D_GNU_SOURCE -o "$work/limits" "$work/limits.c"
run --status -- "$work/limits"
[ "$status" -eq 0 ] || fail "limits: status $status"

# A program goes on when its first thread has ended.
cat >"$work/heir.c" <<'END'
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_t first;

static void *talk(void *arg)
{
    char b[4];
    int p[2];

    pthread_join(first, NULL);
    _exit(socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
          write(p[0], "abc", 3) != 3 || read(p[1], b, 1) != 1 ||
          close(p[0]) < 0);
    return arg;
}

int main(void)
{
    pthread_t heir;

    first = pthread_self();
    pthread_create(&heir, NULL, talk, NULL);
    pthread_exit(NULL);
}
END
cc -w -static -o "$work/heir" "$work/heir.c" -lpthread
run --status -- "$work/heir"
[ "$status" -eq 0 ] || fail "heir: status $status"

# One that is killed while it uses a number again has not used a closed one.
cat >"$work/busy.c" <<'END'
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    char byte;
    int p[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0)
        return 1;
    close(p[0]);
    for (;;) {
        int fd = open("/dev/zero", O_RDONLY);
        read(fd, &byte, 1);
        close(fd);
    }
}
END
cc -w -static -o "$work/busy" "$work/busy.c"
run --only busy -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    "$0" & sleep 0.05; kill -9 $!; done' "$work/busy"
[ "$status" -eq 0 ] || fail "busy: status $status"

# A program that is left alone closes what it closes: else whoever reads from a
# pipe to it waits for ever.
run --only static-victims -- sh -c 'test "$(echo said)" = said &&
    "$0" frames-not' "$work/static-victims"
[ "$status" -eq 0 ] || fail "a shell that is left alone: status $status"
exit $bad
