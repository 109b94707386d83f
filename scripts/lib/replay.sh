# Running one input in a fresh process, under the sanitizers.
# shellcheck shell=bash

. "$SF_LIB/symbolize.sh"

# Sanitizers of clang 14 crash at random where the kernel randomises addresses
# with 32 bits; without randomisation they do not, and addresses in reports
# stay the same.  Not everywhere is that permitted.
steady=()
if setarch "$(uname -m)" -R true 2>/dev/null; then
    steady=(setarch "$(uname -m)" -R)
elif [[ $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || say 0) -gt 28 ]]; then
    complain "cannot turn address randomisation off: sanitizers may crash at" \
        "random (sysctl vm.mmap_rnd_bits=28 helps)"
fi

sanitizers_env() {
    local common=symbolize=0:abort_on_error=1:handle_abort=2
    export ASAN_OPTIONS=$common:detect_leaks=1:print_legend=0
    ASAN_OPTIONS+=:strict_string_checks=1
    ASAN_OPTIONS+=:detect_stack_use_after_return=1
    ASAN_OPTIONS+=:hard_rss_limit_mb=$SF_MEMORY_MB
    export UBSAN_OPTIONS=$common:print_stacktrace=1:halt_on_error=1
}

# quietly LOG SECONDS COMMAND...: one fresh process.  One that runs too long is
# told to abort, so that its stack is seen; it ends with who wants to know.  The
# shell says nothing of how it died.
quietly() {
    {
        "${steady[@]}" setpriv --pdeathsig TERM timeout -s ABRT -k 2 "$2" \
            "${@:3}" >"$1" 2>&1 </dev/null
    } 2>/dev/null
}

# replay_refuse REPORT: what was not played, since it is no input of the target,
# or no plan, is neither found nor clean.  Its kind is "refused"; the message is
# why, as the first line of REPORT that is ours has it.
replay_refuse() {
    replay_kind=refused replay_frames='' replay_where=''
    replay_message=$(sed -n '/^sockfault: /{s///p;q}' "$1")
}

# refused_note OUT FILE PLAYED: a line in OUT/work/refused for what is in the
# project as FILE and was played as PLAYED.
refused_note() {
    say "$(relative "$2")${replay_message#"$3"}" >>"$1/work/refused"
}

# refused_line OUT: these in one line; empty when there are none.
refused_line() {
    awk 'NR == 1 { first = $0 }
        END { if (NR) print first (NR > 1 ? ", and " NR - 1 " more" : "") }' \
        "$1/work/refused" 2>/dev/null || true
}

# replay_input FUZZER INPUT REPORT: run it; all it says goes to REPORT.  Sets
# replay_kind (empty: nothing found), replay_frames, replay_message and
# replay_where.
replay_input() {
    local status=0
    [[ -x $SF_BUILD/bin/$1 ]] ||
        die "no replayer $(relative "$SF_BUILD/bin/$1")"
    quietly "$3" "$SF_TIMEOUT_S" "$SF_BUILD/bin/$1" -v "$2" || status=$?
    if [[ $status -eq 0 ]] && grep -q '^executed 1 of 1' "$3"; then
        replay_kind='' replay_frames='' replay_message='' replay_where=''
        return
    fi
    if [[ $status -eq 2 ]] && grep -q '^executed 0 of [01] inputs$' "$3"; then
        replay_refuse "$3"
        return
    fi
    report_read "$status" "$3"
    if [[ -z $replay_kind ]]; then
        # Not a word, since there is no room for any.
        head -c 65536 /dev/zero 2>/dev/null >"$3.room" ||
            die "no room for a report in ${3%/*}"
        rm "$3.room"
        replay_kind=silent-exit
        replay_message='the process ended inside the input without a word'
    fi
}

# replay NAME INPUT REPORT: an input of a fuzz target, or a plan in a case of
# the preload sweep.
replay() {
    case $1 in
    server.* | client.*) sweep_replay "$@" ;;
    *) replay_input "$@" ;;
    esac
}

# report_read STATUS REPORT: what the report is about, into the same variables.
report_read() {
    local -a line
    symbolize "$2"
    mapfile -t line < <(awk -v status="$1" -v project="$SF_PROJECT" \
        -f "$SF_LIB/signature.awk" "$2")
    replay_kind=${line[0]} replay_frames=${line[1]} replay_message=${line[2]}
    replay_where=${line[3]}
}

# signature_of KIND FRAMES: the name of a finding, as its folder has it.  Three
# frames count; more are for people.
signature_of() {
    local frames text hash
    read -ra frames <<<"$2"
    text="$1${frames[*]:+ in ${frames[*]:0:3}}"
    hash=$(sha1sum <<<"$text")
    text=$1${frames[0]:+-${frames[0]}}
    text=${text//[^A-Za-z0-9_.-]/-}
    say "${text:0:80}-${hash:0:6}"
}

# replay_folder FUZZER FOLDER LOG: all inputs of a folder in one process.  True
# when as many were executed as there are.  The limit grows with the number.
replay_folder() {
    local n status=0
    n=$(find "$2" -type f ! -name '.*' | wc -l)
    quietly "$3" $((SF_TIMEOUT_S + n / 20)) "$SF_BUILD/bin/$1" "$2" ||
        status=$?
    [[ $status -eq 0 && $n -gt 0 ]] && grep -q "^executed $n of $n" "$3"
}
