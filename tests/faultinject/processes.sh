#!/bin/sh
# What a rule can do to calls that make processes and threads, or wait for them.
# usage: processes.sh SOCKFAULT PROCESSES
set -eu

sockfault=$1
processes=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# says TEXT OPTION... -- ARGUMENT...: what it prints is TEXT
says() {
    printf '%s\n' "$1" >"$work/want"
    shift
    "$sockfault" run --quiet "$@" >"$work/got" || bad=1
    if ! cmp -s "$work/want" "$work/got"; then
        echo "processes.sh: $*" >&2
        diff "$work/want" "$work/got" >&2 || true
        bad=1
    fi
}

undisturbed='pthread_create: done
fork: done
wait: done
fork: done
wait3: done
fork: done
wait4: done
fork: done
waitpid: done
fork: done
looking: done'
interrupted='pthread_create: done
fork: done
wait: EINTR
wait: done
fork: done
wait3: EINTR
wait3: done
fork: done
wait4: EINTR
wait4: done
fork: done
waitpid: EINTR
waitpid: done
fork: done
looking: done'

says "$undisturbed" -- "$processes"
# A rule that never comes to pass, so that all calls are looked at.
says "$undisturbed" --fault 'fork 99: no-process' -- "$processes"
says 'pthread_create: EAGAIN
fork: EAGAIN
fork: EAGAIN
fork: EAGAIN
fork: EAGAIN
fork: EAGAIN' --fault 'spawn *: no-process' -- "$processes"
says 'pthread_create: done
fork: done
wait: done
fork: EAGAIN
fork: done
wait4: done
fork: done
waitpid: done
fork: done
looking: done' --fault 'fork 2: no-process' -- "$processes"
says "$interrupted" --profile posix \
    --fault 'waitpid 1+2: EINTR-reap' --fault 'wait4 1+2: EINTR-reap' \
    -- "$processes"
says "$interrupted" \
    --fault 'waitpid 1+2: EINTR-reap' --fault 'wait4 1+2: EINTR-reap' \
    -- "$processes" handler
# Linux interrupts only who has a handler.
says "$undisturbed" --fault 'reap *: EINTR-reap' -- "$processes"

# A trace says it all again.
"$sockfault" run --quiet --trace "$work/trace" --fault 'fork 2: no-process' \
    --fault 'pthread_create 1: no-process' -- "$processes" >"$work/first"
"$sockfault" run --quiet --plan "$work/trace" -- "$processes" >"$work/again"
cmp "$work/first" "$work/again" || bad=1
[ "$(grep -c EAGAIN "$work/again")" -eq 2 ] || bad=1

# Each process is one, however it was made, and its connections are its own.
"$sockfault" run --quiet --status --json "$work/json" --trace "$work/trace" \
    --fault 'process 2..7 read *: delay 1' -- "$processes" past || bad=1
of=$(jq -r '.processes | map(.connections) | join(" ")' "$work/json")
if [ "$of" != '4 2 2 2 2 2 2' ]; then
    echo "processes.sh: past: connections of the processes: $of" >&2
    bad=1
fi
delays=$(grep -c ': delay 1' "$work/trace") || true
if [ "$delays" -ne 6 ]; then
    echo "processes.sh: past: $delays of 6 met the rule" >&2
    bad=1
fi

# A server that crashes is told of, whatever the script says that started it,
# and also where the script is left alone.  One that is killed was told to end.
name=$(basename "$processes")
# crashes STATUS OPTION... -- HOW
crashes() {
    want=$1
    status=0
    shift
    "$sockfault" run "$@" 2>"$work/said" || status=$?
    if [ "$status" -ne "$want" ] || { [ "$want" -eq 1 ] &&
        ! grep -q "died: a child was killed by SIGABRT (process 1, $name)$" \
            "$work/said"; }; then
        echo "processes.sh: $*: $status: $(cat "$work/said")" >&2
        bad=1
    fi
}
cat >"$work/script" <<END
#!/bin/sh
"$processes" \$1 >/dev/null 2>&1 &
wait \$! 2>/dev/null
exit 0
END
chmod +x "$work/script"
crashes 1 -- "$work/script" crash
crashes 1 --only "$name" -- "$work/script" crash
crashes 0 --allow died -- "$work/script" crash
crashes 0 -- "$work/script" killed
exit $bad
