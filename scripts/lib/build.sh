# Building, by the presets of CMakePresets.json.
# shellcheck shell=bash

# build_preset NAME: configure once, build what changed; loud only if it fails.
build_preset() {
    local log=$SF_BUILD/$1.log
    # Here, since bash does not turn round what a redirection says below.
    { mkdir -p "$SF_BUILD" && : >"$log"; } 2>/dev/null ||
        die "nothing can be built: cannot write $(relative "$log")"
    say "building $1"
    if ! (cd "$SF_PROJECT" && cmake --preset "$1" &&
        cmake --build --preset "$1" -j "$SF_JOBS") >"$log" 2>&1; then
        grep -E -A12 'error|Error|FAILED' "$log" | head -60 >&2 ||
            tail -40 "$log" >&2
        die "the build of preset '$1' failed; whole output in" \
            "$(relative "$log")"
    fi
}

# build_fuzzers: what sockfault_add_fuzzer() was called for, one a line.
build_fuzzers() {
    [[ -s $SF_BUILD/fuzzers.txt ]] ||
        die "no fuzz target: $(relative "$SF_BUILD")/fuzzers.txt has none"
    cat "$SF_BUILD/fuzzers.txt"
}

# build_written: the first word of each sockfault_add_fuzzer(), and UNLISTED
# where it is that, as the project's CMake files have it, with * for what a
# variable puts there.
build_written() {
    find "$SF_PROJECT/." \( -name build -o -name out -o -name .git \) \
        -prune -o \
        -type f \( -name CMakeLists.txt -o -name '*.cmake' \) -exec cat {} + |
        sed 's/#.*//' | tr -s '[:space:]' ' ' |
        { grep -oE 'sockfault_add_fuzzer ?\( ?[^ )]+ ?[^ )]*' || true; } |
        sed -E -e 's/^[^(]*\( ?//; / UNLISTED$/!s/ .*//' \
            -e 's/\$\{[^}]*\}/*/g; s/"//g'
}

# build_offer: what there is to choose from, as far as can be said.
build_offer() {
    if [[ -s $SF_BUILD/fuzzers.txt ]]; then
        say "there are: $(paste -sd' ' "$SF_BUILD/fuzzers.txt")"
    else
        say "CMake files have: $(build_written | grep -v ' UNLISTED$' |
            paste -sd' ')"
    fi
}

# build_expect [--unlisted] NAME...: a name that no build can make a fuzzer is
# refused before there is one; build_choose and build_replayer know for certain.
build_expect() {
    local name pattern
    local -a written
    if [[ ${1-} == --unlisted ]]; then
        shift
        mapfile -t written < <(build_written | sed 's/ UNLISTED$//')
    else
        mapfile -t written < <(build_written | grep -v ' UNLISTED$')
    fi
    [[ ${#written[@]} -gt 0 ]] || return 0
    for name in "$@"; do
        for pattern in "${written[@]}"; do
            # shellcheck disable=SC2053 # a pattern
            [[ $name != $pattern ]] || continue 2
        done
        die "no fuzz target '$name'; $(build_offer)"
    done
}

# build_replayer NAME: one that was built, listed or not, and is written.
build_replayer() {
    if ! grep -qxF -- "$1" "$SF_BUILD/fuzzers.txt" 2>/dev/null; then
        build_expect --unlisted "$1"
        [[ $1 != */* && -x $SF_BUILD/bin/$1 ]] ||
            die "no fuzz target '$1'; $(build_offer)"
    fi
    say "$1"
}

# build_choose NAME...: the fuzzers named, or all; an unknown name is refused.
build_choose() {
    local all name
    all=$(build_fuzzers)
    for name in "$@"; do
        grep -qxF -- "$name" <<<"$all" ||
            die "no fuzz target '$name'; there are: ${all//$'\n'/ }"
    done
    if [[ $# -gt 0 ]]; then printf '%s\n' "$@"; else say "$all"; fi
}
