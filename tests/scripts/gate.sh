# The gate is green on a clean project and red on each way to be red.
. "$(dirname "$0")/check.sh" "$@"

# red STATUS VERDICT: the gate ends so, and all its reports say so.
gate_ends() {
    local out=$SOCKFAULT_PROJECT/out/gate file
    expect "$1" "$ROOT/scripts/gate" --budget 2s
    [[ $(jq -r .verdict "$out/result.json") == "$2" ]] || fail "not $2"
    for file in junit.xml results.sarif summary.md index.html; do
        [[ -s $out/$file ]] || fail "no $file"
    done
    xmllint --noout "$out/junit.xml" || fail "junit.xml is no XML"
    jq -e '.runs[0].results' "$out/results.sarif" >/dev/null || fail "SARIF"
    has stdout "limits: "
}

sample ''
gate_ends 0 clean
has stdout 'executed 2 of 2'

printf '%s\n' 'fuzz_sample 100000' 'fuzz_smaple 1' \
    >"$SOCKFAULT_PROJECT/corpus/edges.txt"
gate_ends 2 error
has stdout 'below the floor'
has stdout 'error corpus/edges.txt: no such fuzz target'
rm "$SOCKFAULT_PROJECT/corpus/edges.txt"

rm "$SOCKFAULT_PROJECT"/corpus/fuzz_sample/*
gate_ends 2 error
has stdout 'of 0'

# What is no input is an error of its own, beside a finding that is known, too.
sample ''
truncate -s 1048577 "$SOCKFAULT_PROJECT/corpus/fuzz_sample/large"
gate_ends 2 error
has stdout 'executed 2 of 3'
has stdout 'corpus/fuzz_sample/large: larger than 1 MiB'
rm "$SOCKFAULT_PROJECT/corpus/fuzz_sample/large"

sample exit
gate_ends 2 error
has stdout 'executed 0 of 2'

sample overflow
mkdir -p "$SOCKFAULT_PROJECT/corpus/regressions/fuzz_sample"
printf 'GO!' >"$SOCKFAULT_PROJECT/corpus/regressions/fuzz_sample/once"
gate_ends 1 found
out=$SOCKFAULT_PROJECT/out/gate
has "$out/junit.xml" 'failures="1"'
has "$out/junit.xml" 'message="heap-buffer-overflow in read_past_end'
has "$out/results.sarif" '"startLine": 27'
signature=$(jq -r '.findings[0].signature' "$out/result.json")

# Known until a day to come: told, not counted, and fuzzing goes on past it.
echo "$signature 2999-12-31 to be mended" \
    >"$SOCKFAULT_PROJECT/corpus/known-findings.txt"
gate_ends 0 clean
has stdout '(known)'
has stdout "scripts/repro out/gate/findings/$signature"
[[ $(jq .executions "$out/result.json") -gt 0 ]] || fail "did not go on"
truncate -s 1048577 "$SOCKFAULT_PROJECT/corpus/fuzz_sample/large"
gate_ends 2 error
rm "$SOCKFAULT_PROJECT/corpus/fuzz_sample/large"
echo "$signature 2001-01-01 expired" \
    >"$SOCKFAULT_PROJECT/corpus/known-findings.txt"
gate_ends 1 found

# A project that does not build is an error, and still told in all reports.
echo 'no C' >"$SOCKFAULT_PROJECT/fuzz_sample.c"
gate_ends 2 error
