# Options, times and exit status of every script.
. "$(dirname "$0")/check.sh" "$@"

for script in "$ROOT"/scripts/*; do
    [[ -x $script && -f $script ]] || continue
    cd "$WORK"
    expect 0 "$script" --help
    has stdout "Usage: scripts/${script##*/}"
    has stdout 'Exit status'
    ! LC_ALL=C.UTF-8 grep -E '.{81}' "$WORK/stdout" || fail "$script: too wide"
    [[ ${script##*/} == test ]] || refused "$script" --no-such-option
done

for time in 10 10x s 0s -3s 1.5m '' 9999999999h; do
    refused "$ROOT/scripts/campaign" --time "$time"
    refused "$ROOT/scripts/gate" --budget "$time"
done
refused "$ROOT/scripts/campaign" --time
refused "$ROOT/scripts/campaign" --jobs 0
refused "$ROOT/scripts/campaign" --jobs 10000
refused "$ROOT/scripts/campaign" --out /proc/nowhere
refused "$ROOT/scripts/repro"
refused "$ROOT/scripts/repro" /no/such/input
refused "$ROOT/scripts/build" nonsense

# Where nothing can be written nothing is begun, nor is anything made.
refused "$ROOT/scripts/coverage" --json /proc/nowhere/x
refused "$ROOT/scripts/coverage" --html /proc/nowhere/x
refused "$ROOT/scripts/mutants" --json /proc/nowhere/x
refused "$ROOT/scripts/mutants" --html /proc/nowhere/x
refused "$ROOT/scripts/bench" --json /proc/nowhere/x
mkdir none list
cp "$ROOT/bench/mutants/P24.patch" list/one.diff
refused "$ROOT/scripts/mutants" --list list --json /proc/nowhere/x one
has stderr "--json '/proc/nowhere/x': cannot write it"
refused "$ROOT/scripts/mutants" --list list two
refused "$ROOT/scripts/mutants" --list none
has stderr 'no *.patch or *.diff'
for script in campaign gate repro coverage; do
    refused env SOCKFAULT_PROJECT="$WORK/none" "$ROOT/scripts/$script" x
    has stderr "SOCKFAULT_PROJECT '$WORK/none': expected a folder"
done
[[ -z $(ls none) ]] || fail "made in what is no project: $(ls none)"

# A day that is none would never come, and a floor that is none be met.
sample ''
listed() { # FILE LINE...: is told as line 3
    printf '%s\n' '# why' '' "${@:2}" >"$SOCKFAULT_PROJECT/corpus/$1"
    refused "$ROOT/scripts/gate"
    has stderr "corpus/$1:3: expected '"
    rm "$SOCKFAULT_PROJECT/corpus/$1"
}
listed known-findings.txt 'spin-x-0a1b2c tomorrow to be mended'
listed known-findings.txt 'spin-x-0a1b2c'
listed known-findings.txt 'spin-x-0a1b2c 2031-1-31 why'
listed edges.txt 'fuzz_sample abc'
listed edges.txt 'fuzz_sample 100 200'
unset SOCKFAULT_PROJECT

# A limit that is none is no finding.
for limit in TIMEOUT_S=abc MEMORY_MB=foo RUN_S=0 REPLAYS=0 REPLAYS=x \
    SLICE_S=5s \
    SHRINK_S=0 TRIAGE=-1 JOBS= JOBS=08 JOBS=1000000; do
    refused env "SF_$limit" "$ROOT/scripts/repro" "$ROOT/corpus/plans"
    has stderr "environment: SF_${limit%=*} '${limit#*=}': expected a number"
done

SF_NAME=usage
. "$ROOT/scripts/lib/common.sh"
for pair in 30s:30 10m:600 8h:28800 08s:8; do
    [[ $(seconds_of --time "${pair%:*}") == "${pair#*:}" ]] || fail "$pair"
done
[[ $(with_commas 1234567) == 1,234,567 && $(with_commas 12) == 12 ]] ||
    fail with_commas

# Nothing is built when that can be said before.
sample ''
for words in decode '-V decode' --timeout=3 '-N --nonsense' -; do
    # shellcheck disable=SC2086 # words
    refused "$ROOT/scripts/test" $words
    has stderr 'not an option of ctest'
done
refused "$ROOT/scripts/campaign" fuzz_none
has stderr "no fuzz target 'fuzz_none'"
refused "$ROOT/scripts/repro" --fuzzer fuzz_none "$WORK/project/fuzz_sample.c"
[[ ! -e $WORK/project/build ]] || fail "it was built"

# What is on the command line of ctest, and what only a build can tell.
SF_PROJECT=$WORK/project
. "$ROOT/scripts/lib/ctest.sh"
. "$ROOT/scripts/lib/build.sh"
ctest_expect -R decode -j4 -j 4 --show-only=json-v1 -VV --repeat until-fail:3
build_expect fuzz_sample
for written in 'sockfault_add_fuzzer(fuzz_${kind}_x ' 'sockfault_add_fuzzer(
        "fuzz_none_x" SOURCES'; do
    echo "$written" >"$SF_PROJECT/more.cmake"
    build_expect fuzz_sample fuzz_none_x
    (build_expect fuzz_none) 2>/dev/null && fail "$written: fuzz_none"
done
echo 'my_fuzzer(fuzz_none) #' >"$SF_PROJECT/CMakeLists.txt"
rm "$SF_PROJECT/more.cmake"
build_expect fuzz_none
finish 0
