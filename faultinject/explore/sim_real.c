/*
 * sim_real.c: what real peers do to a program in memory becomes a session.
 *
 * It is played once more without them before anybody relies on it.  And since
 * they did it to this program, and under TLS only its own keys fit, the session
 * says in comments what it had answered: a fingerprint for each peer.
 */
#include "faultinject/explore/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* What is there already is not to be lost. */
static FILE *create(void)
{
    FILE *out = fopen(sim.scenario, "wxe");

    if (!out)
        sf_complain("%s: %s", sim.scenario,
                    errno == EEXIST ? "expected a new file for --live"
                                    : strerror(errno));
    return out;
}

static bool write_session(FILE *out)
{
    sf_session_print(&sim.served->recorded, out);
    for (unsigned i = 1; i <= SF_PEERS; i++)
        if (sim.served->heard[i])
            fprintf(out, "# heard of peer %u: %" PRIx64 "\n", i,
                    sim.served->heard[i]);
    if (fclose(out) != 0)
        return sf_complain("%s: %s", sim.scenario, strerror(errno));
    if (sim.served->recorded.acts_n == 0)
        unlink(sim.scenario);
    return true;
}

static bool is_usable(void)
{
    const struct sf_served *s = sim.served;

    if (s->recorded.acts_n == 0)
        return *s->line || sf_complain("%s: the peers did nothing, and there "
                                       "is no session",
                                       sim.scenario);
    if (s->dropped)
        return sf_complain("%s: the peers did more than the %d acts that a "
                           "session can have",
                           sim.scenario, SF_ACTS_MAX);
    return true;
}

/* The program says the same to each, and comes to the same. */
static bool comes_again(char **command, const struct sf_program *program,
                        int status)
{
    const struct sf_served first = *sim.served;
    bool same;

    sf_sim_clear();
    sim.served->hears = sim.served->calm = true;
    same = sf_sim_run(command, program) == status &&
           memcmp(first.heard, sim.served->heard, sizeof first.heard) == 0;
    *sim.served = first;
    return same || sf_complain("%s: played again, %s does something else: it "
                               "is not the same in each run, or reads its "
                               "standard input",
                               sim.scenario, command[0]);
}

int sf_sim_real(char **command, const struct sf_program *program)
{
    FILE *out = create();
    int status;

    if (!out)
        return SF_COULD_NOT;
    sim.served->hears = true;
    sim.served->live = sim.live;
    status = sf_sim_run(command, program);
    if (sf_forwarded()) { /* however the program takes that */
        snprintf(sim.served->line, SF_SIM_LINE,
                 "sockfault: stopped by SIG%s, with %s",
                 sigabbrev_np(sf_forwarded()),
                 sim.served->recorded.acts_n ? "what was recorded so far"
                                             : "nothing recorded");
        status = SF_COULD_NOT;
    }
    if (!write_session(out) || !is_usable() || status == SF_COULD_NOT ||
        !comes_again(command, program, status))
        return SF_COULD_NOT;
    if (!sim.quiet)
        printf("sockfault: %s: %u acts\n", sim.scenario,
               sim.served->recorded.acts_n);
    return status;
}

/* ------------------------------------------------------ what was recorded */

static uint64_t expected[SF_PEERS + 1];

void sf_sim_find_recorded(void)
{
    FILE *in = fopen(sim.scenario, "re");
    char line[256];
    uint64_t heard;
    unsigned peer;

    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "# heard of peer %u: %" SCNx64, &peer, &heard) == 2 &&
            peer <= SF_PEERS) {
            expected[peer] = heard;
            sim.recorded = true;
        }
    if (in)
        fclose(in);
}

void sf_sim_look_recorded(const char *name)
{
    const struct sf_served *s = sim.served;

    if (sim.recorded && s->joined && !s->faults && !s->refused &&
        memcmp(s->heard, expected, sizeof expected) != 0)
        sf_complain("%s: %s says something else than when this was recorded",
                    sim.scenario, name);
    sim.recorded = false;
}
