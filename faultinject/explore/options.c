/* options.c: what stands behind a verb; see explore.h and options.def. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"
#include "faultinject/session/place.h"

/* --- plans --- */

enum { PLAN_MAX = 64 << 20 }; /* bytes: far more than any trace */

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
    } while (*len == room && *len <= PLAN_MAX);
    return !ferror(in);
}

bool sf_load_plan(struct sf_plan *plan, const char *path)
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
    if (good && len > PLAN_MAX)
        good = sf_complain("%s: larger than 64 MiB, as no plan is", path);
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

/* --- values --- */

static bool find_profile(const char *name, enum sf_profile *profile)
{
    for (int i = 0; i < SF_PROFILE_COUNT; i++)
        if (strcmp(name, sf_profile_names[i]) == 0) {
            *profile = (enum sf_profile)i;
            return true;
        }
    return sf_complain("--profile %s: expected linux, posix or hostile", name);
}

static bool add_only(struct sf_run *run, const char *name)
{
    int i = 0;

    while (i < SF_ONLY_MAX && run->only[i][0])
        if (strcmp(run->only[i++], name) == 0)
            return true;
    if (i == SF_ONLY_MAX)
        return sf_complain("--only is given more than %d times", SF_ONLY_MAX);
    if (name[0] == '\0' || strchr(name, '/') || strlen(name) >= SF_WORD_MAX)
        return sf_complain("--only '%s': expected the name of a program, "
                           "without its folder",
                           name);
    strcpy(run->only[i], name);
    return true;
}

/* Of these letters and no other: it cannot change the rule around it. */
static bool is_made_of(const char *text, const char *letters)
{
    return *text && text[strspn(text, letters)] == '\0';
}

static bool bad_chance(const char *option, const char *value)
{
    return sf_complain("--%s %s: expected %s", option, value,
                       option[0] == 's' ? "a number below 2^63"
                                        : "a probability above 0 and at most "
                                          "1, of at most nine decimals");
}

/* Chance is a rule like any other, the last one. */
static bool add_rule(struct sf_plan *plan, const char *rate, const char *seed,
                     const char *class)
{
    struct sf_plan_error error;
    char rule[256];

    if (!is_made_of(rate, "0123456789.") || strlen(rate) > 64)
        return bad_chance("rate", rate);
    if (!is_made_of(seed, "0123456789") || strlen(seed) > 64)
        return bad_chance("seed", seed);
    if (strcmp(class, "benign") != 0 && strcmp(class, "fatal") != 0)
        return sf_complain("--class %s: expected benign or fatal", class);
    snprintf(rule, sizeof rule, "p %s seed %s: %s", rate, seed, class);
    if (sf_plan_parse_rule(plan, rule, &error) == 0)
        return true;
    return error.column <= strlen("p ") + strlen(rate)
               ? bad_chance("rate", rate)
               : bad_chance("seed", seed);
}

static bool add_chance(struct sf_options *o)
{
    if (o->seed)
        return add_rule(&o->run.plan, o->rate ? o->rate : "0.05", o->seed,
                        o->class ? o->class : "benign");
    if (o->rate || o->class)
        return sf_complain("--%s goes with --seed", o->rate ? "rate" : "class");
    return true;
}

static bool take_jobs(struct sf_options *o, const char *text)
{
    char rest;

    if (sscanf(text, "%d%c", &o->jobs, &rest) == 1 && o->jobs >= 1 &&
        o->jobs <= SF_JOBS_MAX)
        return true;
    return sf_complain("--jobs %s: expected a number from 1 to %d", text,
                       SF_JOBS_MAX);
}

static bool take_cuts(struct sf_options *o, const char *text)
{
    return sf_read_cuts(text, SF_CUTS_MAX, &o->cuts) ||
           sf_complain("--cuts %s: expected a number from 1 to %d", text,
                       SF_CUTS_MAX);
}

static bool take_shard(struct sf_options *o, const char *text)
{
    return sf_read_shard(text, &o->shard, &o->shards) ||
           sf_complain("--shard %s: expected " SF_SHARD_EXPECTED, text);
}

/* A fault, or all of those that close a number behind the program's back. */
static bool is_called(enum sf_fault fault, const char *word)
{
    if (strcmp(word, "dying") == 0)
        return sf_fault_kills(fault) || sf_fault_of_listener(fault) ||
               fault == SF_OTHER_DEAD;
    return strcmp(word, sf_faults[fault].word) == 0;
}

static bool set_without(struct sf_options *o, const char *option,
                        const char *word, bool without)
{
    bool some = false;

    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (is_called((enum sf_fault)i, word)) {
            o->without[i] = without;
            some = true;
        }
    return some || sf_complain("--%s %s: no such fault: sockfault list faults, "
                               "or 'dying'",
                               option, word);
}

/* The first of them leaves out all others. */
static bool take_just(struct sf_options *o, const char *word)
{
    if (!o->just)
        memset(o->without, true, sizeof o->without);
    o->just = true;
    return set_without(o, "just", word, false);
}

/* --- options --- */

enum {
    RUN = SF_VERB_RUN,
    REPLAY = SF_VERB_REPLAY,
    SHRINK = SF_VERB_SHRINK,
    EXPLORE = SF_VERB_EXPLORE,
    REPORT = SF_VERB_REPORT,
    ALL = RUN | REPLAY | SHRINK | EXPLORE,
    TRACE = 32
};

enum {
#define OPTION(id, letter, name, argument, verbs, what) OPT_##id,
#include "faultinject/explore/options.def"
#undef OPTION
    OPTIONS
};

static const struct {
    char letter;
    const char *name;
    const char *argument;
    unsigned verbs;
    const char *what;
} rows[OPTIONS] = {
#define OPTION(id, letter, name, argument, verbs, what) \
    {letter, name, argument, verbs, what},
#include "faultinject/explore/options.def"
#undef OPTION
};

void sf_options_print(unsigned verbs, FILE *out)
{
    for (int i = 0; i < OPTIONS; i++) {
        char name[32];
        if (!(rows[i].verbs & verbs))
            continue;
        snprintf(name, sizeof name, "--%s %s", rows[i].name,
                 rows[i].argument ? rows[i].argument : "");
        if (rows[i].letter)
            fprintf(out, "  -%c, ", rows[i].letter);
        else
            fputs("      ", out);
        fprintf(out, "%-19s %s\n", name, rows[i].what);
    }
}

/* What only `explore` has. */
static bool take_sweep(struct sf_options *o, int option, const char *value)
{
    switch (option) {
    case OPT_OUT:
        o->out = value;
        return true;
    case OPT_JOBS:
        return take_jobs(o, value);
    case OPT_BUDGET:
        return sf_read_time("--budget", value, &o->budget_ms);
    case OPT_SHARD:
        return take_shard(o, value);
    case OPT_COMPARE:
        o->compares = true;
        return true;
    case OPT_SILENT:
        o->silent = o->compares = true;
        return true;
    case OPT_MEMORY:
        o->run.memory = true;
        return true;
    case OPT_KNOWN:
        return sf_known_read(value);
    case OPT_CUTS:
        return take_cuts(o, value);
    case OPT_JUST:
        return take_just(o, value);
    default:
        return set_without(o, "without", value, true);
    }
}

/* Where the text of one that is taken as it is goes; NULL: it is another. */
static const char **text_of(struct sf_options *o, int option)
{
    switch (option) {
    case OPT_SEED:
        return &o->seed;
    case OPT_RATE:
        return &o->rate;
    case OPT_CLASS:
        return &o->class;
    case OPT_PROFILE:
        return &o->profile;
    case OPT_CHECK:
        return &o->check;
    case OPT_TRACE:
        return &o->run.trace;
    case OPT_JSON:
        return &o->run.json;
    case OPT_HTML:
        return &o->html;
    default:
        return NULL;
    }
}

static bool take_option(struct sf_options *o, int option, const char *value)
{
    const char **text = text_of(o, option);

    if ((rows[option].verbs & ~(unsigned)REPORT) == EXPLORE)
        return take_sweep(o, option, value);
    if (text) {
        *text = value;
        return true;
    }
    switch (option) {
    case OPT_PLAN:
        return sf_load_plan(&o->run.plan, value);
    case OPT_FAULT:
        return add_fault(&o->run.plan, value);
    case OPT_ONLY:
        return add_only(&o->run, value);
    case OPT_MONITOR:
        return sf_find_monitor("--monitor", value, &o->run.watched);
    case OPT_ALLOW:
        return sf_find_monitor("--allow", value, &o->run.allowed);
    case OPT_TIMEOUT:
        return sf_read_time("--timeout", value, &o->run.timeout_ms);
    case OPT_STATUS:
        o->run.status_counts = true;
        return true;
    case OPT_NOTIFY:
        o->run.notify = true;
        return true;
    case OPT_NO_URING:
        o->run.no_io_uring = true;
        return true;
    default:
        o->run.quiet = true;
        return true;
    }
}

/* What getopt wants to know, from the rows. */
struct spelling {
    char letters[2 * OPTIONS + 2];
    struct option words[OPTIONS + 1];
};

static void spell(struct spelling *s, unsigned verb)
{
    char *letter = s->letters;
    struct option *word = s->words;

    memset(s, 0, sizeof *s);
    *letter++ = '+';
    for (int i = 0; i < OPTIONS; i++) {
        if (!(rows[i].verbs & verb))
            continue;
        word->name = rows[i].name;
        word->has_arg = rows[i].argument ? required_argument : no_argument;
        word++->val = 256 + i;
        if (!rows[i].letter)
            continue;
        *letter++ = rows[i].letter;
        if (rows[i].argument)
            *letter++ = ':';
    }
}

/* The row of what getopt found, by its word or its letter. */
static int row_of(int found)
{
    if (found >= 256)
        return found - 256;
    for (int i = 0; i < OPTIONS; i++)
        if (rows[i].letter == found)
            return i;
    return -1; /* getopt has said what is wrong */
}

static const char *operands(unsigned verb)
{
    if (verb == REPORT)
        return "[DIR]";
    return verb & (RUN | EXPLORE) ? "[--] COMMAND [ARGUMENT]..." : "TRACE";
}

static void help(const char *verb, unsigned bit)
{
    printf("usage: sockfault %s [OPTION]... %s\n", verb, operands(bit));
    sf_options_print(bit, stdout);
    exit(SF_NOTHING_FOUND);
}

/* For the trace of this run, if it belongs there. */
static bool keep(struct sf_run *run, int row, const char *value)
{
    if (!(rows[row].verbs & TRACE))
        return true;
    if (run->n_kept == SF_OPTIONS_KEPT)
        return sf_complain("--%s: there are more than %d options for a trace",
                           rows[row].name, SF_OPTIONS_KEPT);
    run->kept[run->n_kept++] = (struct sf_option){rows[row].name, value};
    return true;
}

/* getopt's own messages begin as all others do. */
static int next_option(int argc, char **argv, const struct spelling *s)
{
    char name[PATH_MAX + 16], *ours = argv[0];
    int found;

    snprintf(name, sizeof name, "sockfault: %.4096s", ours);
    argv[0] = name;
    found = getopt_long(argc, argv, s->letters, s->words, NULL);
    argv[0] = ours;
    return found;
}

static bool take(struct sf_options *o, unsigned verb, int argc, char **argv)
{
    struct spelling s;
    int found;

    spell(&s, verb);
    optind = 0; /* from the beginning, also for a second time */
    while ((found = next_option(argc, argv, &s)) != -1) {
        int row = row_of(found);
        if (row == OPT_HELP)
            help(argv[0], verb);
        if (row < 0 || !take_option(o, row, optarg) ||
            !keep(&o->run, row, optarg))
            return false;
    }
    if (optind < argc || verb == REPORT)
        return true;
    return sf_complain("%s: which %s?", argv[0],
                       verb & (RUN | EXPLORE | TRACE) ? "command" : "trace");
}

bool sf_options_take(struct sf_options *o, unsigned verb, int argc, char **argv)
{
    if (!take(o, verb, argc, argv))
        return false;
    if (!(verb & (RUN | EXPLORE)) && optind + 1 < argc)
        return sf_complain("%s: '%s' after the %s: there is one, and "
                           "options come before it",
                           argv[0], argv[optind + 1],
                           verb == REPORT ? "folder" : "trace");
    return true;
}

/* The words of its `run` line, behind its name as behind a program's. */
static bool split(struct sf_options *o, char *trace)
{
    char *line;

    if (asprintf(&line, "run %s", o->run.plan.command) < 0)
        return sf_complain("no memory for the command");
    o->words = sf_words(line);
    free(line);
    if (o->words)
        o->words[0] = trace;
    return o->words != NULL;
}

/* A relative name is what it was only where it was recorded.  Nobody goes there
 * without a word: the same name in another tree may be just what is meant. */
static bool is_here(const struct sf_run *run)
{
    const char *name = run->command[0];

    if (!run->plan.directory || name[0] == '/' || !strchr(name, '/') ||
        access(name, F_OK) == 0)
        return true;
    return sf_complain("%s: %s; the trace was recorded in %s: cd there, or to "
                       "a folder that has it",
                       name, strerror(errno), run->plan.directory);
}

bool sf_options_take_trace(struct sf_options *o, char *trace)
{
    int n = 0;

    if (!sf_load_plan(&o->run.plan, trace))
        return false;
    if (!o->run.plan.command)
        return sf_complain("%s: has no 'run' line that says which command",
                           trace);
    if (!split(o, trace))
        return false;
    while (o->words[n])
        n++;
    o->run.n_kept = 0;
    if (!take(o, TRACE, n, o->words))
        return false;
    o->run.command = o->words + optind;
    return is_here(&o->run);
}

bool sf_options_settle(struct sf_options *o)
{
    if (o->profile && !find_profile(o->profile, &o->run.plan.profile))
        return false;
    if (o->run.watched)
        o->run.allowed |= ~o->run.watched;
    return add_chance(o);
}

void sf_options_init(struct sf_options *o)
{
    memset(o, 0, sizeof *o);
    sf_plan_init(&o->run.plan);
}

void sf_options_fini(struct sf_options *o)
{
    sf_plan_fini(&o->run.plan);
    free(o->words);
}
