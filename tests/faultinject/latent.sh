#!/bin/sh
# Each monitor of the kernel's world: chance finds its bug within 200 seeds,
# what happened replays it every time, and shrinks to at most two rules that
# replay it as well; the correct twin is left alone.  Every time: of 20, so
# that this takes half a minute, or of as many as SOCKFAULT_REPLAYS says.
# usage: latent.sh SOCKFAULT LATENT [REPLAYS]
set -eu

sockfault=$1
latent=$2
replays=${3:-${SOCKFAULT_REPLAYS:-20}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "latent.sh: $*" >&2
    bad=1
}

# chance SEED CLASS COMMAND...: what was found, nothing where nothing was.
chance() {
    seed=$1
    class=$2
    shift 2
    "$sockfault" run --quiet --timeout 1s --seed "$seed" --class "$class" \
        --trace "$work/trace" --json "$work/json" -- "$@" 2>/dev/null || true
    jq -r '.verdict // ""' "$work/json"
}

# find MONITOR: leaves a trace that shows it, or fails.
find() {
    seed=0
    while [ "$seed" -lt 200 ]; do
        seed=$((seed + 1))
        for class in benign fatal; do
            [ "$(chance "$seed" "$class" "$latent" "$1")" != "$1" ] || return 0
        done
    done
    return 1
}

# shows PLAN MONITOR
shows() {
    "$sockfault" replay --quiet --timeout 1s --json "$work/json" "$1" \
        2>/dev/null || true
    [ "$(jq -r '.verdict // ""' "$work/json")" = "$2" ]
}

# What makes a zombie only a rule can name: monitors.sh has one.
for monitor in $("$sockfault" list monitors |
    awk '/kernel/ && $1 != "zombie" { print $1 }'); do
    for seed in 1 2 3 4 5 6 7 8 9 10; do
        for class in benign fatal; do
            said=$(chance "$seed" "$class" "$latent" "$monitor-not")
            [ -z "$said" ] || fail "$monitor-not: $said with $class seed $seed"
        done
    done
    if ! find "$monitor"; then
        fail "$monitor: not found within 200 seeds"
        continue
    fi
    found=$seed
    mv "$work/trace" "$work/$monitor"
    again=0
    n=0
    while [ "$n" -lt "$replays" ]; do
        n=$((n + 1))
        ! shows "$work/$monitor" "$monitor" || again=$((again + 1))
    done
    [ "$again" -eq "$replays" ] || fail "$monitor: replayed $again of $replays"
    "$sockfault" shrink --timeout 1s "$work/$monitor" >"$work/small" \
        2>"$work/said" || [ $? -eq 1 ] || fail "$monitor: $(cat "$work/said")"
    rules=$(grep -vc '^run\|^sockfault-plan\|^#' "$work/small") || true
    { [ "$rules" -ge 1 ] && [ "$rules" -le 2 ]; } ||
        fail "$monitor: shrunk to $rules rules"
    shows "$work/small" "$monitor" ||
        fail "$monitor: the small plan shows it not"
    echo "latent.sh: $monitor: $class seed $found, replayed $again of" \
        "$replays, $rules rules"
done
exit $bad
