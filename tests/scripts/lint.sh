# The scripts are clean under shellcheck, and every limit stands in one file.
. "$(dirname "$0")/check.sh" "$@"

cd "$ROOT"
mapfile -t files < <(git ls-files scripts .ci .clusterfuzzlite 2>/dev/null |
    xargs grep -lE '^#!.*(bash|sh)$|shellcheck shell' 2>/dev/null)
[[ ${#files[@]} -gt 5 ]] ||
    mapfile -t files < <(grep -rlE '^#!.*bash$|shellcheck shell' scripts .ci)
[[ ${#files[@]} -gt 5 ]] || fail "only ${#files[@]} scripts found"
expect 0 shellcheck "${files[@]}"
if grep -nE 'timeout=[0-9]|limit_mb=[0-9]' "${files[@]}"; then
    fail "a limit that does not stand in scripts/lib/limits.sh"
fi
