/*
 * fuzz_strange.c: an echo that keeps what it has done in all the places where a
 * program can, and ends itself where they disagree: so each has to be taken
 * back when a session is gone on with from its middle, or somebody has to know
 * that it cannot be.
 */
#include "faultinject/session/target.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEPS = 1000, PIECE = 16 };

static int steps;
static _Thread_local int of_thread;
static int *of_heap, *of_others; /* which other processes could write, too */
static long numbers[STEPS];      /* random() keeps its place in libc */

static volatile unsigned reads; /* counts, and decides nothing */
static int file = -1;           /* is open in the middle       */
static void *mapped;

static volatile int of_others_then;
static void *volatile kept;

static sem_t over;

static __attribute__((unused)) void *wait_for_end(void *arg)
{
#ifdef STRANGE_SHARED_FD
    char byte;

    recv(*(int *)arg, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
#endif
    while (sem_wait(&over) < 0)
        ;
    return arg;
}

__attribute__((constructor)) static void once(void)
{
    srandom(1);
    for (int i = 0; i < STEPS; i++)
        numbers[i] = random();
    of_others = mmap(NULL, sizeof *of_others, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void begin(void)
{
    srandom(1);
    steps = of_thread = 0;
    of_heap = calloc(1, sizeof *of_heap);
#if defined STRANGE_SHARES || defined STRANGE_REMEMBERS
    *of_others = 0;
#elif defined STRANGE_OPENS
    file = open("/dev/null", O_RDONLY);
#elif defined STRANGE_WRITES
    file = memfd_create("strange", 0);
#elif defined STRANGE_MAPS
    mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#endif
}

static void end(void)
{
    free(of_heap);
    if (file >= 0 && close(file) < 0)
        abort();
    file = -1;
    if (mapped)
        munmap(mapped, 1 << 20);
    mapped = NULL;
}

/* In all places the same number. */
static void step(void)
{
    if (random() != numbers[steps++] || ++of_thread != steps ||
        ++*of_heap != steps)
        abort();
#ifdef STRANGE_SHARES
    if (++*of_others != steps)
        abort();
#elif defined STRANGE_REMEMBERS
    of_others_then = ++*of_others;
#elif defined STRANGE_WRITES
    if (write(file, "", 1) != 1)
        abort();
#endif
}

/* True as long as the connection lives. */
static bool echo(int fd, int *shorts)
{
    char bytes[PIECE] = {0};
    ssize_t n = recv(fd, bytes, sizeof bytes, 0), done = 0;

    reads++;
    if (n < 0) {
#ifdef STRANGE_ALLOCATES
        free(kept = malloc(1000));
        kept = NULL;
#endif
        return errno == EINTR || errno == EAGAIN || errno == ENOBUFS ||
               errno == ENOMEM;
    }
    step();
    *shorts += n == 1;
#ifdef STRANGE_ASSERTS
    assert(*shorts < 2);
#endif
#ifdef STRANGE_PLANTED
    if (*shorts == 3) /* a byte is lost after three pieces of one */
        done = 1;
#endif
    while (done < n) {
        ssize_t r = send(fd, bytes + done, (size_t)(n - done), MSG_NOSIGNAL);

        if (r > 0)
            done += r;
        else if (errno != EINTR && errno != ENOBUFS && errno != ENOMEM)
            return false;
    }
    return n > 0;
}

static void run(void *arg, int fd)
{
    int shorts = 0;

    (void)arg;
    begin();
#ifdef STRANGE_THREAD
    pthread_t thread;

    sem_init(&over, 0, 0);
    if (pthread_create(&thread, NULL, wait_for_end, &fd))
        abort();
#endif
    while (echo(fd, &shorts))
        ;
#ifdef STRANGE_THREAD
    sem_post(&over);
    pthread_join(thread, NULL);
#endif
    end();
    close(fd);
}

#ifdef STRANGE_TELLS
static void counters(void *arg, sf_counter *each, void *to)
{
    (void)arg;
    each(to, (void *)&reads, sizeof reads);
}
#endif

SF_FUZZ_TARGET(.name = "strange", .side = SF_GIVEN, .run = run,
               .received = sf_peer_echo, .finished = sf_peer_echoed,
#ifdef STRANGE_TELLS
               .counters = counters,
#endif
               .no_dead_fd = true)
