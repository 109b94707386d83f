#!/bin/sh
# However a program is built and whatever it does with processes, its calls
# are seen and it goes on.  usage: survives.sh SOCKFAULT FOLDER-OF-SOURCES
set -eu

sockfault=$1
sources=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "survives.sh: $*" >&2
    cat "$work/said" >&2
    bad=1
}

# injects NAME COMMAND...: it ends well, and something was done to it.
injects() {
    name=$1
    shift
    status=0
    "$sockfault" run --timeout 20s --profile posix --fault 'in *: short 3' \
        -- "$@" >"$work/out" 2>"$work/said" || status=$?
    if [ "$status" -ne 0 ] || ! grep -q '[1-9][0-9]* short' "$work/said"; then
        fail "$name: status $status"
    fi
}

# builds NAME COMPILER OPTION...
builds() {
    name=$1
    shift
    "$@" -w -D_GNU_SOURCE -g -I "$sources/../.." -o "$work/victims" \
        "$sources"/victims*.c -lpthread 2>"$work/said" || {
        fail "$name: does not build"
        return
    }
    injects "$name" "$work/victims" frames-not
}

builds plain gcc -O2
builds 'gcc ASan' gcc -fsanitize=address
builds 'gcc ASan, static runtime' gcc -fsanitize=address -static-libasan
builds 'gcc UBSan' gcc -fsanitize=undefined
builds 'gcc TSan' gcc -fsanitize=thread
builds 'clang ASan' clang -fsanitize=address,undefined
builds 'clang ASan, shared runtime' clang -fsanitize=address -shared-libasan \
    "-Wl,-rpath,$(dirname "$(clang \
        -print-file-name=libclang_rt.asan-$(uname -m).so)")"
builds 'clang MSan' clang -fsanitize=memory
builds 'clang TSan' clang -fsanitize=thread
builds 'fortified' gcc -O2 -D_FORTIFY_SOURCE=2
builds 'fortified, dynamic sizes' gcc -O2 -D_FORTIFY_SOURCE=3
builds 'not position independent' gcc -no-pie

# What is checked there is checked here, too: each runs over the end.
cat >"$work/over.c" <<'END'
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    size_t n = (size_t)atoi(argv[2]);
    struct timespec now = {0, 0};
    struct pollfd p[2];
    char buf[4];
    fd_set set;
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[1], "x", 1, 0);
    p[0] = p[1] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    if (strcmp(argv[1], "read") == 0)
        return read(pair[0], buf, n) != 1;
    if (strcmp(argv[1], "recv") == 0)
        return recv(pair[0], buf, n, 0) != 1;
    if (strcmp(argv[1], "recvfrom") == 0)
        return recvfrom(pair[0], buf, n, 0, NULL, NULL) != 1;
    if (strcmp(argv[1], "poll") == 0)
        return poll(p, n - 2, 0) < 1;
    if (strcmp(argv[1], "ppoll") == 0)
        return ppoll(p, n - 2, &now, NULL) < 1;
    FD_ZERO(&set);
    FD_SET(n < 5 ? pair[0] : FD_SETSIZE, &set);
    return argc != 3;
}
END
gcc -w -O2 -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -o "$work/over" "$work/over.c"
for call in read recv recvfrom poll ppoll set; do
    status=0
    "$sockfault" run --status -- "$work/over" $call 4 2>"$work/said" ||
        status=$?
    [ "$status" -eq 0 ] || fail "fortified $call: status $status"
    status=0
    "$sockfault" run -- "$work/over" $call 5 >"$work/said" 2>&1 || status=$?
    { [ "$status" -eq 1 ] && grep -q 'killed by SIGABRT' "$work/said"; } ||
        fail "fortified $call over the end: status $status"
done
grep -q 'finding: fd-range: descriptor 1024' "$work/said" ||
    fail 'fortified set: not told'

# What the loader has said stays there until the program asks it again.
cat >"$work/late.c" <<'END'
#include <dlfcn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char before[200], got[10];
    int pair[2];
    const char *said;

    if (dlopen("./is-not-there.so", RTLD_LAZY) || !(said = dlerror()))
        return 1;
    strncpy(before, said, sizeof before);
    prctl(PR_GET_DUMPABLE);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        write(pair[1], "0123456789", 10) != 10 ||
        recv(pair[0], got, sizeof got, 0) < 1)
        return 1;
    return syscall(SYS_getppid) < 0 || strncmp(said, before, sizeof before);
}
END
cc -w -o "$work/late" "$work/late.c" -ldl
injects dlerror "$work/late"

cc -w -D_GNU_SOURCE -o "$work/odd" "$sources/odd.c" -lpthread -ldl
cc -w -D_GNU_SOURCE -shared -fPIC -o "$work/odd.so" "$sources/odd.c" -lpthread
for way in constructor names fork vfork spawn exec closes stack handler \
    midst stdio raw batch signals many dlopen deepbind seccomp; do
    injects "$way" "$work/odd" "$way"
done

# The loader, asked to run it, has no loader and is not static.
loader=$(readelf -l "$work/odd" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
cp "$loader" "$work/loads"
injects loader "$work/loads" "$work/odd" names
"$sockfault" run --status --fault 'recv 1: short 3' --trace "$work/trace" \
    -- "$work/loads" "$work/odd" names 2>"$work/said" || fail 'loader: traced'
grep -q '^conn 1 recv 1: short 3 .* in talk of odd$' "$work/trace" ||
    fail "loader: $(grep recv "$work/trace")"

"$sockfault" run --status --timeout 20s -- "$work/odd" midst 2>"$work/said" ||
    fail 'midst: without a plan'

# A filter of its own is told, since from there on nothing is injected.
"$sockfault" run -- "$work/odd" seccomp 2>"$work/said" || true
grep -q '1 process put a seccomp filter on' "$work/said" ||
    fail 'seccomp: not told'

# What stdio does is seen call by call, and a fault reaches the program.
status=0
"$sockfault" run --status -P posix --fault 'conn 3 read 1: ENOBUFS' --trace "$work/trace" \
    -- "$work/odd" stdio 2>"$work/said" || status=$?
if [ "$status" -ne 1 ] ||
    ! grep -q '^# conn 4 write 1: 15 of 15' "$work/trace" ||
    ! grep -q '^conn 3 read 1: ENOBUFS' "$work/trace" ||
    ! grep -q '^# conn 3 close 1: 0' "$work/trace"; then
    fail "stdio: not seen"
fi
exit $bad
