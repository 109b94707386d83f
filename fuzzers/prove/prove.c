/*
 * prove.c: sockfault prove
 *
 * Sessions in memory with every combination of at most k faults, on the
 * compiled code itself; see docs/proofs.md.
 */
#include "fuzzers/prove/core.h"

#include "faultinject/session/progress.h"
#include "faultinject/session/statement.h"
#include "faultinject/session/word.h"
#include "fuzzers/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage_of_core[] =
    "usage: sockfault prove [OPTION]... SCENARIO...\n"
    "       sockfault prove [OPTION]... --recovery\n"
    "       sockfault prove --decoder FORMAT [--max N]\n"
    "\n"
    "Runs a session with every combination of faults, and says what that\n"
    "proves.  A SCENARIO is a session, as text or as an input, whose own\n"
    "faults are left out, or a folder of them.  The last part of its path "
    "that\n"
    "names a fuzz target says which one is proved.\n";

static const char usage_of_own[] =
    "usage: %s --prove [OPTION]... SCENARIO...\n"
    "\n"
    "Runs a session with every combination of faults, and says what that\n"
    "proves.  A SCENARIO is a session, as text or as an input, whose own\n"
    "faults are left out, or a folder of them.\n";

static const char usage_options[] =
    "  -k, --k N            at most N faults in one session [1]\n"
    "  -P, --profile NAME   linux, posix or hostile instead of the session's\n"
    "  -t, --budget TIME    stop after so long in all: 30s, 10m, 8h\n"
    "  -s, --shard I/N      part I of N\n"
    "  -r, --resume FILE    go on where FILE says, and keep it up to date\n"
    "  -o, --out FOLDER     for counterexamples [.]\n"
    "      --cuts N         a short count after each of the first N bytes\n"
    "      --memory         each allocation fails, one a run\n"
    "      --loops          any number of faults, until no state is new\n"
    "      --plain          every schedule, also where the state was seen "
    "before\n"
    "      --rows           rows of a table, only what is the same each time\n"
    "      --first          the first counterexample ends it\n";

static const char usage_core_options[] =
    "      --target NAME    the fuzz target, whatever the path says: "
    "fuzz_session,\n"
    "                       fuzz_stream or fuzz_client\n"
    "      --recovery       all sessions with 1 to 3 dead descriptors\n"
    "      --decoder FORMAT closure of a decoder: all streams, all pieces\n"
    "      --max N          its longest payload, where the format has none "
    "[4]\n";

static const char usage_end[] =
    "\n"
    "Ends with 0: proved, 1: a counterexample, 2: not, or not completely.\n";

enum { PROVED = 0, REFUTED = 1, COULD_NOT = 2, DEFAULT_MAX = 4 };

static struct {
    struct prove_job job; /* what is the same for all */
    int profile;          /* or -1                    */
    bool rows, recovery, memory, first, late;
    double budget;                     /* seconds; 0: none     */
    const struct prove_target *target; /* or NULL: by the path */
    const char *decoder;
    unsigned max;
    unsigned proved, refuted, other, found;
} run = {.job = {.k = 1, .shards = 1, .out = "."},
         .profile = -1,
         .max = DEFAULT_MAX};

/* --------------------------------------------------------------- scenarios */

/* One counterexample is enough, and there is one; or we are to end. */
static bool enough(void)
{
    return (run.first && run.refuted) || prove_stopped();
}

static void cannot(const char *path, const char *why)
{
    prove_complain("%s: %s", path, why);
    run.other++;
}

/* Is the next one begun?  What is not, for want of time, is not proved; the
 * first one says itself how little there was. */
static bool goes_on(const char *next)
{
    if (enough() || run.late)
        return false;
    run.late =
        run.job.until > 0 && run.found > 0 && sf_seconds() > run.job.until;
    if (run.late)
        cannot(next, "not begun, and nothing after it: the time is over");
    return !run.late;
}

static void walk(struct prove_job *job, struct prove_result *r)
{
    if (run.profile >= 0)
        job->session.profile = (enum sf_profile)run.profile;
    if (run.memory)
        prove_torture(job, run.first, r);
    else
        prove_walk(job, r);
    run.found++;
    run.proved += r->end == PROVE_COMPLETE;
    run.refuted += r->end == PROVE_FOUND;
    run.other += r->end == PROVE_STOPPED || r->end == PROVE_CANNOT;
}

static void say(const struct prove_job *job, const struct prove_result *r)
{
    if (run.memory)
        prove_say_memory(job, r, run.rows);
    else if (run.rows)
        prove_row(job, r);
    else
        prove_say(job, r);
    if (r->end == PROVE_FOUND && run.memory)
        prove_torture_show(job, r);
    else if (r->end == PROVE_FOUND)
        prove_show(job, r);
}

static void prove(struct prove_job *job)
{
    struct prove_result r;

    walk(job, &r);
    say(job, &r);
}

static const struct prove_target *target_named(const char *name, size_t len)
{
    for (unsigned i = 0; i < prove_target_count; i++)
        if (strlen(prove_targets[i].name) == len &&
            !strncmp(prove_targets[i].name, name, len))
            return &prove_targets[i];
    return NULL;
}

/* The last part of the path that is a target's name, or begins with one and a
 * dot, wherever we are. */
static const struct prove_target *target_of(const char *path)
{
    const struct prove_target *found = run.target, *named;
    char *whole, *rest, *part;

    if (prove_target_count == 1)
        return prove_targets;
    whole = rest = found ? NULL : realpath(path, NULL);
    while (rest && (part = strsep(&rest, "/"))) {
        named = target_named(part, strcspn(part, "."));
        found = named ? named : found;
    }
    free(whole);
    return found;
}

/* As text or as bytes; the faults are ours. */
static bool load(const char *path, struct sf_session *s)
{
    static char text[SF_TEXT_MAX + 1];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    bool whole = f && !ferror(f);
    char why[256];

    if (!whole)
        cannot(path, strerror(errno));
    if (f)
        fclose(f);
    if (!whole)
        return false;
    if (sf_session_read_file(s, text, n, why, sizeof why) < 0) {
        prove_complain("%s:%s%s", path, sf_before_why(why), why);
        run.other++;
        return false;
    }
    s->faults_n = 0;
    return true;
}

/* The file's name without folder and ending. */
static void name_of(const char *path, char *name, size_t size)
{
    const char *base = strrchr(path, '/');

    base = base ? base + 1 : path;
    snprintf(name, size, "%.*s", (int)strcspn(base, "."), base);
}

static void prove_file(const char *path)
{
    struct prove_job job = run.job;

    if (!load(path, &job.session))
        return;
    job.target = target_of(path);
    name_of(path, job.name, sizeof job.name);
    if (!job.target) {
        cannot(path, "which target?  Expected its name as a part of the path, "
                     "as corpus/scenarios/fuzz_session/echo.session, or "
                     "--target");
    } else {
        prove(&job);
    }
}

static int is_scenario(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && !strcmp(dot, ".session");
}

/* As engines name them. */
static int is_input(const struct dirent *entry)
{
    return entry->d_type != DT_DIR && !strchr(entry->d_name, '.');
}

static int files_of(const char *folder, struct dirent ***entries)
{
    int n = scandir(folder, entries, is_scenario, alphasort);

    if (n == 0) {
        free(*entries);
        n = scandir(folder, entries, is_input, alphasort);
    }
    return n;
}

static void prove_path(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int n;

    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
        prove_file(path);
        return;
    }
    n = files_of(path, &entries);
    if (n <= 0)
        cannot(path, "no session in this folder");
    for (int i = 0; i < n; i++) {
        char inside[4096];

        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (goes_on(inside))
            prove_file(inside);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

/* Its sessions are too many to be told one by one: the sum of them, and
 * those that fail. */
static void prove_family(void)
{
    struct prove_result sum = {.end = PROVE_COMPLETE}, r;
    struct prove_job job = run.job;
    unsigned sessions = 0;

    job.target = &prove_targets[0];
    for (; prove_core->recovery(sessions, &job.session, job.name,
                                sizeof job.name) &&
           goes_on(job.name);
         sessions++) {
        walk(&job, &r);
        if (r.end != PROVE_COMPLETE)
            say(&job, &r);
        if (r.end != PROVE_COMPLETE && sum.end != PROVE_FOUND)
            sum.end = r.end;
        prove_add(&sum, &r);
    }
    snprintf(job.name, sizeof job.name, "recovery: %u sessions", sessions);
    if (sum.end == PROVE_COMPLETE && !run.late && !prove_stopped())
        say(&job, &sum);
}

/* ----------------------------------------------------------------- options */

static int bad(const char *option, const char *value, const char *expected)
{
    prove_complain("%s %s: expected %s", option, value, expected);
    return -1;
}

static int set_number(const char *option, const char *value, unsigned max,
                      unsigned *n)
{
    char *end;
    unsigned long v = strtoul(value, &end, 10);

    if (*end || end == value || *value == '-' || v > max)
        return bad(option, value, "a small number");
    *n = (unsigned)v;
    return 0;
}

static int set_budget(const char *value)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}};
    char *end;
    double v = strtod(value, &end);

    for (size_t i = 0; v > 0 && i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].unit)) {
            run.budget = v * units[i].seconds;
            return 0;
        }
    return bad("--budget", value, "a time as 30s, 10m or 8h");
}

static int set_shard(const char *value)
{
    return sf_read_shard(value, &run.job.shard, &run.job.shards)
               ? 0
               : bad("--shard", value, SF_SHARD_EXPECTED);
}

static int set_cuts(const char *value)
{
    return sf_read_cuts(value, SF_EXHAUST_CUTS, &run.job.cuts)
               ? 0
               : bad("--cuts", value, SF_CUTS_EXPECTED);
}

static int set_target(const char *name)
{
    char names[256] = "";

    run.target = target_named(name, strlen(name));
    if (run.target)
        return 0;
    for (unsigned i = 0; i < prove_target_count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                 i == 0                       ? ""
                 : i + 1 < prove_target_count ? ", "
                                              : " or ",
                 prove_targets[i].name);
    return bad("--target", name, names);
}

static int set_profile(const char *value)
{
    for (int i = 0; i < SF_PROFILE_COUNT; i++)
        if (!strcmp(value, sf_profile_names[i])) {
            run.profile = i;
            return 0;
        }
    return bad("--profile", value, "linux, posix or hostile");
}

enum {
    OPT_RECOVERY = 256,
    OPT_DECODER,
    OPT_MAX,
    OPT_TARGET,
    OPT_ROWS,
    OPT_FIRST,
    OPT_PLAIN,
    OPT_LOOPS,
    OPT_CUTS,
    OPT_MEMORY,
    OPT_HELP
};

static const struct option options[] = {
    {"k", required_argument, NULL, 'k'},
    {"profile", required_argument, NULL, 'P'},
    {"budget", required_argument, NULL, 't'},
    {"shard", required_argument, NULL, 's'},
    {"resume", required_argument, NULL, 'r'},
    {"out", required_argument, NULL, 'o'},
    {"recovery", no_argument, NULL, OPT_RECOVERY},
    {"decoder", required_argument, NULL, OPT_DECODER},
    {"max", required_argument, NULL, OPT_MAX},
    {"target", required_argument, NULL, OPT_TARGET},
    {"rows", no_argument, NULL, OPT_ROWS},
    {"loops", no_argument, NULL, OPT_LOOPS},
    {"cuts", required_argument, NULL, OPT_CUTS},
    {"memory", no_argument, NULL, OPT_MEMORY},
    {"plain", no_argument, NULL, OPT_PLAIN},
    {"first", no_argument, NULL, OPT_FIRST},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static bool were_given[OPT_HELP]; /* by option */

/* Its name in the table. */
static const char *word(int option)
{
    int i = 0;

    while (options[i].val != option)
        i++;
    return options[i].name;
}

static bool is_of_core(int option)
{
    return option >= OPT_RECOVERY && option <= OPT_TARGET;
}

static int set(int option)
{
    if (!prove_core && is_of_core(option)) {
        prove_complain("--%s: only of sockfault's own core", word(option));
        return -1;
    }
    were_given[option] = true;
    switch (option) {
    case 'k':
        return set_number("--k", optarg, SF_EXHAUST_MAX, &run.job.k);
    case 'P':
        return set_profile(optarg);
    case 't':
        return set_budget(optarg);
    case 's':
        return set_shard(optarg);
    case 'r':
        run.job.resume = optarg;
        return 0;
    case 'o':
        run.job.out = optarg;
        return 0;
    case OPT_RECOVERY:
        run.recovery = true;
        return 0;
    case OPT_DECODER:
        run.decoder = optarg;
        return 0;
    case OPT_MAX:
        return set_number("--max", optarg, 64, &run.max);
    case OPT_TARGET:
        return set_target(optarg);
    case OPT_ROWS:
        run.rows = true;
        return 0;
    case OPT_MEMORY:
        run.memory = true;
        return 0;
    case OPT_LOOPS:
        run.job.loops = true;
        run.job.k = SF_EXHAUST_MAX;
        return 0;
    case OPT_CUTS:
        return set_cuts(optarg);
    case OPT_PLAIN:
        run.job.plain = true;
        return 0;
    case OPT_FIRST:
        run.first = true;
        return 0;
    default:
        return -1; /* getopt has said what is wrong */
    }
}

static void tell_usage(void)
{
    if (prove_core)
        fputs(usage_of_core, stdout);
    else
        printf(usage_of_own, prove_targets->name);
    fputs(usage_options, stdout);
    if (prove_core)
        fputs(usage_core_options, stdout);
    fputs(usage_end, stdout);
}

static int read_options(int argc, char **argv)
{
    static char name[] = "sockfault: prove";
    int option;

    argv[0] = name; /* getopt's messages begin with it */
    while ((option = getopt_long(argc, argv, "k:P:t:s:r:o:", options, NULL)) !=
           -1) {
        if (option == OPT_HELP) {
            tell_usage();
            exit(0);
        }
        if (set(option) < 0)
            return -1;
    }
    return 0;
}

/* What is found after hours is to be kept. */
static bool can_keep(void)
{
    bool out = were_given['o'], resumes = run.job.resume;
    char why[SF_WHY];

    if (out && !sf_folder_takes(run.job.out, why))
        prove_complain("--out %s", why);
    else if (resumes && !sf_place_is_possible(run.job.resume, why))
        prove_complain("--resume %s", why);
    else
        return true;
    return false;
}

/* One file says where one walk stands. */
static bool resumes_one(int paths, char **path)
{
    struct stat st;

    return !run.job.resume || (!run.recovery && paths == 1 &&
                               (stat(path[0], &st) < 0 || S_ISREG(st.st_mode)));
}

/* Options that say something only together, or only without each other. */
static bool goes_together(int paths)
{
    static const struct {
        int option, other;
        bool with;
    } rules[] = {
        {OPT_MAX, OPT_DECODER, true},
        {'k', OPT_DECODER, false},
        {'P', OPT_DECODER, false},
        {'t', OPT_DECODER, false},
        {'s', OPT_DECODER, false},
        {'r', OPT_DECODER, false},
        {OPT_RECOVERY, OPT_DECODER, false},
        {OPT_MEMORY, OPT_DECODER, false},
        {OPT_LOOPS, OPT_DECODER, false},
        {OPT_PLAIN, OPT_DECODER, false},
        {OPT_CUTS, OPT_DECODER, false},
        {'k', OPT_MEMORY, false},
        {'s', OPT_MEMORY, false},
        {'r', OPT_MEMORY, false},
        {OPT_LOOPS, OPT_MEMORY, false},
        {OPT_PLAIN, OPT_MEMORY, false},
        {OPT_CUTS, OPT_MEMORY, false},
        {'k', OPT_LOOPS, false},
        {OPT_PLAIN, OPT_LOOPS, false},
        {'s', OPT_LOOPS, false},
        {'r', OPT_LOOPS, false},
        {'r', OPT_RECOVERY, false},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (were_given[rules[i].option] &&
            were_given[rules[i].other] != rules[i].with) {
            prove_complain("--%s %s --%s", word(rules[i].option),
                           rules[i].with ? "goes with" : "says nothing with",
                           word(rules[i].other));
            return false;
        }
    if (run.decoder && paths > 0) {
        prove_complain("--decoder takes no scenario");
        return false;
    }
    if (run.target && paths == 0) {
        prove_complain("--target goes with a scenario");
        return false;
    }
    return true;
}

static void say_stopped(void)
{
    if (prove_stopped())
        prove_complain("stopped by SIG%s%s", sigabbrev_np(prove_stopped()),
                       sf_resume_text(run.job.resume));
}

static int verdict(void)
{
    say_stopped();
    if (run.found > 1 && !run.rows)
        printf("%u of %u proved, %u refuted\n", run.proved, run.found,
               run.refuted);
    if (run.refuted)
        return REFUTED;
    return run.proved && !run.other && !prove_stopped() ? PROVED : COULD_NOT;
}

/* What nobody can read was not said. */
static void check_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    prove_complain("standard output: %s", strerror(errno));
    _exit(COULD_NOT);
}

int prove_main(int argc, char **argv)
{
    atexit(check_output);
    setlinebuf(stdout); /* what ends by a signal has said all before */
    if (read_options(argc, argv) < 0)
        return COULD_NOT;
    if (!goes_together(argc - optind))
        return COULD_NOT;
    if (run.decoder)
        return prove_core->decoder(run.decoder, run.max, run.rows, run.first);
    if (optind == argc && !run.recovery) {
        prove_complain("which session?  --help says more");
        return COULD_NOT;
    }
    if (!resumes_one(argc - optind, argv + optind)) {
        prove_complain("--resume: expected one scenario");
        return COULD_NOT;
    }
    if (!can_keep())
        return COULD_NOT;
    prove_catch_ends();
    run.job.until = run.budget > 0 ? sf_seconds() + run.budget : 0;
    if (run.recovery)
        prove_family();
    for (int i = optind; i < argc && goes_on(argv[i]); i++)
        prove_path(argv[i]);
    return verdict();
}
