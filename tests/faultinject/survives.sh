#!/bin/sh
# However a program is built and whatever it does with processes, its calls
# are seen and it goes on.  usage: survives.sh SOCKFAULT FOLDER-OF-SOURCES
set -eu

sockfault=$1
sources=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
    echo "survives.sh: $*" >&2
    cat "$work/said" >&2
    bad=1
}

# injects NAME COMMAND...: it ends well, and something was done to it.
injects() {
    name=$1
    shift
    status=0
    "$sockfault" run --timeout 20s --profile posix --fault 'in *: short 3' \
        -- "$@" >"$work/out" 2>"$work/said" || status=$?
    if [ "$status" -ne 0 ] || ! grep -q '[1-9][0-9]* short' "$work/said"; then
        fail "$name: status $status"
    fi
}

# builds NAME COMPILER OPTION...
builds() {
    name=$1
    shift
    "$@" -w -D_GNU_SOURCE -g -o "$work/victims" "$sources/victims.c" \
        -lpthread 2>"$work/said" || {
        fail "$name: does not build"
        return
    }
    injects "$name" "$work/victims" frames-not
}

builds plain gcc -O2
builds 'gcc ASan' gcc -fsanitize=address
builds 'gcc ASan, static runtime' gcc -fsanitize=address -static-libasan
builds 'gcc UBSan' gcc -fsanitize=undefined
builds 'gcc TSan' gcc -fsanitize=thread
builds 'clang ASan' clang -fsanitize=address,undefined
builds 'clang ASan, shared runtime' clang -fsanitize=address -shared-libasan \
    "-Wl,-rpath,$(dirname "$(clang -print-file-name=libclang_rt.asan-$(uname -m).so)")"
builds 'clang MSan' clang -fsanitize=memory
builds 'clang TSan' clang -fsanitize=thread
builds 'fortified' gcc -O2 -D_FORTIFY_SOURCE=2
builds 'fortified, dynamic sizes' gcc -O2 -D_FORTIFY_SOURCE=3
builds 'not position independent' gcc -no-pie

cc -w -D_GNU_SOURCE -o "$work/odd" "$sources/odd.c" -lpthread -ldl
cc -w -D_GNU_SOURCE -shared -fPIC -o "$work/odd.so" "$sources/odd.c" -lpthread
for way in constructor names fork vfork spawn exec closes stack handler \
    midst stdio raw batch signals many dlopen deepbind seccomp; do
    injects "$way" "$work/odd" "$way"
done

"$sockfault" run --status --timeout 20s -- "$work/odd" midst 2>"$work/said" ||
    fail 'midst: without a plan'

# A filter of its own is told, since from there on nothing is injected.
"$sockfault" run -- "$work/odd" seccomp 2>"$work/said" || true
grep -q '1 process put a seccomp filter on' "$work/said" ||
    fail 'seccomp: not told'

# What stdio does is seen call by call, and a fault reaches the program.
status=0
"$sockfault" run --status --fault 'conn 3 read 1: EOF' --trace "$work/trace" \
    -- "$work/odd" stdio 2>"$work/said" || status=$?
if [ "$status" -ne 1 ] ||
    ! grep -q '^# conn 4 write 1: 15 of 15' "$work/trace" ||
    ! grep -q '^conn 3 read 1: EOF' "$work/trace" ||
    ! grep -q '^# conn 3 close 1: 0' "$work/trace"; then
    fail "stdio: not seen"
fi
exit $bad
