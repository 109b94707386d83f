# What llvm-cov 19 exports of one program as rows, for coverage-merge.awk:
#
#   file     NAME                                   whose segments follow
#   segment  LINE COUNT COUNTED ENTRY GAP           in order
#   item     NAME LINE COLUMN WHAT COUNT            a branch, a condition
#
# $parts: the folders that are measured, each with a / at its end.

def measured: . as $name | any($parts[]; . as $part | $name | startswith($part));

.data[0]
| (.files[] | select(.filename | measured)
    | .filename as $file
    | ["file", $file],
      (.segments[] | ["segment", .[0], .[2], .[3], .[4], .[5]]),
      (.mcdc_records[]?
        | . as $record | $record[6] | to_entries[]
        | ["item", $file, $record[0], $record[1], "condition \(.key + 1)",
            if .value then 1 else 0 end])),
  (.functions[] | .filenames as $files | .branches[]
    | . as $branch | $files[$branch[6]] | select(measured)
    | ["item", ., $branch[0], $branch[1], "true", $branch[4]],
      ["item", ., $branch[0], $branch[1], "false", $branch[5]])
| map(if type == "boolean" then if . then 1 else 0 end else . end)
| @tsv
