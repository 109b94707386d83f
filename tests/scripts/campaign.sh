# The campaign finds a planted bug on both engines, leaves a folder that repro
# repeats, goes on from where it was killed, and is silent on a clean project.
. "$(dirname "$0")/check.sh" "$@"

sample finding
expect 1 "$ROOT/scripts/campaign" --time 6s
has stdout 'finding spin'
out=$SOCKFAULT_PROJECT/out/campaign
folder=$(echo "$out"/findings/spin-*)
for file in input report.txt session.txt meta.json README.md seen; do
    [[ -s $folder/$file ]] || fail "the finding has no $file"
done
for engine in libfuzzer afl; do
    jq -se --arg e "$engine" \
        'map(select(.engine == $e) | .executions) | add > 0' \
        "$out/turns.jsonl" >/dev/null || fail "$engine executed nothing"
done

expect 1 "$ROOT/scripts/repro" "$folder"
has stdout 'reproduced 5 of 5: spin'
expect 1 "$ROOT/scripts/repro" --times 2 --fuzzer fuzz_sample "$folder/input"
has stdout 'reproduced 2 of 2: spin'
expect 1 "$ROOT/scripts/repro" --times 1 --loopback "$folder"
has stdout 'cannot be said with real sockets: no fuzz_sample_loopback'
expect 0 "$ROOT/scripts/repro" "$SOCKFAULT_PROJECT/corpus/fuzz_sample"
has stdout 'executed 2 of 2'
refused "$ROOT/scripts/repro" --fuzzer fuzz_none "$folder/input"

# Nothing is written into the corpus that git tracks.
diff -r "$TESTS/project/corpus" "$SOCKFAULT_PROJECT/corpus" ||
    fail "the corpus was written to"

# Killed in the middle; the next one goes on with what there is.
expect 137 timeout -s KILL 5 "$ROOT/scripts/campaign" --time 1h
expect 1 "$ROOT/scripts/campaign" --time 4s
has stdout 'finding spin'
! grep -lsE "$WORK/project/build/[a-z]+/bin/fuzz_sample" /proc/[0-9]*/cmdline ||
    fail "left behind"

# Ctrl-C: the summary so far, and the verdict.
expect 1 timeout -s INT --preserve-status 5 "$ROOT/scripts/campaign" --time 1h
has stdout 'finding spin'
has stdout 'report: '

# What is no input is said, and is not clean.
sample ''
truncate -s 1048577 "$SOCKFAULT_PROJECT/corpus/fuzz_sample/large"
expect 2 "$ROOT/scripts/campaign" --time 4s
has stdout 'not played: corpus/fuzz_sample/large: larger than 1 MiB'
has stdout 'next: nothing found, but not everything was executed'
jq -e '.status == 2' "$SOCKFAULT_PROJECT/out/campaign/result.json" >/dev/null ||
    fail "the report is not 2"
rm "$SOCKFAULT_PROJECT/corpus/fuzz_sample/large"
expect 0 "$ROOT/scripts/campaign" --time 4s

sample exit
expect 2 "$ROOT/scripts/campaign" --time 4s
has stdout 'never executed: fuzz_sample on libfuzzer'
refused "$ROOT/scripts/campaign" --time 4s fuzz_none
