# Every limit there is, in one place; each verdict prints them.  The same values
# hold in campaign, repro and gate, so that a time-out in one is one in all.
# Each may be set from the environment.
# shellcheck shell=bash

: "${SF_TIMEOUT_S=5}"     # one input: longer is a finding ("timeout")
: "${SF_MEMORY_MB=2048}"  # one process: more is a finding ("oom")
: "${SF_RUN_S=20}"        # one run of a server and a client under the shim
: "${SF_REPLAYS=5}"       # fresh processes that repro and triage ask
: "${SF_SLICE_S=300}"     # one turn of one engine in a long campaign
: "${SF_JOBS=$(nproc)}"   # engines at work at the same time
: "${SF_SHRINK_S=5}"      # making a new finding's input smaller
: "${SF_TRIAGE=12}"       # crashes of one turn of AFL++ that are looked at

# limits_check: a typo is told as one, and not as what came of it.
limits_check() {
    local name
    for name in TIMEOUT_S MEMORY_MB RUN_S REPLAYS SLICE_S JOBS SHRINK_S \
        TRIAGE; do
        name=SF_$name
        count_of "environment: $name" "${!name}" 999999 >/dev/null
    done
}

limits_line() { limits_json | jq -r -L "$SF_LIB" 'include "limits"; limits'; }

limits_json() {
    jq -nc '{timeout_s: $t, memory_mb: $m, run_s: $r, replays: $n, slice_s: $l,
        jobs: $j, shrink_s: $s, triage: $a}' \
        --argjson t "$SF_TIMEOUT_S" --argjson m "$SF_MEMORY_MB" \
        --argjson r "$SF_RUN_S" --argjson n "$SF_REPLAYS" \
        --argjson l "$SF_SLICE_S" --argjson j "$SF_JOBS" \
        --argjson s "$SF_SHRINK_S" --argjson a "$SF_TRIAGE"
}
