# JUnit: a test case a check, a failed one a finding.  The message says the kind
# and the command that repeats it, the text has the stack.
def xml: tostring
  | gsub("[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]"; "?") | @html;
def group: .name | split(".")[0];
def case($class; $name; $seconds; $body):
  "  <testcase classname=\"sockfault.\($class | xml)\" "
  + "name=\"\($name | xml)\" time=\"\($seconds)\""
  + if $body == "" then "/>" else ">\n\($body)\n  </testcase>" end;
def problem($element; $type; $message; $text):
  "    <\($element) type=\"\($type | xml)\" message=\"\($message | xml)\">"
  + "\($text | xml)</\($element)>";

([.checks[] | select(.verdict == "error")] | length) as $errors
| ([.findings[] | select(.known | not)] | length) as $failures
| ((.checks | length) + (.findings | length)) as $tests
| "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
  "<testsuites name=\"sockfault \(.tool)\" tests=\"\($tests)\" "
  + "failures=\"\($failures)\" errors=\"\($errors)\" time=\"\(.seconds)\">",
  " <testsuite name=\"\(.tool)\" tests=\"\($tests)\" failures=\"\($failures)\" "
  + "errors=\"\($errors)\" skipped=\"\($tests - (.checks | length) - $failures)\""
  + " time=\"\(.seconds)\" timestamp=\"\(.ended | rtrimstr("Z"))\">",
  (.checks[]
   | case(group; .name; .seconds;
       if .verdict == "error"
       then problem("error"; "could not do it"; .message; .message)
       else "" end)),
  (.findings[]
   | case("finding"; .signature; 0;
       if .known then "    <skipped message=\"known: \(.message | xml)\"/>"
       else problem("failure"; .kind;
         "\(.kind) in \(.frames[0] // .fuzzer): \(.message); "
         + "scripts/repro \(.folder)";
         "\(.fuzzer), reproduced \(.reproduced) of \(.replays)\n\(.report)")
       end)),
  " </testsuite>",
  "</testsuites>"
