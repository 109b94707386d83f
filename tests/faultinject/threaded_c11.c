/*
 * threaded_c11.c: an echo server of several threads by their names in C11.
 *
 *     threaded_c11 [good|once|posix-once|files]
 *
 * It knows nothing of sockfault; threads.sh runs it over simnet.
 */
#include "server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 8, RESULT = 7 };

static mtx_t lock;
static cnd_t changed;
static unsigned served;
static once_flag c11_once = ONCE_FLAG_INIT;
static pthread_once_t posix_once = PTHREAD_ONCE_INIT;
static unsigned begun;

/* What takes a while, so that others come meanwhile. */
static void take_a_while(void)
{
    struct timespec while_ = {.tv_nsec = 200000000};

    must(thrd_sleep(&while_, NULL) == 0);
}

static void begin(void)
{
    take_a_while();
    begun++;
}

static void begin_somehow(void)
{
    if (is("once"))
        call_once(&c11_once, begin);
    if (is("posix-once"))
        pthread_once(&posix_once, begin);
    must((!is("once") && !is("posix-once")) || begun == 1);
    if (!is("files"))
        return;
    flockfile(stdout);
    take_a_while();
    funlockfile(stdout);
}

static int serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char bytes[64];
    ssize_t n;

    begin_somehow();
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) < 0)
            break;
    close(fd);
    must(mtx_lock(&lock) == thrd_success);
    served++;
    must(cnd_signal(&changed) == thrd_success);
    must(mtx_unlock(&lock) == thrd_success);
    thrd_exit(RESULT);
}

/* Nobody says anything: its time is over. */
static void wait_in_vain(void)
{
    struct timespec until;

    timespec_get(&until, TIME_UTC);
    until.tv_sec++;
    mtx_lock(&lock);
    must(mtx_trylock(&lock) == thrd_busy);
    must(cnd_timedwait(&changed, &lock, &until) == thrd_timedout);
    mtx_unlock(&lock);
}

static void end_all(const thrd_t *threads, unsigned n)
{
    int result;

    mtx_lock(&lock);
    while (served < n)
        must(cnd_wait(&changed, &lock) == thrd_success);
    mtx_unlock(&lock);
    for (unsigned i = 0; i < n; i++)
        must(thrd_join(threads[i], &result) == thrd_success &&
             result == RESULT);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(4712)};
    int fd, listener = socket(AF_INET, SOCK_STREAM, 0);
    thrd_t threads[CLIENTS_MAX];
    unsigned n = 0;

    begin_server(argc, argv);
    must(mtx_init(&lock, mtx_plain) == thrd_success &&
         cnd_init(&changed) == thrd_success);
    wait_in_vain();
    must(bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0 &&
         listen(listener, 8) == 0);
    while (!stopped && n < CLIENTS_MAX)
        if ((fd = accept(listener, NULL, NULL)) >= 0)
            must(thrd_create(&threads[n++], serve, (void *)(intptr_t)fd) ==
                 thrd_success);
    close(listener);
    end_all(threads, n);
    return 0;
}
