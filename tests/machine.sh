#!/usr/bin/env bash
# machine.sh SOURCE BUILD: another machine, and nothing else is.
#
# Builds what has no libraries for 64-bit ARM, in BUILD/aarch64, and runs it in
# an emulator of that processor.  Every input of the corpus has to be played as
# in BUILD: the same calls with the same results at the same times.  The prover
# has to make the same runs, and be able to go back to a snapshot.  The shim is
# preloaded into a server, and into a program with a vfork and a dlopen.
set -euo pipefail

source=$1
build=$2
there=$build/aarch64
work=$there/work
root=/usr/aarch64-linux-gnu
server=

fail() {
    echo "machine: $*" >&2
    exit 1
}

if [ "$(uname -m)" != x86_64 ]; then
    echo 'machine: compares with x86-64 only' >&2
    exit 77
fi

run_there() { qemu-aarch64 -L "$root" "$@"; }

# A plain character is unsigned there, pages and structures are others, and
# so are the calls that the kernel has.
cross_build() {
    cmake -S "$source" -B "$there" -G Ninja -DCMAKE_SYSTEM_NAME=Linux \
        -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=clang \
        -DCMAKE_C_COMPILER_TARGET=aarch64-linux-gnu \
        -DCMAKE_C_FLAGS="-isystem $root/include" \
        -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld \
        -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld \
        -DCMAKE_FIND_ROOT_PATH="$root" \
        -DBUILD_TESTING=OFF -DSOCKFAULT_SANITIZE= &&
        cmake --build "$there" -j 1 --target sockfault \
            sockfault_notify framed-server sockfault-prove \
            fuzz_{session,stream,client,decode,plan} &&
        clang --target=aarch64-linux-gnu -isystem "$root/include" \
            -fuse-ld=lld -O1 -D_GNU_SOURCE -std=c11 \
            "$source/tests/machine.c" -o "$work/machine"
}

# same_inputs FUZZER FOLDER
same_inputs() {
    setarch -R "$build/bin/$1" -v "$2" >"$work/here" 2>&1 ||
        fail "$2: $(tail -n 3 "$work/here")"
    run_there "$there/bin/$1" -v "$2" >"$work/there" 2>&1 ||
        fail "$2: $(tail -n 3 "$work/there")"
    cmp -s "$work/here" "$work/there" ||
        fail "$2: $(diff "$work/here" "$work/there" | head -n 6)"
    grep -q '^executed [1-9]' "$work/there" || fail "$2: no input"
}

same_sessions() {
    local folder
    for folder in "$source"/corpus/{,regressions/,sessions/}fuzz_*; do
        same_inputs "${folder##*/}" "$folder"
    done
}

same_proofs() {
    local scenario
    for scenario in fuzz_session/echo fuzz_client/dial \
        fuzz_stream/recv-frame; do
        scenario=$source/corpus/scenarios/$scenario.session
        "$build/bin/sockfault-prove" --plain --rows -k 1 "$scenario" \
            >"$work/here" 2>/dev/null || fail "$scenario: not proved here"
        run_there "$there/bin/sockfault-prove" --plain --rows -k 1 "$scenario" \
            >"$work/there" 2>/dev/null || fail "$scenario: not proved there"
        grep -q complete "$work/there" || fail "$(cat "$work/there")"
        cmp "$work/here" "$work/there" || fail "$scenario is another proof"
    done
    # By states, which takes snapshots.
    run_there "$there/bin/sockfault-prove" -k 2 "$scenario" >"$work/there" ||
        fail "by states: $(cat "$work/there")"
    grep -q 'ended in one that was seen' "$work/there" ||
        fail "no state was seen again: $(cat "$work/there")"
}

# With one byte a read.
shim_works() {
    local port
    local -a shim=("$build/bin/sockfault" run -j "$work/run.json"
        -f 'in *: short 1' -- "$(command -v qemu-aarch64)" -L "$root"
        -E "LD_PRELOAD=$there/lib/libsockfault.so")
    "${shim[@]}" "$work/machine" >"$work/out" 2>"$work/err" ||
        fail "status $?: $(cat "$work/out" "$work/err")"
    "${shim[@]}" "$there/bin/framed-server" --port 0 >"$work/out" \
        2>"$work/err" &
    server=$!
    for _ in $(seq 100); do
        grep -q listening "$work/out" && break
        sleep 0.1
    done
    port=$(sed 's/.*://' "$work/out")
    "$build/bin/framed-client" --port "$port" --count 5 --size 20 --quiet ||
        fail "a client: status $?: $(cat "$work/err")"
    kill -TERM "$server"
    wait "$server" || fail "the server: status $?: $(cat "$work/err")"
    server=
    jq -e '.by_fault.short > 100' "$work/run.json" >/dev/null ||
        fail "no faults: $(cat "$work/run.json")"
}

trap 'test -z "$server" || kill "$server" 2>/dev/null || true' EXIT
mkdir -p "$work"
cross_build >"$there/log" 2>&1 || fail "$(tail -n 20 "$there/log")"
same_sessions
same_proofs
shim_works
echo 'machine: as here'
