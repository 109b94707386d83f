#!/bin/sh
# Good plans parse, and what is printed parses to itself; bad ones are refused
# at the place and with the words that their last line says:
#
#     #! LINE:COLUMN: text of the error
#
# usage: plans.sh SOCKFAULT PLANS MORE-GOOD-PLANS
set -eu

sockfault=$1
plans=$2
more=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "plans.sh: $*" >&2
    bad=1
}

good=0
for plan in "$plans"/good/*.plan "$more"/*.plan; do
    good=$((good + 1))
    "$sockfault" check "$plan" >"$work/once.plan" || fail "$plan: refused"
    "$sockfault" check "$work/once.plan" >"$work/twice.plan" ||
        fail "$plan: what was printed is refused"
    cmp -s "$work/once.plan" "$work/twice.plan" ||
        fail "$plan: printed again it is another"
done

refused=0
for plan in "$plans"/bad/*.plan; do
    refused=$((refused + 1))
    status=0
    "$sockfault" check "$plan" >/dev/null 2>"$work/said" || status=$?
    [ "$status" -eq 2 ] || fail "$plan: status $status"
    [ "$(wc -l <"$work/said")" -eq 1 ] || fail "$plan: not one line"
    want="sockfault: $plan:$(sed -n 's/^#! //p' "$plan")"
    [ "$(cat "$work/said")" = "$want" ] ||
        fail "$plan: said $(cat "$work/said")"
done

if [ "$good" -lt 10 ] || [ "$refused" -lt 70 ]; then
    fail "only $good good and $refused bad plans"
fi
echo "plans.sh: $good good, $refused refused"
exit $bad
