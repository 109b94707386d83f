#!/bin/sh
# Each way to say which calls: what is done to talk.c, and to no other call.
# usage: select.sh SOCKFAULT TALK
set -eu

sockfault=$1
talk=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- # numbers are the same everywhere

# Below the ports that the kernel gives out by itself.
port=$((20000 + $$ % 10000))

# run SUMMARY RULE OPTION...
run() {
    summary=$1
    rule=$2
    shift 2
    "$sockfault" run --quiet --profile posix --timeout 20s --fault "$rule" \
        --json "$work/json" "$@" -- "$talk" "$port" "$work/sock" ||
        echo "status $?"
    grep -v '"pid"' "$work/json" >"$work/$summary"
}

# faults RULE: what was done, processes as P.
faults() {
    run traced "$1" --trace "$work/trace"
    grep -v '^#\|^run\|^sockfault-plan\|^profile' "$work/trace" |
        sed 's/ #.*//; s/process /P/' | sort | tr '\n' ',' |
        sed 's/,$//; s/,/, /g'
}

# selects RULE FAULTS
selects() {
    said=$(faults "$1")
    [ "$said" = "$2" ] || {
        echo "select.sh: $1" >&2
        echo "  expected: $2" >&2
        echo "  done:     $said" >&2
        bad=1
    }
    # Most calls go a shorter way when nobody records them.
    run untraced "$1"
    diff "$work/traced" "$work/untraced" >&2 || {
        echo "select.sh: $1: without a trace it is another" >&2
        bad=1
    }
}

# The call, in each process, and by ordinal.
selects 'recv 2: EINTR' \
    'P1 conn 1 recv 2: EINTR, P2 conn 1 recv 2: EINTR'
selects 'conn 2 recv 1: EINTR' \
    'P1 conn 2 recv 1: EINTR, P2 conn 2 recv 1: EINTR'
selects 'process 2 conn 1..3+2 send 1: EINTR' \
    'P2 conn 1 send 1: EINTR, P2 conn 3 send 1: EINTR'
# Counted where the rule names connections, else in the process.
selects 'client recv 3: EINTR' 'P2 conn 2 recv 1: EINTR'
selects 'client * recv 3: EINTR' ''
selects 'client 2 recv 1: EINTR' 'P2 conn 2 recv 1: EINTR'
selects 'p 1 seed 1 site hear process 1 in 3: EINTR' 'P1 conn 2 recv 1: EINTR'
# Direction.
selects 'process 1 conn 3 in 2: short 4' 'P1 conn 3 recv 2: short 4'
selects 'process 1 conn 3 out 2: EINTR' 'P1 conn 3 send 2: EINTR'
# Side.
selects 'client 3 recv 1: EINTR' 'P2 conn 3 recv 1: EINTR'
selects 'server 1 recv 2: EINTR' 'P1 conn 1 recv 2: EINTR'
# When, as strace has it.
selects 'client 1 recv 1+2: EINTR' \
    'P2 conn 1 recv 1: EINTR, P2 conn 1 recv 3: EINTR'
selects 'client 1 recv 1..2: EINTR' \
    'P2 conn 1 recv 1: EINTR, P2 conn 1 recv 2: EINTR'
selects 'client 1 recv 2+: short 9' \
    'P2 conn 1 recv 2: short 9'
# Offset in the stream: what comes before it is cut.
selects 'server 2 in @14: short 1' \
    'P1 conn 2 recv 2: short 4, P1 conn 2 recv 3: short 1'
# The peer.
selects "port $port client 2 recv 1: EINTR" 'P2 conn 2 recv 1: EINTR'
selects "port $((port + 1)) recv 1: EINTR" ''
selects 'peer 127.0.0.1 client 1..9 recv 1: EINTR' \
    'P2 conn 1 recv 1: EINTR, P2 conn 2 recv 1: EINTR'
selects "peer $work/sock conn * recv 1: EINTR" 'P2 conn 3 recv 1: EINTR'
selects 'peer [::1] conn * recv 1: EINTR' ''
selects "peer $work/sock recv 5: EINTR" 'P2 conn 3 recv 1: EINTR'
# The descriptor, the program, the process.
selects 'process 1 fd 5 conn 2 recv 1: EINTR' 'P1 conn 2 recv 1: EINTR'
selects 'fd 99 conn * recv 1: EINTR' ''
selects "program $(basename "$talk") process 2 conn 1 recv 1: EINTR" \
    'P2 conn 1 recv 1: EINTR'
selects 'program other conn 1 recv 1: EINTR' ''
# Who calls.
selects 'site hear process 1 in 3: EINTR' 'P1 conn 2 recv 1: EINTR'
selects 'site say process 1 in 3: EINTR' ''
selects 'site say client 2 out 1: EINTR' 'P2 conn 2 send 1: EINTR'
# Chance: the same for the same seed.
chosen=$(faults 'p 0.3 seed 5 in: benign')
[ -n "$chosen" ] || selects 'p 0.3 seed 5 in: benign' 'something'
selects 'p 0.3 seed 5 in: benign' "$chosen"

# Where a trace says who called, that place is a site.
"$sockfault" run --quiet --trace "$work/trace" \
    --fault 'client 1 in 1: short 1' \
    -- "$talk" "$port" "$work/sock"
grep -q '^process 2 conn 1 recv 1: short 1 # .* in hear at talk.c:' \
    "$work/trace" || {
    echo "select.sh: the trace does not say who called" >&2
    bad=1
}
strip -o "$work/stripped" "$talk"
"$sockfault" run --quiet --trace "$work/trace" \
    --fault 'client 1 in 1: short 1' \
    -- "$work/stripped" "$port" "$work/sock"
talk=$work/stripped
place=$(sed -n 's/^process.* in \(stripped+0x[0-9a-f]*\)$/\1/p' "$work/trace")
selects "site ${place:-unknown} client 2 in 1: EINTR" 'P2 conn 2 recv 1: EINTR'

# Whatever a program is called: a name in quotes is one.
talk="$work/my \"talk\": #1"
cp "$work/stripped" "$talk"
selects 'program "my \"talk\": #1" process 2 conn 1 recv 1: EINTR' \
    'P2 conn 1 recv 1: EINTR'
selects 'program "my" conn 1 recv 1: EINTR' ''
exit $bad
