/* main.c: the sockfault command. */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faultinject/explore/report.h"

static const char usage[] =
    "usage: sockfault run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
    "       sockfault replay [OPTION]... TRACE\n"
    "       sockfault shrink [OPTION]... TRACE\n"
    "       sockfault explore [OPTION]... [--] COMMAND [ARGUMENT]...\n"
    "       sockfault report [OPTION]... [DIR]\n"
    "       sockfault check PLAN...\n"
    "       sockfault list calls|faults|model|monitors\n"
    "       sockfault prove --help\n"
    "       sockfault sim --help\n"
    "       sockfault record --help\n"
    "       sockfault session --help\n"
    "       sockfault --version\n"
    "\n"
    "run: watch a program's socket calls and make faults happen to them.\n"
    "replay: run the command of a trace under what happened in it.\n"
    "shrink: the smallest plan that shows the same, on standard output.\n"
    "explore: run the command once for each fault that fits one of its calls.\n"
    "report: what explore has kept there, a line for each call and place.\n"
    "check: read plans and print them in their canonical form.\n"
    "\n";
static const char usage_end[] =
    "\n"
    "Ends with 0: nothing found, 1: something found, 2: could not do it.\n";

/* --- what is written, besides the summary --- */

/* Opened before the run, so that a bad name costs nothing. */
static bool run_and_write(const struct sf_run *run,
                          struct sf_outcome_of_run *outcome)
{
    FILE *trace;
    FILE *json;
    bool good;

    if (!sf_output_open(&trace, run->trace))
        return false;
    good = sf_output_open(&json, run->json) && sf_run(run, outcome);
    if (good && trace)
        sf_trace_print(run, outcome->control, trace);
    if (good && json)
        sf_json_print(run, outcome, json);
    good = sf_output_close(trace, run->trace) && good;
    return sf_output_close(json, run->json) && good;
}

static int run_and_tell(struct sf_options *o)
{
    struct sf_outcome_of_run outcome;
    int status;

    if (!run_and_write(&o->run, &outcome))
        return SF_COULD_NOT;
    sf_summary_print(&o->run, &outcome);
    status = sf_status(&o->run, &outcome);
    munmap(outcome.control, outcome.control->bytes);
    return status;
}

/* --- the verbs --- */

static int verb_run(int argc, char **argv)
{
    struct sf_options o;
    int status = SF_COULD_NOT;

    sf_options_init(&o);
    if (sf_options_take(&o, SF_VERB_RUN, argc, argv)) {
        o.run.command = argv + optind;
        if (sf_options_settle(&o))
            status = run_and_tell(&o);
    }
    sf_options_fini(&o);
    return status;
}

/* Options before a trace: they are known again when what it says is. */
static bool take_trace(struct sf_options *o, unsigned verb, int argc,
                       char **argv)
{
    return sf_options_take(o, verb, argc, argv) &&
           sf_options_take_trace(o, argv[optind]) &&
           sf_options_take(o, verb, argc, argv) && sf_options_settle(o);
}

/* A replay that does not come to pass must not look like one that did. */
static int verb_replay(int argc, char **argv)
{
    struct sf_options o;
    int status = SF_COULD_NOT;

    sf_options_init(&o);
    if (take_trace(&o, SF_VERB_REPLAY, argc, argv)) {
        o.run.all_rules = true;
        status = run_and_tell(&o);
    }
    sf_options_fini(&o);
    return status;
}

static int verb_shrink(int argc, char **argv)
{
    struct sf_options o;
    int status = SF_COULD_NOT;

    sf_options_init(&o);
    if (take_trace(&o, SF_VERB_SHRINK, argc, argv) &&
        sf_shrink(&o.run, o.check)) {
        sf_plan_print(&o.run.plan, stdout);
        status = SF_FOUND;
    }
    sf_options_fini(&o);
    return status;
}

/* Is a short count among the faults that were chosen? */
static bool makes_short(const struct sf_options *o, const struct sf_sweep *s)
{
    return !o->run.memory && !o->without[SF_SHORT] &&
           (!s->class || strcmp(s->class, "benign") == 0);
}

static bool take_sweep(struct sf_options *o, struct sf_sweep *s)
{
    *s = (struct sf_sweep){.folder = o->out ? o->out : SF_EXPLORED,
                           .class = o->class,
                           .without = o->without,
                           .compares = o->compares,
                           .silent = o->silent,
                           .cuts = o->cuts,
                           .jobs = o->jobs ? o->jobs : 1,
                           .budget_ms = o->budget_ms,
                           .shard = o->shard,
                           .shards = o->shards ? o->shards : 1};
    if (o->class && strcmp(o->class, "benign") != 0 &&
        strcmp(o->class, "fatal") != 0)
        return sf_complain("--class %s: expected benign or fatal", o->class);
    o->class = NULL; /* it is not about chance */
    if (o->run.memory && o->compares && !o->silent)
        return sf_complain("--compare says nothing with --memory: no "
                           "allocation's failure is benign");
    if (o->cuts && !makes_short(o, s))
        return sf_complain("--cuts says nothing where no count is short: "
                           "--memory, --class fatal, --without short");
    if (!sf_options_settle(o))
        return false;
    s->run = o->run;
    s->run.quiet = true;
    return true;
}

static int verb_explore(int argc, char **argv)
{
    struct sf_options o;
    struct sf_sweep s;
    int status = SF_COULD_NOT;

    sf_options_init(&o);
    if (sf_options_take(&o, SF_VERB_EXPLORE, argc, argv)) {
        o.run.command = argv + optind;
        if (take_sweep(&o, &s))
            status = sf_sweep(&s);
    }
    sf_options_fini(&o);
    return status;
}

static int verb_report(int argc, char **argv)
{
    struct sf_options o;
    int status = SF_COULD_NOT;

    sf_options_init(&o);
    if (sf_options_take(&o, SF_VERB_REPORT, argc, argv))
        status = sf_report(&o, argv[optind] ? argv[optind] : SF_EXPLORED);
    sf_options_fini(&o);
    return status;
}

static int verb_check(int argc, char **argv)
{
    int status = argc > 1 ? SF_NOTHING_FOUND : SF_COULD_NOT;

    if (argc < 2)
        sf_complain("check: which plan?");
    for (int i = 1; i < argc; i++) {
        struct sf_plan plan;
        sf_plan_init(&plan);
        if (sf_load_plan(&plan, argv[i]))
            sf_plan_print(&plan, stdout);
        else
            status = SF_COULD_NOT;
        sf_plan_fini(&plan);
    }
    return status;
}

static int verb_list(int argc, char **argv)
{
    if (argc == 2 && sf_list(argv[1]))
        return SF_NOTHING_FOUND;
    sf_complain("list: expected calls, faults, model or monitors");
    return SF_COULD_NOT;
}

static void print_usage(FILE *out)
{
    fputs(usage, out);
    sf_options_print(~0u, out);
    fputs(usage_end, out);
}

/* A verb that is a program of its own, sockfault-VERB beside this one.  Returns
 * whether there is none; false: where this one is cannot be told, as is said.
 */
static bool run_beside(char **argv)
{
    char folder[PATH_MAX], path[PATH_MAX + 128];

    if (strlen(argv[0]) > 64 || strchr(argv[0], '/'))
        return true;
    if (!sf_own_folder(folder))
        return false;
    snprintf(path, sizeof path, "%s/sockfault-%s", folder, argv[0]);
    execv(path, argv);
    return true;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool takes_no_option(const char *verb)
{
    return strcmp(verb, "check") == 0 || strcmp(verb, "list") == 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *verb;
        int (*function)(int argc, char **argv);
    } verbs[] = {{"run", verb_run},       {"replay", verb_replay},
                 {"shrink", verb_shrink}, {"explore", verb_explore},
                 {"report", verb_report}, {"check", verb_check},
                 {"list", verb_list}};

    sf_check_output();
    if (argc > 1 && (is_help(argv[1]) || (argc == 3 && is_help(argv[2]) &&
                                          takes_no_option(argv[1])))) {
        print_usage(stdout);
        return SF_NOTHING_FOUND;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("sockfault " SF_VERSION);
        return SF_NOTHING_FOUND;
    }
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].verb) == 0)
            return verbs[i].function(argc - 1, argv + 1);
    if (argc > 1) {
        if (run_beside(argv + 1))
            sf_complain("%s: no such verb", argv[1]);
    } else {
        print_usage(stderr);
    }
    return SF_COULD_NOT;
}
