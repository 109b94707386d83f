#!/bin/sh
# fuzz.sh: an example is fuzzed for a moment.
#
#   fuzz.sh SOURCE BUILD FOLDER NAME RUNS KNOWN [LIBRARY]...
#
# Builds examples/fuzz_NAME.c for libFuzzer in FOLDER, from the headers of
# SOURCE and the archive in BUILD, and runs it on its seeds.  A finding of the
# monitor KNOWN, or none, is what is expected.
set -eu

source=$1
build=$2
folder=$3
name=$4
runs=$5
known=$6
shift 6

# What an earlier run learned would make this one another.
rm -rf "${folder:?}/$name"
mkdir -p "$folder/$name"
cd "$folder"
clang -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -I"$source" \
    "$source/examples/fuzz_$name.c" "$build/lib/libsockfault-session.a" "$@" \
    -o "fuzz_$name"
"./fuzz_$name" -seed=1 -runs="$runs" -max_len=512 "$name" \
    "$source/examples/seeds/$name" 2>"$name.log" ||
    grep "sockfault: finding: $known:" "$name.log" || {
    cat "$name.log"
    exit 1
}
# The engine ends a mutation that it is in the middle of.
awk -v runs="$runs" '$1 == "Done" && $3 == "runs" && $2 >= runs { print; n++ }
    END { exit n != 1 }' "$name.log" || [ "$known" != none ]
