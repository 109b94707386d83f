#!/bin/sh
# Every fault at every call, one a run: what is found, what is not, and that
# nothing is lost or done twice whoever is killed.
# usage: explore.sh SOCKFAULT EXPLORED
set -eu

sockfault=$1
explored=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
bad=0

fail() {
    echo "explore.sh: $*: $(cat said)" >&2
    bad=1
}

# explore STATUS FOLDER OPTION... -- COMMAND...: what it says is in said
explore() {
    want=$1 folder=$2 status=0
    shift 2
    "$sockfault" explore -o "$folder" --without dying --timeout 2s "$@" \
        >said 2>&1 || status=$?
    [ "$status" -eq "$want" ] || fail "$*: status $status"
}

says() {
    grep -Eq -- "$1" said || fail "it does not say $1"
}

# Each case has one line in runs; the rules are behind two or three others.
all_once() {
    cases=$(grep -c ': ' "$1/cases")
    done=$(grep -cE '^[0-9]+ (quiet|found|unmet|impossible|alone) ' "$1/runs")
    once=$(grep -vE '^[0-9]+ again ' "$1/runs" | cut -d' ' -f1 | sort -u | wc -l)
    [ "$cases" -gt 9 ] && [ "$cases" -eq "$done" ] &&
        [ "$cases" -eq "$once" ] ||
        fail "$1: $cases cases, $done lines, of $once"
}

# The folder of the runs' own files is left tidy.
tidy() {
    [ -z "$(find "$1" -name 'output.*' -o -name 'errors.*' -o -name '*.new')" ] ||
        fail "$1: $(ls "$1")"
}

# --- nothing, and each of the bugs ---

explore 0 right --silent --jobs 3 -- "$explored" right
says '^  COMPLETE '
says '^  FOUND      nothing$'
says '^  performed  [1-9]'
all_once right
tidy right

for amount in 1 7; do
    grep -q "recv 1: short $amount " right/cases || fail "no short $amount"
done
! grep -q "recv 1: short [2-6] " right/cases || fail "a short 2 to 6"

# What is misread in two pieces of which the first is the fifth byte's.
explore 0 uncut --class benign --compare -- "$explored" fifth
explore 0 few --cuts 4 --class benign --compare -- "$explored" fifth
explore 1 cut --cuts 5 --class benign --compare -- "$explored" fifth
says '; first .*recv 1: short 5$'
for amount in 1 2 3 4 5 7; do
    grep -q "recv 1: short $amount " cut/cases || fail "cut: no short $amount"
done
! grep -q "recv 1: short 6 " cut/cases || fail "cut: a short 6"
! grep -q impossible cut/runs || fail "cut: nothing was there to be cut"
explore 2 uncut --cuts 5 --class benign --compare -- "$explored" fifth
says 'choose another folder'
for none in '--cuts 0' '--cuts 4097' '--cuts x' '--cuts 5 --memory' \
    '--cuts 5 --class fatal' '--cuts 5 --without short'; do
    # shellcheck disable=SC2086 # words
    explore 2 none $none -- "$explored" right
    says 'explore: --cuts|sockfault: --cuts'
done
explore 1 just --just short --just delay --cuts 5 --compare -- "$explored" fifth
[ "$(sed -n 's/.*: \([A-Za-z]*\).*/\1/p' just/cases | sort -u | xargs)" = \
    'delay short' ] || fail "just: $(cat just/cases)"
explore 2 none --just longer -- "$explored" right
says '--just longer: no such fault'

# Whatever their number is, each comes once.
for without in EOF EPIPE delay late short; do
    explore 0 "no-$without" --without $without -- "$explored" right
    all_once "no-$without"
    ! grep -q ": $without" "no-$without/cases" || fail "--without $without"
done

explore 1 short -- "$explored" short
says '^finding status-.*-benign-recv-take-at-explored.c'
says '^  [12] cases?: short; first conn [12] recv 1: short [17]$'
says '^  shown again 3 of 3 times$'
set -- short/findings/*.plan
[ $# -eq 1 ] || fail "short: $# findings"
status=0
"$sockfault" replay "$1" >said 2>&1 || status=$?
[ "$status" -eq 1 ] || fail "replay of $1: status $status"

# What is not seen again of one case may be of another.
name=$(sed -n 's/^[0-9]* found [0-9]* \([^ ]*\) .*/\1/p' short/runs | head -n 1)
quiet=$(sed -n 's/^\([0-9]*\) quiet .*/\1/p' short/runs | head -n 1)
cp -r short second
{
    echo "$quiet found 1 $name as if it were"
    grep -v -e "^$quiet quiet" -e ' again ' short/runs
    echo "$quiet again 0 3 $name"
} >second/runs
explore 1 second -- "$explored" short
says '^  shown again 3 of 3 times$'

# Shown again at times it is a finding; as another finding it is none, and as
# little where no fault happened.
cp -r short seldom
sed -i 's/ again 3 3 / again 1 3 /' seldom/runs
explore 1 seldom -- "$explored" short
says '^  shown again 1 of 3 times$'
cp -r short other
{
    echo "$quiet found 1 crash-${name#*-} as if it were"
    grep -v -e "^$quiet quiet" -e ' again ' short/runs |
        sed 's/^\([0-9]*\) found .*/\1 quiet 1/'
} >other/runs
found=$(sed -n 's/^\([0-9]*\) found .*/\1/p' short/runs | head -n 1)
sed -i -e "s/^$quiet found/$found found/" -e "/^$found quiet/d" other/runs
explore 0 other -- "$explored" short
says '^  shown again 0 of 3 times'
cp -r right unmet
sed -i 's/ quiet / unmet /' unmet/runs
explore 2 unmet --silent -- "$explored" right
says 'no fault happened, so nothing is shown'

explore 1 brief --class benign --compare -- "$explored" brief
says '^finding output-.*-benign-recv-take-at'

explore 1 crash --class benign -- "$explored" crash
says '^  died: a child was killed by SIGABRT$'
says '^  FOUND      1, '

explore 0 quiet --compare -- "$explored" silent
explore 1 silent --silent -- "$explored" silent
says '^finding silent-.*-fatal-recv-take-at'
says '; first .*: (EOF|ECONNRESET)$'
set -- silent/findings/silent-*-recv-*.plan
! "$sockfault" replay -q "$1" | cmp -s - silent/baseline.output ||
    fail "replay of $1: it prints the same"

explore 1 hang --class fatal --timeout 300ms --jobs 4 -- "$explored" hang
says '^finding stall-'

# --- a fault that does not happen shows nothing ---

explore 0 now-then -- "$explored" now-then
says '^  performed  .* of the others [1-9][0-9]* calls never came,'
grep -q ' unmet 2$' now-then/runs || fail "what never came is not tried again"

# --- what cannot be explored ---

explore 1 untidy -- "$explored" untidy
says 'found without any fault'
explore 2 talks --compare -- "$explored" talks
says 'prints now this, now that'
cat >differs <<END
#!/bin/sh
echo >>differed
"$explored" right
exit \$((\$(wc -l <differed) % 2))
END
chmod +x differs
explore 2 unsteady -- ./differs
says 'its exit status differs'
explore 2 none -- true
says 'no call was intercepted'
! test -e none || fail 'a folder with nothing in it is left'
cat >alone.c <<END
#include <sys/socket.h>
#include <unistd.h>
int main(void) { return close(socket(AF_INET, SOCK_STREAM, 0)); }
END
cc -o alone alone.c
explore 0 lonely -- ./alone
says '^sockfault: explore: it makes no connection'
mkdir keep
explore 2 keep -- true
test -d keep || fail 'a folder that was there is gone'
explore 0 deep/er/right/ --budget 1ms -- "$explored" right
test -s deep/er/right/cases || fail 'no folder in a folder that was not there'
explore 2 right -- "$explored" right
says 'is of another command, or of other options'
explore 2 x --shard 5/4 -- true
says 'expected I/N'
explore 2 x --without shrot -- true
says 'no such fault'

# --- how long it will take: no longer than it may ---

cat >drowsy <<END
#!/bin/sh
sleep 0.2
exec "$explored" right
END
chmod +x drowsy
script -qc "'$sockfault' explore -o drowsily --budget 2s -- ./drowsy" \
    /dev/null </dev/null >said 2>&1 || true
says '^  SAMPLE '
says ' a second, [012] s left'
! grep -E ' ([3-9]|[0-9]{2,}) s left' said || fail 'longer than it may'

# --- in parts ---

"$sockfault" explore -o whole --without dying --timeout 2s --budget 1ms \
    -- "$explored" right >said 2>&1 || true
says '^  SAMPLE     [0-9] of [1-9][0-9], evenly spread: the time was over$'
rm -f whole/runs
for shard in 1 2 3; do
    cp -r whole "shard$shard"
    explore 0 "shard$shard" --shard $shard/3 -- "$explored" right
    says "shard $shard/3 has [0-9]*$"
    says '^  COMPLETE '
done
cat shard?/runs >whole/runs
all_once whole

# --- whoever is killed goes on ---

cat >slow <<END
#!/bin/sh
sleep 0.05
sleep 54321 &
exec "$explored" short
END
chmod +x slow

# interrupt SIGNAL FOLDER: in the middle of it
interrupt() {
    "$sockfault" explore -o "$2" --without dying --timeout 2s --jobs 2 \
        -- ./slow >said 2>&1 &
    pid=$!
    n=0
    until [ "$(cat "$2/runs" 2>/dev/null | wc -l)" -ge 5 ] ||
        [ $((n += 1)) -gt 200 ]; do
        sleep 0.05
    done
    kill -"$1" $pid
    status=0
    wait $pid || status=$?
}

interrupt KILL killed
printf '3 qui' >>killed/runs # as if in the middle of a line
explore 1 killed --jobs 2 -- ./slow
says '^finding status-.*-benign-recv-take-at'
all_once killed

interrupt TERM stopped
[ "$status" -eq 2 ] || [ "$status" -eq 1 ] || fail "SIGTERM: status $status"
says '^  INCOMPLETE '
explore 1 stopped --jobs 2 -- ./slow
all_once stopped
tidy stopped

# gone NUMBER: nobody sleeps for so long any more
gone() {
    n=0
    while pgrep -f "^sleep $1\$" >/dev/null && [ $((n += 1)) -lt 100 ]; do
        sleep 0.05
    done
    ! pgrep -f "^sleep $1\$" >said || fail "sleep $1 is still there"
}

# Nobody is left behind, not by a command that leaves somebody, and not where
# that would have gone on for long.
gone 54321
cat >stuck <<END
#!/bin/sh
echo >>times
[ \$(wc -l <times) -lt 6 ] || sleep 54322
exec "$explored" right
END
chmod +x stuck
"$sockfault" explore -o stuck.out --timeout 5m -- ./stuck >said 2>&1 &
pid=$!
n=0
until pgrep -f '^sleep 54322$' >/dev/null || [ $((n += 1)) -gt 200 ]; do
    sleep 0.05
done
kill -KILL $pid
wait $pid || true
gone 54322

# What is known does not count until its day has come; all else does.
explore 1 known --silent -- "$explored" brief
sed -n 's/^finding //p' said >names
sed '1i# why not
s/$/ 2999-12-31 it will be mended/' names >list
explore 0 known --silent --known list -- "$explored" brief
says "^  FOUND      nothing; and $(wc -l <names) that (is|are) known\$"
says '^  shown again [1-3] of 3 times: known until 2999-12-31$'
"$sockfault" report --known list --json - known |
    grep -q '"known_until": *"2999-12-31"' || fail 'the report does not know it'
sed 's/$/ 2001-01-01 mended long ago/' names >list
explore 1 known --silent --known list -- "$explored" brief
for until in '' tomorrow '2031-1-31 x'; do
    echo "a-finding $until" >list
    explore 2 known --silent --known list -- "$explored" brief
    says "^sockfault: list:1: expected 'NAME YYYY-MM-DD why', found 'a-finding"
done
explore 2 known --silent --known nowhere -- "$explored" brief
says '^sockfault: --known nowhere: No such file'

# Each job has its number.
cat >number <<END
#!/bin/sh
echo \$SOCKFAULT_JOB \$SOCKFAULT_CASE >>numbers
exec "$explored" right
END
chmod +x number
explore 0 numbered --jobs 3 -- ./number
[ "$(cut -d' ' -f1 numbers | sort -u | xargs)" = '1 2 3' ] ||
    fail "jobs: $(cut -d' ' -f1 numbers | sort -u | xargs)"

# A command that a signal ends has the status that a shell gives it.
cat >aborts <<END
#!/bin/sh
"$explored" right
kill -ABRT \$\$
END
chmod +x aborts
explore 0 aborted --allow died -- ./aborts
says ', status 134, '
exit $bad
