# runs.sh: what the sockfault command says of a program; for tests that have
# $sockfault, and a folder of their own in which they are.  Sets bad.
# shellcheck shell=sh disable=SC2154 # sockfault

bad=0

# hungry: the program, where there are several
fail() {
    echo "$(basename "$0"): ${hungry##*/}: $*" >&2
    cat said >&2
    bad=1
}

# runs STATUS OPTION... -- COMMAND...
runs() {
    want=$1 status=0
    shift
    "$sockfault" "$@" >said 2>&1 || status=$?
    [ "$status" -eq "$want" ] || fail "status $status, and not $want: $*"
}
says() { grep -Eq -- "$1" said || fail "it does not say '$1'"; }
says_not() { ! grep -Eq -- "$1" said || fail "it says '$1'"; }
