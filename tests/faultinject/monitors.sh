#!/bin/sh
# Each monitor fires on the program with that one bug, by its name, and on
# none of the correct twins.  usage: monitors.sh SOCKFAULT VICTIMS
set -eu

sockfault=$1
victims=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# run BUG OPTION...: its exit status in $status, what was said in said.
run() {
    bug=$1
    shift
    status=0
    "$sockfault" run --timeout 5s "$@" -- "$victims" "$bug" \
        2>"$work/said" || status=$?
}

fail() {
    echo "monitors.sh: $1: status $status" >&2
    cat "$work/said" >&2
    bad=1
}

# fires BUG MONITOR OPTION...
fires() {
    bug=$1
    monitor=$2
    shift 2
    run "$bug" "$@"
    if [ "$status" -ne 1 ] || ! grep -q "finding: $monitor: " "$work/said" ||
        [ "$(grep -c finding: "$work/said")" -ne 1 ]; then
        fail "$bug"
    fi
    run "$bug-not" "$@"
    if [ "$status" -ne 0 ] || grep -q finding: "$work/said"; then
        fail "$bug-not"
    fi
    case $monitor in stall | died | unguarded-sigpipe | spin) return ;; esac
    run "$bug" --allow "$monitor" "$@"
    [ "$status" -eq 0 ] || fail "$bug, allowed"
}

fires spin spin
fires turn spin
fires left-epoll spin
fires asks spin
fires asks-gone spin
fires sends spin
fires closes spin --allow double-close
fires stale-fd stale-fd
fires stale-accept stale-fd
fires stale-connect stale-fd
fires stale-shutdown stale-fd
fires double-close double-close
fires double-in-row double-close
fires heirs-close double-close
fires child-closes double-close
fires dead-close double-close --fault 'select 1: deadfd conn 1'
fires missed-close double-close --fault 'poll 1: deadfd conn 1'
fires lent-number stale-fd --fault 'select 1: deadfd conn 1'
fires fd-range fd-range
fires fd-range-masked fd-range
fires blocking-in-loop blocking-in-loop
fires dials-in-loop blocking-in-loop
fires old-grant blocking-in-loop
fires blocks-later blocking-in-loop
fires phantom-dispatch phantom-dispatch --profile posix \
    --fault 'select 1: EINTR'
fires phantom-accept phantom-dispatch --profile posix --fault 'select 1: EINTR'
fires unguarded-sigpipe unguarded-sigpipe
fires unchecked-connect unchecked-connect
fires left-connect unchecked-connect
fires asks-connect unchecked-connect
fires early-connect unchecked-connect
fires misuse misuse
fires misuse-length misuse
fires misuse-shutdown misuse
fires fd-leak fd-leak
fires fd-leak-row fd-leak
fires fd-leak-shut fd-leak
fires fd-leak-threads fd-leak
fires fd-leak-late fd-leak --fault 'recv 1: late 600'
fires stale-row stale-fd
fires fd-leaks fd-leak
fires fd-leak-several fd-leak
fires fd-leak-refused fd-leak
fires stall stall --timeout 500ms
fires died died
fires zombie zombie --profile posix --fault 'waitpid 1: EINTR-reap'
fires zombie-of-two zombie --profile posix --fault 'waitpid 1: EINTR-reap'
exit $bad
