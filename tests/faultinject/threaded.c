/*
 * threaded.c: an echo server of several threads, as bad as it is told to be.
 *
 *     threaded [each|pool|locks|signals|first-ends|last-ends|posted|piped|
 *               reads|limits|deadlock|forgets|closes-twice|closes-reset|
 *               wakes-nobody|trusts|spins|brief] [FIFO]
 *
 * It knows nothing of sockfault; threads.sh runs it over simnet.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static pthread_t begin(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    must(pthread_create(&thread, NULL, run, arg) == 0);
    return thread;
}

/* ----------------------------------------------------------------- clients */

static int clients; /* that are served now */

static bool send_all(int fd, const char *bytes, ssize_t n)
{
    ssize_t r;

    for (; n > 0; bytes += r, n -= r)
        if ((r = send(fd, bytes, (size_t)n, MSG_NOSIGNAL)) < 0)
            return false;
    return true;
}

static void echo(int fd)
{
    enum { ROOM = 64 };
    char *bytes = malloc(ROOM);
    ssize_t n = 0;

    if (is("trusts"))
        bytes[0] = '\0';
    while (bytes && (n = read(fd, bytes, ROOM)) > 0 && send_all(fd, bytes, n))
        ;
    free(bytes);
    if (!is("forgets"))
        close(fd);
    if (is("closes-twice") || (is("closes-reset") && n < 0))
        close(fd);
}

static void *serve(void *arg)
{
    echo((int)(intptr_t)arg);
    pthread_mutex_lock(&lock);
    clients--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void wait_for_clients(void)
{
    pthread_mutex_lock(&lock);
    while (clients > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* -------------------------------------------------------------------- pool */

enum { WORKERS = 3, QUEUE = 64 };

static pthread_t workers[WORKERS];
static int queue[QUEUE];
static unsigned put, taken;

static bool has_pool(void)
{
    return is("pool") || is("wakes-nobody");
}

static void *work(void *arg)
{
    int fd;

    for (;;) {
        pthread_mutex_lock(&lock);
        while (put == taken)
            pthread_cond_wait(&changed, &lock);
        fd = queue[taken++ % QUEUE];
        pthread_mutex_unlock(&lock);
        if (fd < 0)
            return arg;
        echo(fd);
    }
}

static void enqueue(int fd)
{
    pthread_mutex_lock(&lock);
    queue[put++ % QUEUE] = fd;
    if (!is("wakes-nobody"))
        pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void begin_pool(void)
{
    for (intptr_t i = 0; i < WORKERS; i++)
        workers[i] = begin(work, (void *)i);
}

static void end_pool(void)
{
    void *result;

    for (unsigned i = 0; i < WORKERS; i++)
        enqueue(-1);
    for (intptr_t i = 0; i < WORKERS; i++)
        must(pthread_join(workers[i], &result) == 0 && result == (void *)i);
}

/* ------------------------------------------------------------------- locks */

static struct timespec later(clockid_t clock, int seconds)
{
    struct timespec t;

    clock_gettime(clock, &t);
    t.tv_sec += seconds;
    return t;
}

static int steps; /* of whoever was to be waited for */
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static sem_t sem;
static uint32_t word;
static pthread_key_t key;

/* Takes each of them, and five seconds. */
static void *hold(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_rwlock_wrlock(&rwlock);
    pthread_spin_lock(&spin);
    sleep(5);
    steps++;
    pthread_spin_unlock(&spin);
    pthread_rwlock_unlock(&rwlock);
    pthread_mutex_unlock(&lock);
    return arg;
}

static void try_locks(void)
{
    pthread_t holder = begin(hold, NULL);
    struct timespec soon, late = later(CLOCK_REALTIME, 100);

    sleep(1);
    soon = later(CLOCK_MONOTONIC, 1);
    must(pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &soon) == ETIMEDOUT);
    soon = later(CLOCK_REALTIME, 1);
    must(pthread_rwlock_timedrdlock(&rwlock, &soon) == ETIMEDOUT);
    must(pthread_tryjoin_np(holder, NULL) == EBUSY && steps == 0);
    soon = later(CLOCK_REALTIME, 1);
    must(pthread_timedjoin_np(holder, NULL, &soon) == ETIMEDOUT);
    pthread_spin_lock(&spin);
    must(steps == 1);
    pthread_spin_unlock(&spin);
    must(pthread_mutex_timedlock(&lock, &late) == 0);
    must(pthread_rwlock_rdlock(&rwlock) == 0);
    pthread_rwlock_unlock(&rwlock);
    pthread_mutex_unlock(&lock);
    must(pthread_join(holder, NULL) == 0);
}

static void *post(void *arg)
{
    sleep(2);
    sem_post(&sem);
    sleep(2);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    sleep(2);
    __atomic_store_n(&word, 2, __ATOMIC_SEQ_CST);
    return arg;
}

static void try_words(void)
{
    pthread_t other = begin(post, NULL);
    struct timespec soon = later(CLOCK_REALTIME, 1), second = {.tv_sec = 1};

    must(sem_timedwait(&sem, &soon) < 0 && errno == ETIMEDOUT);
    must(sem_wait(&sem) == 0);
    must(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &second, NULL, 0) <
             0 &&
         errno == ETIMEDOUT);
    must(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0);
    must(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) < 0 &&
         errno == EAGAIN);
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) != 2)
        sched_yield();
    pthread_join(other, NULL);
}

static void wait_for_bits(uint32_t bits)
{
    syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, bits);
}

/* The first that waits. */
static void *wait_for_others(void *arg)
{
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
        wait_for_bits(1);
    return arg;
}

static void *wait_for_bit(void *arg)
{
    wait_for_bits(2);
    return arg;
}

/* Who waits longest, but for other bits, is not woken in another's place. */
static void try_bits(void)
{
    pthread_t others, second;

    word = 0;
    others = begin(wait_for_others, NULL);
    second = begin(wait_for_bit, NULL);
    sleep(1);
    syscall(SYS_futex, &word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 2);
    must(pthread_join(second, NULL) == 0);
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    must(pthread_join(others, NULL) == 0);
}

static void count_step(void *arg)
{
    (void)arg;
    steps++;
}

static void *meet(void *arg)
{
    int r = pthread_barrier_wait(&barrier);

    pthread_setspecific(key, &steps); /* counted when it ends */
    if (r == PTHREAD_BARRIER_SERIAL_THREAD)
        pthread_exit(arg);
    return NULL;
}

/* More than are remembered at once. */
static void forget_barriers(void)
{
    static pthread_barrier_t many[1000];

    for (unsigned i = 0; i < sizeof many / sizeof *many; i++)
        must(pthread_barrier_init(&many[i], NULL, 2) == 0 &&
             pthread_barrier_destroy(&many[i]) == 0);
}

static void try_barrier(void)
{
    pthread_t a, b;

    steps = 0;
    forget_barriers();
    must(pthread_barrier_init(&barrier, NULL, 3) == 0);
    a = begin(meet, NULL);
    b = begin(meet, NULL);
    must(steps == 0);
    pthread_barrier_wait(&barrier);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    must(steps == 2);
}

static void *wait_for_ever(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(count_step, NULL);
    for (;;)
        pthread_cond_wait(&changed, &lock);
    pthread_cleanup_pop(0);
    return arg;
}

/* Who is cancelled in a wait has the lock again. */
static void try_cancel(void)
{
    pthread_t waiter = begin(wait_for_ever, NULL);
    void *result;

    steps = 0;
    sleep(1);
    pthread_cancel(waiter);
    must(pthread_join(waiter, &result) == 0 && result == PTHREAD_CANCELED);
    must(steps == 1 && pthread_mutex_trylock(&lock) == EBUSY);
    pthread_mutex_unlock(&lock);
}

static void *lock_once(void *arg)
{
    pthread_mutex_lock(&lock);
    steps++;
    pthread_mutex_unlock(&lock);
    return arg;
}

/* … and who waits for a lock is not. */
static void try_no_cancel(void)
{
    pthread_t waiter;
    void *result;

    steps = 0;
    pthread_mutex_lock(&lock);
    waiter = begin(lock_once, &steps);
    sleep(1);
    pthread_cancel(waiter);
    sleep(1);
    pthread_mutex_unlock(&lock);
    must(pthread_join(waiter, &result) == 0 && result == &steps && steps == 1);
}

static void try_condition(clockid_t clock)
{
    struct timespec soon = later(clock, 5), now;
    pthread_condattr_t attr;
    pthread_cond_t cond;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, clock);
    pthread_cond_init(&cond, &attr);
    pthread_mutex_lock(&lock);
    must(pthread_cond_timedwait(&cond, &lock, &soon) == ETIMEDOUT);
    clock_gettime(clock, &now);
    must(now.tv_sec == soon.tv_sec);
    soon.tv_sec += 5;
    must(pthread_cond_clockwait(&cond, &lock, clock, &soon) == ETIMEDOUT);
    pthread_mutex_unlock(&lock);
    must(pthread_cond_destroy(&cond) == 0);
}

static pthread_t handler;
static int pipe_ends[2];

static void on_usr1(int signo)
{
    (void)signo;
    handler = pthread_self();
    usleep(1000); /* it may wait as well */
    steps++;
}

static void *wait_for_byte(void *arg)
{
    return read(pipe_ends[0], arg, 1) < 0 ? &errno : NULL;
}

static void *wait_for_post(void *arg)
{
    (void)arg;
    return sem_wait(&sem) < 0 ? &errno : NULL;
}

static void *tell_process(void *arg)
{
    kill(getpid(), SIGUSR1);
    must(steps == 0); /* the first one has it, in its turn */
    return arg;
}

/* Whom a signal is sent to has it, and it ends his wait. */
static void try_kill(void *(*wait)(void *))
{
    static char byte;
    pthread_t waiter = begin(wait, &byte);
    void *result;

    steps = 0;
    sleep(1);
    must(pthread_kill(waiter, SIGUSR1) == 0 &&
         pthread_join(waiter, &result) == 0 && result != NULL && steps == 1 &&
         pthread_equal(handler, waiter));
}

static void try_signals(void)
{
    struct sigaction action = {.sa_handler = on_usr1};
    pthread_t teller;

    must(sigaction(SIGUSR1, &action, NULL) == 0 && pipe(pipe_ends) == 0);
    try_kill(wait_for_byte);
    try_kill(wait_for_post);
    steps = 0;
    teller = begin(tell_process, NULL);
    must(sleep(5) > 0 && steps == 1 && pthread_equal(handler, pthread_self()));
    pthread_join(teller, NULL);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static void try_all(void)
{
    must(pthread_spin_init(&spin, 0) == 0 && sem_init(&sem, 0, 0) == 0 &&
         pthread_key_create(&key, count_step) == 0);
    try_locks();
    try_words();
    try_bits();
    try_barrier();
    try_cancel();
    try_no_cancel();
    try_condition(CLOCK_REALTIME);
    try_condition(CLOCK_MONOTONIC);
    try_signals();
}

/* ------------------------------------------------------------------ others */

static pthread_mutex_t second_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_both(pthread_mutex_t *first, pthread_mutex_t *then)
{
    pthread_mutex_lock(first);
    usleep(1000);
    pthread_mutex_lock(then);
    pthread_mutex_unlock(then);
    pthread_mutex_unlock(first);
}

static void *lock_backwards(void *arg)
{
    lock_both(&second_lock, &lock);
    return arg;
}

/* One thread for all signals. */
static void *sleep_until_told(void *arg)
{
    sigset_t term;
    int signo;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    must(sigwait(&term, &signo) == 0 && signo == SIGTERM);
    exit(arg != NULL);
}

/* Something of the real kernel's that never comes: who does not wait for it
 * learns so. */
static void *read_for_ever(void *path)
{
    char byte;
    int at_once = open(path, O_RDWR | O_NONBLOCK), fd = open(path, O_RDWR);
    int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);

    must(read(at_once, &byte, 1) < 0 && errno == EAGAIN);
    must(recv(datagrams, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    sem_post(&sem);
    must(fd >= 0 && read(fd, &byte, 1) == 1);
    return NULL;
}

/* Nobody will ever read, either. */
static void write_in_vain(const struct timeval *limit)
{
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    must(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, limit, sizeof *limit) ==
         0);
    while (send(pair[0], "x", 1, MSG_DONTWAIT) == 1)
        ;
    must(send(pair[0], "x", 1, 0) < 0 && errno == EAGAIN);
    close(pair[0]);
    close(pair[1]);
}

/* Nobody will ever write, and it has half a second for that; on a real socket.
 */
static bool waited;

static void *wait_in_vain(void *arg)
{
    struct timeval limit = {.tv_usec = 500000};
    struct timespec begun, now;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char byte;

    (void)arg;
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    must(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
    write_in_vain(&limit);
    clock_gettime(CLOCK_MONOTONIC, &now);
    must(now.tv_sec - begun.tv_sec == 1);
    close(fd);
    waited = true;
    return NULL;
}

static void prepare(char *path)
{
    sigset_t all;

    if (is("locks"))
        try_all();
    if (has_pool())
        begin_pool();
    if (is("reads")) {
        must(sem_init(&sem, 0, 0) == 0);
        begin(read_for_ever, path);
        sem_wait(&sem);
    }
    if (is("limits"))
        begin(wait_in_vain, NULL);
    if (is("signals")) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, NULL);
        begin(sleep_until_told, NULL);
    }
}

/* One is hardly gone when the next begins: where they lie is told. */
static void *say_where(void *fd)
{
    void *block = malloc(100);

    dprintf(STDOUT_FILENO, "%p %p\n", (void *)&block, block);
    free(block);
    return fd;
}

static void say_much(void)
{
    for (int i = 0; i < 100; i++) {
        pthread_detach(begin(say_where, NULL));
        sched_yield();
    }
}

static void take(int fd)
{
    if (is("brief"))
        say_much();
    if (has_pool()) {
        enqueue(fd);
        return;
    }
    pthread_mutex_lock(&lock);
    clients++;
    pthread_mutex_unlock(&lock);
    pthread_detach(begin(serve, (void *)(intptr_t)fd));
    if (is("deadlock") && clients == 2) {
        begin(lock_backwards, NULL);
        lock_both(&lock, &second_lock);
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons(7007)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    must(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
         listen(fd, 8) == 0);
    return fd;
}

static void *accept_all(void *path)
{
    int listener = listen_somewhere(), fd;

    prepare(path);
    while (!stopped)
        if ((fd = accept(listener, NULL, NULL)) >= 0)
            take(fd);
    close(listener);
    must(!is("limits") || waited);
    if (has_pool())
        end_pool();
    wait_for_clients();
    if (is("last-ends"))
        pthread_exit(NULL);
    exit(0);
}

/* A signal ends that wait. */
static int wait_for_stop(void)
{
    begin(accept_all, NULL);
    while (!stopped)
        sem_wait(&sem);
    return 0;
}

static void write_byte(int signo)
{
    (void)signo;
    must(write(pipe_ends[1], "", 1) == 1);
}

static void *read_byte(void *byte)
{
    must(read(pipe_ends[0], byte, 1) == 1);
    exit(0);
}

/* What the handler does in the middle of a wait is the program's. */
static int join_at_stop(void)
{
    struct sigaction action = {.sa_handler = write_byte};
    static char byte;

    must(pipe(pipe_ends) == 0 && sigaction(SIGTERM, &action, NULL) == 0);
    begin(accept_all, NULL);
    return pthread_join(begin(read_byte, &byte), NULL);
}

/* What no thread would do that has to itself what it runs on. */
static _Noreturn void spin_for_stop(void)
{
    begin(accept_all, NULL);
    while (!stopped)
        ;
    _exit(0);
}

int main(int argc, char **argv)
{

    begin_server(argc, argv);
    if (is("posted"))
        return wait_for_stop();
    if (is("piped"))
        return join_at_stop();
    if (is("spins"))
        spin_for_stop();
    if (!is("first-ends") && !is("last-ends"))
        accept_all(argc > 2 ? argv[2] : NULL);
    begin(accept_all, NULL);
    pthread_exit(NULL);
}
