#!/bin/sh
# record.sh: what a real client does to a real server becomes a session that
# brings the same frames in memory.
#
#   record.sh BIN
set -eu

bin=$1
work=$(mktemp -d)
server='' record='' flood=''
trap 'kill $server $record $flood 2>/dev/null; rm -rf "$work"' EXIT
# Below the numbers that the kernel gives to whoever asks for none.
base=$((20000 + $$ % 12000))

fail() {
    echo "record.sh: $*" >&2
    cat "$work"/* >&2
    exit 1
}

# As soon as somebody listens there.
ask_two_lines() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        printf 'hello\nthere\n' | timeout 10 "$bin/framed-client" \
            --format ascii:5 --port $base >"$work/first" 2>"$work/errors" &&
            break
        sleep 0.2
    done
}

"$bin/framed-server" --format ascii:5 --port $((base + 1)) >"$work/server" &
server=$!
"$bin/sockfault-record" $base $((base + 1)) "$work/session" 2>"$work/said" &
record=$!
ask_two_lines
sleep 0.3
printf 'again, and rather a longer one\n' | timeout 10 "$bin/framed-client" \
    --format ascii:5 --port $base >"$work/second"
kill -TERM $record
wait $record || fail "the recorder ended with $?"
record=''

grep -q '^wait ' "$work/session" || fail "the pause is missing"
[ "$(grep -c '^connect ' "$work/session")" = 2 ] || fail "not two connections"
"$bin/sockfault-session" "$work/session" "$work/bytes"
"$bin/fuzz_session" -v "$work/bytes" >"$work/replay" 2>&1 ||
    fail "the replay found something"
# In how many pieces they came is up to the machine.
sent=$(sed -n 's/^.*bytes [0-9] "\(.*\)"$/\1/p' "$work/session" | tr -d '\n')
[ "$sent" = "00005hello00005there00030again, and rather a longer one" ] ||
    fail "not these bytes: $sent"
# 55 bytes of theirs, 31 of the control connection, each there and back.
moved=$(sed -n 's/^.* \(recv\|send\) .* -> //p' "$work/replay" |
    awk '$1 > 0 { n += $1 } END { print n }')
[ "$moved" = 172 ] || fail "the replay moves $moved bytes, not 172"

is=0
"$bin/sockfault-record" 2>"$work/usage" || is=$?
[ $is = 2 ] && grep -q 'expected LISTEN, SERVER and FILE' "$work/usage" &&
    [ "$(wc -l <"$work/usage")" = 1 ] || fail "bad usage ended $is"
is=0
"$bin/sockfault-record" 70000 1 "$work/none" 2>"$work/usage" || is=$?
[ $is = 2 ] && grep -q '70000: expected a port' "$work/usage" ||
    fail "a bad port ended $is"
is=0
"$bin/sockfault-record" $base 1 "$work/session" 2>"$work/usage" || is=$?
[ $is = 2 ] && grep -q '/session: File exists$' "$work/usage" &&
    [ -s "$work/session" ] || fail "what was recorded is written over: $is"
is=0
timeout 5 "$bin/sockfault-record" $base $base "$work/none" \
    2>"$work/usage" || is=$?
[ $is = 2 ] && grep -q "$base: it would pass on to itself" "$work/usage" ||
    fail "passing on to itself ended $is"

# The other side is a session for the client.
"$bin/sockfault-record" --answers $base $((base + 1)) "$work/answers" \
    2>"$work/said" &
record=$!
ask_two_lines
kill -TERM $record
wait $record || fail "the recorder ended with $?"
record=''
! grep -q '^connect ' "$work/answers" || fail "the client's side"
printf 'hello\nthere\n' >"$work/lines"
"$bin/sockfault" sim --dials -s "$work/answers" -- sh -c \
    'exec "$@" <"$0"' "$work/lines" "$bin/framed-client" --format ascii:5 \
    --port 7 >"$work/simulated" 2>"$work/errors" || fail "simulated: status $?"
grep -q ' 0 faults: nothing found$' "$work/simulated" || fail "simulated"
[ "$(head -n 2 "$work/simulated")" = "$(cat "$work/first")" ] ||
    fail "simulated it prints something else"

# A client that sends and never reads keeps nobody else waiting.
"$bin/sockfault-record" $base $((base + 1)) "$work/two" 2>"$work/said" &
record=$!
sleep 0.3
bash -c 'exec 3<>/dev/tcp/127.0.0.1/'"$base"'; exec yes 00001 >&3' &
flood=$!
sleep 1
for _ in 1 2 3; do
    echo hello | timeout 5 "$bin/framed-client" --format ascii:5 \
        --port $base >"$work/third" 2>"$work/errors" || fail "it has to wait"
done
kill $flood $record
wait $flood || true
wait $record || fail "the recorder ended with $?"
flood='' record=''

# Where no server is, that is said: at once, and in the end.
"$bin/sockfault-record" $base $((base + 2)) "$work/empty" 2>"$work/said" &
record=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    echo hello | timeout 10 "$bin/framed-client" --format ascii:5 \
        --port $base >"$work/third" 2>"$work/errors" || true
    grep -q 'turned away' "$work/said" && break
    sleep 0.2
done
grep -q "^sockfault-record: port $((base + 2)): Connection refused" \
    "$work/said" || fail "no server, and it is not said"
kill -TERM $record
is=0
wait $record || is=$?
record=''
[ $is = 2 ] && grep -q 'empty: nothing was recorded' "$work/said" ||
    fail "nothing recorded ended $is"
