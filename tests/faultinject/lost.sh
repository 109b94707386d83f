#!/bin/sh
# A program that is executed where the library cannot follow is told, by
# whichever name it is executed and with errno left alone; others are not.
# usage: lost.sh SOCKFAULT
set -eu

sockfault=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

cat >"$work/execs.c" <<'END'
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static const char *how, *what;
static char **args(void)
{
    static char *two[3] = {"x", "y"};
    return two;
}
static void become(void)
{
    char *none[] = {NULL};
    if (strcmp(how, "execv") == 0)
        execv(what, args());
    if (strcmp(how, "execve") == 0)
        execve(what, args(), environ);
    if (strcmp(how, "cleaned") == 0)
        execve(what, args(), none);
    if (strcmp(how, "execvp") == 0)
        execvp(what, args());
    if (strcmp(how, "execvpe") == 0)
        execvpe(what, args(), environ);
    if (strcmp(how, "execl") == 0)
        execl(what, "x", "y", NULL);
    if (strcmp(how, "execlp") == 0)
        execlp(what, "x", "y", NULL);
    if (strcmp(how, "execle") == 0)
        execle(what, "x", "y", NULL, environ);
    _exit(errno == ENOENT ? 0 : 99);
}
int main(int argc, char **argv)
{
    pid_t child;
    int pair[2], status;
    how = argv[1];
    what = argv[argc - 1];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    errno = 77;
    if (strcmp(how, "popen") == 0)
        return pclose(popen(what, "r"));
    if (strcmp(how, "spawn") == 0)
        status = posix_spawn(&child, what, NULL, NULL, args(), environ);
    else if (strcmp(how, "spawnp") == 0)
        status = posix_spawnp(&child, what, NULL, NULL, args(), environ);
    else if ((child = vfork()) == 0)
        become();
    else
        status = 0;
    if (errno != 77 && strchr(what, '/'))
        return 98;
    if (status != 0 || waitpid(child, &status, 0) != child)
        return 97;
    return WEXITSTATUS(status);
}
END
echo 'int main(int argc, char **argv) { return argc > 4; }' >"$work/end.c"
cc -w -D_GNU_SOURCE -o "$work/execs" "$work/execs.c"
cc -o "$work/dynamic" "$work/end.c"
cc -static -o "$work/static-one" "$work/end.c"
printf '#!%s\n' "$work/static-one" >"$work/script"
chmod +x "$work/script"
PATH=$work:$PATH

# says PATTERN HOW PROGRAM: '' is nothing.
says() {
    status=0
    "$sockfault" run -- "$work/execs" "$2" "$3" 2>"$work/said" || status=$?
    if [ "$status" -ne 0 ] || grep -q 'ended with' "$work/said" ||
        { [ -n "$1" ] && ! grep -q "follow, first $1\$" "$work/said"; } ||
        { [ -z "$1" ] && grep -q 'cannot follow' "$work/said"; }; then
        echo "lost.sh: $2 $3: status $status, not '$1'" >&2
        cat "$work/said" >&2
        bad=1
    fi
}

static='static-one, which is statically linked: --notify sees it'
for how in execv execve execvp execvpe execl execlp execle spawn spawnp; do
    says "$static" "$how" "$work/static-one"
    says '' "$how" "$work/dynamic"
done
says "$static" popen "$work/static-one x"
says '' popen "$work/dynamic x"
for how in execvp execvpe execlp spawnp; do
    says "$static" "$how" static-one
    says '' "$how" dynamic
done
says '' execvp nowhere

# The loader has no loader, and loads the library all the same.
loader=$(readelf -l "$work/dynamic" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
cp "$loader" "$work/loads"
cp "$work/static-one" "$work/ld-one"
says '' popen "$work/loads $work/dynamic x"
says 'ld-one, which is statically linked: --notify sees it' execv "$work/ld-one"
says 'dynamic, which got no LD_PRELOAD: --notify sees it' cleaned \
    "$work/dynamic"
says 'script, which is statically linked: --notify sees it' execl \
    "$work/script"
if cc -m32 -o "$work/short" "$work/end.c" 2>/dev/null; then
    says 'short, which has another word size' execv "$work/short"
else
    echo "lost.sh: no compiler for 32 bits"
fi

# Who is not root may gain rights by a file's capabilities.
cp "$work/dynamic" "$work/capable"
chmod 755 "$work"
if [ "$(id -u)" -eq 0 ] && command -v setcap >/dev/null &&
    setcap cap_net_raw+ep "$work/capable" &&
    setpriv --reuid 65534 --clear-groups test -x "$sockfault"; then
    bare=$sockfault
    sockfault=$work/as-nobody
    printf '#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups "%s" "$@"\n' \
        "$bare" >"$sockfault"
    chmod +x "$sockfault"
    says 'capable, which gains rights' execv "$work/capable"
    sockfault=$bare
else
    echo "lost.sh: nobody can give a file capabilities"
fi

"$sockfault" run --json "$work/json" -- sh -c \
    "'$work/execs' execv '$work/static-one'; '$work/static-one' x" \
    2>"$work/said"
grep -q '^sockfault: 2 programs were executed where' "$work/said" ||
    { cat "$work/said" >&2; bad=1; }
grep -q '"programs_lost": *2,' "$work/json" || { cat "$work/json" >&2; bad=1; }
exit $bad
