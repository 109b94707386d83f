#!/bin/sh
# No call is interrupted that the kernel would not interrupt: neither by the
# tally of what goes past the library nor by --notify.
# usage: interrupted.sh SOCKFAULT PROGRAM
set -eu

sockfault=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# undisturbed STATUS OPTION... -- COMMAND
undisturbed() {
    wanted=$1
    shift
    status=0
    "$sockfault" run --allow spin --timeout 60s "$@" >"$work/out" 2>&1 ||
        status=$?
    if [ "$status" -ne "$wanted" ] || grep -q interrupted: "$work/out"; then
        echo "interrupted.sh: $*: status $status" >&2
        sort "$work/out" | uniq -c >&2
        bad=1
    fi
}

for what in calls cancel; do
    undisturbed 0 --status -- "$program" $what
    undisturbed 2 --only nobody -- "$program" $what
done
"$sockfault" run --notify -- true 2>&1 | grep -q seccomp && exit $bad
for what in calls cancel threads waits stopped traced; do
    undisturbed 0 --status --notify -- "$program" $what
done
exit $bad
