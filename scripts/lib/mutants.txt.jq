# What scripts/mutants says at its end.

(.rows[] | select(.verdict == "equivalent")
 | "equivalent \(.id): \(.equivalent)"),
(.rows[] | select(.verdict == "error") | "error \(.id): \(.why)"),
(.rows[] | select(.verdict == "survived") | "survived \(.id): \(.change)"),
(if .peers == {} then empty else
   "ours: all of those that were killed, in \(.median_s) s (median)" end),
(.peers | to_entries[]
 | "\(.key): \(.value.found) of \(.value.killed)"
   + "\(if .value.median_s then ", in \(.value.median_s) s" else "" end)"
   + "; ours is first in \(.value.a12 * 1000 | round / 1000) of pairs"),
"by check: \(.by_check | to_entries | map("\(.key) \(.value)") | join(", "))",
"\(.killed) of \(.total) killed, \(.equivalent) equivalent, "
+ "\(.survived | length) survived\(if .survived == [] then "" else ": "
  + (.survived | join(" ")) end)"
+ "\(if .errors == [] then "" else ", \(.errors | length) could not be run: "
  + (.errors | join(" ")) end), \(.seconds) s"
