/*
 * relay.c: an echo server with two threads for each client, one that reads and
 * one that writes, as bad as it is told to be.
 *
 *     relay [right|closes-early|sleeps-on|looks-twice|embraces]
 *
 * It knows nothing of sockfault; sim_turns.sh runs it over simnet.  In the
 * order in which its threads run there it always works.
 */
#include "server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------------------------- slots */

/* From the thread that reads to the one that writes, one byte at a time. */
struct slot {
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool full, over;
    char byte;
};

static void await(struct slot *s, bool full)
{
    while (s->full != full && !s->over) {
        if (is("sleeps-on")) { /* and what is changed meanwhile? */
            pthread_mutex_unlock(&s->lock);
            pthread_mutex_lock(&s->lock);
        }
        pthread_cond_wait(&s->changed, &s->lock);
    }
}

static void put(struct slot *s, char byte)
{
    pthread_mutex_lock(&s->lock);
    await(s, false);
    s->byte = byte;
    s->full = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static bool take(struct slot *s, char *byte)
{
    bool full;

    pthread_mutex_lock(&s->lock);
    await(s, true);
    full = s->full;
    *byte = s->byte;
    s->full = false;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return full;
}

static void end(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    s->over = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ----------------------------------------------------------------- clients */

static void *write_on(void *slot)
{
    struct slot *s = slot;
    bool works = true;
    char byte;

    while (take(s, &byte))
        works = works && send(s->fd, &byte, 1, MSG_NOSIGNAL) == 1;
    return NULL;
}

static void *read_on(void *fd)
{
    struct slot s = {.fd = (int)(intptr_t)fd,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    pthread_t writer;
    char byte;

    must(pthread_create(&writer, NULL, write_on, &s) == 0);
    while (recv(s.fd, &byte, 1, 0) == 1)
        put(&s, byte);
    end(&s);
    if (is("closes-early"))
        close(s.fd);
    pthread_join(writer, NULL);
    if (!is("closes-early"))
        close(s.fd);
    return NULL;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static intptr_t tally;

static void *take_turns(void *odd)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&lock);
        while (tally % 2 != (intptr_t)odd)
            pthread_cond_wait(&changed, &lock);
        tally++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static intptr_t look(void)
{
    intptr_t now;

    pthread_mutex_lock(&lock);
    now = tally;
    pthread_mutex_unlock(&lock);
    return now;
}

/* Two others go on in turns, and neither can do more by itself than once. */
static void look_twice(void)
{
    pthread_t even, odd;
    intptr_t before;

    must(pthread_create(&even, NULL, take_turns, (void *)0) == 0);
    must(pthread_create(&odd, NULL, take_turns, (void *)1) == 0);
    before = look();
    must(look() - before < 4);
    pthread_join(even, NULL);
    pthread_join(odd, NULL);
}

/* Two locks, which two threads take in another order. */
static pthread_mutex_t inner = PTHREAD_MUTEX_INITIALIZER;

static void *lock_both(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&inner);
    pthread_mutex_unlock(&inner);
    pthread_mutex_unlock(&lock);
    return arg;
}

static void embrace(void)
{
    pthread_t other;

    must(pthread_create(&other, NULL, lock_both, NULL) == 0);
    pthread_mutex_lock(&inner);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&inner);
    pthread_join(other, NULL);
}

static void take_client(int fd)
{
    pthread_t reader;

    if (is("looks-twice"))
        look_twice();
    if (is("embraces"))
        embrace();

    must(pthread_create(&reader, NULL, read_on, (void *)(intptr_t)fd) == 0);
    pthread_join(reader, NULL);
}

static int listen_somewhere(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    must(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
         listen(fd, 8) == 0);
    return fd;
}

int main(int argc, char **argv)
{
    int listener = listen_somewhere(), fd;

    begin_server(argc, argv);
    while (!stopped)
        if ((fd = accept(listener, NULL, NULL)) >= 0)
            take_client(fd);
    close(listener);
    return 0;
}
