# Sourced first by every script: where things are, how they speak, how they end.
#
# Exit status, everywhere: 0 nothing found, 1 something found, 2 could not do
# it.  A script ends through `finish` or `die`; whatever ends it otherwise (a
# command that failed under set -e) becomes 2 and says where.
#
# SOCKFAULT_PROJECT names the project whose fuzzers are meant, when it is not
# the one that scripts/ stands in: a folder with a CMakePresets.json, fuzzers
# made by sockfault_add_fuzzer() and corpus/.
# shellcheck shell=bash

set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C

SF_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
SF_PROJECT=${SOCKFAULT_PROJECT:-$SF_HOME}
SF_LIB=$SF_HOME/scripts/lib
SF_BUILD=$SF_PROJECT/build
SF_NAME=${0##*/}
sf_ended=
sf_scratch=
sf_groups=() # of processes, which end with the script

. "$SF_LIB/limits.sh"
. "$SF_LIB/packages.sh"

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "$SF_NAME" "$*" >&2; }

# finish STATUS: end on purpose.
finish() {
    sf_ended=yes
    exit "$1"
}

# die WHAT WAS WRONG: the one line, and 2.
die() {
    complain "$@"
    finish 2
}

stop_groups() {
    if [[ ${#sf_groups[@]} -gt 0 ]]; then
        kill -KILL -- "${sf_groups[@]/#/-}" || true
        wait "${sf_groups[@]}" || true
    fi
} 2>/dev/null

# An end that nobody chose is "could not do it".  Status 2 has been told by
# whoever ended with it (a die in a subshell).
on_exit() {
    local status=$?
    stop_groups
    [[ -z $sf_scratch ]] || rm -rf "$sf_scratch"
    [[ -z $sf_ended && $status -ne 0 ]] || return 0
    [[ $status -eq 2 ]] || complain "stopped: a command failed with $status"
    exit 2
}
trap on_exit EXIT

# session_of_its_own ARGUMENTS...: what this script starts, in whatever groups,
# ends with it, in whatever way: it starts itself over at the head of a session
# in which there is nobody else, and ends with that.
session_of_its_own() {
    local status=0
    if [[ ${SF_SESSION-} == "$PPID" ]]; then
        setsid "$SF_LIB/keeper" $$ >/dev/null 2>&1 &
        return
    fi
    SF_SESSION=$$ setsid setpriv --pdeathsig TERM "$0" "$@" </dev/null &
    wait $! || status=$?
    [[ $status -le 2 ]] || die "stopped: ended with $status"
    finish "$status"
}

# can_write OPTION FILE: before there is anything to write.
can_write() {
    { : >>"$2"; } 2>/dev/null || die "$1 '$2': cannot write it"
}

# scratch VARIABLE: a folder that is gone when the script ends.
scratch() {
    sf_scratch=$(mktemp -d 2>/dev/null) ||
        die "TMPDIR '${TMPDIR:-/tmp}': cannot make a folder there"
    printf -v "$1" %s "$sf_scratch"
}

# The comment at the head of a script is its manual.
help_of() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

bad_option() { die "unknown option '$1'; see $SF_NAME --help"; }

# need_value OPTION ARGUMENTS-LEFT: an option that takes a value has one.
need_value() { [[ $2 -ge 2 ]] || die "$1 needs a value; see $SF_NAME --help"; }

# seconds_of OPTION TIME: 30s, 10m, 8h in seconds.
seconds_of() {
    local -A unit=([s]=1 [m]=60 [h]=3600)
    [[ $2 =~ ^([0-9]{1,6})([smh])$ ]] ||
        die "$1 '$2': expected a time like 30s, 10m or 8h"
    local seconds=$((10#${BASH_REMATCH[1]} * ${unit[${BASH_REMATCH[2]}]}))
    [[ $seconds -gt 0 ]] || die "$1 '$2': expected more than nothing"
    say "$seconds"
}

# count_of OPTION NUMBER [MOST]: a number of things, at least one.
count_of() {
    local most=${3:-9999}
    [[ $2 =~ ^[1-9][0-9]{0,5}$ && $2 -le $most ]] ||
        die "$1 '$2': expected a number from 1 to $most"
    say "$2"
}

# make_folder OPTION PATH: the folder, made if need be, as an absolute path.
make_folder() {
    if ! mkdir -p -- "$2" 2>/dev/null || [[ ! -w $2 ]]; then
        die "$1 '$2': cannot make or write this folder"
    fi
    (cd -- "$2" && pwd -P)
}

# with_commas NUMBER: 1234567 as 1,234,567.
with_commas() {
    local n=$1
    while [[ $n =~ ^([0-9]+)([0-9]{3}.*)$ ]]; do
        n=${BASH_REMATCH[1]},${BASH_REMATCH[2]}
    done
    say "$n"
}

# relative PATH: as it reads best from the project.
relative() { say "${1#"$SF_PROJECT"/}"; }

# content_of FILE: its name by content, as libFuzzer has it.
content_of() { sha1sum <"$1" | cut -d' ' -f1; }

limits_check
[[ -e $SF_PROJECT/CMakePresets.json ]] ||
    die "SOCKFAULT_PROJECT '$SF_PROJECT': expected a folder with a" \
        "CMakePresets.json"
