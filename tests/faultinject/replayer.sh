#!/bin/sh
# replayer.sh: what a replayer says of inputs, and its status: 0 when each was
# executed, and nothing that was not counts as done.
#
#   replayer.sh REPLAYER     of a target that plays sessions
set -eu

replayer=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
bad=0

# ends STATUS WORDS INPUT...
ends() {
    want=$1 words=$2 status=0
    shift 2
    "$replayer" "$@" >said 2>&1 || status=$?
    [ "$status" -eq "$want" ] && grep -q -- "$words" said || {
        echo "replayer.sh: $*: status $status: $(cat said)" >&2
        bad=1
    }
}

mkdir -p one/deep/deeper none
printf 'sockfault-session 1\n' >one/good
cp one/good one/deep/deeper
printf 'sockfault-session 1\nbite 1 "a"\n' >malformed
head -c 1100000 /dev/zero >large
mkfifo fifo

ends 0 'executed 1 of 1 inputs' one/good
ends 0 'executed 2 of 2 inputs' one
ends 2 'sockfault: malformed:2:1: expected' malformed
ends 2 'executed 1 of 2 inputs' malformed one/good
ends 2 'large: larger than 1 MiB' one/good large
ends 2 'fifo: neither a file nor a folder' one/good fifo
ends 2 'nowhere: No such file' one/good nowhere
ends 2 'nothing was executed' none
ends 2 '^usage: '
ends 2 '^usage: ' -x
ends 0 '^usage: .* \[-v\]' --help
ends 0 'with -v shows' --help
exit $bad
