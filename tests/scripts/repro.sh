# What repro takes, and what it says of that which is no input, plan or finding.
. "$(dirname "$0")/check.sh" "$@"

sample ''
preloaded short
repro=$ROOT/scripts/repro
cd "$SOCKFAULT_PROJECT"

# A plan, or a folder of them; in brief where nothing is found.
expect 0 "$repro" --times 1 corpus/plans/short.plan
has "$WORK/stdout" 'server.fork'
has "$WORK/stdout" 'executed 1 of 1'
has "$WORK/stdout" 'more lines; -v shows all'
[[ $(wc -l <"$WORK/stdout") -lt 200 ]] || fail "not brief"
expect 0 "$repro" -v --times 1 corpus/plans/short.plan
[[ $(wc -l <"$WORK/stdout") -gt 200 ]] || fail "not all"
expect 0 "$repro" corpus/plans
has "$WORK/stdout" 'executed 4 of 4, reproduced 0'

# What is no plan, or no input, was not played.
printf 'sockfault-plan 1\nconn 1 recv 3: shrt 1\n' >bad.plan
refused "$repro" bad.plan
has "$WORK/stderr" "bad.plan:2:16: expected a fault, found 'shrt'"
! grep -q executed "$WORK/stdout" || fail "a plan that is none was executed"
truncate -s 1048577 large
refused "$repro" --fuzzer fuzz_sample large
has "$WORK/stderr" 'large: larger than 1 MiB'
refused "$repro" --fuzzer fuzz_sample /dev/null
has "$WORK/stderr" '/dev/null: neither a file nor a folder'
cp bad.plan large corpus/plans
refused "$repro" corpus/plans
has "$WORK/stdout" 'executed 4 of 8, reproduced 0'
cp large corpus/fuzz_sample
refused "$repro" corpus/fuzz_sample
has "$WORK/stdout" 'executed 2 of 3, reproduced 0'

# A finding's folder that lacks something.
mkdir finding
said() {
    echo "$1" >finding/meta.json
    refused "$repro" finding
    has "$WORK/stderr" "$2"
}
said '{"fuzzer":"fuzz_sample"}' "finding/input': no such file"
cp corpus/fuzz_sample/hello finding/input
said '{"fuzzer":' "finding/meta.json': expected a finding's"
said '{}' "finding/meta.json': expected a finding's"
said '[1]' "finding/meta.json': expected a finding's"
said '{"fuzzer":"server.foo"}' "no fuzz target 'server.foo'; there are: fuzz_sa"
said '{"fuzzer":"../../x"}' "no fuzz target '../../x'"
echo '{"fuzzer":"fuzz_sample"}' >finding/meta.json
expect 0 "$repro" finding
has "$WORK/stdout" 'executed 5 of 5'

# One that campaigns leave out can be named, and nothing that is no target.
cat >>CMakeLists.txt <<'END'
set(kind other)
sockfault_add_fuzzer(fuzz_${kind} UNLISTED SOURCES fuzz_sample.c)
target_compile_definitions(fuzz_other PRIVATE PLANTED="")
END
expect 0 "$repro" --fuzzer fuzz_other finding/input
has "$WORK/stdout" 'fuzz_other'
refused "$repro" --fuzzer fuzz_none finding/input
has "$WORK/stderr" "no fuzz target 'fuzz_none'; there are: fuzz_sample"
refused "$repro" --fuzzer sockfault finding/input

# Where nothing can be written nothing was built, and nothing found.
refused env TMPDIR="$WORK/none" "$repro" finding
has "$WORK/stderr" "TMPDIR '$WORK/none': cannot make a folder there"
mv build/default.log log
mkdir build/default.log
refused "$repro" finding
has "$WORK/stderr" 'nothing can be built: cannot write build/default.log'
rmdir build/default.log
mkdir full
if unshare -rm mount -t tmpfs none full 2>/dev/null; then
    # shellcheck disable=SC2016 # for the shell within
    refused env TMPDIR="$PWD/full" unshare -rm sh -c '
        mount -t tmpfs -o size=64k none full
        head -c 65536 /dev/zero >full/all 2>/dev/null
        exec "$@"' sh "$repro" finding
    has "$WORK/stderr" 'no room for a report in '
fi
