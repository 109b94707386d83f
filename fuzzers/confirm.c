/*
 * confirm.c: the main of a session target over real sockets.
 *
 *     fuzz_X_loopback [-v] FILE
 *
 * FILE is a session, as text or as the bytes of a fuzz input.  It is played
 * by real sockets on loopback, with the same faults and the same oracles, and
 * one line says what came of it:
 *
 *     confirmed: MONITOR: …        it is the program's; exit status 1
 *     not confirmed: …             nothing is wrong; 0
 *     cannot be said with real sockets: …    2
 */
#include "faultinject/inject/finding.h"
#include "faultinject/session/session.h"
#include "faultinject/session/word.h"
#include "fuzzers/fuzz.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waiting takes no time, so this is for ever. */
enum { PATIENCE_S = 60 };

bool sf_verbose;

/* Of a sanitizer's report, which is not to be taken for another status. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "exitcode=86";
}

static int cannot(const char *what, const char *why)
{
    fprintf(stderr, "sockfault: %s:%s%s\n", what, sf_before_why(why), why);
    return 2;
}

static bool tell(enum sf_monitor monitor, const char *line)
{
    const char *what = strstr(line, "finding: ");

    (void)monitor;
    printf("confirmed: %s\n", what ? what + strlen("finding: ") : line);
    fflush(stdout);
    _exit(1);
}

/* The bytes of a session in any form, or 0 after telling why. */
static size_t load(const char *path, uint8_t *bytes)
{
    static char text[SF_TEXT_MAX + 1];
    static struct sf_session s;
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(text, 1, sizeof text, file) : 0;
    char why[160];

    if (!file || ferror(file) || !feof(file) || !len)
        return cannot(path, file ? "no session" : strerror(errno)), 0;
    fclose(file);
    if (sf_session_read(&s, text, len, why, sizeof why) < 0)
        return cannot(path, why), 0;
    return sf_session_encode(&s, bytes, SF_SESSION_MAX);
}

static int play(const uint8_t *bytes, size_t len)
{
    sf_finding_hook = tell;
    close_range(SF_SIM_FD, UINT_MAX, 0); /* the program's numbers */
    alarm(PATIENCE_S);
    LLVMFuzzerTestOneInput(bytes, len);
    printf("not confirmed: over real sockets nothing is wrong: if there is a "
           "finding in memory, suspect the simulator\n");
    return 0;
}

/* How the process ended that played it. */
static int verdict(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 2)
        return WEXITSTATUS(status);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("confirmed: hang: %d s went by\n", PATIENCE_S);
    else if (WIFSIGNALED(status))
        printf("confirmed: died: by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
    else
        printf("confirmed: a sanitizer's report, see above\n");
    return 1;
}

static void tell_usage(FILE *to)
{
    fprintf(to, "usage: %s [-v] FILE\n", program_invocation_short_name);
}

static int help(void)
{
    tell_usage(stdout);
    printf("\n"
           "Plays a session over real sockets, and with -v shows it.\n"
           "\n"
           "Ends with 0: nothing is wrong there, 1: a finding is confirmed, "
           "2: it cannot be\nsaid with real sockets.\n");
    return fflush(stdout) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[SF_SESSION_MAX];
    static char out[BUFSIZ]; /* not what the program under test holds */
    size_t len;
    pid_t pid;
    int status = 0;

    setvbuf(stdout, out, _IOFBF, sizeof out);
    sf_verbose = argc == 3 && strcmp(argv[1], "-v") == 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return help();
    if (argc != 2 + sf_verbose || argv[argc - 1][0] == '-')
        return tell_usage(stderr), 2;
    len = load(argv[argc - 1], bytes);
    if (!len)
        return 2;
    signal(SIGCHLD, SIG_DFL); /* ignored, its end would not be told */
    pid = fork();
    if (pid < 0)
        return cannot("fork", strerror(errno));
    if (pid == 0)
        exit(play(bytes, len));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return verdict(status);
}
