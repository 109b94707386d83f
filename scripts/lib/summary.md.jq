# One screen for a person, also for $GITHUB_STEP_SUMMARY.
include "limits";
def cell: tostring | gsub("\\|"; "\\|") | gsub("\n"; " ");
def mark: {ok: "ok", found: "**found**", error: "**error**"}[.];

{clean: "nothing found", found: "something found",
 error: "could not do it"}[.verdict] as $words
| "## sockfault \(.tool): \($words)",
  "",
  "\(.executed) inputs replayed, \(.executions) executions fuzzed, "
  + "\(.findings | length) findings, \(.seconds) s of \(.budget_s) s; "
  + "commit \(.commit)",
  "",
  "| check | verdict | s | what was done |",
  "| --- | --- | ---: | --- |",
  (.checks[]
   | "| \(.name | cell) | \(.verdict | mark) | \(.seconds) | \(.message | cell) |"),
  "",
  (.findings[]
   | "### \(.kind)\(if .frames == [] then "" else " in `\(.frames[0])`" end)"
     + (if .known then " (known)" else "" end),
     "\(.message | cell); "
     + ([.fuzzer, .where] | map(select(. != "")) | join(", "))
     + ", reproduced \(.reproduced) of \(.replays)",
     "",
     "    scripts/repro \(.folder)",
     ""),
  (.limits | limits)
