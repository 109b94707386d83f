#!/bin/sh
# What cannot be done ends with 2 and one line that says what and where.
# usage: refusals.sh SOCKFAULT VICTIMS
set -eu

sockfault=$1
victims=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# refuses PATTERN COMMAND...
refuses() {
    pattern=$1
    shift
    status=0
    "$@" >/dev/null 2>"$work/said" || status=$?
    if [ "$status" -ne 2 ] || [ "$(wc -l <"$work/said")" -ne 1 ] ||
        ! grep -q -- "$pattern" "$work/said"; then
        echo "refusals.sh: $*: status $status: $(cat "$work/said")" >&2
        bad=1
    fi
}

printf 'sockfault-plan 1\nrecv 3: shrot 1\n' >"$work/typo.plan"
printf 'int main(void){return 0;}\n' >"$work/main.c"
cc -static -o "$work/static" "$work/main.c"
mkdir "$work/folder"
: >"$work/plain"

refuses 'statically linked: .*--notify' "$sockfault" run "$work/static"
refuses 'statically linked: .*nothing reaches allocations' \
    "$sockfault" run --fault 'malloc 1: no-memory' "$work/static"
if [ "$(id -u)" -eq 0 ]; then
    cp "$victims" "$work/setuid"
    chown nobody "$work/setuid"
    chmod 4755 "$work/setuid"
    refuses 'set-user-ID: such a program cannot be watched' \
        "$sockfault" run "$work/setuid"
fi
refuses 'nosuch-command: command not found' "$sockfault" run nosuch-command
refuses "'': expected a command" "$sockfault" run -- ""
refuses "'': expected a command" "$sockfault" explore -- ""
refuses 'No such file' "$sockfault" run "$work/nosuch"
refuses 'not an executable' "$sockfault" run "$work/plain"
refuses 'not an executable' "$sockfault" run "$work/folder"
printf '#!%s\n' "$work/loop" >"$work/loop"
chmod +x "$work/loop"
refuses 'loop: a script for a script' "$sockfault" run "$work/loop"
refuses "typo.plan:2:9: .*'shrot'.*did you mean 'short'" \
    "$sockfault" run --plan "$work/typo.plan" true
refuses 'nosuch.plan: No such file' \
    "$sockfault" run --plan "$work/nosuch.plan" true
refuses 'folder: Is a directory' "$sockfault" run --plan "$work/folder" true
refuses 'nosuch/trace: No such file' \
    "$sockfault" run --trace "$work/nosuch/trace" true
refuses 'no call was intercepted' "$sockfault" run --quiet true
refuses 'no call was intercepted' "$sockfault" run --notify --quiet true
refuses 'which command' "$sockfault" run
refuses "column 8: .*did you mean .recv" \
    "$sockfault" run --fault 'conn 1 rcv: EOF' true
refuses 'profile' "$sockfault" run --profile windows true
refuses "column 1: 'profile' is no rule .* --profile" \
    "$sockfault" run --fault 'profile posix' true
refuses "column 3: 'run' is no rule" "$sockfault" run --fault '  run true' true
refuses '/dev/zero: larger than 64 MiB' "$sockfault" check /dev/zero
echo 'sockfault-plan 1' >"$work/good.plan"
refuses 'typo.plan:2' "$sockfault" check "$work/typo.plan" "$work/good.plan"
refuses '/dev/zero: larger than 64 MiB' "$sockfault" run --plan /dev/zero true
refuses 'timeout' "$sockfault" run --timeout 5 true
refuses '^sockfault: --allow nothing: no such monitor: sockfault list' \
    "$sockfault" run --allow nothing true
refuses "^sockfault: --monitor lost-wakup: .*did you mean 'lost-wakeup'" \
    "$sockfault" run --monitor lost-wakup true
refuses 'with --memory' "$sockfault" explore --compare --memory true
refuses 'no function of' "$sockfault" run --fault 'site nothing: EOF' "$victims"
refuses 'unrecognized option .--check' "$sockfault" run --check true true
refuses "only 'a/b'" "$sockfault" run --only a/b true
refuses 'nosuch/json: No such file' \
    "$sockfault" run --json "$work/nosuch/json" true
refuses '/dev/full: No space left' \
    "$sockfault" run --quiet --json /dev/full "$victims" frames-not
# says_it COMMAND...: that its standard output is full.
says_it() {
    refuses '^sockfault: .*standard output: No space left' \
        sh -c '"$@" >/dev/full' sh "$@"
}
says_it "$sockfault" list faults
says_it "$sockfault" --help
says_it "$sockfault" run --help
says_it "$sockfault" prove --help
says_it "$sockfault" sim --help
says_it "$sockfault" run --quiet --trace - "$victims" frames-not
says_it "$sockfault" prove --decoder be8 --max 2
refuses 'goes with --seed' "$sockfault" run --rate 0.1 true
refuses '^sockfault: --seed abc: expected a number' \
    "$sockfault" run --seed abc true
refuses '^sockfault: --seed 1: EOF #: expected a number' \
    "$sockfault" run --seed '1: EOF #' true
refuses '^sockfault: --seed 18446744073709551616: expected a number' \
    "$sockfault" run --seed 18446744073709551616 true
refuses '^sockfault: --seed 9223372036854775808: expected .* below 2^63' \
    "$sockfault" run --seed 9223372036854775808 true
refuses '^sockfault: --rate 2: expected a probability' \
    "$sockfault" run --seed 1 --rate 2 true
refuses '^sockfault: --class EOF: expected benign or fatal' \
    "$sockfault" run --seed 1 --class EOF true
printf 'sockfault-plan 1\nrun %s frames-not\n' "$victims" >"$work/trace"
refuses "replay: '--quiet' after the trace" \
    "$sockfault" replay "$work/trace" --quiet
refuses "shrink: 'more' after the trace" "$sockfault" shrink "$work/trace" more
for verb in run replay shrink sim prove; do
    refuses "^sockfault: $verb: unrecognized option '--nosuch'" \
        "$sockfault" $verb --nosuch true
done
refuses "^sockfault: run: option '--fault' requires" "$sockfault" run --fault
refuses 'no such verb' "$sockfault" jump
for verb in record session; do
    refuses "^sockfault-$verb: --nosuch: no such option" \
        "$sockfault" $verb --nosuch
done
printf 'sockfault-session 1\nbufers 64\n' >"$work/bufers"
refuses "bufers:2:1: expected .*, found 'bufers'; did you mean 'buffers'" \
    "$sockfault" session "$work/bufers"
printf 'sockfault-session 1\n+ frme 1 5\n' >"$work/frme"
refuses "frme:2:3: expected .*, found 'frme'; did you mean 'frame'" \
    "$sockfault" session "$work/frme"
printf 'sockfault-session 1\nsomething 1\n' >"$work/something"
refuses "something:2:1: expected .*\"frame 1 5\".*, found 'something'\$" \
    "$sockfault" session "$work/something"
mkdir -p "$work/a folder/bin" "$work/a folder/lib"
cp "$sockfault" "$work/a folder/bin/sockfault"
cp "${sockfault%/bin/*}/lib/libsockfault.so" "$work/a folder/lib"
refuses 'a folder/lib/libsockfault.so: .* cannot be preloaded' \
    "$work/a folder/bin/sockfault" run "$victims" frames-not
refuses '/dev/full: No space left' \
    "$sockfault" run --trace /dev/full --seed 1 "$victims" frames-not

# Large plans work, or are refused like small ones.
{
    echo 'sockfault-plan 1'
    seq 1 1000000 | sed 's/.*/conn 7 recv &: short 1/'
} >"$work/large.plan"
"$sockfault" run --quiet --plan "$work/large.plan" "$victims" \
    double-close-not ||
    bad=1
{
    echo 'sockfault-plan 1'
    head -c 10000000 /dev/zero | tr '\0' x
} >"$work/long.plan"
refuses 'long.plan:2:1: expected a call' \
    "$sockfault" run --plan "$work/long.plan" true
exit $bad
