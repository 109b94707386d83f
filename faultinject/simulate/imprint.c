/*
 * imprint.c: see imprint.h
 *
 * A page that a fork has written is its own alone, and /proc/self/pagemap says
 * so (Linux 4.2); all others are as they were.  What they were is kept in
 * memory that all share and that is no part of a state, as is all that is
 * needed here: whatever this file changed elsewhere would be.
 */
#include "faultinject/simulate/imprint.h"

#include "faultinject/session/file.h"
#include "faultinject/session/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum {
    PAGE = 4096,
    LINE = 64,
    LANES = MACHINE_LANES,
    SPANS_MAX = 256,
    TEXT_MAX = 1 << 18,
    STACKS_MAX = 64,
    MANY = 4096 /* pages whose bits are read at once */
};
#define MEMORY_MAX (UINT64_C(1) << 28) /* bytes that are looked after */

/* Bits of an entry of pagemap. */
#define OWN     (UINT64_C(1) << 56)
#define OF_FILE (UINT64_C(1) << 61)
#define SWAPPED (UINT64_C(1) << 62)
#define PRESENT (UINT64_C(1) << 63)

struct span {
    char *low, *high;
    char *first; /* what was there at the beginning */
};

/* Outside of every state. */
struct scratch {
    unsigned n;
    struct span spans[SPANS_MAX];
    struct sf_hidden hidden;
    uint64_t bits[MANY];
    struct sf_unused stacks[STACKS_MAX];
    unsigned stacks_n;
    bool numbers_hidden;
    char text[TEXT_MAX];
};
static struct scratch *s;

static volatile char probe[2 * PAGE] __attribute__((aligned(PAGE)));

static void *reserve(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

/* ------------------------------------------------------- where memory is */

/* All of it, or nothing is known. */
static bool read_text(void)
{
    int fd = sf_file_open("/proc/thread-self/maps");
    size_t len = 0;
    ssize_t r = -1;

    if (fd < 0)
        return false;
    do {
        r = sf_file_read(fd, s->text + len, sizeof s->text - 1 - len);
        len += r > 0 ? (size_t)r : 0;
    } while (r > 0);
    sf_file_close(fd);
    s->text[len] = '\0';
    return r == 0 && len > 0 && len < sizeof s->text - 1;
}

/* low-high rwxp offset device inode path */
static bool parse(const char *line, struct span *span)
{
    char *end;

    span->low = (char *)strtoul(line, &end, 16);
    span->high = (char *)strtoul(end + 1, &end, 16);
    if (end[2] != 'w' || end[4] != 'p')
        return false;
    span->first = NULL;
    return true;
}

/* The next line's, from *at on, of private memory that can be written. */
static bool next_span(char **at, struct span *span)
{
    while (**at) {
        char *line = *at, *end = strchr(line, '\n');

        *end = '\0';
        *at = end + 1;
        if (parse(line, span))
            return true;
    }
    return false;
}

static bool read_bits(const char *page, size_t n)
{
    int fd = sf_file_open("/proc/thread-self/pagemap");
    size_t size = n * sizeof *s->bits;
    off_t at = (off_t)((uintptr_t)page / PAGE * sizeof *s->bits);
    bool all = fd >= 0 && sf_file_pread(fd, s->bits, size, at) == (ssize_t)size;

    if (fd >= 0)
        sf_file_close(fd);
    return all;
}

static size_t pages_of(const struct span *span, const char *from)
{
    size_t n = (size_t)(span->high - from) / PAGE;

    return n < MANY ? n : MANY;
}

/* ---------------------------------------------------------- the beginning */

/* Of a page that nobody has touched by then it is taken for nothing. */
static bool keep(struct span *span)
{
    for (char *at = span->low; at < span->high;) {
        size_t n = pages_of(span, at);

        if (!read_bits(at, n))
            return false;
        for (size_t i = 0; i < n; i++, at += PAGE)
            if (s->bits[i] & (PRESENT | SWAPPED))
                memcpy(span->first + (at - span->low), at, PAGE);
    }
    return true;
}

static bool keep_all(void)
{
    char *at = s->text;
    uint64_t all = 0;
    struct span span;

    if (!read_text())
        return false;
    while (next_span(&at, &span)) {
        all += (size_t)(span.high - span.low);
        if (s->n == SPANS_MAX || all > MEMORY_MAX)
            return false;
        span.first = reserve((size_t)(span.high - span.low));
        if (!span.first || !keep(&span))
            return false;
        s->spans[s->n++] = span;
    }
    return true;
}

bool sf_imprint_begin(bool numbers_hidden)
{
    if (!machine_can())
        return false;
    /* Or /proc/self would not be its own once it has given up rights. */
    prctl(PR_SET_DUMPABLE, 1);
    s = reserve(sizeof *s);
    probe[0] = probe[PAGE] = 1;
    if (s)
        s->numbers_hidden = numbers_hidden;
    return s && keep_all();
}

bool sf_imprint_can_tell(void)
{
    if (!s || !read_bits((char *)probe, 2) || s->bits[1] & OWN)
        return false;
    probe[0] = 2;
    return read_bits((char *)probe, 2) && s->bits[0] & OWN &&
           !(s->bits[1] & OWN);
}

struct sf_hidden *sf_imprint_hidden(void)
{
    return &s->hidden;
}

/* ------------------------------------------------------------ fingerprint */

/* What was there at the beginning; NULL: nothing. */
static const char *first_of(const char *page)
{
    for (unsigned i = 0; i < s->n; i++)
        if (page >= s->spans[i].low && page < s->spans[i].high)
            return s->spans[i].first + (page - s->spans[i].low);
    return NULL;
}

/* So many bytes of a line are of a stack, and not in use. */
static size_t unused_of(const char *line)
{
    for (unsigned i = 0; i < s->stacks_n; i++)
        if (line >= s->stacks[i].low && line < s->stacks[i].end) {
            size_t left = (size_t)(s->stacks[i].end - line);

            return left < LINE ? left : LINE;
        }
    return 0;
}

/* What the library of C keeps of the thread, its number among others, unless
 * that is hidden by whoever knows where it is. */
static bool is_left_out(const char *line)
{
    return !s->numbers_hidden && line + LINE > machine_record() &&
           line < machine_record() + MACHINE_RECORD;
}

/* Of what is in use of a line, if it differs from what was there first. */
MACHINE_AES static void add_line(machine_lane *p, const char *line,
                                 const char *first)
{
    machine_lane where = {(long long)(uintptr_t)line, 1}, x[LANES] = {{0}};
    size_t unused = unused_of(line);

    if (is_left_out(line) ||
        !memcmp(line + unused, first + unused, LINE - unused))
        return;
    memcpy((char *)x + unused, line + unused, LINE - unused);
    for (unsigned i = 0; i < LANES; i++)
        p[i] = machine_stir(machine_stir(p[i], where), x[i]);
}

static void add_page(machine_lane *p, const char *page)
{
    static const char none[LINE];
    const char *first = first_of(page);

    if (first && !memcmp(page, first, PAGE))
        return;
    for (int at = 0; at < PAGE; at += LINE)
        if (memcmp(page + at, first ? first + at : none, LINE) != 0)
            add_line(p, page + at, first ? first + at : none);
}

static bool add_span(machine_lane *p, const struct span *span)
{
    for (char *at = span->low; at < span->high;) {
        size_t n = pages_of(span, at);

        if (!read_bits(at, n))
            return false;
        for (size_t i = 0; i < n; i++, at += PAGE)
            if (s->bits[i] & SWAPPED ||
                (s->bits[i] & (PRESENT | OWN | OF_FILE)) == (PRESENT | OWN))
                add_page(p, at);
    }
    return true;
}

static bool add_all(machine_lane *p)
{
    char *at = s->text;
    struct span span;

    if (!read_text())
        return false;
    while (next_span(&at, &span))
        if (!add_span(p, &span))
            return false;
    return true;
}

MACHINE_AES static void add_registers(machine_lane *p)
{
    for (unsigned i = 0; i < MACHINE_KEPT; i++)
        p[i % LANES] = machine_stir(
            p[i % LANES], (machine_lane){(long long)machine_caller.kept[i], 2});
}

/* Of the description of the call only what the program gave counts. */
bool sf_imprint_take(struct sf_print *print, sf_stacks *stacks)
{
    struct sf_op *op = machine_caller.op, then = *op;
    machine_lane p[LANES] = {{(long long)(uintptr_t)machine_caller.stack, 1},
                             {2, (int)op->call},
                             {op->fd, op->flags},
                             {(long long)op->len, 3}};
    int err = errno;
    bool told;

    s->stacks_n = stacks(machine_caller.stack, s->stacks, STACKS_MAX);
    memset(op, 0, sizeof *op);
    errno = 0; /* whatever the program asks next sets it, or leaves it open */
    told = add_all(p);
    add_registers(p);
    *print = machine_fold(p);
    errno = err;
    *op = then;
    return told;
}
