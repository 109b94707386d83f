/* word.c: see word.h. */
#include "faultinject/session/word.h"

#include <string.h>

/* What cannot stand between quotes, or not on one line. */
static void print_in_quotes(char c, FILE *out)
{
    if (c == '\'')
        fputs("'\\''", out);
    else if (c == '\n')
        fputs("'$'\\n''", out);
    else
        fputc(c, out);
}

void sf_print_word(const char *s, FILE *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-./:=,+@%";

    if (*s && s[strspn(s, plain)] == '\0') {
        fputs(s, out);
        return;
    }
    fputc('\'', out);
    while (*s)
        print_in_quotes(*s++, out);
    fputc('\'', out);
}
