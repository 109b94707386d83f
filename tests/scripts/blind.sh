# The gate is red when the shim intercepts nothing, and when its plans inject
# nothing; with the shim that was built it is green.
. "$(dirname "$0")/check.sh" "$@"

sample ''
preloaded short

# gate_with LIBRARY STATUS VERDICT
gate_with() {
    cp "$1" "$SOCKFAULT_PROJECT/build/lib/libsockfault.so"
    expect "$2" "$ROOT/scripts/gate" --only preload
    [[ $(jq -r .verdict "$SOCKFAULT_PROJECT/out/gate/result.json") == "$3" ]] ||
        fail "$1: not $3"
}

gate_with "$BUILT/lib/libsockfault.so" 0 clean
has stdout '4 of 4 runs'

echo 'int sees_nothing;' >blind.c
cc -shared -fPIC -o blind.so blind.c
gate_with "$WORK/blind.so" 2 error
has stdout 'injected nothing'

echo 'sockfault-plan 1
conn 99 recv 99: short 1' >"$SOCKFAULT_PROJECT/corpus/plans/short.plan"
gate_with "$BUILT/lib/libsockfault.so" 2 error
has stdout 'injected nothing: corpus/plans/short.plan'

# A plan that is none is an error of its own, and the others are run.
cp "$ROOT/corpus/plans/short.plan" "$SOCKFAULT_PROJECT/corpus/plans"
printf 'sockfault-plan 1\nconn 1 recv 3: shrt 1\n' \
    >"$SOCKFAULT_PROJECT/corpus/plans/bad.plan"
gate_with "$BUILT/lib/libsockfault.so" 2 error
has stdout '4 of 8 runs'
has stdout "corpus/plans/bad.plan:2:16: expected a fault, found 'shrt'"
[[ -z $(ls "$SOCKFAULT_PROJECT/out/gate/findings") ]] || fail "a finding"
