# The rows of coverage-merge.awk as percentages, of folders and of files.
# What is excluded is in no percentage.

def figure(what):
    map(select(.what | test(what)) | .state) | map(select(. != "excluded"))
    | if length == 0 then null
      else (map(select(. == "hit")) | length) * 10000 / length
           | floor / 100 end;
def figures:
    {lines: figure("line"), branches: figure("true|false"),
     mcdc: figure("condition"),
     excluded: map(select(.state == "excluded")
         | select(.what | test("condition") | not)) | length};
def named(key): map({key: (.[0] | key), value: .}) | from_entries;

[inputs | split("\t")
    | {file: (.[0] | ltrimstr($root)), what: .[3], state: .[4]}
    | select(.what != "exclusion")]
| group_by(.file | split("/")[0])
| named(.file | split("/")[0])
| map_values(figures + {files: (group_by(.file) | named(.file)
    | map_values(figures))})
