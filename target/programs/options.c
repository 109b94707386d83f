/* see options.h */
#include "target/programs/options.h"
#include "target/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_MAX = 32, OPTION_HELP = 1000 };

static const char *program_name = "?";

void die(const char *text, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", program_name);
    va_start(args, text);
    vfprintf(stderr, text, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

long parse_number(const char *option, const char *text, long min, long max)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end || value < min || value > max)
        die("--%s %s: expected a number from %ld to %ld", option, text, min,
            max);
    return value;
}

void parse_format(struct fm_format *f, const char *text)
{
    char why[300];

    if (fm_format_parse(f, text, why, sizeof why) < 0)
        die("%s", why);
}

static void help(const struct option_row *rows, const char *purpose)
{
    printf("Usage: %s [OPTION]...\n%s\n\n", program_name, purpose);
    for (; rows->name; rows++) {
        char left[40];

        snprintf(left, sizeof left, "--%s %s", rows->name,
                 rows->argument ? rows->argument : "");
        printf("  %-18s %s", left, rows->help);
        printf(rows->preset ? " (%s)\n" : "\n", rows->preset);
    }
    puts("  --help             this text");
    exit(0);
}

static void set(void *options, const struct option_row *row, const char *value)
{
    memcpy((char *)options + row->field, &value, sizeof value);
}

/* A number of theirs that is free would be a connection's, with what is said on
 * stderr sent to it.  Nothing is to be read there, and who writes is told. */
static void fill_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while ((unsigned)fd <= STDERR_FILENO); /* -1 is a large one */
    close(fd);
}

void parse_rows(void *options, const struct option_row *rows,
                const char *program, const char *purpose, int argc, char **argv)
{
    struct option longs[OPTIONS_MAX] = {{0}};
    int n, c;

    fill_standard();
    program_name = program;
    for (n = 0; rows[n].name; n++) {
        set(options, &rows[n], rows[n].preset);
        longs[n].name = rows[n].name;
        longs[n].has_arg = rows[n].argument ? required_argument : no_argument;
        longs[n].val = n;
    }
    longs[n] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        if (c == '?')
            die("unknown option '%s'; see --help", argv[optind - 1]);
        if (c == ':')
            die("%s needs a value; see --help", argv[optind - 1]);
        if (c == OPTION_HELP)
            help(rows, purpose);
        set(options, &rows[c], optarg ? optarg : "");
    }
    if (optind < argc)
        die("unexpected argument '%s'; see --help", argv[optind]);
}
