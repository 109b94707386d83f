/*
 * threaded_c11.c: an echo server whose threads are those of C11.
 *
 * It knows nothing of sockfault; threads.sh runs it over simnet.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static mtx_t lock;
static cnd_t changed;
static int clients;

static void on_term(int signo)
{
    (void)signo;
    stopped = 1;
}

static void must(bool so)
{
    if (!so)
        abort();
}

static int serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char bytes[64];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
    close(fd);
    mtx_lock(&lock);
    clients--;
    cnd_broadcast(&changed);
    mtx_unlock(&lock);
    return 0;
}

/* It holds the lock for two seconds, and says 7. */
static int hold(void *arg)
{
    mtx_lock(&lock);
    clients = 1;
    cnd_signal(&changed);
    thrd_sleep(&(struct timespec){.tv_sec = 2}, NULL);
    mtx_unlock(&lock);
    (void)arg;
    return 7;
}

static struct timespec in(int seconds)
{
    struct timespec at;

    timespec_get(&at, TIME_UTC);
    at.tv_sec += seconds;
    return at;
}

static void try_all(void)
{
    struct timespec soon = in(1);
    thrd_t thread;
    int said;

    mtx_lock(&lock);
    must(cnd_timedwait(&changed, &lock, &soon) == thrd_timedout);
    must(thrd_create(&thread, hold, NULL) == thrd_success);
    while (clients == 0)
        must(cnd_wait(&changed, &lock) == thrd_success);
    mtx_unlock(&lock);
    must(thrd_join(thread, &said) == thrd_success && said == 7);
    must(thrd_create(&thread, hold, NULL) == thrd_success);
    thrd_yield();
    soon = in(1);
    must(mtx_timedlock(&lock, &soon) == thrd_timedout);
    must(mtx_lock(&lock) == thrd_success);
    mtx_unlock(&lock);
    must(thrd_join(thread, NULL) == thrd_success);
    clients = 0;
}

static int listen_somewhere(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(7007)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    must(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
         listen(fd, 8) == 0);
    return fd;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_term};
    int listener, fd;
    thrd_t thread;

    sigaction(SIGTERM, &action, NULL);
    must(mtx_init(&lock, mtx_timed) == thrd_success &&
         cnd_init(&changed) == thrd_success);
    try_all();
    listener = listen_somewhere();
    while (!stopped) {
        if ((fd = accept(listener, NULL, NULL)) < 0)
            continue;
        mtx_lock(&lock);
        clients++;
        mtx_unlock(&lock);
        must(thrd_create(&thread, serve, (void *)(intptr_t)fd) ==
                 thrd_success &&
             thrd_detach(thread) == thrd_success);
    }
    close(listener);
    mtx_lock(&lock);
    while (clients > 0)
        cnd_wait(&changed, &lock);
    mtx_unlock(&lock);
    return 0;
}
