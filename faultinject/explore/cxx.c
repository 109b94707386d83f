/*
 * cxx.c: functions of C++ as people call them; see explore.h.
 *
 * Demangled, and without what they take, give back and are made for, since that
 * may be longer than any line.  scripts/lib/signature.awk says the same.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultinject/explore/explore.h"

/* The C++ library has it, for C as well (cxxabi.h). */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *size,
                     int *status);

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind what is opened there, where it is closed again.  In brackets of other
 * kinds > is what is greater. */
static const char *behind(const char *open)
{
    int inner = 0, angles = 0;

    for (const char *at = open; *at; at++) {
        inner += (strchr("({[", *at) != NULL) - (strchr(")}]", *at) != NULL);
        if (inner == 0)
            angles += (*at == '<') - (*at == '>');
        if (inner == 0 && angles == 0)
            return at + 1;
    }
    return open + strlen(open);
}

/* So many letters are the name of an operator, 0: it is none: `operator()`,
 * `operator<<`, `operator new[]`. */
static size_t operator_at(const char *at, const char *text)
{
    static const char word[] = "operator";
    size_t n = sizeof word - 1;

    if (!begins(at, word) || is_of_word(at[n]) ||
        (at > text && is_of_word(at[-1])))
        return 0;
    return begins(at + n, "()") ? n + 2 : n + strcspn(at + n, "(");
}

/* What it takes is behind; what is defined in it, behind that. */
static const char *past_arguments(const char *at)
{
    at = behind(at);
    if (begins(at, " const"))
        at += strlen(" const");
    return begins(at, "::") ? at : at + strlen(at);
}

/* `{lambda(int)#1}` is a lambda. */
static char *copy_lambda(const char *from, char *to)
{
    while (isalpha((unsigned char)*++from))
        *to++ = *from;
    return to;
}

static void leave_out(const char *from, char *to)
{
    static const char nameless[] = "(anonymous namespace)::";
    const char *text = from;

    while (*from) {
        size_t n = operator_at(from, text);
        if (n > 0) {
            memcpy(to, from, n);
            to += n;
            from += n;
        } else if (begins(from, nameless)) {
            from += sizeof nameless - 1;
        } else if (*from == '(') {
            from = past_arguments(from);
        } else if (*from == '{') {
            to = copy_lambda(from, to);
            from = behind(from);
        } else if (*from == '<' || *from == '[') {
            from = behind(from);
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* It is told before the name what it gives back. */
static const char *behind_type(const char *text)
{
    const char *name = text;

    for (const char *at = text; *at && !operator_at(at, text); at++)
        if (*at == ' ')
            name = at + 1;
    return name;
}

const char *sf_cxx_name(const char *symbol, char *text, size_t size)
{
    char *full =
        begins(symbol, "_Z") ? __cxa_demangle(symbol, NULL, NULL, NULL) : NULL;
    char *name = full ? malloc(strlen(full) + 1) : NULL;

    if (name)
        leave_out(full, name);
    snprintf(text, size, "%s", name && *name ? behind_type(name) : symbol);
    free(name);
    free(full);
    return text;
}

bool sf_is_of_cxx_library(const char *name)
{
    return begins(name, "std::") || begins(name, "__gnu_cxx::") ||
           begins(name, "operator new");
}
