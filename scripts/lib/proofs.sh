# The page docs/proofs.md.  Uses prover (the program) and work (a folder for
# counterexamples).
# shellcheck shell=bash

# proofs_rows OPTION...: what is refuted or not complete has its row, too; a
# prover that dies has none.
proofs_rows() {
    local status=0
    "$prover" --rows --out "$work" "$@" >"$work/made" 2>"$work/progress" ||
        status=$?
    grep '^| ' "$work/made" || die "no row by $prover --rows $*"
    [[ $status -le 2 ]] || die "$prover --rows $* ended with $status"
}

proofs_sessions() {
    say '| scenario | target | profile | faults | calls | decisions |' \
        'schedules | |'
    say '|---|---|---|--:|--:|--:|--:|---|'
    proofs_rows --plain "$@"
}

proofs_loops() {
    say '| scenario | target | profile | faults | calls | decisions | |'
    say '|---|---|---|--:|--:|--:|---|'
    proofs_rows --loops "$@"
}

proofs_memory() {
    say '| scenario | target | allocations | |'
    say '|---|---|--:|---|'
    proofs_rows --memory "$@"
}

proofs_decoders() {
    say '| format | classes | states | bytes | pieces of up to | pieces | |'
    say '|---|--:|--:|--:|--:|--:|---|'
    proofs_rows --decoder all --max "$1"
}

# What CI makes again each time.
proofs_first() {
    cat <<'END'
### Decoders: streams of any length

END
    proofs_decoders 2
    cat <<'END'

### Sessions: every schedule of at most so many faults

END
    proofs_sessions --profile linux -k 1 corpus/scenarios/fuzz_session
    proofs_sessions --profile posix -k 1 corpus/scenarios/fuzz_session |
        tail -n +3
    cat <<'END'

### Blocking loops

END
    proofs_sessions -k 2 corpus/scenarios/fuzz_stream
    cat <<'END'

### Clients

END
    proofs_sessions -k 2 corpus/scenarios/fuzz_client
    proofs_sessions --profile posix -k 1 corpus/scenarios/fuzz_client |
        tail -n +3
    cat <<'END'

### Blocking loops, any number of faults

END
    proofs_loops --profile linux corpus/scenarios/fuzz_stream
    cat <<'END'

### Select recovery, no other fault

END
    proofs_sessions --recovery -k 0
    cat <<'END'

### Short of memory: each allocation fails

END
    proofs_memory corpus/scenarios/fuzz_session
    proofs_memory corpus/scenarios/fuzz_stream | tail -n +3
    proofs_memory corpus/scenarios/fuzz_client | tail -n +3
    proofs_memory --recovery | tail -n +3
}

# What takes minutes.
proofs_second() {
    cat <<'END'
### Decoders, with longer payloads

END
    proofs_decoders 3
    cat <<'END'

### Sessions with two faults

END
    proofs_sessions --profile linux -k 2 corpus/scenarios/fuzz_session
    cat <<'END'

### Blocking loops with three faults

END
    proofs_sessions -k 3 corpus/scenarios/fuzz_stream
    cat <<'END'

### Select recovery, with every other single fault

END
    proofs_sessions --recovery -k 1
    proofs_sessions --recovery --profile posix -k 1 | tail -n +3
}

proofs_page() {
    cat "$SF_LIB/proofs-head.md"
    cat <<'END'

## Proved, and made again by every CI run

END
    proofs_first
    cat <<'END'

## Proved, and made again by `scripts/prove`

END
    proofs_second
}

# proofs_told PAGE: the rows that every CI run makes again.
proofs_told() {
    local again='^## Proved, and made again by'
    sed -n "/$again every/,/$again \`/p" \
        "$1" | grep '^| '
}
