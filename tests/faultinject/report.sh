#!/bin/sh
# `sockfault report`: what explore has kept, counted and told without a change
# to it; and what is no such folder.
# usage: report.sh SOCKFAULT EXPLORED
set -eu

sockfault=$1
explored=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
bad=0

fail() {
    echo "report.sh: $*: $(cat said)" >&2
    bad=1
}

explore() {
    "$sockfault" explore -o "$1" --without dying --timeout 2s --jobs 2 \
        -- "$explored" "$2" >"$1.said" 2>&1 || true
}

# report STATUS OPTION... DIR: what it says is in said
report() {
    want=$1 status=0
    shift
    "$sockfault" report "$@" >said 2>&1 || status=$?
    [ "$status" -eq "$want" ] || fail "$*: status $status, not $want"
}

# report2 PATTERN OPTION... DIR: it is refused, in one line
report2() {
    pattern=$1
    shift
    report 2 "$@"
    [ "$(wc -l <said)" -eq 1 ] || fail "$*: more than a line"
    says "^sockfault: .*$pattern"
}

says() {
    grep -Eq -- "$1" said || fail "it does not say $1"
}

# Names, sizes, times and contents of all in a folder.
look() {
    find "$1" -printf '%p %s %T@ %C@\n' | sort
    find "$1" -type f -exec cksum {} + | sort
}

# How many cases the text lists in this state; a list may go on in a new line.
listed() {
    states='finding|unsure|to do|not possible|not reached|handled'
    awk -v state="$1" -v begin=" ($states)  +[A-Za-z]" '
        /^which call/ { on = 1; next }
        /^$/ { on = 0 }
        on && match($0, begin) {
            now = substr($0, RSTART + 1, RLENGTH - 2)
            sub(/ +$/, "", now)
            $0 = substr($0, RSTART + RLENGTH - 1)
        }
        on && now == state {
            n = split($0, faults, ",")
            for (i = 1; i <= n; i++)
                if (split(faults[i], words, " ") > 0)
                    sum += words[2] ? words[2] : 1
        }
        END { print sum + 0 }'
}

# How many cases of this state the page, the JSON and the text have.
counts() {
    report "$1" --json got.json --html got.html "$2"
    state=$3 word=$4 want=$5
    # of the cell, and of each of its cases
    [ "$(grep -cE "\"state\": *\"$word\"" got.json)" -gt "$want" ] ||
        [ "$want" -eq 0 ] || fail "$2: $state is nowhere in the JSON"
    grep -Eq "^    \"$word\": *$want,$" got.json ||
        fail "$2: JSON: not $want $state: $(grep "\"$word\":" got.json)"
    grep -q ">[^<]*</b> $state: $want</li>" got.html ||
        fail "$2: page: not $want $state"
    sum=$(listed "$state" <said)
    [ "$sum" -eq "$want" ] || fail "$2: text: $sum $state, not $want"
}

lines() {
    grep -cE "$1" "$2" || true
}

explore right right
explore short short

# --- nothing found, and what is found ---

for word in 'report     sockfault report right' 'COMPLETE '; do
    grep -q "^  $word" right.said || fail "explore does not say $word"
done
cases=$(lines ': ' right/cases)
look right >before
counts 0 right handled handled "$(lines ' quiet ' right/runs)"
counts 0 right 'not possible' not_possible "$(lines ' impossible ' right/runs)"
counts 0 right 'not reached' not_reached "$(lines ' unmet ' right/runs)"
counts 0 right 'to do' to_do 0
look right >after
cmp before after || fail 'the folder has changed'
says '^  COMPLETE   each was run$'
says '^  recv in take at explored.c:[0-9]* +(not possible|handled) +short [1-9]'
! LC_ALL=C grep -E '^.{101}' said || fail 'wider than 100 columns'
# each case where its call is made, and each once
jq -r '.matrix[] | .site as $site | .cells[].cases[] |
    "\(.case) \(.rule) # in \($site)"' got.json | sort >is
sed -n '/: /p' right/cases | awk '{ print NR, $0 }' | sort >told
cmp is told || fail "the cases are not where they are"
jq -e 'all(.matrix[]; .call as $call | all(.cells[]; .fault as $fault |
        all(.cases[].rule; contains($call + " ") and
            contains(": " + $fault)))) and
    (.matrix | map([.call, .site]) | length == (unique | length))' \
    got.json >/dev/null || fail 'rows and columns'
grep -q '"exit": *0,' got.json || fail 'JSON: exit'
grep -q '<h1>sockfault explore: nothing found</h1>' got.html || fail 'verdict'

found=$(lines ' found ' short/runs)
name=$(sed -n 's/^[0-9]* found [0-9]* \([^ ]*\) .*/\1/p' short/runs | head -n 1)
counts 1 short finding finding "$found"
says '^  recv in take at explored.c:[0-9]* +finding +short'
says "^finding $name\$"
says "^  sockfault replay short/findings/$name.plan\$"
cell="class=\"finding\" title=\"[^\"]*recv 1: short [17] (finding)[^>]*>"
grep -q "$cell<a href=\"#$name\">F" got.html ||
    fail 'no cell leads to the finding'
grep -q "<article id=\"$name\" class=\"finding\">" got.html || fail 'no finding'
grep -q '^run --timeout.* short$' got.html || fail 'no plan on the page'
grep -q '"exit": *1,' got.json || fail 'JSON: exit'
grep -q '"state": *"finding",$' got.json || fail 'JSON: finding'

# --- not shown again, not seen again, without its fault ---

cp -r short unsure
sed -i '/ again /d' unsure/runs
for _ in first last; do
    echo "0 again 0 3 $name" >>unsure/runs
done
counts 0 unsure unsure unsure "$found"
says '^  shown again 0 of 3 times: does not count$'
cp -r short two # of which one counts
quiet=$(sed -n 's/^\([0-9]*\) quiet .*/\1/p' short/runs | head -n 1)
sed -i "s/^$quiet quiet .*/$quiet found 1 other as if it were/
    \$a\\
$quiet again 0 3 other" two/runs
counts 1 two finding finding "$found"
counts 1 two unsure unsure 1
cp -r short fresh
sed -i '/ again /d' fresh/runs
report 2 fresh
cp -r right alone
sed -i '0,/ quiet /s// alone /' alone/runs
counts 0 alone unsure unsure 1
cp -r right unmet
sed -i 's/ quiet / unmet /' unmet/runs
counts 2 unmet 'not reached' not_reached "$(lines ' (quiet|unmet) ' right/runs)"
says 'no fault happened, so nothing is shown'

# --- not complete: the last line is being written ---

cp -r right half
head -n 9 right/runs >half/runs
printf '%s' "$(sed -n 10p right/runs | cut -c1-4)" >>half/runs
counts 2 half 'to do' to_do $((cases - 9))
says "^  INCOMPLETE 9 of $cases, .*goes on with the others\$"
exec 9>>half/lock
flock 9
report 2 half
says "^  INCOMPLETE 9 of $cases, .*at work there just now\$"
mv half/cases half/away
report2 'at work there, and does not know yet' half
mv half/away half/cases
exec 9>&-
for shard in 1 2; do
    report 0 --json "shard$shard" --shard $shard/2 right
done
[ "$(cat shard1 shard2 | grep -c '"case":')" -eq "$cases" ] || fail 'shards'

# --- what a program or a file may hold ---

cp -r short odd
sed -i "s/^\\([0-9]* found [0-9]*\\) [^ ]* .*/\\1 a\"<i>b <script>\\&\"x/
    s/ again 3 3 .*/ again 3 3 a\"<i>b/" odd/runs
sed -i 's/^run .*/& "<u>\&"/' odd/cases
report 1 --json odd.json --html odd.html odd
grep -q '&lt;script&gt;&amp;&quot;x' odd.html || fail 'the line is not there'
! grep -E '<(i|u|script)>|http' odd.html || fail 'the page is not escaped'
grep -q '"line": *"<script>&\\"x",' odd.json || fail 'the line is not in JSON'

# --- where it goes ---

mv right explore
report 0
says '^  COMPLETE '
mv explore right
report 0 --json - right
jq -e .exit said >/dev/null || fail 'not only JSON'
report 0 --html - right
[ "$(head -n 1 said)" = '<!DOCTYPE html>' ] || fail 'not only a page'
report2 'both to standard output' --html - --json - right
report2 'nowhere/x: ' --html nowhere/x right

# --- no such folder ---

report2 'report: nowhere: expected a folder of sockfault explore' nowhere
mkdir empty
report2 'report: empty: expected a folder of sockfault explore' empty
report2 "'short' after the folder" right short
cp -r right other
sed -i 's/^status /status x/' other/baseline
report2 'baseline: is not as this version' other
cp right/baseline other
sed -i '$s/: [a-zA-Z]*/: nonesuch/' other/cases
report2 "cases:[0-9]*:[0-9]*: .*nonesuch" other
sed -i '$s/.*/p 0.5 seed 1: benign/' other/cases
report2 "cases:[0-9]*: expected one call and one fault" other
sed -i '$s/.*/in 1: short 1/' other/cases
report2 "cases:[0-9]*: expected one call and one fault" other
sed 's/^run /run --of-tomorrow /' right/cases >other/cases
report2 "of-tomorrow" other
sed '/: /d' right/cases >other/cases
report2 'no fault of this choice fits' other

exit $bad
