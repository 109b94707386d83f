#!/bin/sh
# memory_new.sh: allocations of C++ fail as the language says, and are told by
# who says `new`, with the C++ library's operators and with an allocator's.
# usage: memory_new.sh SOCKFAULT HUNGRY_NEW HUNGRY_NEW_WITH_OPERATORS PLUGS PLUGIN
#     SERVED_NEW SERVED_NEW_WITH_OPERATORS
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sockfault=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
. "$here/runs.sh"

# Each operator throws or gives nothing, as it should, and is asked once.
each_form() {
    n=0
    while IFS= read -r what; do
        n=$((n + 1))
        runs 0 run --fault "malloc $n: no-memory" -- "$hungry"
        says '^done'
        says '1 fault: 1 no-memory'
        says "^$what\$"
        [ "$(grep -cE 'null|bad_alloc' said)" -eq 1 ] ||
            fail "$what: more than one fails"
    done <<'END'
new: bad_alloc
new\[\]: bad_alloc
nothrow new: null
nothrow new\[\]: null
aligned new: bad_alloc
aligned new\[\]: bad_alloc
aligned nothrow new: null
aligned nothrow new\[\]: null
END
    runs 0 run --fault "malloc $((n + 1)): no-memory" -- "$hungry"
    says 'not reached: malloc 9: no-memory'
    runs 0 explore --memory --only "${hungry##*/}" -o each -- "$hungry"
    says 'memory     8 allocations'
    says 'performed  8 of 8'
    says 'FOUND      nothing'
}

# The handler is asked, gives back, and then there is some; it is asked each
# time, or nobody would catch what comes of it.
handler() {
    runs 0 run --fault 'malloc 1: no-memory' -- "$hungry" handler
    says '^handler$'
    says_not 'bad_alloc'
    runs 0 run --fault 'malloc 1+: no-memory' -- "$hungry" handler
    says '^handler$'
    says '^new: bad_alloc$'
}

# What is thrown goes through frames that are ours, and who goes on is silent.
catches() {
    runs 0 run --fault 'malloc 1: no-memory' -- "$hungry" says
    says '^caught$'
    says '^byedone$'
    runs 0 explore --memory --only "${hungry##*/}" -o goes -- \
        "$hungry" goes on
    says 'FOUND      nothing'
    runs 0 run --fault 'malloc 2: no-memory' -- "$hungry" goes on
    says '^served 19, failed 1$'
}

# Each caller is another place, whatever of the library it asks by.
callers() {
    "$sockfault" explore --memory --only "${hungry##*/}" -o callers -- \
        "$hungry" callers >said 2>&1 || :
    sed -n 's/^site \([^ ]*\) malloc 1: .*/\1/p' callers/cases |
        sort | uniq -d >twice
    for who in greet part shop::Buyer::buy shop::Buyer::pick; do
        grep -q "^site .* # in $who at hungry_new.cc:[0-9]*\$" callers/cases ||
            fail "the cases do not name $who: $(cat callers/cases)"
    done
    runs 1 run --fault 'site shop::Buyer::pick malloc 1: no-memory' -- \
        "$hungry" callers
    says '1 fault: 1 no-memory'
    says 'in shop::Buyer::pick at hungry_new.cc'
    [ ! -s twice ] || fail "several ways at one place: $(cat twice)"
    grep -q '^site' callers/cases || fail "no cases"
    ! grep '^site' callers/cases | grep -v "^site ${hungry##*/}" ||
        fail 'a place that is not the program'
}

for hungry in "$2" "$3"; do
    rm -rf "${work:?}/"*
    cd "$work"
    each_form
    handler
    catches
    callers
    runs 1 explore --memory --only "${hungry##*/}" -o ends -- "$hungry" ends
    says 'died: the command was killed by SIGABRT, by std::terminate: uncaught std::bad_alloc$'
    says 'finding died-terminate-faultinject_hungry_new'
    says 'shown again 3 of 3 times'
    runs 1 run --fault 'process 1 malloc 1: no-memory' -- \
        sh -c '"$1" ends; :' - "$hungry"
    says 'died: a child was killed by SIGABRT, by std::terminate: uncaught std::bad_alloc \('
    runs 1 run -- "$hungry" aborts
    says 'the command was killed by SIGABRT$'
    runs 1 explore --memory --only "${hungry##*/}" -o trusts -- "$hungry" trusts
    says 'died: the command was killed by SIGSEGV'
    says 'shown again 3 of 3 times'
done

# What the library checks of how it is used ends by abort(), and threw nothing.
hungry=checks
c++ -D_GLIBCXX_ASSERTIONS -x c++ -o checks - <<'END'
#include <sys/socket.h>
#include <vector>
int main(int argc, char **)
{
    int pair[2];

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    return std::vector<int>(1)[argc];
}
END
runs 1 run -- ./checks
says 'the command was killed by SIGABRT$'

# The C++ library may come with a plugin of a program that has none of it.
hungry=$4
runs 0 explore --memory --only "${4##*/}" -o plugs -- "$4" "$5"
says 'FOUND      nothing'
! grep '^site libstdc' plugs/cases || fail 'the C++ library is a place'
place=$(sed -n 's/^site \(.*\) malloc .* in asks_new .*/\1/p' plugs/cases)
runs 0 run --fault "site $place malloc 1: no-memory" -- "$4" "$5"
says '1 fault: 1 no-memory'

# A server in memory.
printf 'sockfault-session 1\nbytes 1 "hello"\nbytes 2 "abc"\n' >talk
for hungry in "$6" "$7"; do
    runs 0 sim --memory -s talk -- "$hungry" 7777
    says 'PROVED     complete: each of 4 allocations has failed'
    runs 1 sim --memory -s talk -- "$hungry" 7777 trusts
    says 'allocation 1 fails: .* killed by SIGABRT, by std::terminate: uncaught std::bad_alloc$'
done
exit $bad
