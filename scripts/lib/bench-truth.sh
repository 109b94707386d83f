# Whether a fault that a tool makes is one that a kernel could make: the same
# experiments (bench/truth.c) under each of them.
# shellcheck shell=bash

# What each is told, for one experiment a line: a rule of a plan, a point of
# failure of libfiu's and what it answers, the injection of strace; -: it cannot
# say that.
truth_table() {
    cat <<'END'
recv-short  recv 1: short 3     -               recvfrom:retval=3:when=1
send-short  send 1: short 3     -               sendto:retval=3:when=1
reset       recv 1: ECONNRESET  net/recv=104    recvfrom:error=ECONNRESET:when=1
end         recv 1: EOF         -               recvfrom:retval=0:when=1
again       recv 1: EAGAIN      net/recv=11     recvfrom:error=EAGAIN:when=1
interrupted recv 1: EINTR       net/recv=4      recvfrom:error=EINTR:when=1
ready       poll 1: spurious    -               poll:retval=1:when=1
fortified   recv 1: ECONNRESET  net/recv=104    recvfrom:error=ECONNRESET:when=1
nothing     read *: short 1     rw/read/reduce  -
END
}

# A read that is interrupted by nothing is POSIX's, and no kernel's.
truth_profile() {
    case $1 in
    interrupted) say linux ;;
    *) say posix ;;
    esac
}

# truth_under WHO EXPERIMENT WORDS: what the experiment says, in one line.
truth_under() {
    local program=$BENCH_BIN/bench_truth status=0
    local -a tool
    case $1 in
    sockfault)
        tool=("$BENCH_BIN/sockfault" run -q --profile "$(truth_profile "$2")"
            -f "$3")
        ;;
    libfiu)
        tool=(fiu-run -x -c "enable name=posix/io/${3/=/,onetime,failinfo=}")
        ;;
    strace) tool=(strace -qq -o /dev/null -e "inject=$3") ;;
    esac
    { timeout 20 "${tool[@]}" "$program" "$2" || status=$?; } \
        2>>"$bench_work/errors"
    ((status <= 128)) || say "killed: SIG$(kill -l $((status - 128)))"
}

# truth_row WHO EXPERIMENT WORDS GOAL
truth_row() {
    local result value=0
    if [[ $3 == - ]]; then
        result='cannot be said'
    else
        result=$(truth_under "$1" "$2" "$3" | tail -n 1)
    fi
    [[ $result != true ]] || value=1
    [[ -n $result ]] || value=null
    bench_add truth "$2, $1" "$value" "$4" higher "${result:-missing: $(bench_why)}"
}

bench_truth() {
    local experiment plan fiu inject
    while IFS=, read -r experiment plan fiu inject; do
        truth_row sockfault "$experiment" "$plan" 1
        truth_row libfiu "$experiment" "$fiu" null
        truth_row strace "$experiment" "$inject" null
    done < <(truth_table | sed 's/  */,/; s/   */,/g')
}
