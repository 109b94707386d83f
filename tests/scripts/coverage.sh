# What scripts/coverage makes of the counts of two programs, and its verdict.
. "$(dirname "$0")/check.sh" "$@"

SF_PROJECT=$WORK/tree
SF_LIB=$ROOT/scripts/lib
mkdir -p tree/target
work=$WORK
. "$SF_LIB/coverage.sh"

cat >tree/target/a.c <<'END'
int f(int a)
{
    do {
        if (a == 1)
            break;
    } while (--a);
    return a;
    return 1; /* not covered: after a return */
    /* not covered: this is after a return
     * as well */
    return 2; }
END

# rows BRANCH_TRUE BRANCH_FALSE AFTER: one program's, in which the line after
# the loop begins in a gap that nothing is said to pass through.
rows() {
    local name=$SF_PROJECT/target/a.c
    printf '%s\n' "file $name" "segment 1 9 1 1 0" "segment 6 0 1 0 1" \
        "segment 7 9 1 0 0" "segment 7 0 1 0 1" "segment 8 $3 1 1 0" \
        "segment 11 0 0 0 0" \
        "item $name 4 13 true $1" "item $name 4 13 false $2" \
        "item $name 4 13 condition~1 1" "item $name 4 13 condition~2 0" |
        tr ' ~' '\t '
}

# verdict STATUS ROWS...: merges them and judges; what it says goes to said.
verdict() {
    local want=$1 status=0
    cat "${@:2}" | awk -f "$SF_LIB/coverage-merge.awk" | sort -V >items
    coverage_judge target >said || status=$?
    [[ $status -eq $want ]] || fail "$*: status $status: $(cat said)"
}

says() { grep -qxF -- "$1" said || fail "not said: $1: $(cat said)"; }

rows 1 0 0 >left
rows 0 1 0 >right
verdict 0 left right
says "target/a.c:8: excluded: after a return"
says "target/a.c:9: excluded: this is after a return as well"
says "target: 11 lines and 2 branches, of which 4 and 0 excluded; 0 not \
reached or wrongly excluded; 1 of 2 conditions (MC/DC)"
[[ $(coverage_summary | jq -c .target.files[]) == \
    '{"lines":100,"branches":100,"mcdc":50,"excluded":4}' ]] ||
    fail "$(coverage_summary)"

verdict 1 left left
says "target/a.c:4:13: never false"

sed 's/^segment\t1\t9/segment\t1\t0/' left >none
verdict 1 none
says "target/a.c:3: never executed"
! grep -q 'a.c:7:' said || fail "the line after the loop: $(cat said)"

rows 1 1 5 >all
verdict 1 all
says "target/a.c:8: excluded, but it is all reached"
