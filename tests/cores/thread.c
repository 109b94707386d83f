/* thread.c: a thread a connection, with calls that wait. */
#include "core.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct worker {
    struct worker *next;
    pthread_t thread;
    int fd;
    bool ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool read_whole(int fd, char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t r = recv(fd, bytes, n, 0);

        if (r == 0 || (r < 0 && !core_again(errno)))
            return false;
        if (r > 0) {
            bytes += r;
            n -= (size_t)r;
        }
    }
    return true;
}

static bool write_whole(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t r = send(fd, bytes, n, MSG_NOSIGNAL);

        if (r < 0 && !core_again(errno))
            return false;
        if (r > 0) {
            bytes += r;
            n -= (size_t)r;
        }
    }
    return true;
}

static bool echo(int fd)
{
    char bytes[CORE_ROOM + 1];
    int n;

    if (!read_whole(fd, bytes, CORE_PREFIX))
        return false;
    bytes[CORE_PREFIX] = '\0';
    n = core_frame(bytes, CORE_PREFIX);
    if (n < 0)
        return false;
    n = atoi(bytes);
    return read_whole(fd, bytes + CORE_PREFIX, (size_t)n) &&
           write_whole(fd, bytes, CORE_PREFIX + (size_t)n);
}

static void *work(void *arg)
{
    struct worker *w = arg;

    while (echo(w->fd))
        ;
    shutdown(w->fd, SHUT_RDWR);
    pthread_mutex_lock(&lock);
    w->ended = true;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Joins those that have ended, or all. */
static void reap(struct worker **link, bool all)
{
    while (*link) {
        struct worker *w = *link;
        bool ended;

        pthread_mutex_lock(&lock);
        ended = w->ended;
        pthread_mutex_unlock(&lock);
        if (!ended && !all) {
            link = &w->next;
            continue;
        }
        if (!ended)
            shutdown(w->fd, SHUT_RDWR);
        pthread_join(w->thread, NULL);
        close(w->fd);
        *link = w->next;
        free(w);
    }
}

static void start(struct worker **first, int fd)
{
    struct worker *w = calloc(1, sizeof *w);

    if (w)
        w->fd = fd;
    if (!w || pthread_create(&w->thread, NULL, work, w) != 0) {
        free(w);
        close(fd);
        return;
    }
    w->next = *first;
    *first = w;
}

void core_serve(int listener, const volatile sig_atomic_t *stop,
                const sigset_t *open)
{
    struct timespec tick = {.tv_nsec = CORE_PAUSE_MS * 1000000L};
    struct worker *workers = NULL;

    while (!*stop) {
        struct pollfd fd = {listener, POLLIN, 0};
        int n = ppoll(&fd, 1, &tick, open);

        reap(&workers, false);
        if (n <= 0)
            continue;
        n = accept4(listener, NULL, NULL, 0);
        if (n >= 0)
            start(&workers, n);
        else if (core_exhausted(errno))
            nanosleep(&tick, NULL);
    }
    reap(&workers, true);
}
