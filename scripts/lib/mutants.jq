# All mutants: the counts, and how other tools do on the same ones.
def ids(v): map(select(.verdict == v) | .id);
def median: sort | if length == 0 then null
  elif length % 2 == 1 then .[length / 2 | floor]
  else (.[length / 2 - 1] + .[length / 2]) / 2 end;

# How probable it is that one of $a is less than one of $b; equal: one half.
def a12($a; $b): ([$a[] as $x | $b[] as $y
    | if $x < $y then 1 elif $x == $y then 0.5 else 0 end] | add)
  / (($a | length) * ($b | length));

# Not found: longer than any that found it.
def times($tool): map(select(.tool == $tool)
  | if .found then .seconds else 1e9 end);

def compared: . as $row
  | [.runs[].tool] | unique | map(select(. != "sockfault"))
  | map(. as $tool | ($row.runs | times($tool)) as $theirs
    | {key: $tool, value: {
        found: ($theirs | map(select(. < 1e9)) | length),
        tries: ($theirs | length),
        median_s: ($theirs | median | if . == null or . >= 1e9 then null
          else . end),
        a12: a12($row.runs | times("sockfault"); $theirs)}})
  | from_entries;

sort_by(.id) | map(. + {others: compared})
| {total: length, expected: $expected,
   killed: (ids("killed") | length), equivalent: (ids("equivalent") | length),
   survived: ids("survived"), errors: ids("error"),
   impolite: map(select(.polite | not) | .id),
   by_check: (map(select(.verdict == "killed") | .first.check)
     | group_by(.) | map({key: .[0], value: length}) | from_entries),
   others: (map(.others | to_entries[]) | group_by(.key)
     | map({key: .[0].key, value: {
         killed: map(select(.value.found > 0)) | length,
         of: length,
         a12: (map(.value.a12) | add / length)}}) | from_entries),
   seconds: $took, cap_s: $cap, rows: .}
| .status = (if .total < $expected or .errors != [] then 2
    elif .survived != [] then 1 else 0 end)
