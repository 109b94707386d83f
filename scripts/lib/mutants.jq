# All mutants: the counts.
def ids(v): map(select(.verdict == v) | .id);
sort_by(.id)
| {total: length, expected: $expected,
   killed: (ids("killed") | length), equivalent: (ids("equivalent") | length),
   survived: ids("survived"), errors: ids("error"),
   impolite: map(select(.polite | not) | .id),
   by_check: (map(select(.verdict == "killed") | .first.check)
     | group_by(.) | map({key: .[0], value: length}) | from_entries),
   seconds: $took, cap_s: $cap, rows: .}
| .status = (if .total < $expected or .errors != [] then 2
    elif .survived != [] then 1 else 0 end)
