# What gate and campaign leave behind, made from OUT/work/checks.jsonl and
# OUT/findings: first result.json, from that all others.
# shellcheck shell=bash

# report_write OUT TOOL BUDGET NAME...: NAMEs as in junit.xml, each a NAME.jq.
report_write() {
    local out=$1 name
    report_findings "$out" >"$out/work/findings.jsonl"
    jq -n -f "$SF_LIB/result.jq" --arg tool "$2" --argjson budget "$3" \
        --slurpfile checks "$out/work/checks.jsonl" \
        --slurpfile findings "$out/work/findings.jsonl" \
        --argjson limits "$(limits_json)" --argjson seconds "$SECONDS" \
        --arg commit "$(project_commit)" >"$out/result.json"
    for name in "${@:4}"; do
        jq -r -L "$SF_LIB" -f "$SF_LIB/$name.jq" "$out/result.json" \
            >"$out/$name"
    done
}

# report_list FILE FORM PATTERN: each line of corpus/FILE has the form, or is
# empty or a comment; a day that is none would be one that never comes.
report_list() {
    local file=$SF_PROJECT/corpus/$1 bad
    [[ -e $file ]] || return 0
    bad=$(grep -vnE "^[[:space:]]*(#|\$|$3)" "$file" | sed 1q) || true
    [[ -z $bad ]] ||
        die "corpus/$1:${bad%%:*}: expected '$2', found '${bad#*:}'"
}

# report_lists: both that a gate goes by.
report_lists() {
    report_list known-findings.txt 'SIGNATURE YYYY-MM-DD why' \
        '[^[:space:]]+[[:space:]]+[0-9]{4}-[0-9]{2}-[0-9]{2}([[:space:]]|$)'
    report_list edges.txt 'FUZZER EDGES' \
        '[^[:space:]]+[[:space:]]+[0-9]{1,9}[[:space:]]*$'
}

# report_known SIGNATURE: true while it is listed and its day has not come.
report_known() {
    awk -v s="$1" -v today="$(date +%F)" '$1 == s && $2 >= today { k = 1 }
        END { exit !k }' "$SF_PROJECT/corpus/known-findings.txt" 2>/dev/null
}

# One JSON object a finding: its meta.json, how often it was seen, its folder
# from where the project is, its report, whether it is known.
report_findings() {
    local folder known
    for folder in "$1"/findings/*/; do
        [[ -s $folder/meta.json ]] || continue
        known=false
        ! report_known "$(basename "$folder")" || known=true
        folder=${folder%/}
        jq -c '. + {known: $known, seen: $seen, folder: $folder,
            report: $report[0:6000], session: $session[0:6000]}' \
            "$folder/meta.json" --arg folder "$(relative "$folder")" \
            --argjson known "$known" --argjson seen "$(wc -l <"$folder/seen")" \
            --rawfile report "$folder/report.txt" \
            --rawfile session "$folder/session.txt"
    done
}
