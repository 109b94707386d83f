/* The byte queue: edges of the arithmetic, no memory, and a random model. */
#include "target/buf.h"
#include "tests/target/unit.h"

#include <sys/wait.h>
#include <unistd.h>

static void empty(void **state)
{
    struct fm_buf b;

    (void)state;
    fm_buf_init(&b, 8);
    assert_true(fm_buf_check(&b));
    assert_int_equal(fm_buf_len(&b), 0);
    assert_non_null(fm_buf_peek(&b));
    assert_true(fm_buf_append(&b, NULL, 0));
    assert_int_equal(fm_buf_len(&b), 0);
    fm_buf_fini(&b);
    assert_null(b.data);
    assert_int_equal(b.max, 8);
}

static void limit(void **state)
{
    struct fm_buf b;

    (void)state;
    fm_buf_init(&b, 8);
    assert_null(fm_buf_reserve(&b, 9));
    assert_null(fm_buf_reserve(&b, SIZE_MAX));
    assert_true(fm_buf_append(&b, "1234567", 7));
    assert_null(fm_buf_reserve(&b, 2));
    assert_null(fm_buf_reserve(&b, SIZE_MAX - 6));
    assert_true(fm_buf_append(&b, "8", 1));
    assert_false(fm_buf_append(&b, "9", 1));
    assert_memory_equal(fm_buf_peek(&b), "12345678", 8);
    fm_buf_consume(&b, 1);
    assert_true(fm_buf_append(&b, "9", 1));
    assert_memory_equal(fm_buf_peek(&b), "23456789", 8);
    assert_true(fm_buf_check(&b));
    fm_buf_fini(&b);
}

static void more_than_there_is(void **state)
{
    struct fm_buf b;

    (void)state;
    fm_buf_init(&b, SIZE_MAX);
    assert_true(fm_buf_append(&b, "x", 1));
    assert_null(fm_buf_reserve(&b, SIZE_MAX));
    assert_null(fm_buf_reserve(&b, PTRDIFF_MAX));
    assert_memory_equal(fm_buf_peek(&b), "x", 1);
    fm_buf_fini(&b);
}

static void of_nothing(void **state)
{
    struct fm_buf b;

    (void)state;
    fm_buf_init(&b, 0);
    assert_non_null(fm_buf_reserve(&b, 0));
    assert_null(fm_buf_reserve(&b, 1));
    assert_true(fm_buf_check(&b));
    fm_buf_fini(&b);
}

/* Bytes come in one at a time and never all go away: still linear. */
static void linear(void **state)
{
    enum { N = 100000, KEEP = 300, ROOM = 200 };
    struct fm_buf b;

    (void)state;
    fm_buf_init(&b, SIZE_MAX);
    for (int i = 0; i < N; i++) {
        uint8_t *room = fm_buf_reserve(&b, ROOM);

        assert_non_null(room);
        *room = (uint8_t)i;
        fm_buf_commit(&b, 1);
        if (fm_buf_len(&b) > KEEP)
            fm_buf_consume(&b, 1);
    }
    assert_true(b.moved <= 4 * N);
    assert_true(b.cap <= 4 * (KEEP + ROOM));
    fm_buf_fini(&b);
}

/* The model: a long array and two indices. */
struct model {
    uint8_t bytes[1 << 16];
    size_t pos, end;
};

static void compare(const struct fm_buf *b, const struct model *m)
{
    assert_true(fm_buf_check(b));
    assert_int_equal(fm_buf_len(b), m->end - m->pos);
    assert_memory_equal(fm_buf_peek(b), m->bytes + m->pos, m->end - m->pos);
}

static void add(struct fm_buf *b, struct model *m, size_t n, uint64_t *seed)
{
    bool fits = n <= b->max - (m->end - m->pos);
    uint8_t piece[512];

    for (size_t i = 0; i < n; i++)
        piece[i] = (uint8_t)unit_random(seed);
    assert_int_equal(fm_buf_append(b, piece, n), fits);
    if (fits) {
        memcpy(m->bytes + m->end, piece, n);
        m->end += n;
    }
}

static void against_a_model(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 200; round++) {
        static struct model m;
        uint64_t seed = round;
        struct fm_buf b;

        m.pos = m.end = 0;
        fm_buf_init(&b, 700);
        while (m.end < sizeof m.bytes - 512) {
            if (unit_random(&seed) % 3)
                add(&b, &m, unit_random(&seed) % 400, &seed);
            else if (m.end > m.pos) {
                size_t n = unit_random(&seed) % (m.end - m.pos + 1);

                fm_buf_consume(&b, n);
                m.pos += n;
            }
            compare(&b, &m);
        }
        fm_buf_fini(&b);
    }
}

static void trade(void **state)
{
    struct fm_buf spare = {0};
    struct fm_buf a, b;

    (void)state;
    fm_buf_init(&a, 10);
    fm_buf_init(&b, 10);
    assert_true(fm_buf_append(&a, "abc", 3));
    fm_buf_trade(&a, &spare);
    assert_memory_equal(fm_buf_peek(&a), "abc", 3);
    assert_null(spare.data);
    fm_buf_consume(&a, 3);
    fm_buf_trade(&a, &spare);
    assert_null(a.data);
    assert_true(fm_buf_check(&a));
    fm_buf_trade(&b, &spare);
    assert_null(spare.data);
    assert_true(fm_buf_append(&b, "0123456789", 10));
    assert_false(fm_buf_append(&b, "x", 1));
    assert_true(fm_buf_check(&b));
    fm_buf_fini(&a);
    fm_buf_fini(&b);
}

/* Where both have memory the spare is the larger, whichever that was. */
static void trade_both(void **state)
{
    static const size_t sizes[][2] = {{1000, 3000}, {3000, 1000}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fm_buf b, spare;

        fm_buf_init(&b, 5000);
        fm_buf_init(&spare, 5000);
        assert_non_null(fm_buf_reserve(&b, sizes[i][0]));
        assert_non_null(fm_buf_reserve(&spare, sizes[i][1]));
        fm_buf_trade(&b, &spare);
        assert_null(b.data);
        assert_int_equal(spare.cap, 3000);
        fm_buf_fini(&spare);
    }
}

static void check_sees(void **state)
{
    struct fm_buf good;

    (void)state;
    fm_buf_init(&good, 10);
    assert_true(fm_buf_append(&good, "abc", 3));
    for (int broken = 0; broken < 4; broken++) {
        struct fm_buf b = good;

        if (broken == 0)
            b.pos = 4;
        else if (broken == 1)
            b.end = b.cap + 1;
        else if (broken == 2)
            b.data = NULL;
        else
            b.max = 2;
        assert_false(fm_buf_check(&b));
    }
    fm_buf_fini(&good);
}

#ifdef FM_POISONING
/* Does reading this byte end a process? */
static bool caught(const uint8_t *p)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        close(STDERR_FILENO);
        _exit(*(const volatile uint8_t *)p & 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status != 0;
}

static void room_is_out_of_bounds(void **state)
{
    struct fm_buf b, spare = {0};
    uint8_t *room;

    (void)state;
    fm_buf_init(&b, 1000);
    assert_true(fm_buf_append(&b, "abc", 3));
    room = b.data + 3;
    assert_false(caught(room - 1));
    assert_true(caught(room));
    assert_ptr_equal(fm_buf_reserve(&b, 5), room);
    assert_false(caught(room + 4));
    assert_true(caught(room + 5));
    fm_buf_commit(&b, 2);
    assert_false(caught(room + 1));
    assert_true(caught(room + 2));
    fm_buf_consume(&b, 4);
    assert_non_null(fm_buf_reserve(&b, 255)); /* grows or slides */
    assert_true(caught(fm_buf_end(&b) + 255));
    fm_buf_consume(&b, 1);
    assert_true(caught(b.data));
    fm_buf_trade(&b, &spare);
    assert_true(caught(spare.data));
    assert_non_null(fm_buf_reserve(&b, 1));
    fm_buf_fini(&b);
    fm_buf_fini(&spare);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(limit),
        cmocka_unit_test(more_than_there_is),
        cmocka_unit_test(of_nothing),
        cmocka_unit_test(linear),
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(trade),
        cmocka_unit_test(trade_both),
        cmocka_unit_test(check_sees),
#ifdef FM_POISONING
        cmocka_unit_test(room_is_out_of_bounds),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
