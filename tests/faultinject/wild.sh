#!/bin/sh
# A pointer that leads nowhere is the kernel's to refuse: the program gets what
# it gets without us.  usage: wild.sh SOCKFAULT WILD
set -eu

sockfault=$1
wild=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# same WAY OPTION...: as without us
same() {
    way=$1
    shift
    "$wild" $way >"$work/alone"
    status=0
    "$sockfault" run --timeout 20s --status "$@" -- "$wild" $way >"$work/under" \
        2>"$work/said" || status=$?
    [ "$status" -eq 0 ] && cmp -s "$work/alone" "$work/under" && return
    echo "wild.sh: $way $*: status $status" >&2
    diff "$work/alone" "$work/under" >&2 || true
    cat "$work/said" >&2
    bad=1
}

for way in '' ended; do
    same "$way"
    same "$way" --trace "$work/trace"
    same "$way" --profile posix --fault 'out *: short 1' --fault 'in *: short 1'
    same "$way" --fault 'conn 9 out *: short 1'
done
if "$sockfault" run --notify --status true >/dev/null 2>"$work/said" ||
    ! grep -q seccomp "$work/said"; then
    same '' --notify
fi
# ... nor is anything done to it.
for fault in EINTR 'delay 1' 'late 1' spurious; do
    same '' --profile posix --fault "select 1..4: $fault" \
        --fault "pselect *: $fault" --fault "poll 1..5: $fault" \
        --fault "ppoll *: $fault" --fault "epoll_wait 2+: $fault" \
        --fault "epoll_pwait *: $fault"
done
same '' --profile posix --fault 'connect 2+: ECONNREFUSED'

# What is answered of a connection that was reset by us.
"$wild" | grep '^getsock' >"$work/alone"
"$sockfault" run --fault 'conn 1 in *: ECONNRESET' -- "$wild" \
    2>"$work/said" | sed -n 's/, and no more//; /^getsock/p' >"$work/under"
grep -q '1 ECONNRESET' "$work/said" && cmp -s "$work/alone" "$work/under" || {
    echo 'wild.sh: after a reset:' >&2
    cat "$work/under" "$work/said" >&2
    bad=1
}

# One that is not refused is still measured.
grep -q '^# conn 1 sendmmsg 2: 1 of 1 ' "$work/trace" || {
    echo 'wild.sh: not measured' >&2
    bad=1
}
exit $bad
