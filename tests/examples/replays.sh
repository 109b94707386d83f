#!/bin/sh
# replays.sh: what is found replays every time, in fresh processes, on
# libFuzzer, AFL++ and the stand-alone build alike.
#
#   replays.sh SOURCE BUILD FOLDER TIMES
#
# Each bug that is planted in examples/outside/upper.c: wrong data, a leak, a
# hang.  The line of the finding must be the same in all of them.
set -eu

source=$1
build=$2
folder=$3
times=$4
failed=0
engines='alone libfuzzer'
ulimit -c 0
if command -v afl-clang-fast >/dev/null; then
    engines="$engines afl"
else
    echo "replays.sh: without afl++, which is missing"
fi
mkdir -p "$folder"
cd "$source/examples/outside"

# compile ENGINE BUG
compile() {
    cc=clang
    flags=-fsanitize=address
    case $1 in
    libfuzzer) flags=-fsanitize=fuzzer,address ;;
    afl) cc=afl-clang-fast flags=-fsanitize=fuzzer ;;
    esac
    "$cc" -g "$flags" "-DUPPER_PLANTED=$2" -I"$source" fuzz_upper.c upper.c \
        "$build/lib/libsockfault-session.a" -o "$folder/$1-$2" \
        >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
}

# finding ENGINE BUG INPUT: its line; the shell's word on the abort is not it.
finding() {
    ("$folder/$1-$2" "$3" 2>&1 </dev/null |
        grep -a '^sockfault: finding: ' || true) 2>/dev/null
}

# check BUG MONITOR
check() {
    for engine in $engines; do
        compile "$engine" "$1"
    done
    for input in seeds/*; do
        line=$(finding alone "$1" "$input")
        [ -z "$line" ] || break
    done
    case $line in
    *"finding: $2:"*) ;;
    *) echo "replays.sh: bug $1: '$line' is no $2" >&2 && failed=1 ;;
    esac
    for engine in $engines; do
        same=0
        for _ in $(seq "$times"); do
            [ "$(finding "$engine" "$1" "$input")" != "$line" ] ||
                same=$((same + 1))
        done
        echo "replays.sh: $2 on $engine: $same of $times"
        [ "$same" -eq "$times" ] || failed=1
    done
}

check 1 wrong-data
check 2 fd-leak
check 3 spin
exit $failed
