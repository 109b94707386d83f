/* main.c: the sockfault command. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

static const char usage[] =
    "usage: sockfault run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
    "       sockfault replay [OPTION]... TRACE\n"
    "       sockfault shrink [OPTION]... TRACE\n"
    "       sockfault check [PLAN]...\n"
    "       sockfault list calls|faults|model|monitors\n"
    "       sockfault prove --help\n"
    "\n"
    "run: watch a program's socket calls and make faults happen to them.\n"
    "  -p, --plan FILE      what happens where: sockfault-plan(5)\n"
    "  -f, --fault RULE     one rule of a plan; may be given again\n"
    "  -s, --seed N         faults by chance, the same ones for the same N\n"
    "  -r, --rate P         how likely at each call [0.05]\n"
    "      --class CLASS    benign or fatal ones by chance [benign]\n"
    "  -P, --profile NAME   linux, posix or hostile\n"
    "  -t, --trace FILE     write what happened; it is a plan that replays it\n"
    "      --allow MONITOR  not a finding; may be given again\n"
    "      --timeout TIME   the command should be done by then: 500ms, 30s, "
    "2m\n"
    "      --status         an exit status other than 0 is a finding\n"
    "      --notify         for static and Go programs: slower\n"
    "  -q, --quiet          say only what was found\n"
    "replay: run the command of a trace under what happened in it.\n"
    "shrink: the smallest plan that shows the same, on standard output.\n"
    "check: read plans and print them in their canonical form.\n"
    "\n"
    "Ends with 0: nothing found, 1: something found, 2: could not do it.\n";

/* --- plans --- */

static bool read_all(FILE *in, char **text, size_t *len)
{
    size_t room = 0;

    *text = NULL;
    *len = 0;
    do {
        char *more;
        room = room ? room * 2 : 4096;
        more = realloc(*text, room);
        if (!more)
            return false;
        *text = more;
        *len += fread(*text + *len, 1, room - *len, in);
    } while (*len == room);
    return !ferror(in);
}

static bool load_plan(struct sf_plan *plan, const char *path)
{
    struct sf_plan_error error;
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t len = 0;
    bool good;

    if (!in)
        return sf_complain("%s: %s", path, strerror(errno));
    good = read_all(in, &text, &len);
    if (!good)
        sf_complain("%s: %s", path, strerror(errno));
    fclose(in);
    if (good && sf_plan_parse(plan, text, len, &error) < 0)
        good = sf_complain("%s:%u:%u: %s", path, error.line, error.column,
                           error.text);
    free(text);
    return good;
}

static bool add_fault(struct sf_plan *plan, const char *rule)
{
    struct sf_plan_error error;

    if (sf_plan_parse_rule(plan, rule, &error) == 0)
        return true;
    return sf_complain("--fault '%s', column %u: %s", rule, error.column,
                       error.text);
}

/* --- options --- */

struct options {
    struct sf_run run;
    const char *seed;
    const char *rate;
    const char *class;
    const char *profile;
};

static bool find_monitor(const char *name, unsigned *bits)
{
    for (int i = 0; i < SF_MON_COUNT; i++)
        if (strcmp(name, sf_monitor_name((enum sf_monitor)i)) == 0) {
            *bits |= 1u << i;
            return true;
        }
    return sf_complain("--allow %s: no such monitor: sockfault list monitors",
                       name);
}

static bool find_profile(const char *name, enum sf_profile *profile)
{
    for (int i = 0; i < SF_PROFILE_COUNT; i++)
        if (strcmp(name, sf_profile_names[i]) == 0) {
            *profile = (enum sf_profile)i;
            return true;
        }
    return sf_complain("--profile %s: expected linux, posix or hostile", name);
}

static bool read_time(const char *text, int *ms)
{
    static const struct {
        const char *unit;
        long ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end;
    long n = strtol(text, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (end != text && strcmp(end, units[i].unit) == 0 && n > 0 &&
            n <= 86400000 / units[i].ms) {
            *ms = (int)(n * units[i].ms);
            return true;
        }
    return sf_complain("--timeout %s: expected a time of at most a day, as in "
                       "500ms, 30s or 2m",
                       text);
}

/* Chance is a rule like any other, the last one. */
static bool add_chance(struct options *o)
{
    char rule[256];

    if (!o->seed) {
        if (o->rate || o->class)
            return sf_complain("--%s goes with --seed",
                               o->rate ? "rate" : "class");
        return true;
    }
    snprintf(rule, sizeof rule, "p %s seed %s: %s", o->rate ? o->rate : "0.05",
             o->seed, o->class ? o->class : "benign");
    return add_fault(&o->run.plan, rule);
}

enum { ALLOW = 256, CLASS, TIMEOUT, STATUS, NOTIFY };

static const struct option long_options[] = {
    {"plan", required_argument, NULL, 'p'},
    {"fault", required_argument, NULL, 'f'},
    {"seed", required_argument, NULL, 's'},
    {"rate", required_argument, NULL, 'r'},
    {"class", required_argument, NULL, CLASS},
    {"profile", required_argument, NULL, 'P'},
    {"trace", required_argument, NULL, 't'},
    {"allow", required_argument, NULL, ALLOW},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"status", no_argument, NULL, STATUS},
    {"notify", no_argument, NULL, NOTIFY},
    {"quiet", no_argument, NULL, 'q'},
    {NULL, 0, NULL, 0},
};

static bool take_option(struct options *o, int option, const char *value)
{
    switch (option) {
    case 'p':
        return load_plan(&o->run.plan, value);
    case 'f':
        return add_fault(&o->run.plan, value);
    case 's':
        o->seed = value;
        return true;
    case 'r':
        o->rate = value;
        return true;
    case CLASS:
        o->class = value;
        return true;
    case 'P':
        o->profile = value;
        return true;
    case 't':
        o->run.trace = value;
        return true;
    case ALLOW:
        return find_monitor(value, &o->run.allowed);
    case TIMEOUT:
        return read_time(value, &o->run.timeout_ms);
    case STATUS:
        o->run.status_counts = true;
        return true;
    case NOTIFY:
        o->run.notify = true;
        return true;
    case 'q':
        o->run.quiet = true;
        return true;
    default: /* getopt has said what is wrong */
        return false;
    }
}

/* The options before the first word that is none. */
static bool take_options(struct options *o, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "+p:f:s:r:P:t:q", long_options,
                                 NULL)) != -1)
        if (!take_option(o, option, optarg))
            return false;
    if (optind == argc)
        return sf_complain("%s: which %s?", argv[0],
                           strcmp(argv[0], "run") == 0 ? "command" : "trace");
    return true;
}

/* What the options mean together, once the plan is there. */
static bool settle(struct options *o)
{
    if (o->profile && !find_profile(o->profile, &o->run.plan.profile))
        return false;
    return add_chance(o);
}

/* --- the verbs --- */

/* Opened before the run, so that a bad name costs nothing. */
static bool run_traced(const struct sf_run *run,
                       struct sf_outcome_of_run *outcome)
{
    FILE *trace = NULL;
    bool good;

    if (run->trace && !(trace = fopen(run->trace, "we")))
        return sf_complain("%s: %s", run->trace, strerror(errno));
    good = sf_run(run, outcome);
    if (good && trace)
        sf_trace_print(run, outcome->control, trace);
    if (trace && (fflush(trace) != 0 || fclose(trace) != 0))
        good = sf_complain("%s: %s", run->trace, strerror(errno));
    return good;
}

static int run_and_tell(struct options *o)
{
    struct sf_outcome_of_run outcome;
    int status;

    if (!run_traced(&o->run, &outcome))
        return SF_COULD_NOT;
    status = sf_summarize(&o->run, &outcome);
    munmap(outcome.control, outcome.control->bytes);
    return status;
}

static int verb_run(int argc, char **argv)
{
    struct options o = {.run = {.plan = {.profile = SF_LINUX}}};
    int status = SF_COULD_NOT;

    if (take_options(&o, argc, argv)) {
        o.run.command = argv + optind;
        if (settle(&o))
            status = run_and_tell(&o);
    }
    sf_plan_fini(&o.run.plan);
    return status;
}

/* Options and a trace that names its command; free run.command. */
static bool take_trace(struct options *o, int argc, char **argv)
{
    if (!take_options(o, argc, argv) ||
        !load_plan(&o->run.plan, argv[optind]) || !settle(o))
        return false;
    if (!o->run.plan.command)
        return sf_complain("%s: has no 'run' line that says which command",
                           argv[optind]);
    o->run.command = sf_words(o->run.plan.command);
    return o->run.command != NULL;
}

/* A replay that does not come to pass must not look like one that did. */
static int verb_replay(int argc, char **argv)
{
    struct options o = {.run = {.plan = {.profile = SF_LINUX}}};
    int status = SF_COULD_NOT;

    if (take_trace(&o, argc, argv)) {
        o.run.all_rules = true;
        status = run_and_tell(&o);
    }
    free(o.run.command);
    sf_plan_fini(&o.run.plan);
    return status;
}

static int verb_shrink(int argc, char **argv)
{
    struct options o = {.run = {.plan = {.profile = SF_LINUX}, .mute = true}};
    int status = SF_COULD_NOT;

    if (take_trace(&o, argc, argv) && sf_shrink(&o.run)) {
        sf_plan_print(&o.run.plan, stdout);
        status = SF_FOUND;
    }
    free(o.run.command);
    sf_plan_fini(&o.run.plan);
    return status;
}

static int verb_check(int argc, char **argv)
{
    int status = SF_NOTHING_FOUND;

    for (int i = 1; i < argc; i++) {
        struct sf_plan plan;
        sf_plan_init(&plan);
        if (load_plan(&plan, argv[i]))
            sf_plan_print(&plan, stdout);
        else
            status = SF_COULD_NOT;
        sf_plan_fini(&plan);
    }
    return status;
}

static const char *kinds_text(unsigned kinds)
{
    static const char *const words[SF_KIND_COUNT] = {
        "in",   "out",   "accept", "connect", "wait",
        "open", "close", "ask",    "clock"};
    static char text[128];

    text[0] = '\0';
    for (int i = 0; i < SF_KIND_COUNT; i++)
        if (kinds & 1u << i) {
            strcat(text, text[0] ? ", " : "");
            strcat(text, words[i]);
        }
    return text;
}

static void list_calls(void)
{
    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (sf_calls[i].kind != K_CLOCK)
            printf("%-14s %s\n", sf_calls[i].name,
                   kinds_text(sf_calls[i].kind));
}

static void list_faults(void)
{
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        printf("%-14s %-7s %-8s %s\n", sf_faults[i].word,
               sf_class_names[sf_faults[i].cls],
               sf_profile_names[sf_faults[i].profile],
               kinds_text(sf_faults[i].kinds));
}

static void list_call(int call)
{
    const char *before = " ";

    printf("| `%s` | %s |", sf_calls[call].name,
           kinds_text(sf_calls[call].kind));
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (sf_faults[i].kinds & sf_calls[call].kind) {
            printf("%s%s", before, sf_faults[i].word);
            before = ", ";
        }
    printf(" |\n");
}

/* The tables of docs/fault-model.md. */
static void list_model(void)
{
    printf("| fault | class | profile | calls |\n| --- | --- | --- | --- |\n");
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        printf("| `%s` | %s | %s | %s |\n", sf_faults[i].word,
               sf_class_names[sf_faults[i].cls],
               sf_profile_names[sf_faults[i].profile],
               kinds_text(sf_faults[i].kinds));
    printf("\n| call | kind | faults it can have |\n| --- | --- | --- |\n");
    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (sf_calls[i].kind != K_CLOCK)
            list_call(i);
}

static void list_monitors(void)
{
    for (int i = 0; i < SF_MON_COUNT; i++)
        printf("%s\n", sf_monitor_name((enum sf_monitor)i));
}

static int verb_list(int argc, char **argv)
{
    static const struct {
        const char *what;
        void (*list)(void);
    } lists[] = {{"calls", list_calls},
                 {"faults", list_faults},
                 {"model", list_model},
                 {"monitors", list_monitors}};

    for (size_t i = 0; argc == 2 && i < sizeof lists / sizeof *lists; i++)
        if (strcmp(argv[1], lists[i].what) == 0) {
            lists[i].list();
            return SF_NOTHING_FOUND;
        }
    sf_complain("list: expected calls, faults, model or monitors");
    return SF_COULD_NOT;
}

/* A verb that is a program of its own, sockfault-VERB beside this one. */
static void run_beside(char **argv)
{
    char path[PATH_MAX + 128];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n <= 0 || strlen(argv[0]) > 64 || strchr(argv[0], '/'))
        return;
    sprintf(path + n, "sockfault-%s", argv[0]);
    execv(path, argv);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *verb;
        int (*function)(int argc, char **argv);
    } verbs[] = {{"run", verb_run},
                 {"replay", verb_replay},
                 {"shrink", verb_shrink},
                 {"check", verb_check},
                 {"list", verb_list}};

    if ((argc > 1 && strcmp(argv[1], "--help") == 0) ||
        (argc > 2 && strcmp(argv[2], "--help") == 0)) {
        fputs(usage, stdout);
        return SF_NOTHING_FOUND;
    }
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].verb) == 0)
            return verbs[i].function(argc - 1, argv + 1);
    if (argc > 1) {
        run_beside(argv + 1);
        sf_complain("%s: no such verb", argv[1]);
    } else {
        fputs(usage, stderr);
    }
    return SF_COULD_NOT;
}
