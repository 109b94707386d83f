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
same '' --profile posix --fault 'connect 2+: ECONNREFUSED'

# One that is not refused is still measured.
grep -q '^# conn 1 sendmmsg 2: 1 of 1 ' "$work/trace" || {
    echo 'wild.sh: not measured' >&2
    bad=1
}
exit $bad
