#!/bin/sh
# middle.sh: a program that nobody knows is proved by going on from the middle of
# its sessions, where all that it changes can be taken back, or else from their
# start, and then it is said why.
#
#   middle.sh SOURCE BUILD FOLDER
set -eu

source=$1
build=$2
folder=$3
rm -rf "$folder"
mkdir -p "$folder"
cat >"$folder/pieces.session" <<'END'
sockfault-session 1
variant 0
buffers 65536
family tcp
profile linux
handlers
bytes 1 "abcdefgh"
bytes 1 "ijkl"
finish 1
END

fail() {
    echo "middle: $*" >&2
    exit 1
}

makes() { # OPTION...: $folder/strange
    clang -D_GNU_SOURCE -DSF_ARCHIVE -I"$source" -g -O1 "$@" \
        "$source/tests/examples/fuzz_strange.c" \
        "$build/lib/libsockfault-session.a" -ldl -lpthread \
        -o "$folder/strange"
}
proves() { # STATUS OPTION...: $folder/log
    wanted=$1
    shift
    status=0
    "$folder/strange" --prove "$@" -o "$folder" "$folder/pieces.session" \
        >"$folder/log" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fail "$* ends with $status: $(cat "$folder/log")"
}
says() { # PATTERN...
    for pattern in "$@"; do
        grep -q "$pattern" "$folder/log" ||
            fail "not '$pattern': $(cat "$folder/log")"
    done
}
schedules() { # how many
    sed -n 's/^  schedules  \([0-9]*\)[:,].*/\1/p' "$folder/log"
}

# The same schedules as under a sanitizer, which each run begins at the start;
# fewer where states are recognised, and then any number of faults.
makes -fsanitize=address
proves 0 -k 3
all=$(schedules)
makes
proves 0 -k 3 --plain
[ "$(schedules)" = "$all" ] || fail "$(schedules) schedules, and $all"
proves 0 -k 3
says 'states .* schedules ended in one that was seen' 'PROVED     complete'
! grep -q '^sockfault:' "$folder/log" || fail "$(cat "$folder/log")"
some=$(schedules)
[ "$some" -lt "$all" ] || fail "$some schedules of $all"

# What only counts may be told, and is no part of a state then; nor is what was
# allocated and given back.
makes -DSTRANGE_TELLS
proves 0 -k 3
few=$(schedules)
[ "$few" -lt "$some" ] || fail "$few schedules, and $some"
makes -DSTRANGE_TELLS -DSTRANGE_ALLOCATES
proves 0 -k 3
[ "$(schedules)" = "$few" ] || fail "$(schedules) schedules, and $few"
makes -DSTRANGE_TELLS
proves 0 --loops -t 60s
says 'PROVED     closed: any number of faults'

# A file that is only open can be taken back.
makes -DSTRANGE_OPENS
proves 0 -k 3
says 'states '
[ "$(schedules)" = "$some" ] || fail "$(schedules) schedules, and $some"

# What cannot be is known.
for strange in 'THREAD it has threads' 'MAPS it maps memory' \
    'WRITES it reads or writes files'; do
    makes "-DSTRANGE_${strange%% *}"
    proves 0 -k 3
    says "each schedule is run from its start: ${strange#* }"
    [ "$(schedules)" = "$all" ] || fail "$strange: $(schedules), and $all"
    proves 2 --loops -t 20s
    says "its states are not recognised: ${strange#* }"
done
makes -DSTRANGE_THREAD -DSTRANGE_SHARED_FD
proves 2 -k 3
says 'another thread calls recv on descriptor [0-9]' 'NOTHING    is proved'
! "$folder/strange" "$folder/pieces.session" >"$folder/log" 2>&1 ||
    fail "played, it finds nothing: $(cat "$folder/log")"
says 'finding: misuse: another thread calls recv on descriptor [0-9]'
for strange in SHARES REMEMBERS; do
    makes -DSTRANGE_$strange
    proves 0 -k 3
    says 'does not come of the start; .* again from there'
    [ "$(schedules)" = "$all" ] || fail "$strange: $(schedules), and $all"
    proves 2 --loops -t 20s
    says 'its states are not recognised'
done
clang -c "$source/tests/faultinject/own_malloc.c" -o "$folder/own_malloc.o"
makes "$folder/own_malloc.o"
proves 0 -k 3
says 'from its start: it has a malloc() of its own'

# Why it ended itself is said.
for option in -fsanitize=address -g; do
    makes -DSTRANGE_ASSERTS $option
    proves 1 -k 3
    says 'REFUTED    with 2 faults: .* Assertion .*shorts < 2. failed'
done

# A bug that needs three faults is found by both, and shown by its tape.
for option in --plain --first; do
    makes -DSTRANGE_PLANTED
    proves 1 -k 3 $option
    says 'REFUTED    with 3 faults: sockfault: finding: wrong-data' \
        'to see it again'
    ! grep -q 'its tape alone' "$folder/log" || fail "$(cat "$folder/log")"
done
