# The planted bugs of bench/mutants are complete and still apply, and a folder
# that nobody has seen is told row by row: what is killed, survives, is
# equivalent, does not apply or does not compile.
. "$(dirname "$0")/check.sh" "$@"

for patch in "$ROOT"/bench/mutants/*.patch; do
    for key in id where change mechanism K observable source; do
        sed '/^--- /q' "$patch" | grep -q "^$key: ." ||
            fail "$(basename "$patch"): no '$key'"
    done
    patch -d "$ROOT" -p1 -f -s -F0 --dry-run <"$patch" ||
        fail "$(basename "$patch") does not apply"
done

# harmless ID [HEADER]: a patch that changes a comment.
harmless() {
    cat >"unseen/$1.patch" <<END
${2-id: $1}
--- a/target/err.c
+++ b/target/err.c
@@ -1 +1 @@
-$(head -n 1 "$ROOT/target/err.c")
+/* $1 */
END
}

# What a check has started and left ends with it, whoever its parent is.
leaves() {
    (exec setsid "$SF_BUILD/bin/sleep" 60 >/dev/null 2>&1 &)
    say 'sockfault: finding: stall: it goes on'
}
mkdir -p own/bin
cp "$(command -v sleep)" own/bin
(
    SF_NAME=left
    . "$ROOT/scripts/lib/common.sh"
    trap - EXIT
    . "$SF_LIB/mutant-checks.sh"
    SF_BUILD=$PWD/own work=$PWD found_message=
    mutant_probes <<<leaves
    [[ $found_kind == stall ]]
) || fail "a probe finds nothing"
left=$(find /proc -maxdepth 2 -name exe -lname "$PWD/own/*" -printf '%h\n' \
    2>/dev/null) || true
for pid in $left; do
    kill "${pid#/proc/}"
    fail "a probe has left $pid"
done

mkdir unseen
cp "$ROOT/bench/mutants/P24.patch" unseen/killed.diff
harmless survived
harmless equivalent 'equivalent: a comment'
harmless broken
sed -i 's/^+.*/+no C/' unseen/broken.patch
echo nonsense >unseen/stale.patch

refused "$ROOT/scripts/mutants" --list no/such/folder
refused "$ROOT/scripts/mutants" --list unseen P99
expect 2 "$ROOT/scripts/mutants" --list unseen --empty --time 4s \
    --json rows.json --html rows.html
jq -e '.total == 5 and .killed == 1 and .survived == ["survived"] and
    .equivalent == 1 and .errors == ["broken", "stale"] and
    .impolite == [] and
    (.rows[] | select(.id == "killed") | .first | .found and .check == "fuzz"
        and .executions > 0 and .kind != "")' rows.json >/dev/null ||
    fail "rows: $(cat rows.json)"
has stdout 'error broken: does not compile'
has stdout 'error stale: does not apply'
has stdout '1 of 5 killed, 1 equivalent, 1 survived: survived, 2 could not'
has rows.html '<h1>Planted bugs: 1 of 5 found</h1>'
