# sim_checks.sh: what the tests of `sockfault sim` on servers as they are have in
# common: a folder $work with the session talk, and a count of failures.
# shellcheck shell=bash
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
ulimit -c 0

fail() {
    printf '%s\n' "$*" "$(cat "$work/out")"
    failures=$((failures + 1))
}

# ends STATUS PATTERN OPTION... -- COMMAND...
ends() {
    local want=$1 pattern=$2 got=0
    shift 2
    (cd "$work" && timeout 120 "$sockfault" sim -s talk "$@") \
        >"$work/out" 2>&1 || got=$?
    [[ $got == "$want" ]] && grep -Eq -- "$pattern" "$work/out" ||
        fail "status $got, and not $want with '$pattern': sim $*"
}

says() { grep -Eq -- "$1" "$work/out" || fail "it does not say '$1'"; }

# begun STATUS PATTERN FROM TO HOW OPTION...: the server that is bad in that way,
# and how often it was begun.
printf '%s\n' 'echo >>begun' 'exec "$@"' >"$work/count"
begun() {
    local n
    rm -f "$work/begun"
    ends "$1" "$2" "${@:6}" -- sh count "$served" "$5"
    n=$(wc -l <"$work/begun")
    [[ $n -ge $3 && $n -le $4 ]] || fail "$5: it was begun $n times"
}
