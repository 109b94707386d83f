# However the preload sweep is stopped, no finding comes of it, all that was
# started ends, and the next one can begin at once.
. "$(dirname "$0")/check.sh" "$@"

sample ''
preloaded short
out=$SOCKFAULT_PROJECT/out/gate

# processes TEXT: those that have it in their command line, the youngest first.
processes() {
    grep -lsaFf <(echo "$1") /proc/[0-9]*/cmdline | cut -d/ -f3 | sort -rn
}

# soon TEST...: it holds within two minutes, on a busy machine as well.
soon() {
    local i
    for ((i = 0; i < 1200; i++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    fail "not soon: $*: $(processes "$WORK/project" | paste -sd, |
        xargs ps -o pid,ppid,sid,stat,args -p)"
}

under_way() { [[ -n $(processes "$WORK/project/build/bin/framed-client") ]]; }
all_ended() { [[ -z $(processes "$WORK/project") ]]; }
under_replay() { ! all_ended; }
gate_ended() { ! kill -0 "$gate" 2>/dev/null; }

gate=
trap '[[ -z $gate ]] || kill -KILL -- "-$gate" 2>/dev/null || true' EXIT

# One that leads a group of its own, like all in the background cannot be
# interrupted, and is in the middle of a run.
gate_begin() {
    setsid "$ROOT/scripts/gate" --only preload --out "$out" \
        >stdout 2>stderr </dev/null &
    gate=$!
    soon under_way
}

# gate_ends STATUS: so, and with no finding.
gate_ends() {
    local status=0
    soon gate_ended
    wait "$gate" || status=$?
    gate=
    [[ $status -eq $1 ]] || fail "ended with $status: $(cat stdout stderr)"
    [[ -z $(ls "$out/findings") ]] || fail "a finding: $(cat stdout)"
    soon all_ended
}

# To its group: nobody else hears of it.
gate_begin
kill -INT -- "-$gate"
gate_ends 0
has stdout '4 of 4 runs'
gate_begin
kill -TERM -- "-$gate"
gate_ends 2

# To each by itself, as init systems do, the programs under test first.
gate_begin
mapfile -t pids < <(processes "$WORK/project")
kill -TERM "${pids[@]}" 2>/dev/null || true
gate_ends 2

# It cannot say any more who has to end, and a server does not hear of it.
gate_begin
for pid in $(processes "$WORK/project/build/bin/framed-server"); do
    [[ -z $(find "/proc/$pid/fd" -lname "$out/lock") ]] ||
        fail "it has the lock"
    kill -STOP "$pid"
done
kill -KILL "$gate"
gate_ends 137
soon flock -n "$out/lock" true

# Who keeps a client company is no more: the run ends all the same.
cat >run <<'END'
. "$ROOT/scripts/lib/common.sh"
for part in replay findings engine sweep; do . "$SF_LIB/$part.sh"; done
sweep_inherit() {
    grep -lsaFf <(echo "$1/leave") /proc/[0-9]*/cmdline | cut -d/ -f3 |
        xargs kill || true
}
sweep_replay server.select "$SF_PROJECT/corpus/plans/short.plan" report
finish 0
END
export ROOT
expect 0 timeout 60 bash run

# A plan that is replayed by hand, too, whoever is told.
replay_begin() {
    "$ROOT/scripts/repro" "$SF_PLAN" >stdout 2>stderr </dev/null &
    gate=$!
    soon under_way
}
SF_PLAN=$SOCKFAULT_PROJECT/corpus/plans/short.plan
for signal in TERM KILL; do
    replay_begin
    kill "-$signal" "$gate"
    soon gate_ended
    gate=
    soon all_ended
done

# What is replayed ends with who wants to know what comes of it.
cat >run <<'END'
. "$ROOT/scripts/lib/common.sh"
. "$SF_LIB/replay.sh"
quietly log 600 tail -f "$SF_PROJECT/fuzz_sample.c"
END
bash run &
gate=$!
soon under_replay
kill -KILL "$gate"
gate=
soon all_ended
