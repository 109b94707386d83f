# same.sh: is a run the same each time?  For tests that are in a folder of their
# own.  Sets failed.
# shellcheck shell=sh

# same COMMAND...: whatever the machine does meanwhile.
same() {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        timeout 60 "$@" 2>&1 | grep -v '^listening' | cksum
    done | sort -u >sums
    if [ "$(wc -l <sums)" -ne 1 ]; then
        echo "$(basename "$0"): ten runs are not the same: $*" >&2
        failed=1
    fi
}
