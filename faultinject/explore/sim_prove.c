/*
 * sim_prove.c: a run of the program for each combination of faults.
 *
 * Each is a process of its own, from its start, so whatever the program does
 * to itself ends with it.  The walk is here; the library in the program has a
 * copy and notes what else could have been chosen (served.h).
 */
#include "faultinject/explore/sim.h"
#include "faultinject/session/place.h"
#include "faultinject/session/statement.h"
#include "faultinject/session/tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEEP_EVERY_MS = 1000 }; /* for a break that nobody has announced */

static struct {
    struct sf_exhaust walk;
    struct sf_session session;
    struct sf_saved saved; /* where it stands, for a break */
    uint64_t key;          /* of that                      */
    uint64_t runs, schedules[SF_EXHAUST_MAX + 1];
    uint64_t merged;  /* … that ended in a state that was seen */
    unsigned deepest; /* faults in the longest                 */
    uint64_t calls;
    uint32_t decisions;
    int64_t since, kept; /* ms */
    struct sf_progress progress;
    char counterexample[PATH_MAX];
} proof;

/* ------------------------------------------------------------------- break */

/* Which program, with which arguments, session and shard the file belongs to;
 * what the program reads besides is not known. */
static uint64_t walk_key(char **command, const struct sf_program *program)
{
    uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(&proof.session, bytes, sizeof bytes);
    uint64_t h = sf_hash(SF_HASH, bytes, len);

    h = sf_hash(h, &proof.session.profile, sizeof proof.session.profile);
    h = sf_hash_file(h, program->path);
    h = sf_hash_file(h, sim.library);
    for (; *command; command++)
        h = sf_hash(h, *command, strlen(*command) + 1);
    h = sf_hash(h, &sim.allowed, sizeof sim.allowed);
    h = sf_hash(h, &sim.yields, sizeof sim.yields);
    if (sim.at)
        h = sf_hash(h, sim.at, strlen(sim.at) + 1);
    if (sim.dials)
        h = sf_hash(h, sim.dials, strlen(sim.dials) + 1);
    h = sf_hash(h, &sim.compares, sizeof sim.compares);
    h = sf_hash(h, &sim.judges_silence, sizeof sim.judges_silence);
    h = sf_hash(h, &sim.cuts, sizeof sim.cuts);
    h = sf_hash(h, &sim.shard, sizeof sim.shard);
    return sf_hash(h, &sim.shards, sizeof sim.shards);
}

static bool go_on(char **command, const struct sf_program *program)
{
    char why[SF_WHY];

    if (!sim.resume)
        return true;
    proof.key = walk_key(command, program);
    if (!sf_place_read(sim.resume, proof.key, sim.k, &proof.saved, why))
        return sf_complain("sim: %s", why);
    sf_exhaust_seek(&proof.walk, &proof.saved.place);
    memcpy(proof.schedules, proof.saved.schedules, sizeof proof.schedules);
    return true;
}

static void keep(void)
{
    char why[SF_WHY];

    if (sim.resume && !sf_place_write(sim.resume, proof.key, &proof.saved, why))
        sf_complain("sim: %s", why);
    proof.kept = sf_now_ms();
}

/* This run was made, and nothing was found. */
static void save(void)
{
    struct sf_exhaust_place place;

    if (sf_exhaust_tell(&proof.walk, &place)) {
        proof.saved.place = place;
        memcpy(proof.saved.schedules, proof.schedules, sizeof proof.schedules);
    }
    if (sf_now_ms() - proof.kept >= KEEP_EVERY_MS)
        keep();
}

/* -------------------------------------------------------------------- walk */

static int run(char **command, const struct sf_program *program)
{
    struct sf_served *s = sim.served;
    int status;

    sf_sim_clear();
    if (!sf_sim_same_clear())
        return SF_COULD_NOT;
    s->proves = true;
    s->yields = sim.yields;
    s->walk = proof.walk;
    status = sim.server > 0 ? sf_sim_fork_run(command[0])
                            : sf_sim_run(command, program);
    if (s->joined)
        sf_exhaust_take_back(&proof.walk, &s->walk, s->children);
    return status;
}

static void count(void)
{
    if (proof.walk.n == 0) {
        proof.calls = sim.served->calls;
        proof.decisions = proof.walk.asked;
    }
    if (proof.walk.n || sim.shard == 0)
        proof.schedules[proof.walk.n] += proof.walk.counts || sim.loops;
    proof.merged += sim.served->cut;
    if (proof.walk.n > proof.deepest)
        proof.deepest = proof.walk.n;
    proof.runs++;
}

/* What a fork comes to is true where nothing is wrong; else the start tells. */
static int run_truly(char **command, const struct sf_program *program)
{
    int status = run(command, program);

    if (sim.server <= 0 || sf_forwarded() ||
        (status == SF_NOTHING_FOUND && !sf_exhaust_diverged(&proof.walk)))
        return status;
    sf_sim_fork_end();
    status = run(command, program);
    if (status == SF_NOTHING_FOUND)
        sf_sim_fork_differs();
    return status;
}

static bool comes_again(char **command, const struct sf_program *program,
                        int status)
{
    uint64_t way = proof.walk.way;
    bool same = run(command, program) == status && proof.walk.way == way;

    proof.walk.way = way;
    return same;
}

/* The first run, which has no choice to be compared at: by a fork if that does
 * the same, so that all others can be. */
static bool first_again(char **command, const struct sf_program *program,
                        int status)
{
    if (sf_sim_fork_begin(command, program) &&
        comes_again(command, program, status))
        return true;
    sf_sim_fork_end();
    return !sf_forwarded() && comes_again(command, program, status);
}

/* Once more: the first run, and one that found something. */
static enum sim_end again(char **command, const struct sf_program *program,
                          int status)
{
    bool killed = sim.killed == SIGKILL;
    bool same = status == SF_FOUND ? comes_again(command, program, status)
                                   : first_again(command, program, status);

    if (sf_forwarded())
        return SIM_STOPPED;
    if (!same && killed)
        sf_sim_others_killed(command[0]);
    else if (!same)
        sf_sim_is_unsteady(command[0],
                           "with the same choices it did not do the "
                           "same again");
    if (!same)
        return SIM_CANNOT;
    return status == SF_FOUND ? SIM_REFUTED : SIM_COMPLETE;
}

/* Where every way was followed until it came to a state that was seen. */
static enum sim_end closed(void)
{
    return sim.loops && proof.deepest == sim.k ? SIM_STOPPED : SIM_COMPLETE;
}

static enum sim_end has_no_states(const char *program)
{
    snprintf(sim.served->line, sizeof sim.served->line,
             "sockfault: %s: --loops: its states are not recognised: it has "
             "children, threads without turns, a real socketpair or too much "
             "memory, or /proc/self/pagemap does not tell",
             program);
    return SIM_CANNOT;
}

static enum sim_end walk(char **command, const struct sf_program *program)
{
    while (sf_exhaust_next(&proof.walk)) {
        int status = run_truly(command, program);
        enum sim_end end = SIM_COMPLETE;

        if (sf_forwarded())
            return SIM_STOPPED;
        if (status == SF_COULD_NOT)
            return SIM_CANNOT;
        count();
        if (status != SF_FOUND && sf_exhaust_diverged(&proof.walk)) {
            sf_sim_is_unsteady(command[0],
                               "with the same choices it met other decisions");
            return SIM_CANNOT;
        }
        if (status == SF_FOUND || proof.runs == 1)
            end = again(command, program, status);
        if (end == SIM_COMPLETE && sim.loops && !sim.served->serving.states &&
            proof.runs > 1)
            end = has_no_states(command[0]);
        if (end != SIM_COMPLETE)
            return end;
        save();
        sf_progress_look(&proof.progress, &proof.walk, proof.runs);
        if (sf_sim_is_late(proof.since))
            return SIM_STOPPED;
    }
    return closed();
}

/* --------------------------------------------------------------- statement */

static void say_end(enum sim_end end, const struct sf_statement *s)
{
    switch (end) {
    case SIM_COMPLETE:
        sf_state_complete(s);
        break;
    case SIM_STOPPED:
        if (sim.loops)
            sf_state_open(s, sf_forwarded(), proof.walk.vector, proof.walk.n);
        else
            sf_state_stopped(proof.walk.bound, sf_forwarded());
        break;
    case SIM_REFUTED:
        sf_state_refuted(proof.walk.n, sim.served->line);
        break;
    case SIM_CANNOT:
        sf_state_nothing();
        break;
    }
}

static void say(const char *program, enum sim_end end)
{
    struct sf_statement s = {
        .session = sf_sim_session_name(),
        .program = program,
        .profile = proof.session.profile,
        .k = sim.k,
        .cuts = sim.cuts,
        .loops = sim.loops,
        .deepest = proof.deepest,
        .shard = sim.shard,
        .shards = sim.shards,
        .calls = proof.calls,
        .decisions = proof.decisions,
        .cut = end == SIM_REFUTED && !proof.walk.n && !proof.calls,
        .runs = proof.runs,
        .seconds = (double)(sf_now_ms() - proof.since) / 1000,
        .schedules = proof.schedules};

    sf_state_subject(&s);
    sf_state_schedules(&s);
    if (sim.served->serving.states)
        sf_state_states(sim.served->serving.states, proof.merged);
    say_end(end, &s);
    sf_state_pace(&s);
}

/* ---------------------------------------------------------- counterexample */

static bool write_counterexample(const char *program)
{
    const char *slash = strrchr(program, '/');
    FILE *f;

    if (!sf_session_take_choices(&proof.session, proof.walk.vector,
                                 proof.walk.n))
        return sf_complain("the counterexample is longer than a tape can be");
    snprintf(proof.counterexample, sizeof proof.counterexample,
             "%s/%s.%.*s.session", sim.out, slash ? slash + 1 : program,
             (int)strcspn(sf_sim_session_name(), "."), sf_sim_session_name());
    f = fopen(proof.counterexample, "w");
    if (f)
        sf_session_print(&proof.session, f);
    return (f && fclose(f) == 0) ||
           sf_complain("%s: %s", proof.counterexample, strerror(errno));
}

/* By its tape alone, as `sockfault sim` would. */
static void show(char **command, const struct sf_program *program)
{
    int status;

    if (!write_counterexample(command[0]) || !sf_sim_same_clear())
        return;
    sf_sim_clear();
    sim.scenario = proof.counterexample;
    sim.verbose = true;
    fprintf(stderr, "\n");
    status = sf_sim_run(command, program);
    sf_sim_same_print();
    if (status == SF_FOUND)
        fprintf(stderr, "%s\n", sim.served->line);
    else if (!sf_forwarded())
        fprintf(stderr, "played by its tape alone nothing was found\n");
    sf_sim_say_how(command, "");
}

/* What was done is kept, but for what is over. */
static void break_off(enum sim_end end, const char *line)
{
    if (end == SIM_STOPPED || end == SIM_CANNOT)
        keep();
    if (sf_forwarded())
        sf_complain("sim: stopped by SIG%s%s", sigabbrev_np(sf_forwarded()),
                    sf_resume_text(sim.resume));
    else if (end == SIM_CANNOT)
        fprintf(stderr, "%s\n", line);
}

/* Once more, since the program may say why; if it goes well this time, what was
 * seen before is all there is. */
static void run_aloud(char **command, const struct sf_program *program)
{
    char before[SF_SIM_LINE];

    memcpy(before, sim.served->line, sizeof before);
    sim.aloud = true;
    if (run(command, program) != SF_COULD_NOT)
        memcpy(sim.served->line, before, sizeof before);
}

int sf_sim_prove(char **command, const struct sf_program *program)
{
    static const int status[] = {SF_NOTHING_FOUND, SF_COULD_NOT, SF_FOUND,
                                 SF_COULD_NOT};
    enum sim_end end;

    if (!sf_sim_load(&proof.session) || !sf_sim_same_begin())
        return SF_COULD_NOT;
    proof.session.faults_n = 0;
    sf_exhaust_init(&proof.walk, sim.k);
    proof.walk.shard = sim.shard;
    proof.walk.shards = sim.shards;
    proof.walk.cuts = sim.cuts;
    if (sim.loops)
        proof.walk.bound = sim.k;
    if (!go_on(command, program))
        return SF_COULD_NOT;
    proof.since = proof.kept = sf_now_ms();
    sf_progress_begin(&proof.progress, sim.quiet);
    end = walk(command, program);
    sf_sim_fork_end();
    if (end == SIM_CANNOT && proof.runs == 0)
        run_aloud(command, program);
    sf_progress_wipe(&proof.progress);
    break_off(end, sim.served->line);
    if (proof.runs > 0)
        say(command[0], end);
    if (end == SIM_REFUTED)
        show(command, program);
    return status[end];
}
