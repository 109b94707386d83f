#!/bin/sh
# Calls with faults are made on a signal handler's stack, too: so many bytes of
# it are ours at most, as docs/fault-model.md says.  usage: narrow.sh SOCKFAULT
# NARROW
set -eu

sockfault=$1
narrow=$2
most=2560
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# fits OPTION...: every call does, and something was injected
fits() {
    "$sockfault" run --timeout 20s --profile hostile "$@" -- "$narrow" \
        >"$work/out" 2>"$work/said" || true
    if [ "$(grep -c . "$work/out")" -ne 14 ] ||
        ! awk -v most="$most" '$2 > most { exit 1 }' "$work/out"; then
        echo "narrow.sh: $*:" >&2
        cat "$work/out" "$work/said" >&2
        bad=1
    fi
    cat "$work/said" >>"$work/all"
}

for fault in 'short 1' EINTR EAGAIN ENOMEM ECONNRESET ETIMEDOUT deadfd \
    deadfd-reused 'delay 1' 'late 1'; do
    fits --fault "in *: $fault" --fault "out *: $fault"
done
fits --fault 'in *: EOF'
fits --fault 'out *: EPIPE'
for fault in EINTR spurious deadfd deadfd-reused deadfd-late; do
    fits --fault "wait *: $fault"
done
for fault in EINTR EMFILE ECONNABORTED EPERM listener-dead; do
    fits --fault "accept 14: $fault"
done
for fault in EINTR ECONNREFUSED ENETUNREACH; do
    fits --fault "connect 29: $fault"
done
fits --fault 'p 0.5 seed 42: benign'
fits --fault 'p 0.5 seed 42: fatal'
grep -c ' 0 faults' "$work/all" >"$work/idle" || true
[ "$(cat "$work/idle")" -eq 0 ] || {
    echo 'narrow.sh: nothing happened:' >&2
    cat "$work/all" >&2
    bad=1
}
exit $bad
