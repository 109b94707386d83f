#!/bin/bash -eu
# ClusterFuzzLite and OSS-Fuzz: $CC, $CFLAGS and $LIB_FUZZING_ENGINE are used as
# they come, and nothing is added to them.

cmake -S . -B "$WORK/build" -G Ninja -DBUILD_TESTING=OFF
cmake --build "$WORK/build"

while read -r fuzzer; do
    cp "$WORK/build/bin/$fuzzer" "$OUT/"
    find "corpus/$fuzzer" "corpus/regressions/$fuzzer" -type f 2>/dev/null |
        zip -qj "$OUT/${fuzzer}_seed_corpus.zip" -@
    if [ -e "fuzzers/$fuzzer.dict" ]; then
        cp "fuzzers/$fuzzer.dict" "$OUT/"
    fi
done <"$WORK/build/fuzzers.txt"
