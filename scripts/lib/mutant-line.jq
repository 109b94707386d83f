# The row of a mutant as a line of text; the columns of scripts/mutants.
def pad(n): tostring | . + (" " * ([n - length, 0] | max));
def left(n): tostring | (" " * ([n - length, 0] | max)) + .;

def line:
  (.first // {check: "", kind: (.why // ""), executions: "", seconds: ""}) as $f
  | "\(.id | pad(10)) \(.verdict | pad(10)) \($f.check | pad(9)) "
    + "\($f.kind | pad(28)) \($f.executions | left(10)) "
    + "\(.seconds | left(7))\(if .polite then "" else "  not polite" end)";
