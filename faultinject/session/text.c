/*
 * text.c: sessions as people read and write them.
 *
 *     sockfault-session 1
 *     variant 0                  # the program's own choice
 *     buffers 4096
 *     family tcp
 *     profile linux
 *     frame 1 5
 *     + bytes 2 "0000x\xff"      # in the same instant
 *     @2 reset 1                 # two calls of the program later
 *     wait 30000                 # milliseconds
 *     fault 3 0 200              # let 3 decisions go by, then outcome 1
 *
 * The grammar is in docs/sessions.md.  What bytes cannot say is refused,
 * with the nearest that they can.
 */
#include "faultinject/session/session.h"

#include "faultinject/inject/nearest.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_SHOWN = 24 }; /* of one that nobody knows */

static const char magic[] = "sockfault-session 1";

/* --------------------------------------------------------------- printing */

static size_t add(char *out, size_t size, size_t len, const char *format, ...)
{
    va_list ap;
    int n;

    if (len >= size)
        return len;
    va_start(ap, format);
    n = vsnprintf(out + len, size - len, format, ap);
    va_end(ap);
    return len + (size_t)n;
}

static size_t add_bytes(char *out, size_t size, size_t len,
                        const struct sf_act *act)
{
    len = add(out, size, len, " \"");
    for (unsigned i = 0; i < act->amount; i++) {
        uint8_t c = act->bytes[i];

        if (c == '"' || c == '\\')
            len = add(out, size, len, "\\%c", c);
        else if (isprint(c))
            len = add(out, size, len, "%c", c);
        else
            len = add(out, size, len, "\\x%02x", c);
    }
    return add(out, size, len, "\"");
}

void sf_act_format(const struct sf_act *act, char *out, size_t size)
{
    size_t len = 0;

    if (act->when == SF_WHEN_WITH)
        len = add(out, size, len, "+ ");
    if (act->when == SF_WHEN_AFTER)
        len = add(out, size, len, "@%u ", act->calls);
    len = add(out, size, len, "%s", sf_act_words[act->kind]);
    if (sf_act_has_peer(act->kind))
        len = add(out, size, len, " %u", act->peer);
    if (sf_act_amounts[act->kind] == SF_AMOUNT_BYTES)
        add_bytes(out, size, len, act);
    else if (sf_act_amounts[act->kind] != SF_AMOUNT_NONE)
        add(out, size, len, " %u", act->amount);
}

void sf_session_print(const struct sf_session *s, FILE *out)
{
    char line[256];

    fprintf(out, "%s\nvariant %u\nbuffers %u\nfamily %s\nprofile %s\n", magic,
            s->variant, s->buffers, s->local ? "unix" : "tcp",
            s->profile == SF_LINUX ? "linux" : "posix");
    if (s->handlers)
        fprintf(out, "handlers\n");
    if (s->extra)
        fprintf(out, "extra %u\n", s->extra);
    if (s->high)
        fprintf(out, "high %u\n", s->high);
    for (unsigned i = 0; i < s->acts_n; i++) {
        sf_act_format(&s->acts[i], line, sizeof line);
        fprintf(out, "%s\n", line);
    }
    for (unsigned i = 0; i < s->faults_n; i++)
        fprintf(out, "fault %u %u %u\n", s->faults[i].skip, s->faults[i].which,
                s->faults[i].amount);
}

/* ---------------------------------------------------------------- parsing */

struct parser {
    const char *at, *line;
    unsigned number;
    unsigned given; /* options, as bits */
    char *why;
    size_t why_size;
    struct sf_session *s;
};

static int expected(const struct parser *p, const char *format, ...)
{
    va_list ap;
    int n = snprintf(p->why, p->why_size, "%u:%u: expected ", p->number,
                     (unsigned)(p->at - p->line) + 1);

    va_start(ap, format);
    if (n >= 0 && (size_t)n < p->why_size)
        vsnprintf(p->why + n, p->why_size - (size_t)n, format, ap);
    va_end(ap);
    return -1;
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
        p->at++;
}

static bool at_end_of_line(struct parser *p)
{
    skip_blanks(p);
    return !*p->at || *p->at == '\n' || *p->at == '#';
}

static bool take(struct parser *p, const char *word)
{
    size_t n = strlen(word);

    skip_blanks(p);
    if (strncmp(p->at, word, n) != 0 || isalnum((unsigned char)p->at[n]))
        return false;
    p->at += n;
    return true;
}

static int take_number(struct parser *p, unsigned min, unsigned max,
                       unsigned *n)
{
    char *end;
    unsigned long value;

    skip_blanks(p);
    value = strtoul(p->at, &end, 10);
    if (!isdigit((unsigned char)*p->at) || value < min || value > max)
        return expected(p, "a number from %u to %u", min, max);
    p->at = end;
    *n = (unsigned)value;
    return 0;
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

static int take_char(struct parser *p, uint8_t *c)
{
    if (*p->at != '\\') {
        *c = (uint8_t)*p->at++;
        return 0;
    }
    p->at++;
    if (*p->at == 'x' && isxdigit((unsigned char)p->at[1]) &&
        isxdigit((unsigned char)p->at[2])) {
        *c = (uint8_t)(hex(p->at[1]) << 4 | hex(p->at[2]));
        p->at += 3;
        return 0;
    }
    if (*p->at != '"' && *p->at != '\\')
        return expected(p, "\\xHH, \\\" or \\\\");
    *c = (uint8_t)*p->at++;
    return 0;
}

static int take_string(struct parser *p, struct sf_act *act)
{
    skip_blanks(p);
    if (*p->at != '"')
        return expected(p, "bytes in double quotes");
    for (p->at++; *p->at != '"'; act->amount++) {
        if (!*p->at || *p->at == '\n')
            return expected(p, "the closing double quote");
        if (act->amount == SF_LITERAL_MAX)
            return expected(p, "at most %d bytes", SF_LITERAL_MAX);
        if (take_char(p, &act->bytes[act->amount]) < 0)
            return -1;
    }
    p->at++;
    return 0;
}

static int take_amount(struct parser *p, struct sf_act *act)
{
    enum sf_amount unit = sf_act_amounts[act->kind];
    const char *start;
    unsigned nearest;

    if (unit == SF_AMOUNT_NONE)
        return 0;
    if (unit == SF_AMOUNT_BYTES)
        return take_string(p, act);
    skip_blanks(p);
    start = p->at;
    if (take_number(p, 0, 1000000, &act->amount) < 0)
        return -1;
    nearest = sf_amount_round(unit, act->amount);
    if (nearest == act->amount)
        return 0;
    p->at = start;
    return expected(p, "a number that a session can have, as %u", nearest);
}

static int take_when(struct parser *p, struct sf_act *act)
{
    skip_blanks(p);
    if (*p->at == '+') {
        p->at++;
        act->when = SF_WHEN_WITH;
    } else if (*p->at == '@') {
        p->at++;
        act->when = SF_WHEN_AFTER;
        return take_number(p, 1, 3, &act->calls);
    }
    return 0;
}

static int take_fault(struct parser *p)
{
    unsigned n[3];

    for (int i = 0; i < 3; i++)
        if (take_number(p, 0, 255, &n[i]) < 0)
            return -1;
    if (p->s->faults_n == SF_FAULTS_MAX)
        return expected(p, "at most %d faults", SF_FAULTS_MAX);
    p->s->faults[p->s->faults_n++] =
        (struct sf_fault_step){(uint8_t)n[0], (uint8_t)n[1], (uint8_t)n[2]};
    return 0;
}

static int take_buffers(struct parser *p)
{
    const char *start = p->at;

    if (take_number(p, 1, SF_SIM_BUFFER, &p->s->buffers) < 0)
        return -1;
    if (sf_buffers_round(p->s->buffers) == p->s->buffers)
        return 0;
    p->at = start;
    return expected(p, "a size that a session can have, as %u",
                    sf_buffers_round(p->s->buffers));
}

static int take_family(struct parser *p)
{
    p->s->local = take(p, "unix");
    return p->s->local || take(p, "tcp") ? 0 : expected(p, "tcp or unix");
}

static int take_profile(struct parser *p)
{
    p->s->profile = take(p, "posix") ? SF_POSIX : SF_LINUX;
    return p->s->profile == SF_POSIX || take(p, "linux")
               ? 0
               : expected(p, "linux or posix");
}

static int take_handlers(struct parser *p)
{
    p->s->handlers = true;
    return 0;
}

static int take_variant(struct parser *p)
{
    return take_number(p, 0, 255, &p->s->variant);
}

static int take_extra(struct parser *p)
{
    return take_number(p, 0, 15, &p->s->extra);
}

static int take_high(struct parser *p)
{
    return take_number(p, 0, 4, &p->s->high);
}

static const struct {
    const char *word;
    int (*value)(struct parser *p);
} options[] = {
    {"variant", take_variant},   {"buffers", take_buffers},
    {"family", take_family},     {"profile", take_profile},
    {"extra", take_extra},       {"high", take_high},
    {"handlers", take_handlers},
};
enum { OPTIONS = sizeof options / sizeof *options };

/* What stands where a line begins, or behind its `+`. */
static int unknown_word(struct parser *p)
{
    struct sf_nearest best = SF_NOTHING_NEAR;
    int n = 0;

    skip_blanks(p);
    while (isgraph((unsigned char)p->at[n]))
        n++;
    for (unsigned i = 0; i < OPTIONS; i++)
        sf_nearest_of(&best, p->at, (size_t)n, options[i].word);
    for (unsigned i = 0; i < SF_ACT_COUNT; i++)
        sf_nearest_of(&best, p->at, (size_t)n, sf_act_words[i]);
    sf_nearest_of(&best, p->at, (size_t)n, "fault");
    if (best.word)
        return expected(p,
                        "an option, an act or a fault, found '%.*s'; did you "
                        "mean '%s'?",
                        n, p->at, best.word);
    return expected(p,
                    "an option, an act or a fault, as \"frame 1 5\" or "
                    "\"fault 0 0 0\", found '%.*s'",
                    n < WORD_SHOWN ? n : WORD_SHOWN, p->at);
}

static int take_act(struct parser *p)
{
    struct sf_act act = {.peer = 1};
    unsigned kind = 0;

    if (take_when(p, &act) < 0)
        return -1;
    while (kind < SF_ACT_COUNT && !take(p, sf_act_words[kind]))
        kind++;
    if (kind == SF_ACT_COUNT)
        return unknown_word(p);
    act.kind = (enum sf_act_kind)kind;
    if (sf_act_has_peer(act.kind) && take_number(p, 1, SF_PEERS, &act.peer) < 0)
        return -1;
    if (take_amount(p, &act) < 0)
        return -1;
    if (p->s->acts_n == SF_ACTS_MAX)
        return expected(p, "at most %d acts", SF_ACTS_MAX);
    p->s->acts[p->s->acts_n++] = act;
    return 0;
}

static int take_line(struct parser *p)
{
    const char *start;
    unsigned i = 0;

    skip_blanks(p);
    start = p->at;
    while (i < OPTIONS && !take(p, options[i].word))
        i++;
    if (i == OPTIONS)
        return take(p, "fault") ? take_fault(p) : take_act(p);
    if (!(p->given & 1u << i) && !p->s->acts_n && !p->s->faults_n) {
        p->given |= 1u << i;
        return options[i].value(p);
    }
    p->at = start;
    return p->given & 1u << i
               ? expected(p, "each option once: %s again", options[i].word)
               : expected(p, "%s before the acts and faults", options[i].word);
}

int sf_session_parse(struct sf_session *s, const char *text, char *why,
                     size_t why_size)
{
    struct parser p = {text, text, 1, 0, why, why_size, s};
    bool begun = false;

    *s = (struct sf_session){.buffers = sf_buffers_round(SF_SIM_BUFFER)};
    while (*p.at) {
        if (!at_end_of_line(&p) && begun) {
            if (take_line(&p) < 0)
                return -1;
        } else if (!at_end_of_line(&p)) {
            if (!take(&p, magic))
                return expected(&p, "\"%s\"", magic);
            begun = true;
        }
        if (!at_end_of_line(&p))
            return expected(&p, "the end of the line");
        p.at += strcspn(p.at, "\n");
        p.line = p.at += *p.at == '\n';
        p.number++;
    }
    return begun ? 0 : expected(&p, "\"%s\"", magic);
}

/* The bytes of the first blank lines and comments. */
static size_t comments(const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len && bytes[at] && strchr("# \t\r\n", bytes[at])) {
        const char *next =
            bytes[at] == '#' ? memchr(bytes + at, '\n', len - at) : bytes + at;

        at = next ? (size_t)(next - bytes) + 1 : len;
    }
    return at;
}

bool sf_session_is_text(const void *bytes, size_t len)
{
    size_t at = comments(bytes, len);
    size_t word = strcspn(magic, "-") + 1; /* a wrong one is to be told */

    return len - at >= word &&
           memcmp((const char *)bytes + at, magic, word) == 0;
}

int sf_session_read(struct sf_session *s, const void *bytes, size_t len,
                    char *why, size_t why_size)
{
    static char text[SF_TEXT_MAX + 1];

    if (!sf_session_is_text(bytes, len)) {
        sf_session_decode(s, bytes, len);
        return 0;
    }
    if (len > SF_TEXT_MAX) {
        snprintf(why, why_size, "text of more than %d bytes", SF_TEXT_MAX);
        return -1;
    }
    memcpy(text, bytes, len);
    text[len] = '\0';
    return sf_session_parse(s, text, why, why_size);
}

/* ------------------------------------------------------------------ files */

/* A mark of bytes or words at the beginning, zeros between the letters, or
 * capitals: whoever made it meant text. */
static bool is_nearly_text(const uint8_t *bytes, size_t len)
{
    static const char marks[] = "\xef\xbb\xbf\xfe\xff";
    char letters[sizeof magic];
    size_t n = 0, word = strcspn(magic, " ");

    for (size_t i = 0; i < len && n < word; i++) {
        bool blank = isspace(bytes[i]) && n == 0;

        if (bytes[i] && !blank && (i > 2 || !memchr(marks, bytes[i], 5)))
            letters[n++] = (char)tolower(bytes[i]);
    }
    return n == word && memcmp(letters, magic, word) == 0;
}

/* Its first line is one of a session, and the one before that is missing. */
static bool lacks_magic(const char *bytes, size_t len)
{
    static struct sf_session s;
    char text[sizeof magic + 200], why[100];
    const char *end = memchr(bytes, '\n', len);
    size_t line = end ? (size_t)(end - bytes) : len;

    if (line == 0 || line > 200 || memchr(bytes, 0, line))
        return false;
    snprintf(text, sizeof text, "%s\n%.*s", magic, (int)line, bytes);
    return sf_session_parse(&s, text, why, sizeof why) == 0;
}

int sf_session_read_file(struct sf_session *s, const void *bytes, size_t len,
                         char *why, size_t why_size)
{
    size_t skipped = comments(bytes, len);
    bool text = sf_session_is_text(bytes, len);
    const char *problem = NULL;

    if (len > SF_TEXT_MAX)
        problem = "larger than 64 KiB, as no session is";
    else if (text && memchr(bytes, 0, len))
        problem = "a byte 0 in it: expected text";
    else if (!text &&
             is_nearly_text((const uint8_t *)bytes + skipped, len - skipped))
        problem = "expected \"sockfault-session 1\" in small letters, in ASCII "
                  "or UTF-8 without a byte order mark";
    else if (!text && lacks_magic((const char *)bytes + skipped, len - skipped))
        problem = "expected \"sockfault-session 1\" before the first line";
    if (!problem)
        return sf_session_read(s, bytes, len, why, why_size);
    snprintf(why, why_size, "%s", problem);
    return -1;
}
