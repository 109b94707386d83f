/* say.c: statements and counterexamples; see prove.h */
#include "fuzzers/prove/prove.h"

#include "faultinject/session/run.h"
#include "faultinject/session/statement.h"
#include "faultinject/session/tape.h"
#include "faultinject/session/word.h"
#include "fuzzers/fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void prove_complain(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fputs("sockfault: prove: ", stderr);
    vfprintf(stderr, format, ap);
    putc('\n', stderr);
    va_end(ap);
}

/* -------------------------------------------------------------- statements */

static struct sf_statement statement(const struct prove_job *job,
                                     const struct prove_result *r)
{
    return (struct sf_statement){.session = job->name,
                                 .program = job->target->name,
                                 .profile = job->session.profile,
                                 .k = job->k,
                                 .cuts = job->cuts,
                                 .loops = job->loops,
                                 .deepest = r->deepest,
                                 .shard = job->shard,
                                 .shards = job->shards,
                                 .calls = r->calls,
                                 .decisions = r->decisions,
                                 .cut = !r->runs && !r->n && !r->calls,
                                 .runs = r->runs,
                                 .seconds = r->seconds,
                                 .schedules = r->schedules};
}

static uint64_t total(const struct prove_result *r)
{
    uint64_t n = 0;

    for (unsigned i = 0; i <= SF_EXHAUST_MAX; i++)
        n += r->schedules[i];
    return n;
}

static void say_end(const struct prove_job *job, const struct prove_result *r,
                    const struct sf_statement *s)
{
    switch (r->end) {
    case PROVE_COMPLETE:
        sf_state_complete(s);
        break;
    case PROVE_STOPPED:
        if (job->loops)
            sf_state_open(s, prove_stopped(), r->vector, r->n);
        else
            sf_state_stopped(r->complete, prove_stopped());
        break;
    case PROVE_FOUND:
        sf_state_refuted(r->n, r->finding);
        break;
    case PROVE_CANNOT:
    case PROVE_DOUBTFUL:
        sf_state_nothing();
        break;
    }
}

void prove_say(const struct prove_job *job, const struct prove_result *r)
{
    struct sf_statement s = statement(job, r);

    sf_state_subject(&s);
    sf_state_schedules(&s);
    if (r->states)
        sf_state_states(r->states, r->merged);
    say_end(job, r, &s);
    sf_state_pace(&s);
}

/* By enum prove_end, in a row. */
static const char *const ends[] = {"complete", "incomplete", "refuted",
                                   "not done"};

/* How many schedules it takes until no state is new depends on what the
 * compiler leaves on the stack. */
static void loops_row(const struct prove_job *job, const struct prove_result *r)
{
    printf("| %s | %s | %s | any | %" PRIu64 " | %" PRIu64 " | %s |\n",
           job->name, job->target->name, sf_profile_names[job->session.profile],
           r->calls, r->decisions,
           r->end == PROVE_COMPLETE ? "closed" : ends[r->end]);
    fflush(stdout);
}

void prove_row(const struct prove_job *job, const struct prove_result *r)
{
    if (job->loops) {
        loops_row(job, r);
        return;
    }
    printf("| %s | %s | %s | %u | %" PRIu64 " | %" PRIu64 " | %" PRIu64
           " | %s |\n",
           job->name, job->target->name, sf_profile_names[job->session.profile],
           job->k, r->calls, r->decisions, total(r), ends[r->end]);
    fflush(stdout);
}

void prove_say_memory(const struct prove_job *job, const struct prove_result *r,
                      bool row)
{
    struct sf_statement s = statement(job, r);
    struct sf_shortage shortage = {r->runs, r->failing, r->nth, r->finding};

    if (row) {
        printf("| %s | %s | %" PRIu64 " | %s |\n", job->name, job->target->name,
               r->runs, ends[r->end]);
        return;
    }
    sf_state_short_subject(&s);
    if (r->end == PROVE_FOUND)
        sf_state_short_refuted(&shortage);
    else if (r->end == PROVE_COMPLETE)
        sf_state_short_complete(&shortage);
    else if (r->end == PROVE_STOPPED)
        sf_state_short_stopped(&shortage, prove_stopped());
    else
        sf_state_nothing();
    fflush(stdout);
}

/* --------------------------------------------------------- counterexamples */

static bool write_file(const char *path, const struct sf_session *s,
                       const uint8_t *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    bool good = f;

    if (f && bytes)
        good = fwrite(bytes, 1, len, f) == len;
    else if (f)
        sf_session_print(s, f);
    if (f && fclose(f) != 0)
        good = false;
    if (!good)
        prove_complain("%s: %s", path, strerror(errno));
    return good;
}

enum { PLAYED = 86 }; /* and came back */

/* In a process of its own, by its tape, as any replayer would. */
static bool replay(const struct prove_job *job, const uint8_t *bytes,
                   size_t len)
{
    pid_t child = prove_fork(STDOUT_FILENO);
    int status;

    if (child == 0) {
        long before = prove_blocks();

        alarm(30);
        sf_verbose = true;
        job->target->run(bytes, len);
        prove_check_blocks(before);
        fflush(stdout);
        _exit(PLAYED);
    }
    status = prove_wait(child);
    return status >= 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == PLAYED);
}

void prove_show(const struct prove_job *job, const struct prove_result *r)
{
    struct sf_session s = job->session;
    uint8_t bytes[SF_SESSION_MAX];
    char text[4200], input[4200];
    size_t len;

    if (!sf_session_take_choices(&s, r->vector, r->n)) {
        prove_complain("the counterexample is longer than a tape can be");
        return;
    }
    len = sf_session_encode(&s, bytes, sizeof bytes);
    snprintf(text, sizeof text, "%s/%s.%s.session", job->out, job->target->name,
             job->name);
    snprintf(input, sizeof input, "%s/%s.%s.input", job->out, job->target->name,
             job->name);
    write_file(text, &s, NULL, 0);
    write_file(input, &s, bytes, len);
    printf("\ncounterexample (%s, %s):\n\n", text, input);
    if (s.profile == SF_HOSTILE) {
        printf("it is one in profile hostile only, which no session can say\n");
        return;
    }
    if (!replay(job, bytes, len))
        printf("replayed by its tape alone nothing was found: it depends on "
               "what ran before\n");
    printf("\nto see it again: ");
    sf_print_word(prove_core ? job->target->name : program_invocation_name,
                  stdout);
    printf(" -v ");
    sf_print_word(input, stdout);
    putchar('\n');
    fflush(stdout);
}
