#!/usr/bin/env bash
# prove.sh PROVER: what the prover says and how it ends, from outside.
set -euo pipefail

prover=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scenarios=corpus/scenarios/fuzz_session
failures=0

fail() {
    printf '%s\n' "$*"
    failures=$((failures + 1))
}

# ends STATUS ARGUMENT...: the prover ends so; its output is in $work/out.
ends() {
    local want=$1 got=0
    shift
    "$prover" "$@" >"$work/out" 2>"$work/err" || got=$?
    [[ $got == "$want" ]] || fail "status $got instead of $want: prove $*"
}

# schedules: the sum of all that were run, from rows.
schedules() {
    awk -F'|' '/^\| [a-z]/ { n += $8 } END { print n }' "$work"/rows*
}

# refuses WORD ARGUMENT...: 2, and one line with the word.
refuses() {
    local word=$1
    shift
    ends 2 "$@"
    [[ $(grep -c . "$work/err") == 1 ]] && grep -q -- "$word" "$work/err" ||
        fail "prove $*: not one line with '$word': $(cat "$work/err")"
}

refuses 'small number' --k x $scenarios/echo.session
refuses '30s' --budget soon $scenarios/echo.session
refuses 'I/N' --shard 4/3 $scenarios/echo.session
refuses 'linux, posix' --profile bsd $scenarios/echo.session
refuses 'No such file' corpus/scenarios/fuzz_session/nothing.session
refuses 'one scenario' --resume "$work/place" $scenarios
refuses 'nothing/place: No such file' --resume "$work/nothing/place" \
    $scenarios/echo.session
refuses 'expected a file' --resume "$work" $scenarios/echo.session
refuses '--out .*nothing: No such file' --out "$work/nothing" \
    $scenarios/echo.session
refuses '--out .*: Not a directory' --out "$0" $scenarios/echo.session
refuses '--max goes with --decoder' --max 3 $scenarios/echo.session
for options in '--memory -k 2' '--memory --loops' '--memory --plain' \
    '--memory --shard 1/2' \
    '--loops -k 2' '--loops --plain' '--loops --shard 1/2' \
    '--resume x --loops' \
    '--resume x --memory' '--resume x --recovery' '--decoder be8 -k 2' \
    '--decoder be8 --budget 1s' '--decoder be8 --recovery'; do
    # shellcheck disable=SC2086
    refuses 'says nothing with' $options $scenarios/echo.session
done
refuses 'no scenario' --decoder be8 $scenarios/echo.session
refuses 'ascii' --decoder asci:5
printf 'sockfault-session 1\nfaul 1\n' >"$work/fuzz_session.session"
refuses ':2:1: expected' "$work/fuzz_session.session"
printf '\357\273\277sockfault-session 1\n' >"$work/fuzz_session.bom.session"
refuses 'byte order mark' "$work/fuzz_session.bom.session"
head -c 70000 /dev/zero >"$work/fuzz_session.zeros.session"
refuses 'larger than 64 KiB' "$work/fuzz_session.zeros.session"
cp $scenarios/echo.session "$work/echo.session"
refuses 'which target' "$work/echo.session"
refuses 'fuzz_session, fuzz_stream or fuzz_client' --target fuzz_strem \
    "$work/echo.session"
refuses 'goes with a scenario' --target fuzz_stream --recovery
refuses 'corpus: no session in this folder' corpus

# The target is what the last part of the path says that names one, whole, or
# what --target says.
ends 0 --target fuzz_session "$work/echo.session"
grep -q '^echo (fuzz_session,' "$work/out" || fail '--target is not heeded'
for folder in fuzz_session-work fuzz_session/a fuzz_session.1/fuzz_client; do
    mkdir -p "$work/$folder/fuzz_stream"
    cp corpus/scenarios/fuzz_stream/recv-exact.session \
        "$work/$folder/fuzz_stream"
    ends 0 "$work/$folder/fuzz_stream/recv-exact.session"
    grep -q '^recv-exact (fuzz_stream,' "$work/out" ||
        fail "below $folder another target is proved: $(cat "$work/out")"
done
mkdir -p "$work/my-fuzz_session"
cp $scenarios/echo.session "$work/my-fuzz_session"
refuses 'which target' "$work/my-fuzz_session/echo.session"

printf 'sockfault-session 1\nvariant 0\nframe 1 3\nwait 100\n' \
    >"$work/fuzz_session.quiet.session"
ends 0 "$work/fuzz_session.quiet.session"
grep -q 'PROVED' "$work/out" || fail 'proved, and it is not said'

# Each allocation fails once; and of the last one there is no next.
ends 0 --memory $scenarios/echo.session
grep -q 'PROVED  *complete: each of [1-9][0-9]* allocations' "$work/out" ||
    fail 'short of memory: not said'
ends 0 --memory corpus/scenarios/fuzz_stream/recv-until-closed.session
grep -Eq 'each of [1-9][0-9]* allocations|its only allocation' "$work/out" ||
    fail 'a loop short of memory: not said'

# What is gone on with from the middle is what would have come of the start,
# and so nothing has to be walked again: sets on the stack, freed memory, bytes
# on their way.  How far it is may be said where the machine is busy.
again() { grep -vE ' faults?: .* schedules, ' "$work/err"; }
for options in --plain ''; do
    # shellcheck disable=SC2086
    ends 0 $options -k 2 $scenarios/high-descriptors.session
    ! again || fail "that was high-descriptors $options"
    ends 0 $options -k 3 $scenarios/echo.session
    ! again || fail "that was echo $options"
done

# Sessions that were stopped are not among those that were proved.
ends 2 --recovery -k 0 --budget 0.000001s
grep -q 'not begun, and nothing after it' "$work/err" ||
    fail 'a family was not stopped'
! grep '^recovery: ' "$work/out" || fail 'a family that was stopped is proved'

# The time is that of the whole command, and what was not begun is not proved.
ends 2 --budget 0.1s -k 3 $scenarios
grep -q 'INCOMPLETE the time was over' "$work/out" || fail 'it has an end'
[[ $(grep -c '^  session ' "$work/out") -lt 15 ]] ||
    fail 'the time was for each scenario'
grep -q 'session: not begun, and nothing after it' "$work/err" ||
    fail "where it stopped is not said: $(cat "$work/err")"

# The folder that names the target may be the one we are in.
(cd $scenarios && "$prover" echo.session >/dev/null) ||
    fail 'a scenario of the folder we are in is refused'

# The manual has each option.
for option in $("$prover" --help | grep -o -- '--[a-z]*' | sort -u); do
    grep -qE -- "Fl (. , )?-${option#--}( |$)" docs/man/sockfault-prove.1 ||
        fail "not in the manual: $option"
done

# Its example is what comes, but for what the compiler leaves on the stack and
# how fast it is.
steady() { grep -E '^(echo|  (session|PROVED)) '; }
ends 0 -k 2 $scenarios/echo.session
steady <"$work/out" >"$work/example"
diff <(steady <docs/man/sockfault-prove.1) "$work/example" ||
    fail 'the example of the manual is another'

# All shards together are the whole.
for i in 1 2 3; do
    ends 0 --rows --plain -k 2 --shard $i/3 $scenarios/echo.session
    cp "$work/out" "$work/rows$i"
done
parts=$(schedules)
rm "$work"/rows*
ends 0 --rows --plain -k 2 $scenarios/echo.session
cp "$work/out" "$work/rows"
[[ $(schedules) == "$parts" ]] ||
    fail "three shards make $parts schedules, the whole $(schedules)"

# Any number of faults: no state is new in the end, and that is said.
ends 0 --loops --profile linux corpus/scenarios/fuzz_stream/recv-exact.session
grep -q 'PROVED  *closed: any number' "$work/out" || fail 'closed: not said'
ends 2 --loops --budget 0.1s corpus/scenarios/fuzz_stream/recv-exact.session
grep -q 'INCOMPLETE not closed: states were left, when the time was over' \
    "$work/out" || fail 'not closed: not said'
ends 2 --loops --budget 2s --profile posix \
    corpus/scenarios/fuzz_stream/recv-exact-nonblocking.session
grep -q ', last after [0-9]* [a-zA-Z]*' "$work/out" ||
    fail 'what keeps it open: not said'

# Stopped and taken up again until it is over, it is the whole as well.  The
# first turn is short for any machine, the later ones long enough for any.
"$prover" --rows --plain -k 2 $scenarios/dead-descriptors.session \
    >"$work/whole" &
turns=0
ms=20
until "$prover" --rows --plain -k 2 -t "$(printf '0.%03ds' $ms)" \
    -r "$work/place" \
    $scenarios/dead-descriptors.session >"$work/out"; do
    turns=$((turns + 1))
    ms=$((ms < 500 ? ms * 2 : ms))
    grep -q 'incomplete' "$work/out" || fail 'stopped, and it is not said'
    [[ $turns -lt 400 ]] || break
done
wait
[[ $turns -gt 0 ]] || fail 'it was never stopped'
cmp -s "$work/out" "$work/whole" ||
    fail "taken up $turns times: $(cat "$work/out" "$work/whole")"

# What another walk has left says nothing of this one, and stays.
cp "$work/place" "$work/kept"
refuses 'of this scenario' -k 2 --resume "$work/place" $scenarios/echo.session
sed 's/^bound .*/bound 2/' "$work/place" >"$work/deep"
refuses 'of this scenario' -k 1 --resume "$work/deep" \
    $scenarios/dead-descriptors.session
refuses 'of this scenario' -k 2 --shard 1/2 --resume "$work/place" \
    $scenarios/dead-descriptors.session
mkdir "$work/fuzz_stream"
cp $scenarios/dead-descriptors.session "$work/fuzz_stream"
refuses 'of this scenario' -k 2 --resume "$work/place" \
    "$work/fuzz_stream/dead-descriptors.session"
cp "$prover" "$work/another"
echo >>"$work/another" # as another build
prover=$work/another refuses 'of this scenario' -k 2 --resume "$work/place" \
    $scenarios/dead-descriptors.session
cmp -s "$work/place" "$work/kept" || fail 'a refused place is another'
ends 2 --plain -k 2 --shard 1/2 -t 0.001s --resume "$work/half" \
    $scenarios/dead-descriptors.session
refuses 'of this scenario' --plain -k 2 --shard 2/2 --resume "$work/half" \
    $scenarios/dead-descriptors.session
ends 2 --plain -k 2 -P posix -t 0.001s --resume "$work/posix" \
    $scenarios/dead-descriptors.session
refuses 'of this scenario' --plain -k 2 -P hostile --resume "$work/posix" \
    $scenarios/dead-descriptors.session

# What was not proved is not made good by what was.
ends 2 "$work/fuzz_session.quiet.session" $scenarios/nothing.session
ends 2 "$work/fuzz_session.session" "$work/fuzz_session.quiet.session"

# strikes SIGNAL parent|child ARGUMENT...: the prover while its walker is at
# work, or the walker; what is kept has to be there first.  Ends with 2 and one
# line besides how far it is, and nobody goes on.
strikes() {
    local signal=$1 whom=$2 got=0 pid child
    shift 2
    rm -f "$work/place"
    "$prover" --resume "$work/place" "$@" >"$work/out" 2>"$work/err" &
    pid=$!
    until [[ -e $work/place ]]; do sleep 0.1; done
    child=$(pgrep -P $pid)
    if [[ $whom == child ]]; then kill -"$signal" "$child"; else
        kill -"$signal" $pid; fi
    wait $pid 2>"$work/shell" || got=$?
    [[ $signal == KILL && $whom == parent || $got == 2 ]] ||
        fail "$whom gets $signal: status $got"
    for ((i = 0; i < 50; i++)); do
        kill -0 "$child" 2>"$work/shell" || break
        sleep 0.1
    done
    if kill -9 "$child" 2>"$work/shell"; then
        fail "$whom gets $signal: the walker goes on"
    fi
    head -1 "$work/place" | grep -q '^sockfault-prove' ||
        fail "$whom gets $signal: what was done is not kept"
}
# says_once PATTERN
says_once() {
    [[ $(again | grep -c .) == 1 ]] && again | grep -q -- "$1" ||
        fail "not one line with '$1': $(cat "$work/err")"
}
long=$scenarios/conversation.session
strikes KILL child --plain -k 3 $long
says_once 'killed by signal 9 .*--resume'
strikes TERM child -k 4 $long
says_once 'killed by signal 15 .*--resume'
strikes TERM parent --plain -k 3 $long
says_once 'stopped by SIGTERM; .*--resume'
grep -q 'INCOMPLETE it was stopped' "$work/out" || fail 'stopped: not said'
strikes KILL parent -k 4 $long

[[ $failures == 0 ]]
