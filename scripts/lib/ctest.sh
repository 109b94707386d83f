# What ctest takes.  It passes over what it does not know, and runs all.
# shellcheck shell=bash

# ctest_options: each as its help has it, and whether a word of its own comes
# after it; NAME= where it can hold that itself.
ctest_options() {
    ctest --help | awk '/^  -/ {
        sub(/ += .*/, "")
        value = / [<[]|:<n>|--(test|build)-/ ? "value" : "none"
        while (match($0, /[ ,]--?[A-Za-z][A-Za-z0-9.-]*(\[?=)?/)) {
            name = substr($0, RSTART, RLENGTH)
            $0 = substr($0, RSTART + RLENGTH)
            gsub(/[ ,[]/, "", name)
            print name, name ~ /=$/ ? "none" : value
            if (sub(/=$/, "", name))
                print name, value
        }
    }'
}

# ctest_expect WORD...: options that it has, and their values.
ctest_expect() {
    local name value word after=none
    local -A takes=()
    while read -r name value; do
        takes[.$name]=$value
    done < <(ctest_options)
    for word in "$@"; do
        [[ $after == none ]] || { after=none && continue; }
        [[ ! $word =~ ^-j[0-9]+$ ]] || continue
        name=${word%%=*}
        [[ $word != *=* ]] || name+="="
        after=${takes[.$name]-}
        [[ -n $after ]] ||
            die "'$word': not an option of ctest; see ctest --help"
    done
}
