# The benchmark runs, and its rows are what it says they are; how fast anything
# is depends on the machine and is judged elsewhere.
. "$(dirname "$0")/check.sh" "$@"

expect 0 "$ROOT/scripts/bench" --quick --only shim,sim,explore,server \
    --json rows
has stdout 'ratio'
jq -e '
    def string: type == "string" and . != "";
    length > 10 and all(
        (.group | IN("shim", "sim", "explore", "server")) and
        (.name | string) and
        (.ratio | type == "number" and . > 0 or . == null) and
        (.goal | type == "number" or . == null) and
        (.better | IN("lower", "higher")) and (.detail | string) and
        (.ratio != null or (.detail | startswith("missing")))) and
    any(.ratio != null)' rows >/dev/null || fail "rows: $(cat rows)"

# Ours are there, whoever else is not.
for ours in "library loaded" "a simulated call" "a run of explore" \
    "two jobs"; do
    jq -e --arg ours "$ours" \
        'any((.name | contains($ours)) and .ratio != null)' rows >/dev/null ||
        fail "not measured: $ours: $(cat rows)"
done

# What we make happen is true, in each experiment.
expect 0 "$ROOT/scripts/bench" --quick --only truth --json truths
jq -e 'map(select(.name | endswith("sockfault"))) |
    length == 9 and all(.ratio == 1 and .detail == "true")' truths \
    >/dev/null || fail "not true: $(cat truths)"

refused "$ROOT/scripts/bench" --only nonsense
has stderr "no group 'nonsense'"
refused "$ROOT/scripts/bench" --only
refused "$ROOT/scripts/bench" --json /no/such/folder/rows
