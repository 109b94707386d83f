/* worker.c: see worker.h. */
#include "faultinject/notify/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "faultinject/inject/monitor.h"
#include "faultinject/interpose/attach.h"
#include "faultinject/notify/calls.h"
#include "faultinject/notify/filter.h"
#include "faultinject/notify/remote.h"
#include "faultinject/notify/traced.h"
#include "faultinject/notify/world.h"

/* Our own descriptors, above those of the program. */
enum { ORDERS = SF_MIRROR_MAX, LISTENER, PROCESS };

static pid_t watched;
static bool attached;       /* to the program that runs there now */
static unsigned long image; /* which program that is             */

/* --- threads --- */

/* The one who makes the calls of one of the program's threads. */
struct hand {
    struct hand *next;
    pid_t thread;
    sem_t told;
    sem_t ended;
    struct seccomp_notif call; /* pid 0: there will be no more */
};
static struct hand *hands;

/* The process is its first thread, which may have ended before the others; from
 * Linux 6.9 on there is a descriptor of this one. */
static void take_thread(pid_t thread)
{
    int fd = (int)syscall(SYS_pidfd_open, thread, O_EXCL);

    if (fd >= 0 && sf_libc.dup2(fd, PROCESS) == PROCESS)
        sf_libc.close(fd);
}

static void *work(void *arg)
{
    struct hand *hand = arg;

    unshare(CLONE_FILES);
    take_thread(hand->thread);
    sf_remote.listener = LISTENER;
    sf_remote.process = PROCESS;
    sf_remote.pid = watched;
    for (;;) {
        while (sem_wait(&hand->told) < 0)
            ;
        if (hand->call.pid == 0)
            break;
        sf_remote.told = hand->call;
        sf_answer();
    }
    sf_detach();
    sem_post(&hand->ended);
    return NULL;
}

static struct hand *new_hand(pid_t thread)
{
    struct hand *hand = calloc(1, sizeof *hand);
    pthread_t id;

    if (!hand)
        return NULL;
    hand->thread = thread;
    sem_init(&hand->told, 0, 0);
    sem_init(&hand->ended, 0, 0);
    if (pthread_create(&id, NULL, work, hand) != 0) {
        free(hand);
        return NULL;
    }
    pthread_detach(id);
    hand->next = hands;
    hands = hand;
    return hand;
}

/* A thread makes one call at a time, so its hand is free. */
static void hand_over(const struct seccomp_notif *told)
{
    struct sf_told_answer go_on = {
        .resp = {.id = told->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE}};
    struct hand *hand = hands;

    while (hand && hand->thread != (pid_t)told->pid)
        hand = hand->next;
    if (!hand)
        hand = new_hand((pid_t)told->pid);
    if (!hand) {
        sf_traced_answered(told, true);
        sf_libc.ioctl(LISTENER, SECCOMP_IOCTL_NOTIF_SEND, (long)&go_on);
        return;
    }
    hand->call = *told;
    sem_post(&hand->told);
}

static bool has_one_thread(void)
{
    return !hands || !hands->next;
}

/* Each still has to tell what it was in the middle of; one that is in a
 * call, for a thread that was killed, is not waited for. */
static void dismiss(void)
{
    struct timespec soon;

    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec++;
    for (struct hand *hand = hands; hand; hand = hand->next) {
        hand->call.pid = 0;
        sem_post(&hand->told);
    }
    for (struct hand *hand = hands; hand; hand = hand->next)
        while (sem_timedwait(&hand->ended, &soon) < 0 && errno == EINTR)
            ;
}

/* --- orders --- */

/* As it was called, which is what the library has as well: the kernel's own
 * name for it ends after 15 letters, and is a script's rather than perl's. */
static pid_t whom(char *program, size_t size)
{
    char path[64], called[4096], *last;
    FILE *in;
    size_t n = 0;

    snprintf(path, sizeof path, "/proc/%d/cmdline", watched);
    in = fopen(path, "re");
    if (in) {
        n = fread(called, 1, sizeof called - 1, in);
        fclose(in);
    }
    called[n] = '\0';
    last = strrchr(called, '/');
    snprintf(program, size, "%s", last ? last + 1 : called);
    return watched;
}

static struct sf_watched look = {.who = whom};

/* A process that executes another program is watched from the beginning. */
static void attend(const struct seccomp_notif *told)
{
    unsigned long now;

    if (!attached) {
        now = sf_remote_image(watched);
        if (now != image)
            sf_attach(&look);
        image = now;
        attached = true;
    }
    if (told->data.nr == SYS_execve || told->data.nr == SYS_execveat)
        attached = false; /* if it comes to pass */
}

static bool settle(pid_t pid)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);

    watched = pid;
    return process >= 0 && sf_libc.dup2(process, PROCESS) == PROCESS &&
           sf_libc.close(process) == 0;
}

/* In the child everything is as it was, but for its threads and its number. */
static void be_forked(int orders, pid_t pid)
{
    hands = NULL;
    watched = 0;
    sf_libc.dup2(orders, ORDERS);
    sf_libc.close(orders);
    if (pid != 0 && !settle(pid))
        _exit(0);
}

/* -1: there are none any more, the process is gone. */
static int next_order(struct sf_order *order, int *child)
{
    char room[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {order, sizeof *order};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = room,
                         .msg_controllen = sizeof room};
    const struct cmsghdr *head;

    if (sf_libc.recvmsg(ORDERS, &msg, MSG_CMSG_CLOEXEC) != sizeof *order)
        return -1;
    head = CMSG_FIRSTHDR(&msg);
    if (head)
        memcpy(child, CMSG_DATA(head), sizeof *child);
    return 0;
}

static void obey(void)
{
    struct sf_order order;
    int child = -1;

    while (next_order(&order, &child) == 0) {
        if (order.what == SF_ORDER_CALL) {
            attend(&order.told);
            hand_over(&order.told);
        } else if (order.what == SF_ORDER_SETTLE) {
            settle(order.pid);
        } else {
            if (fork() == 0)
                be_forked(child, order.pid);
            else
                sf_libc.close(child);
        }
    }
    if (watched == 0) /* for a child that never came */
        _exit(0);
    dismiss();
    sf_detach_all();
    _exit(0);
}

/* What is sent to the group is meant for the command. */
static const int others[] = {SIGPIPE, SIGCHLD, SIGINT,  SIGQUIT,
                             SIGTERM, SIGHUP,  SIGUSR1, SIGUSR2};

void sf_worker(int orders, int listener, pid_t pid)
{
    if (dup2(listener, LISTENER) < 0 || dup2(orders, ORDERS) < 0 ||
        !settle(pid)) {
        perror("sockfault: a process cannot be watched");
        return;
    }
    close_range(3, SF_MIRROR_MAX - 1, 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        signal(others[i], SIG_IGN);
    look.world = sf_remote_world();
    sf_monitor_single = has_one_thread;
    obey();
}
