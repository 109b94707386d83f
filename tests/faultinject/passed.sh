#!/bin/sh
# What goes past the library is told, and what does not is not blamed.
# usage: passed.sh SOCKFAULT SOURCES
set -eu

sockfault=$(realpath "$1")
sources=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

if [ "$(id -u)" -ne 0 ] || [ "$(uname -m)" != x86_64 ]; then
    echo "passed.sh: what goes past is counted for root only"
    exit 77
fi

cc -w -O -D_GNU_SOURCE -o "$work/inline" "$sources/inline.c"
cc -w -D_GNU_SOURCE -o "$work/odd" "$sources/odd.c" -lpthread
cc -w -static -D_GNU_SOURCE -o "$work/static" "$sources/odd.c" -lpthread

# says STATUS PATTERN OPTION... -- COMMAND: '' is nothing about what passed.
says() {
    wanted=$1
    pattern=$2
    shift 2
    status=0
    (cd "$work" && "$sockfault" run "$@") >/dev/null 2>"$work/said" || status=$?
    if [ "$status" -ne "$wanted" ] ||
        { [ -n "$pattern" ] && ! grep -q -- "$pattern" "$work/said"; } ||
        { [ -z "$pattern" ] && grep -q -e past -e io_uring "$work/said"; }; then
        echo "passed.sh: $*: status $status" >&2
        cat "$work/said" >&2
        bad=1
    fi
}

says 2 '1 socket went past the library, first in inline:' -- ./inline
says 2 'made sockets: try --notify' -- ./inline
says 0 '1 socket went past' -- ./inline both
says 0 '[1-9] sockets* went past the library, first in static:' \
    -- sh -c './static names; ./odd names'
says 0 '1 io_uring, whose calls are not seen' -- ./inline ring
says 0 'ended with status 1' --no-io-uring -- ./inline ring
says 0 '' --notify -- ./inline both
for way in names fork vfork spawn exec stdio raw; do
    says 0 '' -- ./odd $way
done
says 0 'ring, whose calls' --json ring.json -- ./inline ring
says 0 '1 socket went past' --json both.json -- ./inline both
for said in 'ring.json 0 1' 'both.json 1 0'; do
    # shellcheck disable=SC2086
    set -- $said
    jq -e ".sockets_passed == $2 and .io_urings == $3" "$work/$1" \
        >/dev/null || {
        echo "passed.sh: $1: not $2 and $3" >&2
        bad=1
    }
done
# libc asks for names over sockets of its own.
says 0 '' -- sh -c 'id -un; ./odd names'

# An ordinary user is told where the command gives up what would be in the way.
cp "$sockfault" "$(dirname "$sockfault")/../lib/libsockfault.so" "$work"
chmod 755 "$work"
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
(cd / && $nobody "$work/sockfault" run --no-io-uring -- "$work/inline" both) \
    2>&1 | grep -q '1 socket went past' || {
    echo "passed.sh: an ordinary user is not told" >&2
    bad=1
}

# Who is left behind is served on.
says 2 '' -- ./inline orphan
sleep 1
[ -d "$work/orphan" ] || {
    echo "passed.sh: a process that was left behind got no socket" >&2
    bad=1
}
exit $bad
