/*
 * replay.c: the main of a fuzz target without an engine.
 *
 *     fuzz_X [-v] [--] FILE|FOLDER...
 *     fuzz_X --prove [OPTION...] SCENARIO...
 *
 * Executes each file once, folders with all that is in them in the order of
 * names, and says "executed N of N inputs".  A session may also be text
 * (sockfault-session(5)).  Exit status 0 when everything was executed, 2 when
 * something could not be read or there was nothing; a finding ends the process
 * by a signal or with the sanitizer's own status, after a line that names the
 * input.
 *
 * With --prove a session is run with every combination of faults
 * (sockfault-prove(1)).
 */
#include "faultinject/session/session.h"
#include "faultinject/session/word.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/prove/own.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 20, DEPTH_MAX = 16 };

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

/* Only targets that play sessions have it. */
int sf_session_read(struct sf_session *s, const void *bytes, size_t len,
                    char *why, size_t why_size) __attribute__((weak));

bool sf_verbose;

static struct {
    const char *path; /* of the input that is being executed, or NULL */
    unsigned long found, executed;
    bool failed;
} run;

/* Called in a dying process: only what is safe in a signal handler. */
static void name_the_input(void)
{
    char line[4300] = "sockfault: the input was ";

    if (!run.path)
        return;
    strncat(line, run.path, 4200);
    strcat(line, "\n");
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return;
    run.path = NULL;
}

static void on_signal(int signo)
{
    name_the_input();
    signal(signo, SIG_DFL);
    raise(signo);
}

static void cannot(const char *path, const char *why)
{
    fprintf(stderr, "sockfault: %s:%s%s\n", path, sf_before_why(why), why);
    run.failed = true;
}

/* The file's bytes in a block of exactly their size, so that a read past
 * the end is seen.  NULL after telling why. */
static uint8_t *load(const char *path, size_t size)
{
    uint8_t *bytes = malloc(size ? size : 1);
    FILE *file = fopen(path, "rb");
    bool whole = bytes && file && fread(bytes, 1, size, file) == size;

    if (!whole) {
        cannot(path, file ? "cannot be read whole" : strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (file)
        fclose(file);
    return bytes;
}

/* A text that is no session would be played as an empty one. */
static bool makes_sense(const char *path, const uint8_t *bytes, size_t size)
{
    static struct sf_session s;
    char why[160];

    if (!&sf_session_read ||
        sf_session_read(&s, bytes, size, why, sizeof why) == 0)
        return true;
    cannot(path, why);
    return false;
}

static void execute(const char *path, size_t size)
{
    uint8_t *bytes;

    run.found++;
    if (size > INPUT_MAX) {
        cannot(path, "larger than 1 MiB, which no input is");
        return;
    }
    bytes = load(path, size);
    if (!bytes || !makes_sense(path, bytes, size)) {
        free(bytes);
        return;
    }
    if (sf_verbose)
        printf("input %s: %zu bytes\n", path, size);
    fflush(stdout);
    run.path = path;
    LLVMFuzzerTestOneInput(bytes, size);
    run.path = NULL;
    run.executed++;
    free(bytes);
}

static void visit(const char *path, int depth);

static void visit_folder(const char *path, int depth)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);

    if (n < 0) {
        cannot(path, strerror(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        char inside[4096];

        if (entries[i]->d_name[0] != '.') {
            snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
            visit(inside, depth + 1);
        }
        free(entries[i]);
    }
    free(entries);
}

static void visit(const char *path, int depth)
{
    struct stat st;

    if (stat(path, &st) < 0)
        cannot(path, strerror(errno));
    else if (S_ISREG(st.st_mode))
        execute(path, (size_t)st.st_size);
    else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        visit_folder(path, depth);
    else
        cannot(path, "neither a file nor a folder");
}

static void tell_usage(const char *name, FILE *to)
{
    fprintf(to, "usage: %s [-v] [--] FILE|FOLDER...\n", name);
    if (&sf_prove_own)
        fprintf(to, "       %s --prove [OPTION]... SCENARIO...\n", name);
}

static int help(const char *name)
{
    tell_usage(name, stdout);
    printf("\n"
           "Executes each input once, and with -v shows what happens in it.\n");
    if (&sf_prove_own)
        printf("With --prove it runs a session with every combination of "
               "faults: --prove --help.\n");
    printf("\n"
           "Ends with 0: all were executed, 2: not, or there was none; a "
           "finding ends it by\na signal, or with the sanitizer's status.\n");
    return fflush(stdout) == 0 ? 0 : 2;
}

static int usage(const char *name)
{
    tell_usage(name, stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int first = 1;

    if (argc > 1 && !strcmp(argv[1], "--prove") && &sf_prove_own)
        return sf_prove_own(argc, argv);
    while (first < argc && argv[first][0] == '-') {
        const char *option = argv[first++];

        if (!strcmp(option, "--"))
            break;
        if (!strcmp(option, "--help") || !strcmp(option, "-h"))
            return help(argv[0]);
        if (strcmp(option, "-v"))
            return usage(argv[0]);
        sf_verbose = true;
    }
    if (first == argc)
        return usage(argv[0]);
    signal(SIGABRT, on_signal);
    if (&__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(name_the_input);
    if (&LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (; first < argc; first++)
        visit(argv[first], 0);
    printf("executed %lu of %lu inputs\n", run.executed, run.found);
    if (!run.executed)
        fprintf(stderr, "sockfault: nothing was executed\n");
    return run.executed && !run.failed ? 0 : 2;
}
