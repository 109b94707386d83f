#!/bin/sh
# The first allocation fails as well as the last; who was asked about a leak is
# asked again; an end with a status is found, and chance is told.
# usage: prover.sh PROVER
set -eu

prover=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
bad=0

# proves STATUS WORDS VARIANT OPTION...
proves() {
    want=$1 words=$2 status=0
    printf 'sockfault-session 1\nvariant %s\nbytes 1 "abcdefghijkl"\n' "$3" >session
    shift 3
    (ulimit -c 0 && "$prover" --prove "$@" session) >said 2>&1 || status=$?
    [ "$status" -eq "$want" ] && grep -q -- "$words" said || {
        echo "prover.sh: $*: status $status: $(cat said)" >&2
        bad=1
    }
}

proves 0 'each of 3 allocations' 0 --memory
for nth in 1 2 3; do
    proves 1 'REFUTED' $nth --memory
    proves 1 "^allocation $nth fails" $nth --memory
done
proves 0 'PROVED' 0 -k 1
proves 1 'blocks* of memory were not given back' 4 -k 1
proves 1 'REFUTED .*exit status 3' 5 -k 1
proves 2 'not deterministic' 6 -k 1
proves 0 'PROVED' 7 -k 1
proves 0 'at most 1 fault, cuts 4)$' 7 -k 1 --cuts 4
proves 1 'REFUTED    with 1 fault' 7 -k 1 --cuts 6
proves 2 '--cuts 128: expected a number from 1 to 127' 7 -k 1 --cuts 128
proves 2 '--cuts says nothing with --memory' 7 --cuts 2 --memory
exit $bad
