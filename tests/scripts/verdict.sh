# What is found is kept under a name of its own and counted truly, and what was
# not done is not clean: the parts that decide it, over a replayer that obeys.
. "$(dirname "$0")/check.sh" "$@"

sample ''
SF_NAME=verdict
. "$ROOT/scripts/lib/common.sh"
trap - EXIT
for part in build replay findings engine corpus turns sweep report gate \
    repro; do
    . "$SF_LIB/$part.sh"
done
sanitizers_env
work=$WORK out=$WORK/out found=0 refused= loopback= verbose=
mkdir -p "$SF_BUILD/bin" "$out"/{work,findings}

# The input says what comes of it; "turns" is another thing each other time.
cat >"$SF_BUILD/bin/fuzz_sample" <<'END'
#!/bin/bash
what=$(cat "${!#}")
[[ ! -d ${!#} ]] || what=quiet
if [[ $what == turns ]]; then
    what=spin
    [[ ! -e $0.turned ]] || what=stall
    mv "$0.turned" "$0.not" 2>/dev/null || touch "$0.turned"
fi
case $what in
clean) echo 'executed 1 of 1 inputs' ;;
quiet) ;;
none)
    echo 'executed 0 of 1 inputs'
    echo "sockfault: ${!#}:1:2: expected more" >&2
    exit 2
    ;;
two) exit 2 ;;
killed) kill -SEGV $$ ;;
*)
    echo "sockfault: finding: $what: said so" >&2
    kill -ABRT $$
    ;;
esac
END
chmod +x "$SF_BUILD/bin/fuzz_sample"
inputs=(clean none two quiet killed spin stall turns)
for input in "${inputs[@]}"; do printf %s "$input" >"$input"; done

# taken INPUT KIND: for what a replay takes it.
taken() {
    replay_input fuzz_sample "$1" report
    [[ $replay_kind == "$2" ]] || fail "$1 is '$replay_kind', not '$2'"
}
taken clean ''
taken quiet silent-exit
taken killed signal-11
taken two exit-2
taken none refused
[[ $replay_message == 'none:1:2: expected more' ]] || fail "$replay_message"
repro_input fuzz_sample none >said 2>&1
[[ $found,$refused == 0,yes ]] || fail "found, or played: $(cat said)"
! grep -q executed said || fail "refused, and executed: $(cat said)"
[[ $(repro_status) -eq 2 && $(found=1 repro_status) -eq 1 ]] || fail "status"
taken spin spin
mkdir folder
cp clean folder
! replay_folder fuzz_sample folder report || fail "a folder, and no word of it"

# A client that was not there, and one that said nothing.
mkdir run
sweep_wrong run first none
sweep_wrong run second 1
printf '%s\n' 'the first client was never started' 'the second client: status 1' |
    diff - run/wrong || fail "how they ended"

# One name a bug: the kind and the first three frames.
name=$(signature_of spin 'a b c')
for frames in 'a b d' 'a d c' 'd b c' 'a b' ''; do
    [[ $(signature_of spin "$frames") != "$name" ]] || fail "'$frames' is it"
done
[[ $(signature_of stall 'a b c') != "$name" ]] || fail "another kind is it"
[[ $(signature_of spin 'a b c d') == "$name" ]] || fail "the fourth counts"

# meta SIGNATURE FIELD
meta() { jq -r ".$2" "$out/findings/$1/meta.json"; }

# As often as it was so, of so many.
finding_input "$out" fuzz_sample libfuzzer spin /dev/null
spin=$(signature_of spin '')
[[ $(meta "$spin" reproduced),$(meta "$spin" replays) == 5,5 ]] ||
    fail "spin: $(cat "$out/findings/$spin/meta.json")"
finding_input "$out" fuzz_sample afl spin /dev/null
[[ $(wc -l <"$out/findings/$spin/seen") -eq 2 ]] || fail "seen once"
[[ $(findings_count "$out") -eq 1 ]] || fail "two of the same"
repro_input fuzz_sample turns >said
has said 'reproduced 3 of 5: spin'
has said 'executed 5 of 5'
repro_input fuzz_sample quiet >said
has said 'executed 0 of 5'
[[ $found -eq 1 ]] || fail "reproduced, and not found"

# What one input leaves to the next is found though it replays clean; what took
# too long once is not.
echo 'sockfault: finding: leak: 5 bytes' >log
finding_input "$out" fuzz_sample libfuzzer clean log
[[ $(meta "$(signature_of leak '')" reproduced) == 0 ]] || fail "leak"
echo 'ERROR: libFuzzer: timeout after 9 s' >log
finding_input "$out" fuzz_sample libfuzzer clean log
[[ $(findings_count "$out") -eq 2 ]] || fail "slow once is a finding"
[[ -s $out/unsteady/fuzz_sample.libfuzzer.clean ]] || fail "not kept"

# A smaller input that shows something else is not the smaller one.
mkdir -p "$SF_BUILD/libfuzzer/bin"
cat >"$SF_BUILD/libfuzzer/bin/fuzz_sample" <<'END'
#!/bin/bash
for word; do
    [[ $word != -exact_artifact_path=* ]] || printf %s "$SMALLER" >"${word#*=}"
done
END
chmod +x "$SF_BUILD/libfuzzer/bin/fuzz_sample"
rm -r "$out/findings/$spin"
SMALLER=stall finding_input "$out" fuzz_sample libfuzzer spin /dev/null
[[ $(cat "$out/findings/$spin/input") == spin ]] || fail "made another one"
[[ ! -e $out/findings/$spin/input.found ]] || fail "not made smaller"

# Known to the end of its day.
project_known() {
    echo "$spin $1 why" >"$SF_PROJECT/corpus/known-findings.txt"
}
project_known "$(date +%F)"
report_known "$spin" || fail "today is not known"
project_known "$(date -d yesterday +%F)"
! report_known "$spin" || fail "yesterday is known"

# proof STATUS NAME: the row of a prover that ended so, and the gate's status.
budget=9 only=prove
gate_begin "$out"
[[ $(findings_count "$out") -eq 0 ]] || fail "findings of another gate"
proof() {
    printf '#!/bin/sh\necho x: proved\nexit %s\n' "$1" >"$SF_BUILD/bin/prover"
    chmod +x "$SF_BUILD/bin/prover"
    rm -rf "$out/work/prove.x"
    : >"$out/work/checks.jsonl"
    gate_proof x prover >/dev/null
    report_write "$out" gate 9
    jq -r '"\(.checks[0].verdict) \(.status)"' "$out/result.json"
}
[[ $(proof 0) == 'ok 0' ]] || fail "proved: $(proof 0)"
[[ $(proof 1) == 'found 1' ]] || fail "refuted: $(proof 1)"
[[ $(proof 2) == 'error 2' ]] || fail "not done: $(proof 2)"
[[ $(proof 139) == 'error 2' ]] || fail "crashed: $(proof 139)"
: >"$out/work/checks.jsonl"
report_write "$out" gate 9
[[ $(jq .status "$out/result.json") -eq 2 ]] || fail "no check at all is clean"

# fuzzed EXECUTIONS EDGES FINDINGS: the verdict.
fuzzed() {
    : >"$out/work/checks.jsonl"
    gate_fuzzed fuzz_sample libfuzzer "$1" 1 "$2" "$3" >/dev/null
    jq -r .verdict "$out/work/checks.jsonl"
}
# replayed EXECUTED EXPECTED FINDINGS: the verdict.
replayed() {
    : >"$out/work/checks.jsonl"
    echo "$1" >"$out/work/fuzz_sample.executed"
    gate_replayed fuzz_sample "$2" "$3" >/dev/null
    jq -r .verdict "$out/work/checks.jsonl"
}
[[ $(replayed 2 2 0) == ok && $(replayed 1 2 0) == error &&
    $(replayed 0 0 0) == error && $(replayed 2 2 1) == found ]] ||
    fail "replayed"

echo 'fuzz_sample 7' >"$SF_PROJECT/corpus/edges.txt"
# What ends a script that did not choose it is no finding.
echo '. "$1"; false' >stops
expect 2 bash stops "$ROOT/scripts/lib/common.sh"
has stderr 'a command failed with 1'

[[ $(fuzzed 5 7 0) == ok && $(fuzzed 5 6 0) == error &&
    $(fuzzed 0 7 0) == error && $(fuzzed 5 7 1) == found ]] || fail "fuzzed"

finish 0
