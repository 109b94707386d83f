# What scripts/mutants says at its end.

(.rows[] | select(.verdict == "equivalent")
 | "equivalent \(.id): \(.equivalent)"),
(.rows[] | select(.verdict == "error") | "error \(.id): \(.why)"),
(.rows[] | select(.verdict == "survived") | "survived \(.id): \(.change)"),
"by check: \(.by_check | to_entries | map("\(.key) \(.value)") | join(", "))",
"\(.killed) of \(.total) killed, \(.equivalent) equivalent, "
+ "\(.survived | length) survived\(if .survived == [] then "" else ": "
  + (.survived | join(" ")) end)"
+ "\(if .errors == [] then "" else ", \(.errors | length) could not be run: "
  + (.errors | join(" ")) end), \(.seconds) s"
