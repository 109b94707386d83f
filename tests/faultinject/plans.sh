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

# Nothing is lost on the way: what is said in the order and with the words of
# the printer is printed as it stands.
cat >"$work/said.plan" <<'END'
sockfault-plan 1
profile posix
run true
recv 3: EINTR
recv 2+: EINTR
recv 2+3: EINTR
recv 2..8: EINTR
recv 2..8+3: EINTR
in @5: short 1
in @0..9: EINTR
out @5+: EAGAIN
: EINTR
any *: EINTR
conn 1..9+2 send: EINTR
process 2 program "a b" client 3 conn 4 fd 5 port 6 peer 127.0.0.1 site x recv 1: EINTR
fd 0..2 read *: EINTR
server in 1: EOF
pair 2..3 in 1: EOF
peer [::1] in 1: EOF
site shop::Buyer::~Buyer malloc 1: no-memory
p 0.05 seed 7 in: benign
p 0.5: fatal
p 0.000000001 wait: EINTR
p 1 seed 1 accept 1: EMFILE
poll 1: withhold client 2
poll 1: deadfd conn 3
recv 1: delay 30
close 1: late 20
END
"$sockfault" check "$work/said.plan" >"$work/once.plan" || fail 'refused'
diff "$work/said.plan" "$work/once.plan" >&2 || fail 'it is printed as another'

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
