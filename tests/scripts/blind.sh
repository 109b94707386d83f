# The gate is red when the shim intercepts nothing, and when its plans inject
# nothing; with the shim that was built it is green.
. "$(dirname "$0")/check.sh" "$@"

built=$(cd "$WORK/../../.." && pwd)
sample ''
bin=$SOCKFAULT_PROJECT/build/bin
mkdir -p "$bin" "$SOCKFAULT_PROJECT/build/lib" "$SOCKFAULT_PROJECT/corpus/plans"
cp "$built"/bin/{sockfault,framed-server,framed-client} "$bin"
cp "$ROOT/corpus/plans/short.plan" "$SOCKFAULT_PROJECT/corpus/plans"

# gate_with LIBRARY STATUS VERDICT
gate_with() {
    cp "$1" "$SOCKFAULT_PROJECT/build/lib/libsockfault.so"
    expect "$2" "$ROOT/scripts/gate" --only preload
    [[ $(jq -r .verdict "$SOCKFAULT_PROJECT/out/gate/result.json") == "$3" ]] ||
        fail "$1: not $3"
}

gate_with "$built/lib/libsockfault.so" 0 clean
has stdout '4 of 4 runs'

echo 'int sees_nothing;' >blind.c
cc -shared -fPIC -o blind.so blind.c
gate_with "$WORK/blind.so" 2 error
has stdout 'injected nothing'

echo 'sockfault-plan 1
conn 99 recv 99: short 1' >"$SOCKFAULT_PROJECT/corpus/plans/short.plan"
gate_with "$built/lib/libsockfault.so" 2 error
has stdout 'injected nothing: corpus/plans/short.plan'
