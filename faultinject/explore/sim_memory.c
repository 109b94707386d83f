/*
 * sim_memory.c: a run of the program for each of its allocations, which fails.
 *
 * Those are meant that it makes from when it waits for its first client.  Who
 * loses a connection by that is not known, and a program that ends itself for
 * want of memory may; it must not crash, hang or spin, nor misuse or leak a
 * descriptor.
 */
#include "faultinject/explore/sim.h"
#include "faultinject/session/statement.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct sf_session session;
    uint64_t all; /* so many allocations there are */
    struct sf_shortage shortage;
    char finding[SF_SIM_LINE]; /* the first */
    int64_t since;             /* ms        */
    struct sf_progress progress;
} proof;

/* Without faults, and with that allocation failing; 0: none. */
static int run(char **command, const struct sf_program *program, uint64_t nth)
{
    struct sf_served *s = sim.served;

    sf_sim_clear();
    sf_exhaust_init(&s->walk, 0);
    sf_exhaust_next(&s->walk);
    s->proves = true;
    s->refused = nth;
    return sim.server > 0 ? sf_sim_fork_run(command[0])
                          : sf_sim_run(command, program);
}

/* It came to its end before the one that was to fail. */
static bool asked_less(uint64_t nth)
{
    return sim.served->ended && sim.served->allocations < nth;
}

/* What a fork comes to is true where nothing is wrong; else the start tells. */
static int run_truly(char **command, const struct sf_program *program,
                     uint64_t nth)
{
    int status = run(command, program, nth);

    if (sim.server <= 0 || sf_forwarded() ||
        (status == SF_NOTHING_FOUND && !asked_less(nth)))
        return status;
    sf_sim_fork_end();
    status = run(command, program, nth);
    if (status == SF_NOTHING_FOUND)
        sf_sim_fork_differs();
    return status;
}

static void note(uint64_t nth)
{
    struct sf_shortage *s = &proof.shortage;

    if (s->failing++)
        return;
    s->nth = nth;
    s->finding = proof.finding;
    memcpy(proof.finding, sim.served->line, sizeof proof.finding);
}

/* With all the memory in the world, and with all but one block of it. */
static enum sim_end asked_otherwise(const char *program)
{
    char what[96];

    snprintf(what, sizeof what,
             "it asked for memory %" PRIu64 " times, and then %" PRIu64,
             proof.all, sim.served->allocations);
    sf_sim_is_unsteady(program, what);
    return SIM_CANNOT;
}

/* Then there is nothing that could fail. */
static bool is_blind(const char *program)
{
    struct sf_served *s = sim.served;

    if (s->blind)
        snprintf(s->line, sizeof s->line,
                 "sockfault: %s has a malloc() of its own, as with a "
                 "sanitizer: its allocations are not seen",
                 program);
    return s->blind;
}

/* What is found comes again. */
static enum sim_end found(char **command, const struct sf_program *program,
                          uint64_t nth)
{
    bool killed = sim.killed == SIGKILL;

    if (run(command, program, nth) == SF_FOUND) {
        note(nth);
        return SIM_COMPLETE;
    }
    if (killed)
        sf_sim_others_killed(command[0]);
    else
        sf_sim_is_unsteady(command[0], "what was found did not come again");
    return sf_forwarded() ? SIM_STOPPED : SIM_CANNOT;
}

static enum sim_end fail(char **command, const struct sf_program *program,
                         uint64_t nth)
{
    bool forks = sim.server > 0;
    int status = run_truly(command, program, nth);
    enum sim_end end;

    if (sf_forwarded() || sf_sim_is_late(proof.since))
        return SIM_STOPPED;
    if (status == SF_FOUND) {
        end = found(command, program, nth);
        if (end == SIM_COMPLETE && forks)
            sf_sim_fork_begin(command, program);
        return end;
    }
    if (status == SF_NOTHING_FOUND && asked_less(nth))
        return asked_otherwise(command[0]);
    return status == SF_NOTHING_FOUND ? SIM_COMPLETE : SIM_CANNOT;
}

/* With all memory once more: by a fork if that does the same, so that all
 * others can be. */
static enum sim_end again(char **command, const struct sf_program *program)
{
    enum sim_end end;

    if (sf_sim_fork_begin(command, program) &&
        run(command, program, 0) == SF_NOTHING_FOUND &&
        sim.served->allocations == proof.all)
        return SIM_COMPLETE;
    sf_sim_fork_end();
    end = fail(command, program, 0);
    return end == SIM_COMPLETE && sim.served->allocations != proof.all
               ? asked_otherwise(command[0])
               : end;
}

/* Twice with all memory, to see that it does the same, and then without. */
static enum sim_end torture(char **command, const struct sf_program *program)
{
    struct sf_shortage *s = &proof.shortage;
    enum sim_end end = fail(command, program, 0);

    proof.all = sim.served->allocations;
    if (end == SIM_COMPLETE && !s->failing && is_blind(command[0]))
        end = SIM_CANNOT;
    if (end == SIM_COMPLETE && !s->failing)
        end = again(command, program);
    while (end == SIM_COMPLETE && s->runs < proof.all &&
           !(s->failing && !s->nth)) {
        end = fail(command, program, s->runs + 1);
        s->runs += end == SIM_COMPLETE;
        sf_progress_count(&proof.progress, s->runs, proof.all);
    }
    return end != SIM_CANNOT && s->failing ? SIM_REFUTED : end;
}

static void say(const char *program, enum sim_end end)
{
    struct sf_statement s = {
        .session = sf_sim_session_name(),
        .program = program,
        .profile = proof.session.profile,
        .runs = proof.shortage.runs,
        .seconds = (double)(sf_now_ms() - proof.since) / 1000,
    };

    sf_state_short_subject(&s);
    if (end == SIM_COMPLETE)
        sf_state_short_complete(&proof.shortage);
    else if (end == SIM_STOPPED)
        sf_state_short_stopped(&proof.shortage, sf_forwarded());
    else if (end == SIM_REFUTED)
        sf_state_short_refuted(&proof.shortage);
    else
        sf_state_nothing();
    sf_state_pace(&s);
}

/* One run before the eyes of who asks for it. */
static int show(char **command, const struct sf_program *program, uint64_t nth)
{
    const struct sf_served *s = sim.served;
    int status;

    sim.aloud = true;
    status = run(command, program, nth);
    if (status == SF_NOTHING_FOUND && is_blind(command[0]))
        status = SF_COULD_NOT;
    if (status != SF_NOTHING_FOUND) {
        fprintf(stderr, "%s\n", s->line);
    } else if (asked_less(nth)) {
        sf_complain("sim: --memory=%" PRIu64 ": the program asks for memory "
                    "%" PRIu64 " times",
                    nth, s->allocations);
        status = SF_COULD_NOT;
    } else if (!sim.quiet) {
        printf("sockfault: allocation %" PRIu64 " failed: nothing found\n",
               nth);
    }
    return status;
}

static int refute(char **command, const struct sf_program *program)
{
    char option[32] = "";

    sim.verbose = true;
    fprintf(stderr, "\n");
    if (proof.shortage.nth)
        snprintf(option, sizeof option, " --memory=%" PRIu64,
                 proof.shortage.nth);
    show(command, program, proof.shortage.nth);
    sf_sim_say_how(command, option);
    return SF_FOUND;
}

int sf_sim_torture(char **command, const struct sf_program *program)
{
    enum sim_end end;

    if (!sf_sim_load(&proof.session))
        return SF_COULD_NOT;
    if (sim.nth)
        return show(command, program, sim.nth);
    proof.since = sf_now_ms();
    sf_progress_begin(&proof.progress, sim.quiet);
    sim.plain = true; /* each run is another one */
    end = torture(command, program);
    sf_sim_fork_end();
    sf_progress_wipe(&proof.progress);
    if (end == SIM_CANNOT)
        fprintf(stderr, "%s\n", sim.served->line);
    say(command[0], end);
    if (end == SIM_REFUTED)
        return refute(command, program);
    return end == SIM_COMPLETE ? SF_NOTHING_FOUND : SF_COULD_NOT;
}
