# Each report in reports/ is taken for what the first lines of its .want say.
. "$(dirname "$0")/check.sh" "$@"

mkdir -p tree/target
touch tree/target/{loops.c,decode.c}
seen=0
for report in "$TESTS"/reports/*.txt; do
    want=${report%.txt}.want
    status=$(sed -n 's/^# status //p' "$want")
    awk -v status="$status" -v project="$WORK/tree" \
        -f "$ROOT/scripts/lib/signature.awk" "$report" >got
    sed '/^#/d' "$want" >wanted
    diff wanted got >&2 || fail "${report##*/}"
    seen=$((seen + 1))
done
[[ $seen -ge 6 ]] || fail "only $seen reports"
