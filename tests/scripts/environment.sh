# The ClusterFuzzLite build script, as OSS-Fuzz calls it: flags and engine from
# the environment, verbatim; each target runs, also on no input at all.
. "$(dirname "$0")/check.sh" "$@"

mkdir out work
export OUT=$WORK/out CC=clang CXX=clang++
export CFLAGS='-O1 -fno-omit-frame-pointer -gline-tables-only
 -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -fsanitize=address
 -fsanitize-address-use-after-scope -fsanitize=fuzzer-no-link'
CFLAGS=${CFLAGS//$'\n'/} CXXFLAGS=$CFLAGS LIB_FUZZING_ENGINE=-fsanitize=fuzzer
export CFLAGS CXXFLAGS LIB_FUZZING_ENGINE
cd "$ROOT"
WORK=$WORK/work "$ROOT/.clusterfuzzlite/build.sh" >"$WORK/log" 2>&1 ||
    fail "the build: $(tail -30 "$WORK/log")"
cd "$WORK"

seen=0
while read -r fuzzer; do
    expect 0 timeout 60 "out/$fuzzer" -- -seed=1337 -runs=4
    has stderr 'Done 4 runs'
    grep -q LLVMFuzzerTestOneInput "out/$fuzzer" || fail "$fuzzer is stripped"
    [[ -s out/${fuzzer}_seed_corpus.zip ]] || fail "$fuzzer has no seeds"
    seen=$((seen + 1))
done <work/build/fuzzers.txt
[[ $seen -gt 0 ]] || fail "no target was built"

# In the objects themselves: a sanitizer's runtime brings calls of its own.
find work/build -name '*.o' -exec nm -u {} + >symbols
grep -q __asan_report symbols || fail "not built with \$CFLAGS"
! grep -q __ubsan symbols || fail "a sanitizer that nobody asked for"
