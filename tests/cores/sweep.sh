#!/usr/bin/env bash
# sweep.sh CORE BIN: every preload plan of the gate, with CORE in the place of
# the framed server; nothing may be found.
project=$(cd "$(dirname "$0")/../.." && pwd)
core=$1 bin=$2
. "$project/scripts/lib/common.sh"
for part in replay findings sweep; do
    . "$SF_LIB/$part.sh"
done

scratch work
mkdir "$work/bin"
ln -s "$bin/sockfault" "$bin/framed-client" "$work/bin"
ln -s "$(dirname "$bin")/lib" "$work/lib"
ln -s "$core" "$work/bin/framed-server"
SF_BUILD=$work found=0 faults=0
sweep_orderly='' # they end at once
while read -r plan; do
    sweep_replay server.select "$plan" "$work/report"
    [[ -z $replay_kind ]] || {
        say "$(basename "$plan"): $replay_message"
        found=1
    }
    faults=$((faults + ${sweep_faults:-0}))
done < <(sweep_plans)
[[ $faults -gt 0 ]] || die "nothing was injected"
finish "$found"
