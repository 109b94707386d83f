#!/bin/sh
# outside.sh: examples/outside against sockfault as installed.
#
#   outside.sh SOURCE BUILD FOLDER
#
# Installs BUILD into FOLDER, moves what was installed, and builds and runs the
# project there in both ways that its README shows.
set -eu

source=$1/examples/outside
scripts=$1/scripts
build=$2
folder=$3

fail() {
    echo "outside: $*" >&2
    exit 1
}

rm -rf "$folder"
mkdir -p "$folder"
cmake --install "$build" --prefix "$folder/first" >"$folder/log" ||
    fail "cannot install: $(cat "$folder/log")"
mv "$folder/first" "$folder/installed"
! grep -rIl "$build\|$folder" "$folder/installed" --include='*.cmake' \
    --include='*.pc' || fail "an installed file names this machine"

# find_package(sockfault)
cmake -S "$source" -B "$folder/project" -DCMAKE_C_COMPILER=clang \
    -DCMAKE_PREFIX_PATH="$folder/installed" >>"$folder/log" ||
    fail "cannot configure: $(cat "$folder/log")"
cmake --build "$folder/project" >>"$folder/log" ||
    fail "cannot build: $(cat "$folder/log")"
ctest --test-dir "$folder/project" --no-tests=error >>"$folder/log" ||
    fail "its tests fail: $(cat "$folder/log")"

# An engine that is none, or that this compiler cannot build, is refused.
for engine in libFuzzer afl; do
    ! cmake -S "$source" -B "$folder/refused" -DSOCKFAULT_ENGINE=$engine \
        -DCMAKE_C_COMPILER=clang -DCMAKE_PREFIX_PATH="$folder/installed" \
        >"$folder/log" 2>&1 || fail "SOCKFAULT_ENGINE=$engine is taken"
    grep -q "SOCKFAULT_ENGINE is '$engine'" "$folder/log" ||
        fail "$(cat "$folder/log")"
done

# pkg-config, with libFuzzer and with no engine, the planted bug included.
PKG_CONFIG_PATH=$(dirname "$(find "$folder/installed" -name sockfault.pc)")
export PKG_CONFIG_PATH
cd "$source"
# shellcheck disable=SC2046 # words are what is wanted
clang -g -fsanitize=fuzzer,address fuzz_upper.c upper.c \
    $(pkg-config --cflags --libs sockfault) -o "$folder/fuzz_upper"
# shellcheck disable=SC2046
clang -g -DUPPER_PLANTED=1 fuzz_upper.c upper.c \
    $(pkg-config --cflags --libs sockfault) -o "$folder/planted"
mkdir "$folder/found"
(cd "$folder" && ./fuzz_upper -runs=2000 found "$source/seeds") \
    >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
! (ulimit -c 0 && "$folder/planted" seeds) >"$folder/log" 2>&1 ||
    fail "the planted bug was not found"
grep -q 'finding: wrong-data' "$folder/log" || fail "$(cat "$folder/log")"

# Names that are not sockfault's are the project's.
echo 'int sim, sim_read, prove_main, image_begin, arena_take, files_put,
fm_clear, machine_can, process_note;' >"$folder/names.c"
# shellcheck disable=SC2046
clang -g "$folder/names.c" fuzz_upper.c upper.c \
    $(pkg-config --cflags --libs sockfault) -o "$folder/upper"

# The prover is in the replayer: what is right is proved, and each planted bug
# is refuted, with the fewest faults that show it, and shown by its tape; and
# what remembers the run before is told.
sanitize=-fsanitize=address
prove_planted() { # PLANTED STATUS WHAT IT SAYS OPTION...
    planted=$1 wanted=$2 says=$3
    shift 3
    # shellcheck disable=SC2046,SC2086
    clang -g $sanitize -DUPPER_PLANTED="$planted" fuzz_upper.c upper.c \
        $(pkg-config --cflags --libs sockfault) -o "$folder/upper"
    proves upper "$@" --first -o "$folder" seeds
    ! grep -q 'its tape alone' "$folder/log" || fail "$(cat "$folder/log")"
}
proves() { # PROGRAM OPTION...: $wanted is how it ends, and $says what it says
    status=0
    program=$1
    shift
    "$folder/$program" --prove "$@" >"$folder/log" 2>&1 || status=$?
    [ "$status" = "$wanted" ] && grep -q "$says" "$folder/log" ||
        fail "planted $planted, proved: $status, and not '$says':" \
            "$(cat "$folder/log")"
}
prove_planted 0 0 '5 of 5 proved, 0 refuted' -k 2
prove_planted 1 1 'REFUTED    with 1 fault: .*wrong-data' -k 2
mkdir "$folder/a b"
cp "$folder/upper" "$folder/a b"
wanted=1
proves 'a b/upper' -k 2 --first -o "$folder/a b" seeds
again=$(sed -n 's/^to see it again: //p' "$folder/log")
status=0
(ulimit -c 0 && sh -c "$again") >"$folder/log" 2>&1 || status=$?
{ [ "$status" -gt 2 ] && grep -q 'finding: wrong-data' "$folder/log"; } ||
    fail "$again: status $status: $(cat "$folder/log")"
prove_planted 2 1 'REFUTED    with 0 faults: .*fd-leak' -k 2
grep -q 'session    not played to its end .*: [1-9][0-9]* decisions until' \
    "$folder/log" || fail "no run ended: $(cat "$folder/log")"
prove_planted 3 1 'REFUTED    with 0 faults: .*spin' -k 2
prove_planted 4 1 'REFUTED    with 1 fault: .*memory: 1 blocks' -k 2
prove_planted 6 2 'is not deterministic: .*from one run to the next' -k 2

# Each allocation fails, in whatever way it is asked for, and whosever it is.
for sanitize in '' -fsanitize=address; do
    prove_planted 0 0 'complete: each of 2 allocations has failed' --memory
    prove_planted 5 1 'REFUTED    allocation 1 fails' --memory
    # shellcheck disable=SC2046,SC2086
    clang -g $sanitize ../../tests/examples/fuzz_allocates.c \
        $(pkg-config --cflags --libs sockfault) -o "$folder/allocates"
    wanted=0 says='each of 8 allocations has failed'
    proves allocates --memory seeds/pipelined
done

# What a C++ program asks for by new is seen, and else it is said.
allocates() { # COMPILER OPTION...: with more sources
    # shellcheck disable=SC2046,SC2086
    "$@" -g $sanitize $(pkg-config --cflags sockfault) \
        ../../tests/examples/fuzz_allocates.c -c -o "$folder/allocates.o"
}
links() { # COMPILER ARGUMENT...
    # shellcheck disable=SC2046,SC2086
    "$@" -g $sanitize "$folder/allocates.o" \
        $(pkg-config --libs sockfault) -o "$folder/allocates"
}
planted=0
for compiler in 'clang clang++' 'gcc g++'; do
    sanitize=''
    allocates "${compiler% *}"
    links "${compiler#* }" ../../tests/examples/asks_new.cc
    wanted=0 says='each of 9 allocations has failed'
    proves allocates --memory seeds/pipelined
    sanitize=-fsanitize=address,undefined
    allocates "${compiler% *}"
    links "${compiler#* }" ../../tests/examples/asks_new.cc
    wanted=2 says='1 more allocations are not seen: operator new'
    proves allocates --memory seeds/pipelined
    links "${compiler% *}"
    wanted=0 says='each of 8 allocations has failed'
    proves allocates --memory seeds/pipelined
    # shellcheck disable=SC2046
    "${compiler#* }" -std=c++20 -g $sanitize \
        ../../tests/examples/fuzz_echo.cc \
        $(pkg-config --cflags --libs sockfault) -o "$folder/echo"
    wanted=0 says='schedules  [0-9]*: 1 with 0, [1-9]'
    proves echo -k 1 seeds/pipelined
done

# A program that brings its own allocator is linked, and that is said, too; as
# is one that asks for other memory each time.
sanitize=''
allocates gcc
links gcc ../../tests/faultinject/own_malloc.c
"$folder/allocates" seeds >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
wanted=2 says='has a malloc() of its own'
proves allocates --memory seeds/pipelined
allocates gcc -DALLOCATES_BY_CHANCE
links gcc
wanted=2 says='is not deterministic: it asked for memory [0-9]* times, and'
proves allocates --memory seeds/pipelined
wanted=2 says='INCOMPLETE the time was over'
links gcc
allocates gcc
links gcc
proves allocates --memory --budget 0.000001s seeds/pipelined

# What a program prints is not among what is proved, and hides no finding.
allocates gcc -DALLOCATES_LOUDLY
links gcc
wanted=1 says='REFUTED    allocation 9 fails: sockfault: finding: fd-leak'
proves allocates --memory seeds/pipelined
[ "$(head -n 3 "$folder/log" | grep -c 'loud\|out ')" = 0 ] ||
    fail "$(head -n 3 "$folder/log")"

# Where another thread uses the sockets nothing is refuted, nor proved; but for
# the next allocation, where it does not.
allocates gcc -DALLOCATES_OR_THREADS
links gcc
wanted=2 says='allocation 9 fails: another thread calls recv on descriptor'
proves allocates --memory seeds/pipelined
grep -q '^  NOTHING    is proved' "$folder/log" || fail "$(cat "$folder/log")"
allocates gcc -DALLOCATES_OR_THREADS -DALLOCATES_LOUDLY
links gcc
wanted=1 says='REFUTED    allocation 10 fails: .*: fd-leak'
proves allocates --memory seeds/pipelined

# At UBSan's first report the session is over: it does not go on without us.
for compiler in clang gcc; do
    sanitize=-fsanitize=undefined
    allocates "$compiler" -DALLOCATES_AND_OVERFLOWS
    links "$compiler"
    ! "$folder/allocates" seeds/pipelined >"$folder/log" 2>&1 ||
        fail "it went on after a report: $(cat "$folder/log")"
    UBSAN_OPTIONS=halt_on_error=0:print_stacktrace=1 \
        "$folder/allocates" seeds/pipelined >"$folder/log" 2>&1 ||
        fail "a report that was not to end it did: $(cat "$folder/log")"
    grep -q '#0 .* in overflow ' "$folder/log" || fail "$(cat "$folder/log")"
    wanted=1 says='REFUTED    also when none fails: runtime error: signed'
    proves allocates --memory seeds/pipelined
done

# Of a target that plays no sessions nothing is proved.
wanted=2 says='makes no call'
# shellcheck disable=SC2046
clang -g ../../tests/examples/fuzz_bytes.c \
    $(pkg-config --cflags --libs sockfault) -o "$folder/bytes"
proves bytes seeds/pipelined

# quiet COMPILER -std=STD FILE...: and not a warning about our headers
quiet() {
    # shellcheck disable=SC2046
    "$@" -Wall -Wextra -Wno-unused-function -Werror -fsyntax-only \
        $(pkg-config --cflags sockfault) >"$folder/log" 2>&1 ||
        fail "$*: $(cat "$folder/log")"
}

# Each header is strict C, and C++ as well, and so is code that is fed bytes.
headers=$(cd "$folder/installed/include/sockfault" && find . -name '*.h')
for header in $headers; do
    for std in 'clang c11' 'gcc c11' 'clang++ c++17' 'g++ c++17' \
        'clang++ c++20' 'g++ c++20'; do
        language=${std#* }
        quiet "${std% *}" -std="$language" -x "${language%%[0-9]*}" \
            -include "$header" - </dev/null
    done
done
for compiler in clang gcc; do
    quiet "$compiler" -std=c11 fuzz_upper.c
done
for compiler in clang++ g++; do
    quiet "$compiler" -std=c++20 ../../tests/examples/fuzz_echo.cc
done
for std in 17 20; do
    for compiler in clang++ g++; do
        # shellcheck disable=SC2046
        $compiler -std=c++$std -g ../../tests/examples/fuzz_words.cc \
            $(pkg-config --cflags --libs sockfault) -o "$folder/words"
        "$folder/words" seeds >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
    done
done
# shellcheck disable=SC2046
clang++ -g -fsanitize=fuzzer,address ../../tests/examples/fuzz_words.cc \
    -DWORDS_PLANTED $(pkg-config --cflags --libs sockfault) -o "$folder/words"
mkdir "$folder/said"
! "$folder/words" -runs=20000 -artifact_prefix="$folder/" "$folder/said" seeds \
    >"$folder/log" 2>&1 || fail 'words that are cut are not found'
grep -q 'finding: wrong-data' "$folder/log" || fail "$(cat "$folder/log")"

# It is a project for the scripts: the gate replays and proves it, and is red.
project=$folder/gated
mkdir -p "$project/corpus/scenarios"
cp ./*.[ch] CMakeLists.txt \
    ../../tests/scripts/project/CMakePresets.json "$project"
cp -r seeds "$project/corpus/fuzz_upper"
cp -r seeds "$project/corpus/scenarios/fuzz_upper"
gate_ends() { # STATUS WHAT IT SAYS
    status=0
    CMAKE_PREFIX_PATH=$folder/installed SOCKFAULT_PROJECT=$project \
        "$scripts/gate" --only replay,prove >"$folder/log" 2>&1 || status=$?
    [ "$status" = "$1" ] && grep -q "$2" "$folder/log" ||
        fail "the gate ends with $status, and not '$2': $(cat "$folder/log")"
}
gate_ends 0 'prove.fuzz_upper .*ok .*5 of 5 proved'
rm -r "$project/corpus/fuzz_upper"/* # by which the bug is found as well
cp seeds/two-clients "$project/corpus/fuzz_upper"
sed -i 's/UPPER_PLANTED 0/UPPER_PLANTED 1/' "$project/upper.c"
gate_ends 1 'prove.fuzz_upper .*found .*0 of 5 proved, 5 refuted'

# The command finds its library: it can say that there was no socket call.
"$folder/installed/bin/sockfault" run -- "$folder/fuzz_upper" -help=1 \
    >"$folder/log" 2>&1 || true
grep -q 'made no socket call' "$folder/log" || fail "$(cat "$folder/log")"
[ -e "$folder/installed/share/man/man1/sockfault.1" ] || fail "no man page"
echo "outside: installed, built and run"
