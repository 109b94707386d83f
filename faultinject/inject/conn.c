/*
 * conn.c: the tables of descriptors and connections; see conn.h.
 *
 * A number is its owner's, but threads look for slots at the same time.
 */
#include "faultinject/inject/conn.h"

#include <string.h>

#include "faultinject/inject/control.h"

struct sf_number sf_numbers[SF_FD_MAX];
struct sf_conn sf_conns[SF_CONN_MAX];

static int used_slots; /* slots ever used: those from here are clean */
unsigned sf_conns_begun;
static unsigned last_of_role[SF_ROLE_COUNT];
static int numbers_end;

/* Whoever of several threads raises it, it does not fall. */
static void raise_to(int *mark, int to)
{
    int now = __atomic_load_n(mark, __ATOMIC_RELAXED);

    while (now < to &&
           !__atomic_compare_exchange_n(mark, &now, to, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
}

/* All but the ordinal, which says whether the slot is free. */
static void clear(struct sf_conn *conn)
{
    memset((char *)conn + sizeof conn->ordinal, 0,
           sizeof *conn - sizeof conn->ordinal);
}

/* What is over leaves nothing behind, so that states can be compared. */
static void let_go(int fd)
{
    struct sf_conn *conn = sf_fd_conn(fd);

    if (!conn || __atomic_sub_fetch(&conn->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    clear(conn);
    __atomic_store_n(&conn->ordinal, 0, __ATOMIC_RELEASE);
}

static bool is_lost(uint8_t state)
{
    return state >= SF_FD_KILLED;
}

void sf_fd_set(int fd, enum sf_fd_state state)
{
    struct sf_number *number;

    if (!sf_fd_in_table(fd))
        return;
    number = &sf_numbers[fd];
    let_go(fd);
    if (is_lost(number->state))
        number->lent = number->state;
    if (is_lost(state))
        number->lent = 0;
    number->state = state == SF_FD_GONE && number->lent ? number->lent : state;
    raise_to(&numbers_end, fd + 1);
}

static bool takes(struct sf_conn *conn, unsigned ordinal)
{
    unsigned nobody = 0;

    return __atomic_load_n(&conn->ordinal, __ATOMIC_RELAXED) == 0 &&
           __atomic_compare_exchange_n(&conn->ordinal, &nobody, ordinal, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* A slot nobody has; the first free one keeps the table dense. */
static struct sf_conn *take_slot(void)
{
    unsigned ordinal = __atomic_add_fetch(&sf_conns_begun, 1, __ATOMIC_RELAXED);

    for (int i = 0; i < SF_CONN_MAX; i++)
        if (takes(&sf_conns[i], ordinal)) {
            raise_to(&used_slots, i + 1);
            return &sf_conns[i];
        }
    __atomic_sub_fetch(&sf_conns_begun, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* Silence about it would look as if there was nothing. */
static struct sf_conn *no_room(void)
{
    if (sf_control)
        __atomic_fetch_add(&sf_control->n_beyond, 1, __ATOMIC_RELAXED);
    return NULL;
}

struct sf_conn *sf_fd_connect(int fd, enum sf_role role)
{
    struct sf_conn *conn;

    sf_fd_set(fd, SF_FD_IGNORED);
    conn = sf_fd_in_table(fd) ? take_slot() : NULL;
    if (!conn)
        return no_room();
    conn->refs = 1;
    conn->role = role;
    conn->role_ordinal =
        __atomic_add_fetch(&last_of_role[role], 1, __ATOMIC_RELAXED);
    sf_numbers[fd].state = SF_FD_CONN;
    sf_numbers[fd].slot = (uint16_t)(conn - sf_conns);
    return conn;
}

static void join(struct sf_conn *conn, const struct sf_conn *mate)
{
    conn->mate = mate->ordinal;
    conn->mate_slot = (uint16_t)(mate - sf_conns);
}

void sf_fd_pair(const int fds[2])
{
    struct sf_conn *one = sf_fd_connect(fds[0], SF_ROLE_PAIR);
    struct sf_conn *other = sf_fd_connect(fds[1], SF_ROLE_PAIR);

    if (!one || !other)
        return;
    join(one, other);
    join(other, one);
}

bool sf_conn_has_mate(const struct sf_conn *conn)
{
    return conn->mate > 0 && sf_conns[conn->mate_slot].ordinal == conn->mate;
}

unsigned sf_conn_count_of(enum sf_role role)
{
    return last_of_role[role];
}

void sf_fd_dup(int fd, int copy)
{
    struct sf_conn *conn = sf_fd_conn(fd);

    if (!sf_fd_in_table(copy) || fd == copy)
        return;
    sf_fd_set(copy, sf_fd_state(fd));
    if (conn) {
        sf_numbers[copy].slot = sf_numbers[fd].slot;
        __atomic_add_fetch(&conn->refs, 1, __ATOMIC_RELAXED);
    }
}

int sf_conn_fd(unsigned ordinal)
{
    for (int fd = 0; fd < numbers_end; fd++) {
        const struct sf_conn *conn = sf_fd_conn(fd);
        if (conn && conn->ordinal == ordinal)
            return fd;
    }
    return -1;
}

int sf_fd_end(void)
{
    return numbers_end;
}

void sf_fd_forked(void)
{
    for (int fd = 0; fd < numbers_end; fd++)
        if (sf_numbers[fd].state == SF_FD_GONE)
            sf_numbers[fd].state = SF_FD_UNSEEN;
    for (int i = 0; i < used_slots; i++)
        sf_conns[i].over_at = 0;
}

void sf_fd_forget_all(void)
{
    memset(sf_numbers, 0, (size_t)numbers_end * sizeof *sf_numbers);
    memset(sf_conns, 0, (size_t)used_slots * sizeof *sf_conns);
    numbers_end = 0;
    used_slots = 0;
    sf_conns_begun = 0;
    memset(last_of_role, 0, sizeof last_of_role);
}

void sf_conn_counters(sf_counter *each, void *arg)
{
    for (unsigned i = 0; i < SF_COUNTED; i++) {
        each(arg, sf_conns[i].nth, sizeof sf_conns[i].nth);
        each(arg, sf_conns[i].kind_nth, sizeof sf_conns[i].kind_nth);
    }
}
