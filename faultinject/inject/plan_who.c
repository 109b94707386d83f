/* plan_who.c: the selectors of a rule: whose calls; see plan_read.h. */
#include <string.h>

#include "faultinject/inject/address.h"
#include "faultinject/inject/plan_read.h"

/* --- selectors --- */

static int once(struct sf_reader *r, bool given, const char *word)
{
    return given ? sf_fail(r, "'%s' is given twice", word) : 0;
}

static int select_range(struct sf_reader *r, struct sf_range *range,
                        uint64_t base, const char *word, const char *what)
{
    if (once(r, range->first != 0, word) < 0)
        return -1;
    return sf_take_range(r, range, base, what);
}

static int select_conn(struct sf_reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->conn, 1, "conn",
                        "the number of a connection");
}

static int select_process(struct sf_reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->process, 1, "process",
                        "the number of a process");
}

static int select_fd(struct sf_reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->fd, 0, "fd", "a descriptor");
}

static int select_port(struct sf_reader *r, struct sf_rule *rule)
{
    const char *start;

    sf_skip_space(r);
    start = r->at;
    if (select_range(r, &rule->port, 1, "port", "a port") < 0)
        return -1;
    if (rule->port.first <= UINT16_MAX)
        return 0;
    r->at = start;
    return sf_fail(r, "a port is at most %d", UINT16_MAX);
}

static int too_long(struct sf_reader *r)
{
    return sf_fail(r, "the name is longer than %d bytes", SF_WORD_MAX - 1);
}

/* What a byte of a name in quotes stands for. */
static int take_byte(struct sf_reader *r)
{
    char c = *r->at;

    if (c == '\0')
        return sf_fail(r, "a name has no zero bytes");
    r->at++;
    if (c != '\\')
        return (unsigned char)c;
    if (sf_take_char(r, 'n'))
        return '\n';
    if (r->at < r->end && (*r->at == '"' || *r->at == '\\'))
        return *r->at++;
    r->at--;
    return sf_fail(r, "in quotes '\\' goes before '\\', '\"' or 'n' only");
}

/* Space, ':' and '#' are bytes of it like others. */
static int take_quoted(struct sf_reader *r, char *place)
{
    const char *start = r->at++;
    size_t n = 0;

    while (r->at < r->end && *r->at != '"') {
        int byte = take_byte(r);
        if (byte < 0)
            return -1;
        if (n < SF_WORD_MAX)
            place[n++] = (char)byte;
    }
    if (n < SF_WORD_MAX && sf_take_char(r, '"'))
        return sf_word_length(r->at, r->end) == 0
                   ? 0
                   : sf_expected(r, "a space or ':' after the name");
    r->at = start;
    return n < SF_WORD_MAX ? sf_fail(r, "the quote is not closed")
                           : too_long(r);
}

/* A word, or what stands in quotes, of up to SF_WORD_MAX - 1 bytes into an
 * empty place. */
static int select_word(struct sf_reader *r, char *place, size_t n,
                       const char *word, const char *what)
{
    if (once(r, place[0] != 0, word) < 0)
        return -1;
    if (n == 0 || (n == 2 && memcmp(r->at, "\"\"", 2) == 0))
        return sf_expected(r, what);
    if (*r->at == '"')
        return take_quoted(r, place);
    if (n >= SF_WORD_MAX)
        return too_long(r);
    memcpy(place, r->at, n);
    r->at += n;
    return 0;
}

static int select_program(struct sf_reader *r, struct sf_rule *rule)
{
    sf_skip_space(r);
    return select_word(r, rule->program, sf_word_length(r->at, r->end),
                       "program", "the name of a program");
}

static int select_site(struct sf_reader *r, struct sf_rule *rule)
{
    sf_skip_space(r);
    return select_word(r, rule->site, sf_site_length(r->at, r->end), "site",
                       "the name of a function, or MODULE+0xOFFSET");
}

/* An address of IPv6 has colons: it stands in brackets, as in a URL. */
static int select_peer(struct sf_reader *r, struct sf_rule *rule)
{
    static const char what[] = "an address: 127.0.0.1, [::1] or /path";
    const char *start;
    size_t n;

    sf_skip_space(r);
    start = r->at;
    n = sf_word_length(r->at, r->end);
    if (n > 0 && *r->at == '[') {
        const char *close = memchr(r->at, ']', (size_t)(r->end - r->at));
        n = close ? (size_t)(close + 1 - r->at) : n;
    }
    if (select_word(r, rule->peer, n, "peer", what) < 0)
        return -1;
    if (sf_address_parse(&rule->peer_key, rule->peer))
        return 0;
    r->at = start;
    return sf_expected(r, what);
}

static int select_p(struct sf_reader *r, struct sf_rule *rule)
{
    if (once(r, rule->p > 0, "p") < 0)
        return -1;
    sf_skip_space(r);
    return sf_take_probability(r, &rule->p);
}

static int select_seed(struct sf_reader *r, struct sf_rule *rule)
{
    if (rule->p == 0)
        return sf_fail(r, "'seed' goes after 'p PROBABILITY'");
    if (once(r, rule->seed != 0, "seed") < 0)
        return -1;
    sf_skip_space(r);
    return sf_take_number(r, &rule->seed, "a seed");
}

static int set_role(struct sf_reader *r, struct sf_rule *rule,
                    enum sf_role role)
{
    if (once(r, rule->role != SF_ROLE_NONE, sf_role_names[role]) < 0)
        return -1;
    rule->role = role;
    sf_skip_space(r);
    if (!sf_at_digit(r) && (r->at == r->end || *r->at != '*'))
        return 0;
    return sf_take_range(r, &rule->of_role, 1, "the number of a connection");
}

static int select_client(struct sf_reader *r, struct sf_rule *rule)
{
    return set_role(r, rule, SF_ROLE_CLIENT);
}

static int select_server(struct sf_reader *r, struct sf_rule *rule)
{
    return set_role(r, rule, SF_ROLE_SERVER);
}

static int select_pair(struct sf_reader *r, struct sf_rule *rule)
{
    return set_role(r, rule, SF_ROLE_PAIR);
}

static const struct {
    const char *word;
    int (*take)(struct sf_reader *r, struct sf_rule *rule);
} selectors[] = {
    {"conn", select_conn},       {"p", select_p},
    {"seed", select_seed},       {"client", select_client},
    {"server", select_server},   {"pair", select_pair},
    {"process", select_process}, {"program", select_program},
    {"port", select_port},       {"peer", select_peer},
    {"site", select_site},       {"fd", select_fd},
};
enum { SELECTORS = sizeof selectors / sizeof *selectors };

/* 1: one was there, 0: something else stands here. */
int sf_take_selector(struct sf_reader *r, struct sf_rule *rule)
{
    for (int i = 0; i < SELECTORS; i++)
        if (sf_take_word(r, selectors[i].word))
            return selectors[i].take(r, rule) < 0 ? -1 : 1;
    return 0;
}

void sf_consider_selectors(struct sf_nearest *best, const struct sf_reader *r)
{
    for (int i = 0; i < SELECTORS; i++)
        sf_consider(best, r, selectors[i].word);
}
