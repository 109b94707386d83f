#!/bin/sh
# What the pages say is what the program says.
# usage: docs.sh SOCKFAULT DOCS
set -eu

sockfault=$1
docs=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

sed -n '/^<!-- made by: sockfault list model -->/,/^<!-- end -->/p' \
    "$docs/fault-model.md" | sed '1d;$d' >"$work/told"
"$sockfault" list model >"$work/is"
diff "$work/told" "$work/is" || bad=1

"$sockfault" --help | grep -o -- '--[a-z][a-z-]*' | sort -u |
    while read -r option; do
        grep -Eq -- "(Fl|,) -${option#--}( |\$)" "$docs/man/sockfault.1" ||
            echo "$option"
    done >"$work/missing"
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$docs/man/sockfault.1" \
    >"$work/synopsis"
for word in $("$sockfault" --help |
    sed -n 's/.* sockfault \([a-z]*\) .*/\1/p'); do
    grep -Eq "Cm (.* )?$word( |\$)" "$work/synopsis" || echo "$word"
done >>"$work/missing"
for word in $("$sockfault" list faults | cut -d' ' -f1); do
    grep -q "Cm .*$word" "$docs/man/sockfault-plan.5" || echo "$word"
done >>"$work/missing"
if [ -s "$work/missing" ]; then
    echo "docs.sh: not in the manual: $(tr '\n' ' ' <"$work/missing")" >&2
    bad=1
fi

# The example of the manual is a plan.
sed -n '/^sockfault-plan 1$/,/^\.Ed/p' "$docs/man/sockfault-plan.5" |
    sed '$d' >"$work/example.plan"
"$sockfault" check "$work/example.plan" >/dev/null || bad=1
exit $bad
