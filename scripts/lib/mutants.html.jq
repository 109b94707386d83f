# The bug benchmark on one page that needs nothing else.
def text: tostring | @html;
def cell: "<td>\(. // "" | text)";
def peer: if .found > 0 then "\(.median_s) s, \(.found) of \(.tries)"
  else "-" end | cell;
(.peers | keys) as $peers |

"<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">",
"<title>sockfault mutants: \(.killed) of \(.total)</title>",
"<style>body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;",
"padding:0 1rem;color:#222}table{border-collapse:collapse;width:100%}",
"th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}",
".killed{color:#176f2c}.survived,.error{color:#b3261e;font-weight:600}</style>",
"<h1>Planted bugs: \(.killed) of \(.total) found</h1>",
"<p>\(.equivalent) equivalent, \(.survived | length) survived, "
+ "\(.errors | length) could not be run, \(.seconds) s; by check: "
+ "\(.by_check | to_entries | map("\(.key) \(.value)") | join(", ") | text)</p>",
"<table><tr><th>mutant<th>K<th>change<th>verdict<th>found by<th>oracle"
+ "<th>executions<th>seconds" + ($peers | map("<th>" + text) | add // "")
+ "</tr>",
(.rows[]
 | "<tr>" + (.id | cell) + (.K | cell) + (.change | cell)
   + "<td class=\"\(.verdict)\">\(.verdict)" + (.first.check | cell)
   + ((.first.message // .why // .equivalent) | cell)
   + (.first.executions | cell) + (.median_s | cell)
   + (.peers as $p | $peers | map($p[.] // {found: 0} | peer) | add // "")
   + "</tr>"),
"</table></html>"
