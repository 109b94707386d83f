# expect.sh: what `sockfault sim` says of a program; for tests that have $sockfault,
# and a folder of their own in which they are.  Sets failed.
# shellcheck shell=sh disable=SC2154 # sockfault

# expect STATUS PATTERN OPTIONS COMMAND...
expect() {
    status=$1 pattern=$2 options=$3
    shift 3
    is=0
    # shellcheck disable=SC2086 # words
    (ulimit -c 0 && timeout 120 "$sockfault" sim $options -- "$@") >out 2>&1 \
        </dev/null || is=$?
    if [ "$is" -ne "$status" ] || ! grep -Eq -- "$pattern" out; then
        echo "$(basename "$0"): $options: $*: ended $is, not $status with" \
            "'$pattern':" >&2
        cat out >&2
        failed=1
    fi
}
