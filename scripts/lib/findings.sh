# Findings: one folder each under OUT/findings, named by its signature.
#
#   input         what makes it happen: an input of the fuzz target, made
#                 smaller, or a plan
#   input.found   as it was found, where that was larger
#   report.txt    what the sanitizer or the monitor said, symbolised
#   session.txt   the input decoded
#   meta.json     signature, kind, frames, fuzzer, engine, k of n, limits, build
#   README.md     the above in a few lines, with the command that repeats it
#   seen          one line each time it was seen again
# shellcheck shell=bash

# finding_folder OUT: of the finding whose signature is in replay_*.
finding_folder() {
    say "$1/findings/$(signature_of "$replay_kind" "$replay_frames")"
}

# finding_input OUT FUZZER ENGINE INPUT LOG: something crashed an engine.
# Replay it and keep it as a finding.  What replays clean is a finding when the
# engine's own log has a report (state that one input leaves to the next); else
# it goes to OUT/unsteady: too slow once, on a busy machine.
finding_input() {
    local out=$1 fuzzer=$2 engine=$3 input=$4 report k=1
    report=$(mktemp "$out/work/report.XXXXXX")
    replay_input "$fuzzer" "$input" "$report"
    if [[ -z $replay_kind ]]; then
        k=0
        cp -- "$5" "$report"
        report_read 1 "$report"
    fi
    case $k:$replay_kind in
    0:exit-* | 0:timeout | 0:oom)
        mkdir -p "$out/unsteady"
        cp -- "$input" "$out/unsteady/$fuzzer.$engine.${input##*/}"
        ;;
    *) finding_keep "$out" "$fuzzer" "$engine" "$input" "$report" "$k" ;;
    esac
    rm -f "$report"
}

# finding_keep OUT FUZZER ENGINE INPUT REPORT K: the first of its signature is
# written down, each one is counted.
finding_keep() {
    local folder
    folder=$(finding_folder "$1")
    if mkdir "$folder" 2>/dev/null; then
        cp -- "$4" "$folder/input"
        report_split "$5" "$folder"
        finding_shrink "$folder" "$2" "$6"
        finding_write "$folder" "$2" "$3" "$6"
    fi
    say "$(date +%s) $3 $(content_of "$4")" >>"$folder/seen"
}

# finding_shrink FOLDER FUZZER K: a smaller input with the same signature, if
# libFuzzer finds one at once; the first one stays as input.found.
finding_shrink() {
    local minimizer=$SF_BUILD/libfuzzer/bin/$2 kind=$replay_kind
    local frames=$replay_frames message=$replay_message where=$replay_where
    [[ -x $minimizer && $3 -gt 0 && $kind != timeout ]] || return 0
    quietly "$1/shrink.log" $((3 * SF_SHRINK_S)) "$minimizer" \
        -minimize_crash=1 -max_total_time="$SF_SHRINK_S" \
        -exact_artifact_path="$1/smaller" "$1/input" || true
    if [[ -s $1/smaller ]] && finding_same "$1" "$2" "$kind" "$frames"; then
        mv "$1/input" "$1/input.found"
        mv "$1/smaller" "$1/input"
        report_split "$1/shrink.log" "$1"
    else
        replay_message=$message replay_where=$where
    fi
    replay_kind=$kind replay_frames=$frames
    rm -f "$1/smaller" "$1/shrink.log"
}

# Has FOLDER/smaller the signature of KIND FRAMES?
finding_same() {
    replay_input "$2" "$1/smaller" "$1/shrink.log"
    [[ $(signature_of "$replay_kind" "$replay_frames") == \
        "$(signature_of "$3" "$4")" ]]
}

# finding_write FOLDER FUZZER ENGINE K: with K more than none it is replayed
# until it is known how often it comes; what takes seconds only once more.
finding_write() {
    local again=$4 i replays=$SF_REPLAYS
    [[ $replay_kind != timeout && $3 != preload ]] || replays=2
    local kind=$replay_kind frames=$replay_frames
    local message=$replay_message where=$replay_where
    for ((i = 1; i < replays && $4 > 0; i++)); do
        replay "$2" "$1/input" "$1/again.txt"
        [[ $replay_kind != "$kind" ]] || again=$((again + 1))
    done
    rm -f "$1/again.txt"
    replay_kind=$kind replay_frames=$frames replay_message=$message
    replay_where=$where
    finding_meta "$1" "$2" "$3" "$again" "$replays" >"$1/meta.json"
    finding_readme "$1" "$2" "$again of $replays"
}

# report_split REPORT FOLDER: the session as decoded, and what was said of it.
report_split() {
    awk -v session="$2/session.txt" -v report="$2/report.txt" \
        -f "$SF_LIB/split.awk" "$1"
    touch "$2/session.txt" "$2/report.txt"
}

# finding_meta FOLDER FUZZER ENGINE K N: all that a machine wants to know.
finding_meta() {
    jq -n '{signature: $signature, kind: $kind, message: $message,
        where: $where, frames: ($frames | split(" ")), fuzzer: $fuzzer, engine: $engine,
        reproduced: $k, replays: $n, commit: $commit,
        found: (now | todate), limits: $limits}' \
        --arg signature "${1##*/}" --arg kind "$replay_kind" \
        --arg message "$replay_message" --arg frames "$replay_frames" \
        --arg fuzzer "$2" --arg engine "$3" \
        --arg where "$replay_where" \
        --argjson k "$4" --argjson n "$5" \
        --arg commit "$(project_commit)" --argjson limits "$(limits_json)"
}

project_commit() {
    git -C "$SF_PROJECT" describe --always --dirty 2>/dev/null || say unknown
}

# finding_readme FOLDER FUZZER "K of N"
finding_readme() {
    cat >"$1/README.md" <<END
# $replay_kind${replay_frames:+ in ${replay_frames%% *}}

$replay_message

$2, reproduced $3 in fresh processes. To repeat it:

    scripts/repro $(relative "$1")

report.txt has the stack, session.txt the input decoded, meta.json the rest.
END
}

# findings_count OUT [FUZZER ENGINE]: how many there are, or how many of them
# this engine has seen.
findings_count() {
    local folder n=0
    for folder in "$1"/findings/*/; do
        [[ -s $folder/meta.json ]] || continue
        [[ $# -lt 3 ]] || finding_seen_by "$folder" "$2" "$3" || continue
        n=$((n + 1))
    done
    say "$n"
}

finding_seen_by() {
    grep -q "^[0-9]* $3 " "$1/seen" || return 1
    [[ $3 == preload ]] ||
        jq -e --arg f "$2" '.fuzzer == $f' "$1/meta.json" >/dev/null
}
