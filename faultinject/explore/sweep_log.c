/* sweep_log.c: a line for each case that is done; see sweep.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultinject/explore/sweep.h"

enum { LINE_MAX_SIZE = 1024 };

/* In the order of enum sf_case_state. */
static const char *const words[SF_CASE_STATES] = {
    "", "quiet", "found", "unmet", "impossible", "alone"};

/* --- writing --- */

/* One call of write(), so that lines of several processes stay whole. */
static bool append(const struct sf_sweep *s, const char *line, size_t n)
{
    const char *path = sf_sweep_path(s, "runs");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    bool good = fd >= 0 && write(fd, line, n) == (ssize_t)n;

    if (!good)
        sf_complain("%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}

bool sf_sweep_write(const struct sf_sweep *s, const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line - 1, format, ap);
    va_end(ap);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    for (int i = 0; i < n; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[n++] = '\n';
    return append(s, line, (size_t)n);
}

bool sf_sweep_mend(const struct sf_sweep *s)
{
    FILE *in = fopen(sf_sweep_path(s, "runs"), "re");
    int last = '\n';

    if (in && fseek(in, -1, SEEK_END) == 0)
        last = fgetc(in);
    if (in)
        fclose(in);
    return last == '\n' || append(s, "\n", 1);
}

/* --- reading --- */

static struct sf_group *find_group(struct sf_sweep *s, const char *name)
{
    for (size_t i = 0; i < s->n_groups; i++)
        if (strcmp(s->groups[i].name, name) == 0)
            return &s->groups[i];
    return NULL;
}

static bool add_group(struct sf_sweep *s, size_t i, const char *name,
                      const char *line)
{
    struct sf_group *more =
        realloc(s->groups, (s->n_groups + 1) * sizeof *more);

    if (!more)
        return sf_complain("no memory for findings");
    s->groups = more;
    more += s->n_groups++;
    memset(more, 0, sizeof *more);
    more->first = i;
    snprintf(more->name, sizeof more->name, "%s", name);
    snprintf(more->line, sizeof more->line, "%s", line);
    return true;
}

/* Not seen again; another case of the same may be. */
static void try_another(struct sf_group *g)
{
    if (g->tries == 0 || g->shown > 0 || g->last == g->first ||
        g->refuted >= SF_REFUTED_MAX)
        return;
    g->refuted++;
    g->first = g->last;
    g->tries = 0;
}

static bool take_found(struct sf_sweep *s, size_t i, const char *text)
{
    char name[SF_GROUP_NAME];
    struct sf_group *g;
    int n = 0;

    if (sscanf(text, "%95s %n", name, &n) < 1 || n == 0)
        return true;
    if (!find_group(s, name) && !add_group(s, i, name, text + n))
        return false;
    g = find_group(s, name);
    s->group[i] = (size_t)(g - s->groups);
    g->cases++;
    g->faults |= UINT64_C(1) << s->cases.rules[i].fault;
    g->last = i;
    try_another(g);
    return true;
}

static void take_again(struct sf_sweep *s, const char *text)
{
    char name[SF_GROUP_NAME];
    unsigned shown, tries;
    struct sf_group *g;

    if (sscanf(text, "%u %u %95s", &shown, &tries, name) != 3)
        return;
    g = find_group(s, name);
    if (g) {
        g->shown = shown;
        g->tries = tries;
        s->runs += tries;
        try_another(g);
    }
}

static bool take_result(struct sf_sweep *s, size_t i, const char *word,
                        const char *text)
{
    char *end;
    unsigned long runs = strtoul(text, &end, 10);

    for (uint8_t state = 1; state < SF_CASE_STATES; state++) {
        if (strcmp(word, words[state]) != 0 || s->state[i] != SF_CASE_TO_DO)
            continue;
        s->state[i] = state;
        s->runs += runs;
        return state != SF_CASE_FOUND || take_found(s, i, end);
    }
    return true;
}

/* What cannot be understood was cut off: its case is run again. */
static bool take_line(struct sf_sweep *s, const char *line)
{
    char word[16];
    size_t i;
    int n = 0;

    if (sscanf(line, "%zu %15s %n", &i, word, &n) < 2 || i >= s->cases.n)
        return true;
    if (strcmp(word, "again") == 0) {
        take_again(s, line + n);
        return true;
    }
    return take_result(s, i, word, line + n);
}

bool sf_sweep_read(struct sf_sweep *s)
{
    FILE *in = fopen(sf_sweep_path(s, "runs"), "re");
    char line[LINE_MAX_SIZE];
    bool good = true;

    if (!in)
        return errno == ENOENT ||
               sf_complain("%s: %s", sf_sweep_path(s, "runs"), strerror(errno));
    if (fseek(in, s->log_at, SEEK_SET) < 0)
        good = false;
    while (good && fgets(line, sizeof line, in) && strchr(line, '\n')) {
        line[strcspn(line, "\n")] = '\0';
        s->log_at = ftell(in);
        good = take_line(s, line);
    }
    fclose(in);
    return good;
}

/* --- counting --- */

size_t sf_sweep_count(const struct sf_sweep *s, enum sf_case_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < s->cases.n; i++)
        n += s->state[i] == state && sf_sweep_is_ours(s, i);
    return n;
}

size_t sf_sweep_cases(const struct sf_sweep *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->cases.n; i++)
        n += sf_sweep_is_ours(s, i);
    return n;
}

bool sf_sweep_is_sure(const struct sf_group *g)
{
    return g->shown > 0;
}

size_t sf_sweep_news(const struct sf_sweep *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_groups; i++)
        n += sf_sweep_is_sure(&s->groups[i]) &&
             !sf_known_until(s->groups[i].name);
    return n;
}
