/* words.c: see explore.h. */
#include <stdlib.h>
#include <string.h>

#include "faultinject/explore/explore.h"
#include "faultinject/inject/nearest.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The newline of a trace's words, $'\n'; true: it was one. */
static bool take_newline(const char **from, char **to)
{
    static const char newline[] = "$'\\n'";

    if (strncmp(*from, newline, sizeof newline - 1) != 0)
        return false;
    *(*to)++ = '\n';
    *from += sizeof newline - 2;
    return true;
}

/* One word from *from to *to, which is ended; false: a quote stays open. */
static bool take_word(const char **from, char **to)
{
    char quote = 0;

    for (; **from && (quote || !is_space(**from)); ++*from) {
        if (!quote && take_newline(from, to))
            continue;
        if (**from == quote)
            quote = 0;
        else if (!quote && (**from == '\'' || **from == '"'))
            quote = **from;
        else if (**from == '\\' && quote != '\'' && (*from)[1])
            *(*to)++ = *++*from;
        else
            *(*to)++ = **from;
    }
    *(*to)++ = '\0';
    return quote == 0;
}

char **sf_words(const char *text)
{
    size_t len = strlen(text);
    size_t n = 0;
    char **words = malloc((len / 2 + 2) * sizeof *words + len + 1);
    char *to = words ? (char *)(words + len / 2 + 2) : NULL;

    if (!words) {
        sf_complain("no memory for the command");
        return NULL;
    }
    for (;;) {
        while (is_space(*text))
            text++;
        if (*text == '\0')
            break;
        words[n++] = to;
        if (!take_word(&text, &to)) {
            sf_complain("run: a quote is not closed");
            free(words);
            return NULL;
        }
    }
    words[n] = NULL;
    return words;
}

bool sf_find_monitor(const char *option, const char *name, unsigned *bits)
{
    struct sf_nearest best = SF_NOTHING_NEAR;

    for (int i = 0; i < SF_MON_COUNT; i++)
        if (strcmp(name, sf_monitor_name((enum sf_monitor)i)) == 0) {
            *bits |= 1u << i;
            return true;
        }
    for (int i = 0; i < SF_MON_COUNT; i++)
        sf_nearest_of(&best, name, strlen(name),
                      sf_monitor_name((enum sf_monitor)i));
    return best.word ? sf_complain("%s %s: no such monitor; did you mean '%s'?",
                                   option, name, best.word)
                     : sf_complain("%s %s: no such monitor: sockfault list "
                                   "monitors",
                                   option, name);
}

bool sf_read_time(const char *option, const char *text, int *ms)
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
    return sf_complain("%s %s: expected a time of at most a day, as in 500ms, "
                       "30s or 2m",
                       option, text);
}
