#!/bin/sh
# pure_test.sh NM ARCHIVE NAME...: the objects NAME.c.o of the archive reach
# nothing but mem*, str*, the allocator and each other.
set -eu

nm=$1
archive=$2
shift 2
undefined=$("$nm" -A "$archive" | awk '$(NF-1) == "U"')
seen=0
for name; do
    members=$("$nm" -A "$archive" | grep -c "$name\.c\.o:.* T ") || true
    [ "$members" -gt 0 ] && seen=$((seen + 1))
    bad=$(printf '%s\n' "$undefined" | grep "[:/]$name\.c\.o:" |
        awk '{print $NF}' |
        grep -Ev \
            '^(mem[a-z]+|str[a-z]+|malloc|free|realloc|calloc|fm_(err|buf|format|decoder|encode)[a-z_]*)$') || true
    if [ -n "$bad" ]; then
        echo "$name.c is not pure: it reaches:"
        printf "%s\n" "$bad"
        exit 1
    fi
done
[ "$seen" -eq "$#" ] || { echo "only $seen of $# objects found"; exit 1; }
echo "$seen of $# objects are pure"
