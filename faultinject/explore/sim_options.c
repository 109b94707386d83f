/*
 * sim_options.c: what stands behind sockfault sim; see sockfault-sim(1).
 */
#include "faultinject/explore/sim.h"
#include "faultinject/session/place.h"
#include "faultinject/simulate/dials.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_ALLOW = 256,
    OPT_SHARD,
    OPT_MEMORY,
    OPT_PLAIN,
    OPT_LOOPS,
    OPT_TURNS,
    OPT_AT,
    OPT_DIALS,
    OPT_COMPARE,
    OPT_SILENT,
    OPT_LIVE,
    OPT_CUTS
};
enum { K_MAX = 64 };

static const char usage[] =
    "usage: sockfault sim --scenario FILE [OPTION]... [--] COMMAND "
    "[ARGUMENT]...\n"
    "\n"
    "Run a program over sockets, peers and time in memory.\n"
    "  -s, --scenario FILE  the session: sockfault-session(5), or an input\n"
    "      --at WHERE       where peers connect, of several: a port, or the "
    "path of a\n"
    "                       UNIX socket\n"
    "      --dials[=WHERE]  peers answer who it connects to, by TCP or only at "
    "a "
    "port\n"
    "                       or the path of a UNIX socket: a client, or a "
    "proxy\n"
    "      --compare        ... which prints the same whatever transient fault "
    "comes\n"
    "      --silent         ... nor ends well and prints something else after "
    "others\n"
    "      --live PORT      peers are real, clients that come to PORT of "
    "127.0.0.1 or\n"
    "                       with --dials a server there: FILE is what they "
    "do\n"
    "      --allow MONITOR  what it sees is no finding, and the session goes "
    "on\n"
    "  -v, --verbose        show it as it happens, on standard error\n"
    "  -q, --quiet          say only what was found\n"
    "  -k, --prove N        instead of its faults every combination of at most "
    "N,\n"
    "                       a run each, and say what that proves\n"
    "      --memory[=N]     ... or each allocation fails; only the Nth, one "
    "run\n"
    "  -t, --budget TIME    ... stop after so long: 30s, 10m, 8h\n"
    "      --shard I/N      ... with --prove: part I of N\n"
    "  -r, --resume FILE    ... with --prove: go on where FILE says, and keep "
    "it\n"
    "                       up to date\n"
    "  -o, --out FOLDER     ... with --prove: for the counterexample [.]\n"
    "      --turns[=only]   ... with --prove: other threads going first is a "
    "fault,\n"
    "                       too; the only one\n"
    "      --loops          instead of --prove: any number of faults, until no "
    "state\n"
    "                       is new\n"
    "      --cuts N         ... with these: a short count after each of the "
    "first\n"
    "                       N bytes\n"
    "      --plain          ... with --prove: every run to its end, also where "
    "its\n"
    "                       state was seen before\n"
    "\n"
    "Ends with 0: nothing found, or proved; 1: something found; 2: could not "
    "do "
    "it,\nor not completely.\n";

static bool take_k(const char *text)
{
    char *end;
    unsigned long k = strtoul(text, &end, 10);

    sim.proves = true;
    sim.k = (unsigned)k;
    return (*text >= '0' && *text <= '9' && !*end && k <= K_MAX) ||
           sf_complain("sim: --prove %s: expected a number of faults, at most "
                       "%d",
                       text, K_MAX);
}

static bool take_nth(const char *text)
{
    char *end;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;

    sim.tortures = true;
    sim.nth = (unsigned)n;
    return !text || (*text >= '1' && *text <= '9' && !*end && n <= UINT_MAX) ||
           sf_complain("sim: --memory=%s: expected the number of an allocation",
                       text);
}

static bool take_shard(const char *text)
{
    return sf_read_shard(text, &sim.shard, &sim.shards) ||
           sf_complain("sim: --shard %s: expected " SF_SHARD_EXPECTED, text);
}

static bool take_turns(const char *text)
{
    sim.yields = text ? SF_YIELDS_ONLY : SF_YIELDS_TOO;
    return !text || strcmp(text, "only") == 0 ||
           sf_complain("sim: --turns=%s: expected --turns or --turns=only",
                       text);
}

static bool take_cuts(const char *text)
{
    return sf_read_cuts(text, SF_EXHAUST_CUTS, &sim.cuts) ||
           sf_complain("sim: --cuts %s: expected " SF_CUTS_EXPECTED, text);
}

static bool take_at(const char *text)
{
    struct sockaddr_storage addr;
    socklen_t len;

    sim.at = text;
    return (*text && sf_dials_read(text, &addr, &len)) ||
           sf_complain("sim: --at %s: " SF_DIALS_EXPECTED, text);
}

static bool take_dials(const char *text)
{
    struct sockaddr_storage addr;
    socklen_t len;

    sim.dials = text ? text : "";
    return sf_dials_read(sim.dials, &addr, &len) ||
           sf_complain("sim: --dials=%s: " SF_DIALS_EXPECTED, text);
}

static bool take_live(const char *text)
{
    sim.live = sf_port_read(text);
    return sim.live > 0 ||
           sf_complain("sim: --live %s: expected a port, 1 to 65535", text);
}

static bool take_option(int option)
{
    switch (option) {
    case 's':
        sim.scenario = optarg;
        return true;
    case OPT_ALLOW:
        return sf_find_monitor("sim: --allow", optarg, &sim.allowed);
    case 'v':
        return sim.verbose = true;
    case 'q':
        return sim.quiet = true;
    case 'k':
        return take_k(optarg);
    case OPT_MEMORY:
        return take_nth(optarg);
    case 't':
        return sf_read_time("sim: --budget", optarg, &sim.budget_ms);
    case OPT_SHARD:
        return take_shard(optarg);
    case 'r':
        sim.resume = optarg;
        return true;
    case 'o':
        sim.out = optarg;
        return true;
    case OPT_TURNS:
        return take_turns(optarg);
    case OPT_AT:
        return take_at(optarg);
    case OPT_DIALS:
        return take_dials(optarg);
    case OPT_COMPARE:
        return sim.compares = true;
    case OPT_SILENT:
        return sim.judges_silence = true;
    case OPT_LIVE:
        return take_live(optarg);
    case OPT_CUTS:
        return take_cuts(optarg);
    case OPT_PLAIN:
        return sim.plain = true;
    case OPT_LOOPS:
        sim.k = SF_EXHAUST_MAX;
        return sim.loops = true;
    default: /* getopt has said what is wrong */
        return false;
    }
}

/* What is found after hours is to be kept. */
static bool can_keep(void)
{
    char why[SF_WHY];

    if (!sim.out)
        sim.out = ".";
    if (!sf_folder_takes(sim.out, why))
        return sf_complain("sim: --out %s", why);
    return !sim.resume || sf_place_is_possible(sim.resume, why) ||
           sf_complain("sim: --resume %s", why);
}

/* Options that say something only together, or not together. */
static bool go_together(void)
{
    if (sim.loops && (sim.proves || sim.plain || sim.resume || sim.shards > 1))
        return sf_complain("sim: --loops says nothing with --prove, --plain, "
                           "--shard or --resume");
    sim.proves |= sim.loops;
    if (sim.proves && sim.tortures)
        return sf_complain("sim: either --prove or --memory");
    if (!sim.proves && (sim.shards > 1 || sim.resume || sim.out || sim.plain ||
                        sim.cuts || sim.yields != SF_YIELDS_NOT))
        return sf_complain("sim: --shard, --resume, --out, --plain, --cuts and "
                           "--turns go with --prove");
    if (sim.live &&
        (sim.proves || sim.tortures || sim.compares || sim.judges_silence))
        return sf_complain("sim: --live writes a session down; --prove, "
                           "--loops, --memory, --compare and --silent are for "
                           "one that is there");
    if ((sim.compares || sim.judges_silence) && (!sim.dials || sim.tortures))
        return sf_complain("sim: --compare and --silent go with --dials, and "
                           "not with --memory");
    return sim.proves || (sim.tortures && !sim.nth) || !sim.budget_ms ||
           sf_complain("sim: --budget goes with --prove or --memory");
}

bool sf_sim_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"scenario", required_argument, NULL, 's'},
        {"allow", required_argument, NULL, OPT_ALLOW},
        {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},
        {"prove", required_argument, NULL, 'k'},
        {"memory", optional_argument, NULL, OPT_MEMORY},
        {"budget", required_argument, NULL, 't'},
        {"shard", required_argument, NULL, OPT_SHARD},
        {"resume", required_argument, NULL, 'r'},
        {"out", required_argument, NULL, 'o'},
        {"plain", no_argument, NULL, OPT_PLAIN},
        {"cuts", required_argument, NULL, OPT_CUTS},
        {"loops", no_argument, NULL, OPT_LOOPS},
        {"turns", optional_argument, NULL, OPT_TURNS},
        {"at", required_argument, NULL, OPT_AT},
        {"dials", optional_argument, NULL, OPT_DIALS},
        {"compare", no_argument, NULL, OPT_COMPARE},
        {"silent", no_argument, NULL, OPT_SILENT},
        {"live", required_argument, NULL, OPT_LIVE},
        {NULL, 0, NULL, 0},
    };
    static char name[] = "sockfault: sim";
    int option;

    argv[0] = name; /* getopt's messages begin with it */
    while ((option = getopt_long(argc, argv, "+s:vqk:t:r:o:", options, NULL)) !=
           -1)
        if (!take_option(option))
            return false;
    if (!sim.scenario)
        return sf_complain("sim: which session?  --scenario FILE");
    if (!sim.live && access(sim.scenario, R_OK) < 0)
        return sf_complain("%s: %s", sim.scenario, strerror(errno));
    if (!go_together())
        return false;
    return (!sim.proves || can_keep()) &&
           (optind < argc || sf_complain("sim: which command?"));
}

void sf_sim_usage(void)
{
    fputs(usage, stdout);
}
