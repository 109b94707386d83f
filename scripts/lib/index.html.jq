# The same on one page that needs nothing else.
def text: tostring | @html;

"<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">",
"<title>sockfault \(.tool): \(.verdict)</title>",
"<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;",
"padding:0 1rem;color:#222}table{border-collapse:collapse;width:100%}",
"th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}",
"pre{background:#f6f6f6;padding:.8rem;overflow:auto}",
".ok{color:#176f2c}.found,.error{color:#b3261e;font-weight:600}</style>",
"<h1>sockfault \(.tool): <span class=\"\(if .status == 0 then "ok" else "found" end)\">"
+ "\(.verdict | text)</span></h1>",
"<p>\(.executed) inputs replayed, \(.executions) executions fuzzed, "
+ "\(.findings | length) findings, \(.seconds) s of \(.budget_s) s, "
+ "commit \(.commit | text)</p>",
"<table><tr><th>check<th>verdict<th>seconds<th>what was done</tr>",
(.checks[]
 | "<tr><td>\(.name | text)<td class=\"\(.verdict)\">\(.verdict)<td>\(.seconds)"
   + "<td>\(.message | text)</tr>"),
"</table>",
(.findings[]
 | "<h2>\(.kind | text) \(.where | text)</h2><p>\(.message | text); "
   + "\(.fuzzer | text), reproduced \(.reproduced) of \(.replays)"
   + "\(if .known then ", known" else "" end)</p>"
   + "<pre>scripts/repro \(.folder | text)</pre>"
   + "<details><summary>session</summary><pre>\(.session | text)</pre></details>"
   + "<details><summary>report</summary><pre>\(.report | text)</pre></details>"),
"<p>limits: \(.limits | to_entries | map("\(.key) \(.value)") | join(", ") | text)</p>",
"</html>"
