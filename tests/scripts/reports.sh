# The reports hold whatever a finding says: markup, control bytes, no place.
. "$(dirname "$0")/check.sh" "$@"

jq -n '{kind: "spin", message: "a <b> & \"c\" \u0001 | d", where: "",
    frames: [], fuzzer: "fuzz_x", reproduced: 1, replays: 5,
    signature: "spin-1", folder: "out/gate/findings/spin-1", known: false, report: "]]> \u0000", session: "<i>"}' |
    jq \
        '{tool: "gate", status: 1, verdict: "found", commit: "c", ended: "2026-01-01T00:00:00Z",
        seconds: 1, budget_s: 2, executed: 3, executions: 4,
        limits: {timeout_s: 1, memory_mb: 2, run_s: 3, replays: 4, jobs: 5,
            slice_s: 6, shrink_s: 7, triage: 8},
        checks: [{name: "replay.x", verdict: "ok", seconds: 0, message: "m|n"}],
        findings: [., . + {known: true, signature: "spin-2"}]}' >result.json
for name in junit.xml results.sarif summary.md index.html; do
    jq -r -L "$ROOT/scripts/lib" -f "$ROOT/scripts/lib/$name.jq" result.json >"$name" ||
        fail "$name cannot be written"
done
for name in junit.xml results.sarif summary.md index.html; do
    has "$name" 'scripts/repro out/gate/findings/spin-1'
done
! grep -q ', ,\|, ;' summary.md || fail "what is not there is named"
has summary.md 'limits: 1 s and 2 MB an input, 3 s a run, 4 replays, 6 s a turn'
has summary.md '5 jobs, 7 s to make one smaller, 8 crashes a turn'
expect 0 xmllint --noout junit.xml
[[ $(xmllint --xpath 'count(//testcase)' junit.xml) == 3 ]] || fail "cases"
[[ $(xmllint --xpath 'count(//failure)' junit.xml) == 1 ]] || fail "failures"
[[ $(xmllint --xpath 'count(//skipped)' junit.xml) == 1 ]] || fail "skipped"
[[ $(xmllint --xpath 'string(//testsuite/@tests)' junit.xml) == 3 ]] ||
    fail "sum"
expect 0 xmllint --html --noout index.html
grep -q '<b>' index.html && fail "markup went through"
jq -e '.runs[0].results | length == 2' results.sarif >/dev/null || fail sarif

# A plan's finding is at a program that is there.
for side in server client; do
    jq --arg case "$side.select" '.findings[].fuzzer = $case' result.json |
        jq -r -f "$ROOT/scripts/lib/results.sarif.jq" >plan.sarif
    uri=$(jq -r '.runs[0].results[0].locations[0]
        | .physicalLocation.artifactLocation.uri' plan.sarif)
    [[ -f $ROOT/$uri ]] || fail "'$uri' is not there"
done

# A replay's output in two: decoded session, counted repeats; then the report.
printf '%s\n' 'input /a/b: 3 bytes' 'wait 1' recv recv recv recv send \
    'sockfault: finding: spin: x' '==1==ERROR: y' >replay
awk -v session=session -v report=report -f "$ROOT/scripts/lib/split.awk" replay
[[ $(head -1 session) == 'input: 3 bytes' ]] || fail "a path in session"
[[ $(grep -c recv session) == 2 ]] || fail "repeats are not counted"
has session 'and 2 more of these'
[[ $(head -1 report) == 'sockfault: finding: spin: x' ]] || fail "report"
[[ $(wc -l <report) == 2 ]] || fail "report is not whole"
