#!/usr/bin/env bash
# sim_memory.sh: sockfault sim --memory on servers as they are: each allocation
# fails, once, and what comes of it is told.
#
#   sim_memory.sh SOCKFAULT SERVED FRAMED_SERVER SERVED_WITH_MALLOC
set -euo pipefail

sockfault=$1
served=$2
framed=$3
own=$4
. "$(dirname "$0")/sim_checks.sh"

cat >"$work/talk" <<'END'
sockfault-session 1
bytes 1 "00005hello"
bytes 2 "00003abc"
fault 2 0 0
END

# In each way to ask, for each client; what was started before is not meant, and
# the session's own fault is left out.
ends 0 'PROVED     complete: each of 10 allocations has failed' --memory -- \
    "$served" grows
ends 0 'PROVED     complete: the program asks for no memory' --memory -- \
    "$served" good
ends 0 'PROVED     complete: each of [1-9][0-9]* allocations' --memory -- \
    "$framed" --format ascii:5
ends 0 'each of 10 allocations' --memory -- "$served" yields # and ends

# Who takes it for granted, and where; the first, and how many more.
ends 1 'REFUTED    allocation 1 fails: .*died: .*SIGSEGV' --memory -- \
    "$served" trusts
says '^             and 9 more of the 10 allocations$'
says '^allocation 1, which fails:$'
says 'faultinject_served.*\[0x'
sed -n 's/^to see it again: //p' "$work/out" >"$work/again"
(cd "$work" && ulimit -c 0 && bash ./again) >"$work/out" 2>&1 &&
    fail 'what is to be seen again is not'
says '^allocation 1, which fails:$'
says 'died: .*SIGSEGV'
ends 1 '^allocation 7, which fails:$' --memory=7 -v -- "$served" trusts
ends 0 'allocation 7 failed: nothing found' --memory=7 -- "$served" grows
ends 2 '--memory=11: the program asks for memory 10 times' --memory=11 -- \
    "$served" grows

# Its own abort() is a crash, unless it may end in whatever way.
ends 1 'REFUTED    allocation 1 fails: .*died: .*SIGABRT' --memory -- \
    "$served" asserts
ends 0 PROVED --memory --allow died -- "$served" asserts
ends 1 'died: .*SIGTRAP' --memory -- "$served" traps
ends 0 PROVED --memory --allow died -- "$served" traps
ends 1 SIGSEGV --memory --allow died -- "$served" trusts

# What it does with all the memory in the world comes first.
ends 1 'REFUTED    also when none fails: .*finding: spin' --memory -- \
    "$served" spin
ends 1 'REFUTED    also when none fails: .*finding: died: .*returned' \
    --memory -- "$served" quit
ends 0 PROVED --memory --allow died -- "$served" quit
ends 2 'ended before it waited' --memory -- true
says 'NOTHING    is proved'

# Once for the first run, and once to fork for the others; and for what is found:
# twice, again to fork, and at the end for whoever reads it.
begun 0 'each of 10 allocations' 2 2 grows --memory
begun 0 'each of 10 allocations' 2 2 yields --memory
begun 1 'and 9 more of the 10' 33 33 trusts --memory
begun 0 'each of 10 allocations' 12 12 needy-fork --memory
says '^sockfault: sim: each run begins at the program.s start: forked'

# Whose allocations are not seen, nothing is proved of.
ends 2 'has a malloc\(\) of its own' --memory -- "$own" grows
says 'NOTHING    is proved'
ends 2 'has a malloc\(\) of its own' --memory=1 -- "$own" grows
ends 0 'PROVED ' -k 0 -- "$own" grows

# Who has put the library away is told at once, not that it stalls.
ends 2 'env goes on without the library' --memory -- env -u LD_PRELOAD \
    "$served" grows

ends 2 '--memory=0: expected' --memory=0 -- "$served"
ends 2 '--memory=x: expected' --memory=x -- "$served"
ends 2 'either --prove or --memory' --memory -k 1 -- "$served"
ends 2 'go with --prove' --memory -o . -- "$served"
ends 2 'INCOMPLETE the time was over' --memory --budget 1ms -- "$served" grows

# Where standard output is closed nothing was said, and no file of ours has it.
status=0
(cd "$work" && "$sockfault" sim --memory -s talk -- "$served" good >&-) \
    2>"$work/out" || status=$?
[[ $status == 2 ]] || fail "status $status with standard output closed"
says 'standard output: Bad file descriptor'

[[ $failures == 0 ]] || exit 1
echo 'sim_memory: each allocation has failed'
