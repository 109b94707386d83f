#!/bin/sh
# memory.sh: allocations fail where a rule says so, or each of them, one a run.
# usage: memory.sh SOCKFAULT HUNGRY HUNGRY_WITH_MALLOC
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
hungry=$2
own=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ulimit -c 0
. "$here/runs.sh"

# The n-th in the process, from its first socket on; one that needs no memory
# is not counted twice, and errno is what it has to be.
n=0
for what in malloc calloc realloc aligned_alloc posix_memalign - strdup; do
    n=$((n + 1))
    runs 0 run --fault "malloc $n: no-memory" -- "$hungry"
    says '^done'
    says '1 fault: 1 no-memory'
    [ "$what" = - ] || says "^$what: none\$"
    [ "$(grep -c none said)" -eq $([ "$what" = - ] && echo 0 || echo 1) ] ||
        fail "$what: more than one is missing"
    says_not 'errno'
done
runs 0 run --fault "malloc $((n + 1)): no-memory" -- "$hungry"
says 'not reached: malloc 8: no-memory'
runs 0 run --fault 'malloc 2+: no-memory' -- "$hungry"
[ "$(grep -c 'none$' said)" -eq 5 ] || fail 'not all but the first fail'
runs 0 run --fault 'p 0.5 seed 3: no-memory' -- "$hungry" threads
says 'faults: [0-9]+ no-memory'

runs 2 run --only another --fault 'malloc 1: no-memory' -- "$hungry" names
says_not 'try --notify' # it is left alone by this library, too

# By place: the n-th there, whoever else asks, and whatever for.
runs 0 run --fault 'site grab malloc 52: no-memory' --trace plan -- \
    "$hungry" loops
says '^grab: none$'
grep -Eq '^site faultinject_hungry\+0x[0-9a-f]+ malloc 52: no-memory # ENOMEM in grab' plan ||
    fail "the trace does not name the place: $(cat plan)"
runs 0 replay plan
says '^grab: none$'
says '1 fault: 1 no-memory'
runs 0 run --fault 'site grab malloc 1700: no-memory' -- "$hungry" threads
says '1 fault: 1 no-memory'

# What libc allocates for its callers is of who calls: one rule, one fault.
runs 0 run --fault 'site ask_libc malloc 1: no-memory' -- "$hungry" libc
says '^strdup: none$'
says '1 fault: 1 no-memory'
runs 0 run --fault 'site ask_libc malloc 2: no-memory' -- "$hungry" libc
says '^wcsdup: none$'
says '1 fault: 1 no-memory'
runs 0 run --fault 'site ask_at_once malloc 1: no-memory' -- "$hungry" threads
says 'faults?: [0-9]+ no-memory' # by the loader, for a thread
runs 0 explore --memory -o libc -- "$hungry" libc
says 'memory     2 allocations'
says 'performed  2 of 2'
runs 0 run --fault 'process 2 malloc 1: no-memory' -- "$hungry" forks
says '^child: none$'
says_not '^parent'

# Each of them, once for each way to it.
runs 1 explore --memory -o all -- "$hungry" trusts
says 'memory     7 allocations, one for each way to one'
says 'performed  7 of 7'
says 'FOUND      1, in 1 of the cases'
says 'died: the command was killed by SIGSEGV'
says 'shown again 3 of 3 times'
runs 1 replay all/findings/*.plan
says 'SIGSEGV'
runs 1 explore --memory -o dies -- "$hungry" dies
says 'FOUND      2, in 2 of the cases'
says 'finding died-SIGABRT-faultinject_hung.*-fatal-malloc-grab-'
says 'finding died-SIGSEGV-faultinject_hung.*-fatal-malloc-grab-'
runs 0 explore --memory -o none -- "$hungry"
says 'performed  7 of 7'
runs 0 explore --memory -o loops -- "$hungry" loops
says 'memory     2 allocations'
# Nobody lacks memory to need less.
runs 0 run --fault 'malloc 2+: no-memory' -- "$hungry" less
says_not 'none'
says_not 'errno'
says 'not reached'

# What is not looked at is no part of all.
"$sockfault" explore --memory --budget 1ms -o places -- "$hungry" places \
    >said 2>&1 || :
says 'memory     [0-9]+ allocations, .*; 4[0-9]+ more fit, and are left out'
runs 0 run --fault 'malloc 1: no-memory' -- "$hungry" places
says '4[0-9]+ allocations found no room'

# The fourth run looks what fits, and half a look is none.
cat >fourth <<'EOF'
#!/bin/sh
echo >>runs
[ "$(wc -l <runs)" -ne 4 ] || eval "$3"
"$1" "$2"
EOF
chmod +x fourth
runs 2 explore --memory --only faultinject_hungry -o short -- \
    ./fourth "$hungry" loops 'exit 3'
says 'while it was looked what fits the command ended with status 3'
rm runs
runs 2 explore --memory --only faultinject_hungry -o short --timeout 300ms -- \
    ./fourth "$hungry" loops 'sleep 60'
says 'while it was looked what fits the command was not done after 3000 ms.*--timeout'
runs 2 explore -o all -- "$hungry" trusts
says 'of another command, or of other options'

# Nobody is told that all is well who was not looked at.
runs 0 run --fault 'malloc 1: no-memory' -- "$own"
says 'has a malloc\(\) of its own, as with a sanitizer: its allocations are not seen'
runs 2 explore --memory -o own -- "$own"
says 'its allocations are not seen'
says 'explore: --memory: --only leaves faultinject_hung'
runs 2 run --notify --fault 'malloc 1: no-memory' -- "$hungry"
says 'notify does not reach allocations'
runs 2 run --fault 'recv 1: no-memory' -- "$hungry"
says "no-memory"
exit $bad
