/* main.c: plays all rows, each in processes of its own; see judges.h. */
#include "tests/judges/judges.h"

#include "faultinject/session/session.h"
#include "fuzzers/fuzz.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 20 };

static const char *planted = "";

bool is(const char *bug)
{
    return strcmp(planted, bug) == 0;
}

/* Only targets that play sessions have it. */
int sf_session_read(struct sf_session *s, const void *bytes, size_t len,
                    char *why, size_t why_size) __attribute__((weak));

/* Only targets that have something to do before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* What is no session would be played as an empty one. */
static void check(const char *text, size_t len)
{
    static struct sf_session s;
    char why[160];

    if (!&sf_session_read ||
        sf_session_read(&s, text, len, why, sizeof why) == 0)
        return;
    fprintf(stderr, "%s\n", why);
    _exit(2);
}

static void play(const struct row *row)
{
    static char text[4096] = "sockfault-session 1\n";
    size_t len = row->len;

    if (len) {
        memcpy(text, row->input, len);
    } else {
        strcat(text, row->input);
        len = strlen(text);
        check(text, len);
    }
    alarm(PATIENCE_S);
    if (&LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(NULL, NULL);
    LLVMFuzzerTestOneInput((const uint8_t *)text, len);
}

/* What is said of the row: on standard error, up to its end. */
static void hear(const struct row *row, const char *bug, char *said,
                 size_t size)
{
    size_t n = 0;
    ssize_t r;
    int ends[2];
    pid_t pid;

    if (pipe(ends) < 0)
        exit(2);
    pid = fork();
    if (pid < 0)
        exit(2);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close_range(3, 255, 0); /* the program's own numbers */
        planted = bug;
        play(row);
        _exit(0);
    }
    close(ends[1]);
    while (n < size - 1 && (r = read(ends[0], said + n, size - 1 - n)) > 0)
        n += (size_t)r;
    said[n] = '\0';
    close(ends[0]);
    waitpid(pid, NULL, 0);
}

static bool judge(const struct row *row)
{
    static char with[4096], without[4096];

    hear(row, row->bug, with, sizeof with);
    hear(row, "", without, sizeof without);
    if (strstr(with, "finding: ") && strstr(with, row->words) && !*without)
        return true;
    printf("%s: expected '%s'; it said '%.300s', and without it '%.300s'\n",
           row->bug, row->words, with, without);
    return false;
}

/* How many of the bugs show in this session. */
static unsigned shown(const char *input)
{
    static char said[4096];
    unsigned n = 0;

    for (unsigned i = 0; i < rows_n; i++) {
        struct row row = {rows[i].bug, input, strlen(input), ""};

        hear(&row, row.bug, said, sizeof said);
        n += strstr(said, "finding: ") != NULL;
    }
    return n;
}

/* What AFL++ begins with is not played, whatever is wrong: it would never get
 * beyond.  The nearest session to it is. */
static bool begins(void)
{
    unsigned near, first;

    if (!&sf_session_read)
        return true;
    near = shown("##SJ");
    first = shown("##SI");
    if (near && !first)
        return true;
    printf("%u bugs show in '##SI' and %u in '##SJ'\n", first, near);
    return false;
}

int main(void)
{
    unsigned bad = !begins();

    for (unsigned i = 0; i < rows_n; i++) {
        fflush(stdout);
        bad += !judge(&rows[i]);
    }
    printf("of %u judges and the beginning %u are wrong\n", rows_n, bad);
    return bad > 0;
}
