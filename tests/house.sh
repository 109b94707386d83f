#!/usr/bin/env bash
# house.sh: the claims that the folder tree makes, checked.
#
#   tests/house.sh [ROOT]
#
# Format (clang-format), eighty columns, who includes whom, a README in every
# folder, no source that nobody builds, nothing of the machine it was written
# on, and a corpus that stays small.  Prints a line for each breach; ends 1 when
# there is one.
set -euo pipefail

root=$(cd "${1:-$(dirname "$0")/..}" && pwd)
cd "$root"
if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "house: not a git repository, so nobody knows which files count"
    exit 77 # ctest: skipped
fi
breaches=0

breach() {
    printf '%s\n' "$*"
    breaches=$((breaches + 1))
}

sources() {
    git ls-files '*.c' '*.h'
}

check_format() {
    local file
    while read -r file; do
        clang-format --dry-run -Werror "$file" >/dev/null 2>&1 ||
            breach "$file: clang-format would change it"
    done < <(sources)
}

check_columns() {
    local line
    while read -r line; do
        breach "$line: longer than 80 columns"
    done < <(sources | LC_ALL=C.UTF-8 xargs -r grep -HnE '.{81}' |
        cut -d: -f1,2)
}

# includes FROM PATTERN: no file under FROM may include a path that matches.
forbid_include() {
    local from=$1 pattern=$2 line
    while read -r line; do
        breach "$line: $from may not include $pattern"
    done < <(git grep -nE "^#include \"($pattern)" -- "$from" | cut -d: -f1,2)
}

check_layers() {
    forbid_include target 'faultinject/|fuzzers/|tests/'
    forbid_include faultinject 'target/|fuzzers/|tests/'
    forbid_include faultinject/inject \
        'faultinject/(kernel|simnet|session|explore|notify)/'
    forbid_include faultinject/kernel \
        'faultinject/(simnet|session|interpose|explore|notify)/'
    forbid_include faultinject/simnet \
        'faultinject/(session|interpose|explore|notify)/'
    forbid_include faultinject/threads \
        'faultinject/(session|forks|kernel|explore|notify)/'
    forbid_include faultinject/forks \
        'faultinject/(kernel|explore|notify)/'
    forbid_include faultinject/session \
        'faultinject/(kernel|interpose|threads|forks|explore|notify)/'
    forbid_include faultinject/simulate \
        'faultinject/(kernel|interpose|explore|notify)/'
    for below in fuzzers faultinject/{interpose,inject,kernel,simnet,loopback} \
        faultinject/{session,threads,forks,notify}; do
        forbid_include "$below" 'faultinject/simulate/'
    done
    forbid_include faultinject/interpose \
        'faultinject/(simnet|session|threads|forks|explore|notify)/'
    forbid_include faultinject/notify 'faultinject/(simnet|session|explore)/'
    forbid_include faultinject/loopback \
        'faultinject/(session|interpose|explore|kernel|notify)/'
}

check_readmes() {
    local dir
    while read -r dir; do
        [ -e "$dir/README.md" ] || breach "$dir: no README.md"
    done < <(git ls-files '[a-z]*/*' |
        sed -E 's#^(faultinject/[^/]+|[^/]+)/.*#\1#' | sort -u)
}

# Each source is named, from the folder that it is built in or from one above.
check_built() {
    local file name
    while read -r file; do
        for name in "${file#*/}" "${file##*/}"; do
            grep -qwF -- "$name" "${file%%/*}"/CMakeLists.txt \
                "${file%/*}"/CMakeLists.txt 2>/dev/null && continue 2
        done
        breach "$file: no CMakeLists.txt names it"
    done < <(git ls-files 'faultinject/*.c')
}

check_machine() {
    local line
    while read -r line; do
        breach "$line: a path of one machine"
    done < <(git grep -nE '(^|[ "=(:])/(work|home|root)/[a-z]' -- \
        ':!tests/house.sh' | cut -d: -f1,2)
}

# What a merge has left open.
check_merges() {
    local line
    while read -r line; do
        breach "$line: two sides of a merge"
    done < <(git grep -nE '^(<{7}|>{7}) ' | cut -d: -f1,2)
}

check_corpus() {
    local files bytes
    files=$(git ls-files corpus | wc -l)
    bytes=$(git ls-files -z corpus | xargs -0 -r cat | wc -c)
    [ "$files" -le 500 ] || breach "corpus: $files files, at most 500"
    [ "$bytes" -le 2097152 ] || breach "corpus: $bytes bytes, at most 2 MiB"
}

check_format
check_columns
check_layers
check_readmes
check_built
check_machine
check_merges
check_corpus
[ "$breaches" -eq 0 ] || { echo "$breaches breaches"; exit 1; }
echo "house: $(sources | wc -l) sources in order"
