/* known.c: findings that are known, and until when; see explore.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faultinject/explore/explore.h"

enum { DATE = sizeof "YYYY-MM-DD" };

struct known {
    char *name;
    char until[DATE];
};

static struct known *known;
static size_t known_n;

static bool is_date(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d", &tm);

    return end && *end == '\0' && strlen(text) == DATE - 1;
}

static bool add(const char *name, const char *until)
{
    struct known *more = realloc(known, (known_n + 1) * sizeof *known);
    char *copy = strdup(name);

    if (more)
        known = more;
    if (!more || !copy)
        return sf_complain("no memory for what is known");
    known[known_n].name = copy;
    strcpy(known[known_n++].until, until);
    return true;
}

/* NAME YYYY-MM-DD, and behind it why. */
static bool take(const char *path, unsigned nth, const char *line)
{
    char *name = NULL, *until = NULL;
    bool good = true;

    line += strspn(line, " \t\n");
    if (*line == '\0' || *line == '#')
        return true;
    if (sscanf(line, "%ms %ms", &name, &until) == 2 && is_date(until))
        good = add(name, until);
    else
        good = sf_complain("%s:%u: expected 'NAME YYYY-MM-DD why', found "
                           "'%.*s'",
                           path, nth, (int)strcspn(line, "\n"), line);
    free(name);
    free(until);
    return good;
}

bool sf_known_read(const char *path)
{
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    unsigned nth = 0;
    bool good = true;

    if (!in)
        return sf_complain("--known %s: %s", path, strerror(errno));
    while (good && getline(&line, &room, in) >= 0)
        good = take(path, ++nth, line);
    free(line);
    fclose(in);
    return good;
}

const char *sf_known_until(const char *name)
{
    time_t now = time(NULL);
    char today[DATE];

    strftime(today, sizeof today, "%F", localtime(&now));
    for (size_t i = 0; i < known_n; i++)
        if (strcmp(known[i].name, name) == 0 &&
            strcmp(known[i].until, today) >= 0)
            return known[i].until;
    return NULL;
}
