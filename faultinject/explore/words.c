/* words.c: see explore.h. */
#include <stdlib.h>
#include <string.h>

#include "faultinject/explore/explore.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* One word from *from to *to, which is ended; false: a quote stays open. */
static bool take_word(const char **from, char **to)
{
    char quote = 0;

    for (; **from && (quote || !is_space(**from)); ++*from) {
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
