# Names and lines for the stacks of a report, after the process is gone.  A
# sanitizer could ask llvm-symbolizer itself, but it would do so through the
# very calls that a simulated world stands in for.
# shellcheck shell=bash

# symbolize REPORT: in place.  "(MODULE+0xOFFSET)" becomes "in FUNCTION
# FILE:LINE:COLUMN", a line for each function inlined there; what has no name
# stays as it is.
symbolize() {
    local names=$1.names
    grep -oE '\(/[^()]+\+0x[0-9a-f]+\)' "$1" | sort -u | tr -d '()' |
        sed 's/^\(.*\)+\(0x[0-9a-f]*\)$/"\1" \2/' |
        llvm-symbolizer --output-style=JSON 2>/dev/null |
        jq -r --arg root "$SF_PROJECT/" '
            select(.Symbol != null)
            | "\(.ModuleName)+\(.Address)\t" + (.Symbol
                | map("in \(.FunctionName) \(.FileName | ltrimstr($root))"
                    + ":\(.Line):\(.Column)") | join("\t"))' >"$names" || true
    awk -F'\t' '
        FILENAME == ARGV[1] { names[$1] = substr($0, length($1) + 2); next }
        match($0, /\(\/[^()]+\+0x[0-9a-f]+\)/) {
            n = split(names[substr($0, RSTART + 1, RLENGTH - 2)], name, "\t")
            if (name[1] !~ /^in [^ ]+ [^:]/ || name[1] ~ /:0:0$/) n = 0
            head = substr($0, 1, RSTART - 1)
            sub(/ +$/, "", head)
            for (i = 1; i <= n; i++)
                print head " " name[i]
            if (n > 0) next
        }
        { print }' "$names" "$1" >"$1.named"
    mv "$1.named" "$1"
    rm -f "$names"
}
