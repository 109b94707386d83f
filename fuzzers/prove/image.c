/* image.c: see image.h */
#undef _FORTIFY_SOURCE /* its longjmp knows of one stack only */
#include "fuzzers/prove/image.h"

#include "fuzzers/prove/lines.h"

#include "faultinject/session/machine.h"
#include "target/poison.h"

#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of the sanitizers that keep books about the stack or the heap, where one is
 * linked. */
void __asan_init(void) __attribute__((weak));
void __hwasan_init(void) __attribute__((weak));
void __lsan_init(void) __attribute__((weak));
void __msan_init(void) __attribute__((weak));
void __tsan_init(void) __attribute__((weak));

static bool is_watched_by_others(void)
{
    return &__asan_init || &__hwasan_init || &__lsan_init || &__msan_init ||
           &__tsan_init;
}

enum {
    PAGE = 4096,
    STACK = 1 << 20,
    PAGES_MAX = 4096,
    RANGES_MAX = 256,
    THREAD_MAX = 4096, /* bytes of its own variables that a thread may have */
    THREAD_FAR = 1 << 16,
    IGNORED_MAX = 4096,
    LOOK_ALL = 1000, /* runs in which all pages are looked at …       */
    LOOK_EVERY = 32  /* … and later one in turn, every so many times  */
};
#define POOL (UINT64_C(1) << 33) /* address space, not memory */

struct page {
    char *at;
    char *first; /* what was there at the beginning */
    uint64_t known;
};

/* Memory that is watched. */
struct range {
    char *low, *high;
    struct page **page_at; /* by place; NULL: never written */
};

struct ignored {
    char *at;
    size_t len;
};

struct image_snapshot {
    jmp_buf registers;
    int err;
    char thread[THREAD_MAX];
    unsigned lines; /* those from the top of the stack to where it was */
    uint64_t bytes[];
};

/* Outside of what is watched. */
struct image {
    unsigned ranges_n;
    struct range ranges[RANGES_MAX];
    char thread_first[THREAD_MAX];
    jmp_buf driver;
    unsigned pages_n, ignored_n;
    struct page pages[PAGES_MAX];
    struct image_lines lines;
    struct ignored ignored[IGNORED_MAX];
    char *roots; /* the first contents of pages */
    char *pool;
    size_t taken;
    uint64_t runs;
    uint64_t looks; /* at snapshots and at the ends of runs */
    enum image_news learnt;
    bool begun;
    bool careful; /* all pages are looked at each time */
};

extern char __data_start[], _end[];
static char stack[STACK] __attribute__((aligned(PAGE)));
static struct image *image;
struct image_lines *image_lines;

static void *reserve(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        abort();
    return at;
}

bool image_possible(void)
{
    return !is_watched_by_others() && machine_can() &&
           sysconf(_SC_PAGESIZE) == PAGE && POOL <= SIZE_MAX / 2;
}

static bool add_range(char *low, char *high)
{
    struct range *r = &image->ranges[image->ranges_n];

    if (image->ranges_n == RANGES_MAX)
        return false;
    r->low = low - (uintptr_t)low % PAGE;
    r->high = high + (PAGE - (uintptr_t)high % PAGE) % PAGE;
    r->page_at =
        reserve((size_t)(r->high - r->low) / PAGE * sizeof(struct page *));
    image->ranges_n++;
    return true;
}

static struct image *make(void)
{
    if (!image) {
        image = reserve(sizeof *image);
        image_lines = &image->lines;
        add_range(__data_start, _end);
    }
    return image;
}

bool image_watch(char *low, char *high)
{
    make();
    return add_range(low, high);
}

void image_ignore(void *arg, void *at, size_t len)
{
    struct image *m = make();

    (void)arg;
    if (m->ignored_n < IGNORED_MAX)
        m->ignored[m->ignored_n++] = (struct ignored){at, len};
}

/* ------------------------------------------------------------------ pages */

/* Its place in the table; NULL: it is not watched. */
static struct page **page_at(const char *at)
{
    for (struct range *r = image->ranges; r < image->ranges + image->ranges_n;
         r++)
        if (at >= r->low && at < r->high)
            return &r->page_at[(at - r->low) / PAGE];
    return NULL;
}

/* Below its lowest page the stack has none. */
static bool is_watched(const char *at)
{
    return page_at(at) && (at < stack || at >= stack + PAGE);
}

/* A page that is written for the first time. */
static void open_page(char *at)
{
    struct page *p = &image->pages[image->pages_n];

    if (image->pages_n == PAGES_MAX)
        abort();
    p->at = at;
    p->first = image->roots + (size_t)PAGE * image->pages_n++;
    p->known = 0;
    *page_at(at) = p;
    memcpy(p->first, at, PAGE);
    if (mprotect(at, PAGE, PROT_READ | PROT_WRITE) < 0)
        abort();
}

static void on_write(int signo, siginfo_t *info, void *context)
{
    char *at = info->si_addr;

    (void)context;
    if (info->si_code == SEGV_ACCERR && is_watched(at))
        open_page(at - (uintptr_t)at % PAGE);
    else
        signal(signo, SIG_DFL); /* it is made again, and kills */
}

/* The variables of this thread: of the program, and of libraries that were
 * there when it began, lie side by side around its pointer. */
static int find_thread(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct image_lines *l = &image->lines;
    char *pointer = machine_thread(), *low = info->dlpi_tls_data;
    char *high = low;

    (void)size;
    (void)arg;
    if (!low || low < pointer - THREAD_FAR || low > pointer + THREAD_FAR)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            high += info->dlpi_phdr[i].p_memsz;
    if (l->thread && l->thread + l->thread_len > high)
        high = l->thread + l->thread_len;
    if (l->thread && l->thread < low)
        low = l->thread;
    l->thread = low - (uintptr_t)low % 16;
    l->thread_len = (size_t)(high - l->thread + 15) / 16 * 16;
    return 0;
}

static void watch_pages(void)
{
    struct sigaction action = {.sa_sigaction = on_write,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t alternate = {.ss_sp = reserve(1 << 16), .ss_size = 1 << 16};

    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &action, NULL);
    for (unsigned i = 0; i < image->ranges_n; i++) {
        struct range *r = &image->ranges[i];

        if (mprotect(r->low, (size_t)(r->high - r->low), PROT_READ) < 0)
            abort();
    }
}

/* ------------------------------------------------------------------ lines */

static bool on_stack(const void *at)
{
    return (const char *)at >= stack && (const char *)at < stack + STACK;
}

/* What is ignored and lies in the line does not count. */
static void mask_line(struct mask *mask, uint64_t *line)
{
    char *low = (char *)line, *high = low + LINE;

    memset(mask, 0xff, sizeof *mask);
    for (unsigned i = 0; i < image->ignored_n; i++) {
        const struct ignored *g = &image->ignored[i];
        char *from = g->at > low ? g->at : low;
        char *to = g->at + g->len < high ? g->at + g->len : high;

        if (from < to)
            memset((char *)mask + (from - low), 0, (size_t)(to - from));
    }
}

/* The stack first, from its top down. */
static int by_place(const void *x, const void *y)
{
    const uint64_t *a = *(uint64_t *const *)x, *b = *(uint64_t *const *)y;

    if (on_stack(a) != on_stack(b))
        return on_stack(a) ? -1 : 1;
    return a > b ? -1 : a < b;
}

static void sort_lines(void)
{
    qsort(image->lines.at, image->lines.printed, sizeof *image->lines.at,
          by_place);
}

static bool counts_for_nothing(char *at)
{
    static const struct mask none;
    struct mask mask;

    mask_line(&mask, (uint64_t *)at);
    return memcmp(&mask, &none, sizeof mask) == 0;
}

/* Those that count for nothing come last, and are in no fingerprint. */
static void add_line(char *at)
{
    bool prints = !counts_for_nothing(at);

    if (image->lines.n == LINES_MAX)
        abort();
    image->lines.at[image->lines.n] = (uint64_t *)at;
    if (prints) {
        image->lines.at[image->lines.n] = image->lines.at[image->lines.printed];
        image->lines.at[image->lines.printed++] = (uint64_t *)at;
    }
    image->lines.n++;
    image->lines.stack += on_stack(at);
    if (image->learnt != IMAGE_STATE)
        image->learnt = prints ? IMAGE_STATE : IMAGE_COUNTERS;
}

static inline bool differs(const uint64_t *a, const uint64_t *b)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < WORDS; i++)
        any |= a[i] ^ b[i];
    return any != 0;
}

/* One that nobody knew of and that is not as it was at first is learnt. */
static bool look_at(struct page *p, int line)
{
    char *at = p->at + LINE * line;

    if (!differs((uint64_t *)at, (uint64_t *)(p->first + LINE * line)))
        return false;
    p->known |= UINT64_C(1) << line;
    add_line(at);
    return true;
}

/* The lines that are not known are compared many at a time. */
static void look_into(struct page *p, uint64_t which)
{
    enum { MANY = 8 };

    if (!p->known && !memcmp(p->at, p->first, PAGE))
        return;
    which &= ~p->known;
    for (int line = 0; line < PAGE / LINE; line += MANY) {
        uint64_t rest = which & UINT64_C(0xff) << line;
        size_t at = (size_t)line * LINE;

        if (!rest || !memcmp(p->at + at, p->first + at, MANY * LINE))
            continue;
        for (; rest; rest &= rest - 1)
            look_at(p, __builtin_ctzll(rest));
    }
}

/* In one page of `part`, beginning with the `first`. */
static void look(unsigned first, unsigned part)
{
    unsigned before = image->lines.n;

    for (unsigned i = first; i < image->pages_n; i += part)
        look_into(&image->pages[i], ~UINT64_C(0));
    if (image->lines.n != before)
        sort_lines();
}

/* A set on the stack that is empty again would not stay different. */
static void look_above(char *low)
{
    unsigned before = image->lines.n, line = (uintptr_t)low % PAGE / LINE;
    uint64_t which = ~UINT64_C(0) << line;

    low -= (uintptr_t)low % PAGE;
    for (; low < stack + STACK; low += PAGE, which = ~UINT64_C(0))
        if (*page_at(low))
            look_into(*page_at(low), which);
    if (image->lines.n != before)
        sort_lines();
}

/* Most lines that are ever written are found in the first runs. */
static void look_some(void)
{
    uint64_t looks = image->looks++;

    if (image->runs < LOOK_ALL || image->careful)
        look(0, 1);
    else if (looks % LOOK_EVERY == 0)
        look((unsigned)(looks / LOOK_EVERY % image->pages_n), image->pages_n);
}

static bool has_begun(void)
{
    return image && image->begun;
}

void image_clear(void *at, size_t len)
{
    char *end = (char *)at + len, *next;

    if (!has_begun())
        memset(at, 0, len);
    for (char *to = at; has_begun() && to < end; to = next) {
        struct page **place = page_at(to), *p = place ? *place : NULL;
        int line = (int)((uintptr_t)to % PAGE / LINE);

        next = to - (uintptr_t)to % LINE + LINE;
        if (!p)
            next = to - (uintptr_t)to % PAGE + PAGE;
        if (next > end)
            next = end;
        if (p && (p->known >> line & 1 || look_at(p, line)))
            memset(to, 0, (size_t)(next - to));
    }
}

/* What the program has and does not use (target/poison.h). */
void fm_clear(void *p, size_t n)
{
    if (has_begun() && image->lines.prints && page_at(p))
        image_clear(p, n);
}

void image_look_now(void)
{
    if (image->careful)
        look(0, 1);
}

void image_be_careful(void)
{
    make()->careful = true;
}

bool image_look(void)
{
    look(0, 1);
    return image->learnt != IMAGE_NOTHING;
}

enum image_news image_learnt(void)
{
    enum image_news learnt = image->learnt;

    image->learnt = IMAGE_NOTHING;
    if (learnt)
        sort_lines();
    for (unsigned i = 0; learnt && i < image->lines.n; i++)
        mask_line(&image->lines.masks[i], image->lines.at[i]);
    return learnt;
}

/* -------------------------------------------------------------- snapshots */

size_t image_size(void)
{
    return sizeof(struct image_snapshot) + LINE * (size_t)image->lines.n;
}

size_t image_taken(void)
{
    return image->taken;
}

void image_forget(size_t n)
{
    image->taken = n;
}

static struct image_snapshot *snapshot(size_t i)
{
    size_t size = (image_size() + LINE - 1) / LINE * LINE;

    if ((i + 1) * size > POOL)
        return NULL;
    return (struct image_snapshot *)(image->pool + i * size);
}

unsigned image_lines_above(const char *low)
{
    unsigned first = 0, end = image->lines.stack;

    while (first < end) {
        unsigned middle = (first + end) / 2;

        if ((const char *)image->lines.at[middle] + LINE > low)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static __attribute__((noinline)) void save(struct image_snapshot *s)
{
    char here;
    uint64_t *to = s->bytes;

    s->err = errno;
    memcpy(s->thread, image->lines.thread, image->lines.thread_len);
    s->lines = image_lines_above(&here);
    for (unsigned i = 0; i < s->lines; i++, to += WORDS)
        memcpy(to, image->lines.at[i], LINE);
    for (unsigned i = image->lines.stack; i < image->lines.n; i++, to += WORDS)
        memcpy(to, image->lines.at[i], LINE);
}

static void restore(const struct image_snapshot *s)
{
    const uint64_t *from = s->bytes;

    for (unsigned i = 0; i < s->lines; i++, from += WORDS)
        memcpy(image->lines.at[i], from, LINE);
    for (unsigned i = image->lines.stack; i < image->lines.n;
         i++, from += WORDS)
        memcpy(image->lines.at[i], from, LINE);
    memcpy(image->lines.thread, s->thread, image->lines.thread_len);
    errno = s->err;
}

bool image_take(struct image_snapshot **out)
{
    struct image_snapshot *s;
    char here;

    look_some();
    look_above(&here);
    *out = s = image->learnt ? NULL : snapshot(image->taken);
    if (!s)
        return false;
    image->taken++;
    if (_setjmp(s->registers))
        return true;
    save(s);
    return false;
}

/* ------------------------------------------------------------------- runs */

static struct {
    void (*body)(void *arg);
    void *arg;
} begin;

/* Everything as it was at first: also what was learnt since. */
static void rewind_all(void)
{
    for (unsigned i = 0; i < image->pages_n; i++)
        memcpy(image->pages[i].at, image->pages[i].first, PAGE);
    memcpy(image->lines.thread, image->thread_first, image->lines.thread_len);
}

static void enter(void)
{
    begin.body(begin.arg);
}

static void keep_thread(void)
{
    dl_iterate_phdr(find_thread, NULL);
    if (image->lines.thread_len > THREAD_MAX)
        abort();
    memcpy(image->thread_first, image->lines.thread, image->lines.thread_len);
}

void image_begin(void (*body)(void *arg), void *arg, bool prints)
{
    make();
    image->lines.prints = prints;
    image->roots = reserve((size_t)PAGE * PAGES_MAX);
    image->pool = reserve(POOL);
    begin.body = body;
    begin.arg = arg;
    keep_thread();
    watch_pages();
    image->begun = true;
    /* The kernel, which cannot fault, writes there, too. */
    for (unsigned i = 1; i <= 4; i++)
        open_page(stack + STACK - i * (size_t)PAGE);
}

void image_run(const struct image_snapshot *from)
{
    ucontext_t here, there;

    if (_setjmp(image->driver)) {
        image->runs++;
        look_some();
        return;
    }
    if (from) {
        restore(from);
        _longjmp(((struct image_snapshot *)from)->registers, 1);
    }
    rewind_all();
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = STACK;
    there.uc_link = NULL;
    machine_clear_registers(&there);
    makecontext(&there, enter, 0);
    swapcontext(&here, &there);
    abort();
}

void image_leave(void)
{
    _longjmp(image->driver, 1);
}
