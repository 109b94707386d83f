# All mutants: the counts.
include "statistics";

def beside($peer): map(select(.verdict == "killed" and .peers)
    | .peers[$peer]) | {killed: length,
    found: (map(select(.found > 0)) | length),
    median_s: (map(select(.found > 0) | .median_s) | median),
    a12: (map(.a12) | mean)};
def ids(v): map(select(.verdict == v) | .id);
sort_by(.id)
| {total: length, expected: $expected,
   killed: (ids("killed") | length), equivalent: (ids("equivalent") | length),
   survived: ids("survived"), errors: ids("error"),
   impolite: map(select(.polite | not) | .id),
   by_check: (map(select(.verdict == "killed") | .first.check)
     | group_by(.) | map({key: .[0], value: length}) | from_entries),
   peers: (. as $all | map(.peers // {} | keys) | add | unique
     | map({key: ., value: (. as $p | $all | beside($p))}) | from_entries),
   median_s: (map(select(.verdict == "killed") | .median_s) | median),
   seconds: $took, cap_s: $cap, rows: .}
| .status = (if .total < $expected or .errors != [] then 2
    elif .survived != [] then 1 else 0 end)
