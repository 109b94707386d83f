# Sourced by each test: ROOT is the repository, WORK a folder of its own in
# BUILT, what was built of it.
# shellcheck shell=bash

set -euo pipefail
ROOT=$1
WORK=$2
TESTS=$ROOT/tests/scripts
BUILT=${WORK%/tests/scripts/*}
unset SOCKFAULT_PROJECT
export SOCKFAULT_HOME=$ROOT
rm -rf "$WORK"
mkdir -p "$WORK"
cd "$WORK"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# expect STATUS COMMAND...: it ends with STATUS.  What it says is in stdout and
# stderr.
expect() {
    local want=$1 got=0
    shift
    "$@" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null || got=$?
    [[ $got -eq $want ]] && return
    cat "$WORK/stdout" "$WORK/stderr"
    fail "$* ended with $got, not $want"
}

# refused COMMAND...: ends with 2 and says why in one line.
refused() {
    expect 2 "$@"
    [[ $(wc -l <"$WORK/stderr") -eq 1 ]] ||
        fail "$*: not one line: $(cat "$WORK/stderr")"
}

# has FILE TEXT
has() { grep -qF -- "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"; }

# sample BUG: a fresh copy of the small project with that bug, as the project
# that the scripts work on.
sample() {
    rm -rf "$WORK/project"
    cp -r "$TESTS/project" "$WORK/project"
    export SOCKFAULT_PROJECT=$WORK/project PLANTED=$1
}

# preloaded PLAN: that copy has the real programs and this plan.
preloaded() {
    mkdir -p "$SOCKFAULT_PROJECT"/build/{bin,lib} \
        "$SOCKFAULT_PROJECT/corpus/plans"
    cp "$BUILT"/bin/{sockfault,framed-server,framed-client} \
        "$SOCKFAULT_PROJECT/build/bin"
    cp "$BUILT/lib/libsockfault.so" "$SOCKFAULT_PROJECT/build/lib"
    cp "$ROOT/corpus/plans/$1.plan" "$SOCKFAULT_PROJECT/corpus/plans"
}
