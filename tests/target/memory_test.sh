#!/usr/bin/env bash
# memory_test.sh SOCKFAULT BIN: each allocation of the three servers and of the
# client fails, one a run.  That may be the end of a connection, or of who could
# not begin; nobody crashes, and the next client is served.
set -euo pipefail

sockfault=$1
bin=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

# The last client is there for the next one, and not in the run that learns what
# there is.
cat >"$dir/talk" <<'END'
work=$(mktemp -d -p "$2")
"$1/framed-server" --model "$3" --format ascii:5 --port 0 >"$work/said" &
server=$!
for _ in $(seq 100); do
    grep -q '^listening' "$work/said" && break
    kill -0 $server 2>/dev/null || exit 0 # it could not begin
    sleep 0.02
done
port=$(sed 's/.*://' "$work/said")
ask() {
    printf 'hello\nthere\n' |
        timeout 5 "$1/framed-client" --format ascii:5 --port "$port"
}
ask "$1" >/dev/null 2>&1
[[ $SOCKFAULT_CASE == 0 || $(ask "$1") == $'hello\nthere' ]] || status=1
kill -TERM $server
wait $server
exit "${status:-0}"
END

for model in select thread fork; do
    "$sockfault" explore --memory --status --only framed-server \
        --only framed-client -o "$dir/$model" -- \
        bash "$dir/talk" "$bin" "$dir" "$model" >"$dir/out" 2>&1 &&
        grep -Eq 'performed  ([0-9]+) of \1;' "$dir/out" || {
        echo "memory_test.sh: $model: $(cat "$dir/out")" >&2
        failures=$((failures + 1))
    }
done
exit "$failures"
