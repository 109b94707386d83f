/*
 * beside.c: a library in a program's process that does what allocators do: its
 * constructor asks for chance and for the time, it has a pthread_create() of
 * its own, which makes another thread by what it takes for libc's, and what is
 * asked of it decides where memory lies.
 *
 * It knows nothing of sockfault; threads.sh loads it beside threaded.c.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                   void *);

static void must(bool so)
{
    if (!so)
        abort();
}

static uint64_t by_chance(void)
{
    int device = open("/dev/urandom", O_RDONLY);
    uint64_t a, b, c;

    must(getentropy(&a, sizeof a) == 0);
    must(getrandom(&b, sizeof b, 0) == sizeof b);
    must(read(device, &c, sizeof c) == sizeof c);
    close(device);
    return a ^ b ^ c;
}

__attribute__((constructor)) static void begin(void)
{
    struct timespec now;
    struct timeval today;

    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0 &&
         gettimeofday(&today, NULL) == 0);
    dprintf(STDOUT_FILENO, "%llx at %ld.%09ld, %ld.%06ld, %ld\n",
            (unsigned long long)by_chance(), now.tv_sec, now.tv_nsec,
            today.tv_sec, today.tv_usec, time(NULL));
}

static unsigned asked;

void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    asked++;
    return __libc_malloc(size);
}

__attribute__((destructor)) static void end(void)
{
    dprintf(STDOUT_FILENO, "%u\n", asked);
}

/* A simulated descriptor is nothing for a thread that takes no turns. */
static void *run_beside(void *arg)
{
    usleep(1000);
    fcntl(512, F_GETFL);
    return arg;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                   void *(*run)(void *), void *arg)
{
    static create *next;
    pthread_t own;

    if (!next) {
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
        must(next && next(&own, NULL, run_beside, NULL) == 0 &&
             pthread_detach(own) == 0);
    }
    return next(thread, attr, run, arg);
}
