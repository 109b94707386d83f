/*
 * options.h: command lines from a table, for the programs here.
 *
 * A program lists its options once, as rows of
 *
 *     X(name, "ARGUMENT" or NULL, "default" or NULL, "what it means")
 *
 * and gets from them a struct with a string per option, the parser, and
 * --help.  Whatever is wrong on the command line ends the program with one
 * line on stderr and status 2.  What is closed of the standard descriptors is
 * /dev/null afterwards, and cannot be written to.
 */
#ifndef FM_OPTIONS_H
#define FM_OPTIONS_H

#include "target/format.h"

#include <getopt.h>
#include <stddef.h>

/* One line on stderr, and exit status 2. */
_Noreturn void die(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* A decimal number in a range, or die naming the option. */
long parse_number(const char *option, const char *text, long min, long max);

void parse_format(struct fm_format *f, const char *text);

struct option_row {
    const char *name;
    const char *argument; /* NULL: the option has none                     */
    const char *preset;
    const char *help;
    size_t field; /* offset of its const char * in struct options          */
};

/* Fill in the struct at `options`; rows end with a NULL name. */
void parse_rows(void *options, const struct option_row *rows,
                const char *program, const char *purpose, int argc,
                char **argv);

#define OPTIONS_FIELD(name, argument, preset, help) const char *name;
#define OPTIONS_ROW(name, argument, preset, help) \
    {#name, argument, preset, help, offsetof(struct options, name)},

#define OPTIONS_STRUCT(rows) \
    struct options {         \
        rows(OPTIONS_FIELD)  \
    };

#define OPTIONS_PARSER(rows, program, purpose)                          \
    static void parse_options(struct options *o, int argc, char **argv) \
    {                                                                   \
        static const struct option_row table[] = {                      \
            rows(OPTIONS_ROW){NULL, NULL, NULL, NULL, 0}};              \
                                                                        \
        parse_rows(o, table, program, purpose, argc, argv);             \
    }

#endif
