/*
 * revived.c: an echo server that has threads before it has clients, and for
 * each client looks whether they are what they were: their numbers, locks,
 * signals and ends.
 *
 * It knows nothing of sockfault; sim_turns.sh has it forked.
 */
#include "server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ALTERNATE = 1 << 16 };

static volatile sig_atomic_t struck_by;
static char alternate[ALTERNATE];
static sem_t asked, answered;
static pthread_mutex_t of_first, of_other;
static pthread_t other;
static pid_t number_of_other;
static int told;

/* On the stack that its thread has for it. */
static void on_usr1(int signo)
{
    char here;

    (void)signo;
    must(&here >= alternate && &here < alternate + ALTERNATE);
    struck_by = gettid();
}

/* It has a lock all the time, and ends when it was asked twice. */
static void *wait_to_be_asked(void *arg)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE};

    must(sigaltstack(&stack, NULL) == 0);
    must(pthread_mutex_lock(&of_other) == 0);
    number_of_other = gettid();
    for (int i = 0; i < 2; i++) {
        sem_post(&answered);
        while (sem_wait(&asked) < 0)
            ;
        must(gettid() == number_of_other);
        must(pthread_mutex_lock(&of_other) == 0);
        must(pthread_mutex_unlock(&of_other) == 0);
    }
    must(pthread_mutex_unlock(&of_other) == 0);
    return arg;
}

static void begin(void)
{
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    pthread_mutexattr_t recursive;

    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&of_first, &recursive);
    pthread_mutex_init(&of_other, &recursive);
    sigaction(SIGUSR1, &action, NULL);
    must(pthread_mutex_lock(&of_first) == 0);
    must(pthread_create(&other, NULL, wait_to_be_asked, &told) == 0);
    while (sem_wait(&answered) < 0)
        ;
}

static void *try_lock(void *arg)
{
    must(pthread_mutex_trylock(&of_first) != 0);
    must(pthread_mutex_trylock(&of_other) != 0);
    return arg;
}

/* Of what was begun when nobody was there yet. */
static void look(void)
{
    pthread_t third;
    void *result;

    must(pthread_mutex_lock(&of_first) == 0); /* once more */
    must(pthread_mutex_unlock(&of_first) == 0);
    must(pthread_create(&third, NULL, try_lock, NULL) == 0);
    must(pthread_join(third, NULL) == 0);
    must(pthread_kill(other, SIGUSR1) == 0);
    sem_post(&asked);
    while (sem_wait(&answered) < 0)
        ;
    must(struck_by == number_of_other);
    struck_by = 0;
    must(syscall(SYS_tgkill, getpid(), gettid(), 0) == 0);
    must(tgkill(getpid(), number_of_other, SIGUSR1) == 0);
    sem_post(&asked);
    must(pthread_join(other, &result) == 0 && result == &told);
    must(struck_by == number_of_other);
    must(pthread_mutex_unlock(&of_first) == 0);
}

static void echo(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) == 1)
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
            break;
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    bool looked = false;

    begin_server(argc, argv);
    must(bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0 &&
         listen(listener, 8) == 0);
    begin();
    while (!stopped) {
        if ((fd = accept(listener, NULL, NULL)) < 0)
            continue;
        if (!looked)
            look();
        looked = true;
        echo(fd);
    }
    close(listener);
    return 0;
}
