#!/usr/bin/env bash
# Can the tests of the injector's truthfulness fail?  In a copy of the sources
# one thing at a time is taken out of the injector, and the test that is about
# it must go red, by that name.
#
# usage: unmended.sh SOURCES [NAME]...
set -eu

sources=$1
shift
only=" $* "
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tried=0 green=0

complain() {
    echo "unmended.sh: $*" >&2
    green=$((green + 1))
}

# build TEST
build() {
    ninja -C "$work/build" "faultinject_$1_test" >"$work/log" 2>&1
}

# red WHAT-FAILS TEST FILE SED-EXPRESSION: without what the expression takes
# out of faultinject/FILE, this test fails.
red() {
    local what=$1 test=$2 file=$work/faultinject/$3 status=0
    [[ $only == "  " || $only == *" $what "* ]] || return 0
    tried=$((tried + 1))
    cp "$file" "$work/kept"
    sed -i "$4" "$file"
    if cmp -s "$file" "$work/kept"; then
        complain "$what: nothing was taken out of $3"
    elif ! build "$test"; then
        complain "$what: does not compile: $(grep -m 1 error: "$work/log")"
    else
        "$work/build/bin/faultinject_${test}_test" >"$work/said" 2>&1 ||
            status=$?
        if [[ $status == 0 ]]; then
            complain "$what: nobody misses what was taken out of $3"
        elif ! grep -q "FAILED.* $what" "$work/said"; then
            complain "$what: something else failed: $(tail -n 3 "$work/said")"
        fi
    fi
    cp "$work/kept" "$file"
}

tar -C "$sources" --exclude=./build --exclude=./out --exclude=./.git -cf - . |
    tar -C "$work" -xf -
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER=clang \
    -DSOCKFAULT_WERROR=OFF -DCMAKE_BUILD_TYPE=Debug >"$work/log" 2>&1 ||
    { cat "$work/log" && exit 1; }
for test in impossible traps edges; do
    build "$test" || { cat "$work/log" && exit 1; }
    "$work/build/bin/faultinject_${test}_test" >"$work/said" 2>&1 ||
        { cat "$work/said" && exit 1; }
done

# The twenty sequences that no kernel gives.
red 1: impossible kernel/mend.c 's/if (m->state == ENDED) {/if (0) {/'
red 2: impossible kernel/mend.c \
    '/^static int tell/,/^}/{ s/set_pending(m, false);// }'
red 3: impossible inject/model.c \
    's/return !s->facts.nonblock \&\& .*/return 0;/'
red 4: impossible inject/perform.c \
    '/^static enum sf_verdict interrupt(/,/^}/s/return answer(op);/{ \
        char c; op->world->recv(op->fd, \&c, 1, 0); return answer(op); }/'
red 5: impossible inject/model.c \
    's/return f->handled .* ? SF_LINUX : SF_POSIX;/return SF_LINUX;/'
red 6: impossible inject/account.c 's/conn->promised = bytes;/(void)bytes;/'
red 7: impossible inject/perform.c 's/\[SF_EPIPE\] = reset/[SF_EPIPE] = answer/'
red 8: impossible inject/model.c \
    's/return s->facts.local || s->conn->moved\[SF_OUT\] > 0 ? .*/return SF_LINUX;/'
red 9: impossible kernel/mend.c \
    '/^static int mended_getsockopt/,/^}/s/\*error = 0;/*error = m->err;/'
red 10: impossible inject/perform.c \
    's/\[SF_EMFILE\] = fill/[SF_EMFILE] = answer/'
red 11: impossible inject/perform.c \
    '/^static enum sf_verdict die(/,/^}/s/return SF_PERFORM;/return answer(op);/; s/op->world->kill(victim);//'
red 12: impossible interpose/wait.c \
    '0,/return (int)sf_tell(&op);/s//if (op.result < 0 \&\& rd) FD_ZERO(rd); return (int)sf_tell(\&op);/'
red 13: impossible kernel/mend.c \
    '/^static int mended_socket(/,/^}/s/return .*/{ int low = sf_libc.socket(domain, type, protocol); \
        int high = sf_libc.fcntl(low, F_DUPFD, low + 1); sf_libc.close(low); return fresh(high); }/'
red 14: impossible inject/model.c 's/if (!blocks(s))$/if (1)/'
red 15: impossible inject/account.c \
    's/conn->ready\[way\] = false;/& if (way == SF_OUT \&\& op->fault == SF_SHORT) op->result--;/'
red 16: impossible kernel/mend.c \
    '/^static void drop_tcp/,/^}/s/sf_libc.shutdown(fd, SHUT_RDWR);//'
red 17: impossible inject/model.c \
    's/!s->facts.connecting \&\& !s->conn->over/!s->conn->over/'
red 18: impossible inject/account.c 's/op->world->kill(fd);//'
red 19: impossible kernel/mend.c \
    '/^static int mended_close/,/^}/s/return .*/return sf_libc.close(fd), -1;/'
red 20: impossible inject/model.c \
    's/if (sf_fault_transient(fault) \&\& .*/if (0)/'

# What a truthful injector has to do afterwards.
red edge_after_short_count edges inject/account.c \
    's/op->fault == SF_SHORT || conn->held/conn->held/'
red edge_after_eagain edges inject/perform.c \
    '/^static enum sf_verdict would_block/,/^}/s/sf_rearm(op, op->fd, false);/;/'
red edge_after_withheld edges inject/account.c \
    's/sf_rearm(op, fd, \(.*\));/\1;/'
red hangup_waits edges inject/account.c 's/^        hold_hangups(op);//'
red peeked_bytes_stay traps inject/account.c \
    's/promise(conn, (size_t)op->result);/;/'
red counted_bytes_stay traps inject/account.c \
    's/conn->promised = bytes;/(void)bytes;/'
red reported_bytes_are_there traps inject/model.c \
    's/return s->conn \&\& s->conn->ready.*/return 0;/'
red mode_is_looked_up traps inject/model.c \
    's/return !s->facts.nonblock \&\& .*/return 0;/'
red waits_are_no_reads traps inject/inject.c \
    's/\.total = sf_injector.total\[op->call\],/.total = sf_injector.total[op->call] + sf_injector.total[SF_CALL_epoll_wait],/'
red blocking_counts_are_whole traps inject/model.c 's/if (!blocks(s))$/if (1)/'
red aborted_connection_is_gone traps inject/perform.c \
    's/op->world->drop(op->fd);//'
red end_is_for_ever traps kernel/mend.c 's/if (m->state == ENDED) {/if (0) {/'
red reset_keeps_the_name traps kernel/mend.c \
    '/^static int mended_getsockname/,/^}/s/if (!m .*/if (1)/'
red reset_keeps_the_name traps kernel/mend.c \
    '/^static int mended_ioctl/,/^}/s/request == SIOCOUTQ/0/'
red no_resonance traps inject/choose_plan.c 's/at->streak >= SF_SEED_STREAK/0/'
red long_streams_get_on traps inject/seed.c \
    's/if (at->offset >= CAREFUL_BYTES)/if (0)/'
red disarmed_is_quiet traps inject/inject.c \
    '/^void sf_inject_disarm/,/^}/s/sf_injector.chooser = NULL;//'
red sessions_are_alike traps inject/seed.c \
    's/uint64_t x = sf_mix(seed +/static unsigned n; uint64_t x = sf_mix(seed + n++ +/'
red other_threads_are_not_interrupted traps kernel/kernel.c \
    's/return syscall(SYS_gettid) == getpid();/return 1;/'
red no_child_is_made_up traps kernel/kernel.c \
    's/return sig != SIGCHLD || has_children();/return 1;/'
red ended_peer_has_said_all traps inject/account.c \
    's/if (facts.settled ||/if (/'
red ended_peer_has_said_all traps inject/model.c \
    's/ || (reads(s) \&\& s->facts.settled)//'
# What a process does to both ends of its own pair.
red O4: possible inject/account.c 's/sf_model_own(conn, &facts)/false/'
red O3: possible inject/model.c \
    's/return sf_model_own(s->conn, &s->facts);/return false;/'
red O6: possible inject/model.c \
    's/return s->world->all_threads && s->conn && own/return false \&\& own/'
red O4: possible kernel/kernel.c \
    's/f->own = .*/f->own = false;/'
red told_is_told_again traps inject/account.c 's/member.events \&= ~POLLIN;/;/'
red short_waits_are_waits traps interpose/wait.c 's/(ns + 999999)/ns/'
red closed_unseen_is_forgotten traps kernel/mend.c \
    's/fresh(fds\[0\]);/;/'
red in_a_flood truth inject/perform.c \
    '/^    lose_unknown(op, op->conn->ready\[SF_IN\]);/d'
red same_as_one_by_one index inject/plan_index.c \
    's/e->rule < first->rule/e->rule > first->rule/'
red same_as_one_by_one index inject/plan_index.c \
    's/add_way(walk, at, 0, at->process);/;/'
red numbers_beyond_all index inject/plan_index.c \
    's/ \&\& r->first <= UINT32_MAX//'

echo "unmended.sh: $tried taken out, $green not missed"
[[ $green == 0 && $tried -gt 0 ]]
