/*
 * convert.c: sockfault-session, a session from one form to the other.
 *
 *     sockfault-session FILE [OUTPUT]
 *
 * Text becomes the bytes of a fuzz input, and those become text.  Exit status
 * 0, or 2 with one line that says what is wrong and where.
 */
#include "faultinject/session/session.h"
#include "faultinject/session/word.h"

#include <errno.h>
#include <string.h>

static const char usage[] = "usage: sockfault-session FILE [OUTPUT]\n"
                            "turns text into a fuzz input, and a fuzz input "
                            "into text: sockfault-session(5)\n";

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sockfault-session: %s:%s%s\n", what, sf_before_why(why),
            why);
    return 2;
}

static int write_bytes(const struct sf_session *s, FILE *out)
{
    static uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(s, bytes, sizeof bytes);

    return fwrite(bytes, 1, len, out) == len ? 0 : -1;
}

static int convert(const char *path, const char *in, size_t len,
                   const char *output)
{
    bool is_text = sf_session_is_text(in, len);
    static struct sf_session s;
    FILE *out = stdout;
    char why[160];

    if (sf_session_read_file(&s, in, len, why, sizeof why) < 0)
        return fail(path, why);
    if (output)
        out = fopen(output, "wb");
    if (!out)
        return fail(output, strerror(errno));
    if (!is_text)
        sf_session_print(&s, out);
    else if (write_bytes(&s, out) < 0)
        return fail("output", strerror(errno));
    return fclose(out) == 0 ? 0 : fail("output", strerror(errno));
}

int main(int argc, char **argv)
{
    static char text[SF_TEXT_MAX + 1];
    FILE *in;
    size_t len;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) < 0 || fclose(stdout) ? 2 : 0;
    if (argc < 2 || argc > 3)
        return fail("expected FILE [OUTPUT]", "sockfault session --help");
    if (argv[1][0] == '-' && argv[1][1])
        return fail(argv[1], "no such option: sockfault session --help");
    in = fopen(argv[1], "rb");
    if (!in)
        return fail(argv[1], strerror(errno));
    len = fread(text, 1, sizeof text, in);
    if (ferror(in))
        return fail(argv[1], strerror(errno));
    return convert(argv[1], text, len, argv[2]);
}
