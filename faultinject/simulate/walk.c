/* walk.c: see walk.h */
#include "faultinject/simulate/walk.h"

#include "faultinject/inject/hash.h"
#include "faultinject/inject/pid.h"
#include "faultinject/session/machine.h"
#include "faultinject/session/refuse.h"
#include "faultinject/session/run.h"
#include "faultinject/simulate/imprint.h"
#include "faultinject/simulate/kept.h"
#include "faultinject/threads/revive.h"
#include "faultinject/threads/turns.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sf_served *served;
static struct sf_seen *seen; /* NULL: states are not recognised */
static void (*count)(void);

static void wipe(void *at, size_t len)
{
    memset(at, 0, len);
}

/* Before the first fork; with the first allocation comes a number by chance. */
void sf_walk_states(const struct sf_serving *serving)
{
    if (!serving->wanted || serving->plain)
        return;
    sf_refuse_sees();
    if (!sf_imprint_begin(sf_can_revive()))
        return;
    seen = sf_seen_new();
    sf_sim_be_tidy(wipe);
    sf_sim_wipe = sf_turns_clear_stack;
}

long __real_sf_tell(struct sf_op *op);
long __wrap_sf_tell(struct sf_op *op);

/*
 * What is on the stack below the program is no state, but what the program puts
 * there next may have it between its variables.  So nothing is left there, of
 * this call or of functions that the program called before it.
 */
long __wrap_sf_tell(struct sf_op *op)
{
    long result = __real_sf_tell(op);

    if (seen) {
        memset(op, 0, sizeof *op);
        sf_turns_clear_stack();
    }
    return result;
}

static void hide_counters(void)
{
    struct sf_hidden *hidden = sf_imprint_hidden();

    sf_turns_counters(sf_hide, hidden);
    sf_session_counters(sf_hide, hidden);
    sf_refuse_counters(sf_hide, hidden);
    sf_sanitized_counters(sf_hide, hidden);
    sf_pid_counters(sf_hide, hidden);
}

/* A thread that was just made comes to where it waits for its turn: how far it
 * is is no part of a state. */
static bool threads_rest(void)
{
    enum { TRIES = 100000 };
    int i = 0;

    while (sf_sim_threads > 1 && !sf_turns_at_rest() && i++ < TRIES)
        sf_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    return i < TRIES;
}

/* What is in no memory of its own, and whether its end will be compared. */
static void add_rest(struct sf_print *print)
{
    uint64_t h = sf_kept_hash(SF_HASH);

    print->a ^=
        served->dials ? sf_hash(h, &served->fatal, sizeof served->fatal) : h;
}

/* Whatever can follow has been, or will be, run from there. */
static void met(unsigned left)
{
    struct sf_print print;
    bool told;

    if (!threads_rest())
        return;
    hide_counters();
    told = sf_imprint_take(&print, sf_turns_stacks);
    sf_show_again(sf_imprint_hidden());
    if (!told)
        return;
    add_rest(&print);
    served->cut = sf_seen(seen, &print, sf_exhaust_name(&served->walk),
                          served->walk.bound == SF_EXHAUST_MAX ? 0 : left);
    served->serving.states = sf_seen_states(seen);
    if (!served->cut)
        return;
    count();
    _exit(0);
}

static void (*turn)(enum sf_call call);

/* While others go on first they call, too. */
static void keep_caller(enum sf_call call)
{
    struct machine_caller kept = machine_caller;

    turn(call);
    machine_caller = kept;
}

static bool is_allowed_choice(const struct sf_point *at,
                              const struct sf_outcome *outcome)
{
    if (at->call == SF_CALL_sched_yield)
        return served->yields != SF_YIELDS_NOT &&
               (outcome->fault == SF_YIELD || sf_session_goes_on());
    return served->yields != SF_YIELDS_ONLY && sf_session_allows(at, outcome);
}

/* Faults are chosen by whoever proves.  A run of which no other goes on is no
 * longer than it takes to look. */
void sf_walk_join(struct sf_served *report, void (*counts)(void))
{
    served = report;
    count = counts;
    sf_exhaust_adopt(&served->walk, served->children);
    served->walk.allowed = is_allowed_choice;
    turn = sf_inject_calls;
    sf_inject_calls = keep_caller;
    sf_session_choose(&served->walk.chooser);
    if (!seen || served->walk.n == served->walk.bound || !sf_imprint_can_tell())
        return;
    sf_seen_round(seen, served->walk.bound + 1);
    served->walk.met = met;
}
