# What scripts/mutants says at its end.
def pad(n): tostring | . + (" " * ([n - length, 0] | max));
def took: if .median_s == null then "-" else "\(.median_s * 100 | round / 100) s" end;

(.rows[] | select(.verdict == "equivalent")
 | "equivalent \(.id): \(.equivalent)"),
(.rows[] | select(.verdict == "error") | "error \(.id): \(.why)"),
(.rows[] | select(.verdict == "survived") | "survived \(.id): \(.change)"),
(if .others == {} then empty else
   "", "side by side: found of tries, median time, A12 (1: we are always faster)",
   (.rows[] | select(.verdict != "error")
    | "\(.id | pad(6)) \("ours \(.found)/\(.tries) \(took)" | pad(20))"
      + ([.others | to_entries[]
          | "\(.key) \(.value.found)/\(.value.tries) \(.value | took) "
            + "A12 \(.value.a12 * 100 | round / 100)" | pad(34)] | join("  "))),
   (.others | to_entries[]
    | "\(.key): \(.value.killed) of \(.value.of), "
      + "A12 \(.value.a12 * 100 | round / 100)") end),
"by check: \(.by_check | to_entries | map("\(.key) \(.value)") | join(", "))",
"\(.killed) of \(.total) killed, \(.equivalent) equivalent, "
+ "\(.survived | length) survived\(if .survived == [] then "" else ": "
  + (.survived | join(" ")) end)"
+ "\(if .errors == [] then "" else ", \(.errors | length) could not be run: "
  + (.errors | join(" ")) end), \(.seconds) s"
