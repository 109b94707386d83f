/* sim_session.c: the session that a proof is about; see sim.h */
#include "faultinject/explore/sim.h"
#include "faultinject/session/statement.h"
#include "faultinject/session/word.h"

#include <errno.h>
#include <string.h>

bool sf_sim_load(struct sf_session *session)
{
    static char bytes[SF_TEXT_MAX + 1];
    FILE *f = fopen(sim.scenario, "re");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    bool whole = f && !ferror(f);
    char why[256];

    if (!whole)
        sf_complain("%s: %s", sim.scenario, strerror(errno));
    if (f)
        fclose(f);
    if (!whole)
        return false;
    if (sf_session_read_file(session, bytes, n, why, sizeof why) < 0)
        return sf_complain("%s:%s%s", sim.scenario, sf_before_why(why), why);
    return true;
}

const char *sf_sim_session_name(void)
{
    const char *slash = strrchr(sim.scenario, '/');

    return slash ? slash + 1 : sim.scenario;
}

bool sf_sim_is_late(int64_t since_ms)
{
    return sim.budget_ms && sf_now_ms() - since_ms > sim.budget_ms;
}

void sf_sim_is_unsteady(const char *program, const char *what)
{
    snprintf(sim.served->line, SF_SIM_LINE,
             "sockfault: %.40s is not deterministic: %s", program, what);
}

/* Whoever did it, for want of memory or on purpose, may do so again. */
void sf_sim_others_killed(const char *program)
{
    snprintf(sim.served->line, SF_SIM_LINE,
             "sockfault: %.40s was killed by SIGKILL, and that is nothing it "
             "did%.300s",
             program, sf_resume_text(sim.resume));
}

/* What is allowed is a part of it. */
void sf_sim_say_how(char **command, const char *option)
{
    char folder[PATH_MAX] = "";

    if (!sf_own_folder(folder))
        return;
    printf("\nto see it again: ");
    strncat(folder, "/sockfault", sizeof folder - strlen(folder) - 1);
    sf_print_word(folder, stdout);
    printf(" sim -v%s -s ", option);
    sf_print_word(sim.scenario, stdout);
    if (sim.at)
        printf(" --at ");
    if (sim.at)
        sf_print_word(sim.at, stdout);
    if (sim.dials)
        printf(" --dials");
    if (sim.dials && *sim.dials) {
        putchar('=');
        sf_print_word(sim.dials, stdout);
    }
    printf("%s%s", sim.compares ? " --compare" : "",
           sim.judges_silence ? " --silent" : "");
    for (int i = 0; i < SF_MON_COUNT; i++)
        if (sim.allowed & 1u << i)
            printf(" --allow %s", sf_monitor_name((enum sf_monitor)i));
    printf(" --");
    for (; *command; command++) {
        putchar(' ');
        sf_print_word(*command, stdout);
    }
    putchar('\n');
}
