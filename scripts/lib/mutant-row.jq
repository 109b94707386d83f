# One mutant: its verdict, and the tries it rests on.
include "statistics";

# Vargha and Delaney: how often a try of x is before one of y; who never finds it
# comes last.
def when: if .found then .seconds else infinite end;
def a12($x; $y): [$x[] as $a | $y[] as $b | ($a | when) as $a | ($b | when) as $b
    | if $a < $b then 1 elif $a == $b then 0.5 else 0 end]
  | mean;

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
+ (if $peers == {} then {} else
  {peers: ($peers | map_values({found: (map(select(.found)) | length),
     tries: length, median_s: (map(select(.found) | .seconds) | median),
     first: (map(select(.found)) | .[0]), a12: a12($tries; .)}))} end)
