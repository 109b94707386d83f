#!/bin/sh
# The same seed does the same to every connection, also with threads; a bug
# that chance finds is replayed every time and shrunk to one rule; what is
# not reached is told.  usage: replay.sh SOCKFAULT VICTIMS [RUNS]
set -eu

sockfault=$1
victims=$2
runs=${3:-100}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "replay.sh: $*" >&2
    bad=1
}

# faults TRACE: what was done, in an order that threads do not change.
faults() {
    grep -v '^#' "$1" | sed 's/ #.*//' | sort
}

# How long it spins is a matter of time, so what makes it goes on.
insists() {
    status=0
    timeout 60 "$sockfault" "$@" >"$work/out" 2>"$work/said" || status=$?
}
insists run --fault 'accept 1..3: ENOBUFS' --fault 'accept 4+: ENFILE' \
    -P posix \
    --trace "$work/trace" -- "$victims" insists
[ "$status" -eq 1 ] || fail "insists: status $status"
grep -q 'it came after accept 4+: ENFILE' "$work/said" ||
    fail "insists: $(cat "$work/said")"
insists replay "$work/trace"
[ "$status" -eq 1 ] || fail "insists, again: status $status"
insists shrink "$work/trace"
[ "$(grep -c '^accept' "$work/out")" -eq 4 ] ||
    fail "insists, shrunk with $status to $(cat "$work/out")"

for program in frames-not threads-not; do
    i=0
    while [ "$i" -lt "$runs" ]; do
        "$sockfault" run --quiet --seed 7 --rate 0.2 --trace "$work/trace" \
            -- "$victims" "$program" || fail "$program: status $?"
        faults "$work/trace" >"$work/$i"
        cmp -s "$work/0" "$work/$i" || fail "$program: run $i is another"
        i=$((i + 1))
    done
    [ "$(wc -l <"$work/0")" -gt 20 ] || fail "$program: hardly a fault"
done

seed=1
until ! "$sockfault" run --quiet --seed "$seed" --trace "$work/trace" \
    -- "$victims" frames 2>/dev/null; do
    seed=$((seed + 1))
    [ "$seed" -le 200 ] || {
        echo "replay.sh: not found within 200 seeds" >&2
        exit 1
    }
done

i=0
while [ "$i" -lt "$runs" ]; do
    status=0
    "$sockfault" replay --quiet "$work/trace" 2>/dev/null || status=$?
    [ "$status" -eq 1 ] || fail "replay $i: status $status"
    i=$((i + 1))
done

"$sockfault" shrink "$work/trace" >"$work/small" 2>/dev/null && fail "shrink"
[ "$(grep -vc '^run\|^sockfault-plan\|^#' "$work/small")" -eq 1 ] ||
    fail "shrunk to $(cat "$work/small")"
status=0
"$sockfault" replay --quiet "$work/small" 2>/dev/null || status=$?
[ "$status" -eq 1 ] || fail "what was shrunk ends with $status"

# Whatever is in the words of the command.
cat >"$work/words" <<END
#!/bin/sh
[ "\$#" -eq 5 ] && [ "\$1" = "a 'b\" # c" ] && [ "\$2" = '' ] &&
    [ "\$3" = 'one
two
' ] && [ "\$4" = "\$'\\n'" ] && [ "\$5" = '\\' ] || exit 9
exec $victims frames-not
END
chmod +x "$work/words"
"$sockfault" run --quiet --status --trace "$work/trace" -- "$work/words" \
    "a 'b\" # c" '' 'one
two
' "\$'\\n'" "\\" || fail 'the words of a command'
"$sockfault" replay --quiet --status "$work/trace" ||
    fail "its words in a replay: $(grep '^run' "$work/trace")"

# A trace says with what options it was run; what a replay is given wins.
name=$(basename "$victims")
"$sockfault" run --quiet --timeout 30s --only "$name" --seed 7 --rate 0.2 \
    --trace "$work/trace" -- "$victims" frames-not || fail 'with options'
grep -qx "run --timeout 30s --only $name -- $victims frames-not" \
    "$work/trace" || fail "options in a trace: $(grep '^run' "$work/trace")"
"$sockfault" replay --quiet --trace "$work/again" "$work/trace" ||
    fail 'replay with options'
diff "$work/trace" "$work/again" | grep -v '^[<>] # process' | grep '^[<>]' &&
    fail 'its trace is another'
sed "s/--only $name/--only nobody/" "$work/trace" >"$work/nobody"
"$sockfault" replay --quiet "$work/nobody" 2>"$work/said" &&
    fail 'its options do not count'
"$sockfault" replay --quiet --only "$name" "$work/nobody" ||
    fail 'options of a replay do not count'
sed 's/--timeout/--timout/' "$work/trace" >"$work/typo"
"$sockfault" replay "$work/typo" 2>"$work/said" && fail 'a typo is forgiven'
grep -q "typo: unrecognized option '--timout'" "$work/said" ||
    fail "a typo: $(cat "$work/said")"

printf 'sockfault-plan 1\nrun %s frames-not\nconn 9 recv 1: EOF\n' \
    "$victims" >"$work/far"
status=0
"$sockfault" replay "$work/far" 2>"$work/said" || status=$?
[ "$status" -eq 2 ] || fail "a replay that reaches nothing ends with $status"
grep -q 'not reached: conn 9 recv 1: EOF' "$work/said" || fail "not told"

# What was wanted of a call, and only its result says whether it can be.
cat >"$work/waits.c" <<'END'
#include <poll.h>
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    char buf[8];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct pollfd p = {.fd = pair[0], .events = POLLIN};
    send(pair[1], "1234", 4, 0);
    if (poll(&p, 1, -1) != 1)
        return 1;
    return recv(pair[0], buf, 8, 0) < 1;
}
END
cc -o "$work/waits" "$work/waits.c"
printf 'sockfault-plan 1\nrun %s\npoll 1: withhold conn 1\n' "$work/waits" \
    >"$work/far"
status=0
"$sockfault" replay "$work/far" 2>"$work/said" || status=$?
[ "$status" -eq 2 ] || fail "a replay of what cannot be ends with $status"
grep -q 'never possible: poll 1: withhold conn 1' "$work/said" ||
    fail "not told: $(cat "$work/said")"

# A trace says where its command ran, whatever the folder is called; one that
# does not, as they were, is a trace as well.
mkdir "$work/a new
line"
(cd "$work/a new
line" && "$sockfault" run --quiet --trace ../trace -- "$victims" frames-not) ||
    fail "in a folder: status $?"
sed -n 3p "$work/trace" | grep -q "^# in '/.*/a new'\$'.n''line'\$" ||
    fail "not said: $(head -4 "$work/trace")"
"$sockfault" replay --quiet "$work/trace" || fail "replayed: status $?"
sed -i 3d "$work/trace"
"$sockfault" replay --quiet "$work/trace" || fail "as it was: status $?"

# A relative name means nothing elsewhere: it is said where it meant something,
# also by what was shrunk, in one line; where there is one of that name it is
# run.
cp "$victims" "$work/a new
line/victims"
(cd "$work/a new
line" && "$sockfault" run --quiet --fault 'conn 1 recv 5: short 3' \
    --trace ../trace -- ./victims frames 2>/dev/null) && fail 'nothing found'
(cd "$work/a new
line" && "$sockfault" shrink ../trace 2>/dev/null >../small) && fail 'shrink'
for trace in "$work/trace" "$work/small"; do
    for verb in replay shrink; do
        status=0
        (cd "$work" && "$sockfault" $verb "$trace") >"$work/out" \
            2>"$work/said" || status=$?
        { [ "$status" -eq 2 ] && [ "$(wc -l <"$work/said")" -eq 1 ] &&
            grep -q "^sockfault: ./victims: No such file or directory; the \
trace was recorded in '/.*/a new'\$'.n''line': cd there" "$work/said"; } ||
            fail "elsewhere: status $status, $(cat "$work/said")"
    done
done
mkdir "$work/there"
cp "$victims" "$work/there/victims"
status=0
(cd "$work/there" && "$sockfault" replay --quiet ../trace 2>/dev/null) ||
    status=$?
[ "$status" -eq 1 ] || fail "where there is one: status $status"

# What was needed only beside something that was not: no rule too many is left.
cat >"$work/beside.c" <<'END'
#include <stdlib.h>
#include <sys/socket.h>
static int hears_half(void)
{
    int pair[2];
    char buf[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[1], buf, 2, 0);
    return recv(pair[0], buf, 2, 0) == 1;
}
int main(void)
{
    int mends = hears_half(), spares = hears_half();
    if (hears_half() && (!spares || mends))
        abort();
}
END
cc -o "$work/beside" "$work/beside.c"
"$sockfault" run --quiet --fault 'recv: short 1' --trace "$work/trace" \
    -- "$work/beside" 2>/dev/null && fail 'beside: nothing found'
"$sockfault" shrink "$work/trace" 2>/dev/null >"$work/small" &&
    fail 'beside: nothing to shrink'
[ "$(grep ': ' "$work/small" | grep -v '^#')" = 'conn 5 recv 1: short 1' ] ||
    fail "beside: shrunk to $(cat "$work/small")"

# What was done to a call stands where the call was.
"$sockfault" run --quiet --fault 'conn 3 recv 1: short 1' \
    --trace "$work/trace" -- "$work/beside" || fail "in order: status $?"
[ "$(grep -o 'conn . recv 1: [a-z0-9]*' "$work/trace" | tr '\n' ,)" = \
    'conn 1 recv 1: 2,conn 3 recv 1: short,conn 5 recv 1: 2,' ] ||
    fail "not in order: $(cat "$work/trace")"

# To which of those that it waits for, too.
cat >"$work/two.c" <<'END'
#include <poll.h>
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct pollfd p[] = {{pair[0], POLLIN, 0}, {pair[1], POLLIN, 0}};
    return poll(p, 2, 0) < 1 || p[1].revents != POLLNVAL;
}
END
cc -o "$work/two" "$work/two.c"
"$sockfault" run --quiet --status --fault 'poll 1: deadfd conn 2' \
    --trace "$work/trace" -- "$work/two" || fail "one of two: status $?"
"$sockfault" replay --quiet --status "$work/trace" ||
    fail "one of two, replayed: status $?, $(cat "$work/trace")"

# A trace of tens of thousands of faults: each call finds its own at once.
cat >"$work/many.c" <<'END'
#include <sys/socket.h>
int main(void)
{
    int pair[2];
    char buf[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    for (int i = 0; i < 32000; i++) {
        send(pair[1], buf, 2, 0);
        if (recv(pair[0], buf, 2, 0) == 1)
            recv(pair[0], buf, 1, 0);
    }
}
END
cc -o "$work/many" "$work/many.c"
"$sockfault" run --quiet --fault 'recv: short 1' --trace "$work/trace" \
    -- "$work/many" || fail "many: status $?"
[ "$(grep -c ': short 1' "$work/trace")" -eq 32000 ] || fail 'too few faults'
timeout 30 "$sockfault" replay --quiet "$work/trace" ||
    fail "a long trace: status $?"
exit $bad
