# One mutant: its verdict, and the tries it rests on.
def median: sort | if length == 0 then null
  elif length % 2 == 1 then .[length / 2 | floor]
  else (.[length / 2 - 1] + .[length / 2]) / 2 end;

($tries | map(select(.found))) as $found
| {id: $id,
   verdict: (if $why != "" then "error" elif $found != [] then "killed"
     elif $equivalent != "" then "equivalent" else "survived" end),
   first: $found[0],
   median_s: ($found | map(.seconds) | median),
   found: ($found | length), tries: ($tries | length),
   seconds: $seconds, polite: $polite,
   change: $change, where: $where, K: $k, observable: $observable}
+ (if $why != "" then {why: $why} else {} end)
+ (if $equivalent != "" then {equivalent: $equivalent} else {} end)
+ {runs: $tries}
