# Options, times and exit status of every script.
. "$(dirname "$0")/check.sh" "$@"

for script in "$ROOT"/scripts/*; do
    [[ -x $script && -f $script ]] || continue
    cd "$WORK"
    expect 0 "$script" --help
    has stdout "Usage: scripts/${script##*/}"
    has stdout 'Exit status'
    [[ ${script##*/} == test ]] || refused "$script" --no-such-option
done

for time in 10 10x s 0s -3s 1.5m '' 9999999999h; do
    refused "$ROOT/scripts/campaign" --time "$time"
    refused "$ROOT/scripts/gate" --budget "$time"
done
refused "$ROOT/scripts/campaign" --time
refused "$ROOT/scripts/campaign" --jobs 0
refused "$ROOT/scripts/campaign" --out /proc/nowhere
refused "$ROOT/scripts/repro"
refused "$ROOT/scripts/repro" /no/such/input
refused "$ROOT/scripts/build" nonsense

# A limit that is none is no finding.
for limit in TIMEOUT_S=abc MEMORY_MB=foo RUN_S=0 REPLAYS=0 REPLAYS=x SLICE_S=5s \
    SHRINK_S=0 TRIAGE=-1 JOBS= JOBS=08 JOBS=1000000; do
    refused env "SF_$limit" "$ROOT/scripts/repro" "$ROOT/corpus/plans"
    has stderr "environment: SF_${limit%=*} '${limit#*=}': expected a number"
done

SF_NAME=usage
. "$ROOT/scripts/lib/common.sh"
for pair in 30s:30 10m:600 8h:28800 08s:8; do
    [[ $(seconds_of --time "${pair%:*}") == "${pair#*:}" ]] || fail "$pair"
done
[[ $(with_commas 1234567) == 1,234,567 && $(with_commas 12) == 12 ]] ||
    fail with_commas
