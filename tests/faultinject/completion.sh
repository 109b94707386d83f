#!/bin/bash
# Completion offers every verb and option that the command has, and their
# values.  usage: completion.sh SOCKFAULT COMPLETION
set -eu

sockfault=$1
bad=0
# shellcheck source=/dev/null
. "$2"

# offers WORD... -- EXPECTED...: all of these, after the words so far.
offers() {
    local -a words=() got
    local want
    while [[ $1 != -- ]]; do
        words+=("$1")
        shift
    done
    shift
    COMP_WORDS=("$sockfault" "${words[@]}")
    COMP_CWORD=${#words[@]}
    COMPREPLY=()
    _sockfault
    got=("${COMPREPLY[@]}")
    for want in "$@"; do
        [[ " ${got[*]} " == *" $want "* ]] || {
            echo "completion.sh: ${words[*]}: no $want in ${got[*]}" >&2
            bad=1
        }
    done
}

offers '' -- run replay shrink check list prove
offers sh -- shrink
offers rep -- replay report
offers report - -- --json --html --shard --help
offers --v -- --version
for verb in run replay shrink explore; do
    mapfile -t options \
        < <("$sockfault" "$verb" --help | grep -oE -- '--[a-z-]+')
    [[ ${#options[@]} -gt 5 ]]
    offers "$verb" - -- "${options[@]}"
done
offers run --js -- --json
offers shrink --ch -- --check
offers run --profile '' -- linux posix hostile
offers explore --without '' -- EOF dying
offers run --class f -- fatal
mapfile -t monitors < <("$sockfault" list monitors | cut -d' ' -f1)
offers run --allow '' -- "${monitors[@]}"
offers list '' -- calls faults model monitors
offers run bas -- bash
offers run --quiet bas -- bash
for option in -p --plan --json; do # a file
    COMP_WORDS=("$sockfault" run "$option" bas) COMP_CWORD=3
    _sockfault
    [[ ${#COMPREPLY[@]} -eq 0 ]] || {
        echo "completion.sh: $option: commands for files" >&2
        bad=1
    }
done
exit $bad
