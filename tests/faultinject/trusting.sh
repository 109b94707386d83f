#!/bin/sh
# Correct programs that trust in what Linux promises where few do: what no
# kernel does is not done to them, and nothing is found.
# usage: trusting.sh SOCKFAULT TRUSTING [SEEDS]
set -eu

sockfault=$1
trusting=$2
seeds=${3:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# runs WAY OPTION...
runs() {
    way=$1
    shift
    status=0
    "$sockfault" run --status --timeout 20s "$@" -- "$trusting" "$way" \
        >"$work/said" 2>&1 || status=$?
    [ "$status" -eq 0 ] && return
    echo "trusting.sh: $way $*: status $status" >&2
    cat "$work/said" >&2
    bad=1
}

# The profiles in which chance has a part.
chance="linux posix"

# holds WAY PROFILE RULE...: by itself, under each rule, and under chance.
holds() {
    name=$1
    profile=$2
    shift 2
    if ! "$trusting" "$name"; then
        echo "trusting.sh: $name: fails by itself" >&2
        bad=1
        return
    fi
    runs "$name"
    for rule in "$@"; do
        runs "$name" --profile "$profile" --fault "$rule"
    done
    for profile in $chance; do
        seed=1
        while [ "$seed" -le "$seeds" ]; do
            runs "$name" --profile "$profile" --seed "$seed" --rate 0.2
            seed=$((seed + 1))
        done
    done
}

holds oneshot linux 'epoll_wait 1: withhold'
holds oneshot-rests posix 'epoll_wait 2: spurious conn 1'
holds one-word linux 'epoll_wait: withhold conn 1'
for of in copy closed replaced; do
    holds edge-of-$of linux 'in 1: short 3' 'in 1: EAGAIN'
done
holds exclusive posix 'accept 1: EAGAIN'
holds replaced posix 'epoll_wait 1..2: spurious'
holds twice posix 'poll 1: withhold conn 1' 'poll 1: deadfd-late conn 1' \
    'poll 1: deadfd conn 1' 'poll 1: spurious conn 1'
holds counted linux 'in: short 1'
holds counted-and-peeked linux 'in: short 1'
holds low-water linux 'in: short 1'
holds by-signal linux 'in 1: EAGAIN' 'in: short 1'
holds urgent-byte linux 'wait: EINTR' 'in: EINTR'
holds error-queue posix 'in 1: EAGAIN'
holds vfork linux 'in: short 3'
holds heir linux
holds handed-over linux
for dies in listener-dead listener-notsock listener-shut; do
    holds listens-anew linux "accept 2: $dies" "poll 2: $dies"
done
holds wide-sets linux
holds all-there-can-be linux
holds half-closed linux
holds shut-down posix 'in: EAGAIN' 'out: EAGAIN' 'in: EINTR' 'out: EINTR' \
    'out: ENOBUFS'
holds anew linux 'in 1: EOF' 'in 1: ECONNRESET'
holds room-in-a-row linux 'socket 1: EMFILE'
holds pool linux
holds full-backlog linux 'connect: EINTR'
holds batch-and-error linux
holds full-and-spawns linux 'accept: EMFILE'
holds full-and-vforks linux 'accept: EMFILE'
holds self-pipe linux 'select 2: EINTR'
holds reads-at-will posix 'select 1: EINTR' 'select 3: EINTR'
holds churn linux 'p 0.4 seed 1 in: short 1'
holds sweeps linux 'in 1: EAGAIN'
chance=linux
holds wide-reads linux 'in 1: EAGAIN'
holds glance linux 'epoll_wait 3: EINTR'
exit $bad
