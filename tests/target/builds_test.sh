#!/usr/bin/env bash
# builds_test.sh CC ROOT thread|memory|narrow: a small build of its own.
#
#   thread  framed-server's thread model under TSan, with many clients, some
#           of which it still has when it is told to stop
#   memory  the tests of the pure core under MSan
#   narrow  the pure core where a size has 32 bits, on all streams of the
#           corpus under ASan and UBSan: lengths have as many
#
# Address randomisation is off: the sanitizers of clang 14 cannot do with as
# much of it as newer kernels have.
set -euo pipefail

cc=$1
root=$2
what=$3
dir=$(mktemp -d)
server=
trap 'test -z "$server" || kill -9 "$server" 2>/dev/null; rm -rf "$dir"' EXIT

fail() {
    echo "builds_test.sh: $*" >&2
    exit 1
}

# build SANITIZERS NAME SOURCE...: an executable in $dir.
build() {
    local sanitizers=$1 name=$2
    shift 2
    (cd "$root" && "$cc" -D_GNU_SOURCE -std=c11 -I. -O1 -g -pthread \
        -fsanitize="$sanitizers" -fno-omit-frame-pointer -o "$dir/$name" "$@")
}

plain=(setarch "$(uname -m)" -R)

thread() {
    local port clients=() client status=0
    cd "$root"
    build thread server target/*.c target/programs/{framed_server,options}.c
    build thread client target/*.c target/programs/{framed_client,options}.c
    "${plain[@]}" "$dir/server" --model thread --linger 300 --high 1000 \
        >"$dir/out" 2>"$dir/err" &
    server=$!
    for _ in $(seq 200); do
        grep -q listening "$dir/out" && break
        sleep 0.05
    done
    port=$(sed 's/.*://' "$dir/out")
    for _ in $(seq 8); do
        "${plain[@]}" "$dir/client" --port "$port" --count 300 --size 200 \
            --quiet &
        clients+=($!)
    done
    for client in "${clients[@]}"; do
        wait "$client" || fail "a client: status $?"
    done
    for _ in 1 2 3; do
        "${plain[@]}" "$dir/client" --port "$port" --count 1000000 --quiet \
            2>/dev/null &
        clients+=($!)
    done
    sleep 0.5
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    wait
    [ ! -s "$dir/err" ] || fail "$(head -40 "$dir/err")"
    [ "$status" -eq 0 ] || fail "server: status $status"
}

memory() {
    local name
    for name in buf format decode encode; do
        build memory "$name" target/{err,buf,format,decode,encode}.c \
            "tests/target/${name}_test.c" tests/target/guard.c -lcmocka
        "${plain[@]}" "$dir/$name" >"$dir/out" 2>&1 ||
            fail "$name: $(grep -A12 -E 'WARNING|ERROR' "$dir/out")"
        grep -q 'PASSED' "$dir/out" || fail "$name ran no tests"
    done
}

narrow() {
    local machine
    machine=$("$cc" -print-multiarch)
    if [ "$machine" != x86_64-linux-gnu ]; then
        echo "there is no other half of $machine" >&2
        exit 77
    fi
    # The kernel's headers are the same for both.
    build address,undefined decode -m32 -idirafter "/usr/include/$machine" \
        target/{err,buf,format,decode,encode}.c \
        fuzzers/{fuzz_decode,format_text,reference,fuzz,replay}.c
    "${plain[@]}" "$dir/decode" "$root/corpus/fuzz_decode" >"$dir/out" 2>&1 ||
        fail "$(tail -n 20 "$dir/out")"
    grep -q '^executed [1-9]' "$dir/out" || fail 'no stream was decoded'
}

case $what in
thread | memory | narrow) "$what" ;;
*) fail "expected thread, memory or narrow, not '$what'" ;;
esac
echo "$what: nothing found"
