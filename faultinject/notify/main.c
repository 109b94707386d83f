/*
 * main.c: sockfault-notify COMMAND [ARGUMENT]...
 *
 * Runs the command with a filter that tells us of its socket calls, hands
 * each to the worker of the process that made it, and ends as the command
 * ends.  `sockfault run --notify` starts it, with SOCKFAULT_CONTROL set.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/notify/calls.h"
#include "faultinject/notify/filter.h"
#include "faultinject/notify/forks.h"
#include "faultinject/notify/remote.h"
#include "faultinject/notify/traced.h"
#include "faultinject/notify/worker.h"

enum { WORKERS_MAX = 1024, PATIENCE_MS = 2000 };

static struct worker {
    pid_t pid;   /* of the process whose calls it makes; 0: an heir's */
    int process; /* pidfd of that; -1: nobody knows it yet            */
    int orders;
} workers[WORKERS_MAX];
static int n_workers;
static int listener;
static pid_t command;
static int command_status = -1; /* once it was waited for */
static sigset_t mask_before;
static sigset_t mask_asleep; /* with SIGCHLD, by which stops are told */
static struct rlimit limit_before;
static void (*children_before)(int); /* SIGCHLD: ignored, no end is told */

static void die(const char *what)
{
    fprintf(stderr, "sockfault: --notify: %s: %s\n", what, strerror(errno));
    if (command > 0)
        kill(command, SIGKILL);
    exit(2);
}

/* --- workers --- */

static struct worker *worker_of(pid_t pid)
{
    for (int i = 0; i < n_workers; i++)
        if (workers[i].pid == pid)
            return &workers[i];
    return NULL;
}

static void order_fork(const struct worker *parent, pid_t pid, int orders)
{
    struct sf_order order = {.what = SF_ORDER_FORK, .pid = pid};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    struct iovec iov = {&order, sizeof order};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};

    memcpy(CMSG_DATA(&control.head), &orders, sizeof orders);
    sendmsg(parent->orders, &msg, MSG_NOSIGNAL);
}

static void begin_worker(int orders, pid_t pid)
{
    pid_t worker = fork();

    if (worker < 0)
        die("fork");
    if (worker > 0)
        return;
    command = 0;
    sf_worker(orders, listener, pid);
    _exit(2);
}

static void add_worker(const struct worker *elder, pid_t pid, int process)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        die("socketpair");
    if (elder)
        order_fork(elder, pid, ends[1]);
    else
        begin_worker(ends[1], pid);
    close(ends[1]);
    workers[n_workers++] = (struct worker){pid, process, ends[0]};
}

/* A process ended while it had a child that we have not seen: what the child
 * knows is kept for it. */
static void leave_heir(const struct worker *elder)
{
    if (sf_fork_is_pending(elder->pid) && n_workers < WORKERS_MAX)
        add_worker(elder, 0, -1);
}

/* One whose parent is gone, before we could see that it has this child. */
static struct worker *inherit(pid_t pid, int process)
{
    const struct sf_order order = {.what = SF_ORDER_SETTLE, .pid = pid};
    struct worker *w = worker_of(0);

    if (w) {
        w->pid = pid;
        w->process = process;
        send(w->orders, &order, sizeof order, MSG_NOSIGNAL);
    }
    return w;
}

/* NULL: there is no room, or it is gone already. */
static struct worker *adopt(pid_t pid, pid_t parent)
{
    const struct worker *elder = worker_of(parent);
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    struct worker *w = NULL;

    if (process < 0)
        return NULL;
    if (!elder && (w = inherit(pid, process)))
        return w;
    if (n_workers == WORKERS_MAX) {
        close(process);
        return NULL;
    }
    add_worker(elder, pid, process);
    return &workers[n_workers - 1];
}

/* Its worker sees that no orders come any more, tells what it still has to
 * tell, and ends. */
static void dismiss(int i)
{
    struct pollfd p = {.fd = workers[i].orders};

    sf_fork_forget(workers[i].pid);
    shutdown(workers[i].orders, SHUT_WR);
    poll(&p, 1, PATIENCE_MS);
    if (workers[i].process >= 0)
        close(workers[i].process);
    close(workers[i].orders);
    workers[i] = workers[--n_workers];
}

/* Nobody is left who could be one. */
static bool dismiss_heir(void)
{
    const struct worker *heir = worker_of(0);

    if (heir)
        dismiss((int)(heir - workers));
    return heir != NULL;
}

/* Before anything else is done by those who have just had a child. */
static void adopt_children(void)
{
    pid_t child, parent;

    while (sf_fork_next(&child, &parent))
        if (!worker_of(child))
            adopt(child, parent);
}

/* --- calls --- */

static void answer(const struct seccomp_notif *told, int error)
{
    struct sf_told_answer answer = {
        .resp = {.id = told->id,
                 .error = error,
                 .flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE}};

    sf_traced_answered(told, !error);
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static void let_go(const struct seccomp_notif *told)
{
    answer(told, 0);
}

/* Calls that say how a process is to be watched. */
static bool is_for_us(const struct seccomp_notif *told, pid_t process)
{
    switch (told->data.nr) {
    case SYS_rt_sigaction:
        sf_traced_see(process, &told->data);
        let_go(told);
        return true;
    case SYS_ptrace:
        answer(told, sf_traced_yield(told));
        return true;
    default:
        return false;
    }
}

static void hand_out(void)
{
    struct sf_order order = {.what = SF_ORDER_CALL};
    struct sf_told_call call = {.told = {.id = 0}};
    struct worker *w = NULL;
    pid_t process, parent;

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return; /* a signal took it away again */
    order.told = call.told;
    if (sf_remote_family((pid_t)order.told.pid, &process, &parent)) {
        adopt_children();
        sf_fork_ended((pid_t)order.told.pid);
        if (is_for_us(&order.told, process))
            return;
        w = worker_of(process);
        if (!w)
            w = adopt(process, parent);
        if (w && sf_fork_is_one(process, &order.told.data)) {
            sf_fork_begins(process, (pid_t)order.told.pid);
            w = NULL;
        }
    }
    if (!w || send(w->orders, &order, sizeof order, MSG_NOSIGNAL) < 0)
        let_go(&order.told);
}

/* --- the command --- */

static void begin(char **argv)
{
    const struct sf_filter filter = {sf_told_calls, sf_n_told_calls, -1, 0,
                                     false};
    struct sf_meeting *meeting = sf_meeting_new();
    int err;

    command = fork();
    if (!meeting || command < 0)
        die("fork");
    if (command == 0) {
        sigprocmask(SIG_SETMASK, &mask_before, NULL);
        signal(SIGCHLD, children_before);
        setrlimit(RLIMIT_NOFILE, &limit_before);
        err = sf_filter_offer(meeting, &filter);
        if (!err)
            execvp(argv[0], argv);
        else
            _exit(126);
        _exit(127);
    }
    listener = sf_filter_take(meeting, command);
    if (listener < 0)
        die("seccomp");
}

/* As the command ended, so do we. */
static void end_as(int status)
{
    if (!WIFSIGNALED(status))
        exit(WEXITSTATUS(status));
    signal(WTERMSIG(status), SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
    raise(WTERMSIG(status));
    exit(128 + WTERMSIG(status));
}

/* Those whom it leaves behind still need somebody. */
static void command_ended(void)
{
    if (command_status < 0)
        waitpid(command, &command_status, 0);
    command = 0;
    if (n_workers == 0 || fork() != 0)
        end_as(command_status);
}

/* Its calls would wait for ever.  That it ends itself just now is no harm. */
static void forsaken(const struct worker *w)
{
    struct pollfd p = {.fd = w->process, .events = POLLIN};

    if (poll(&p, 1, PATIENCE_MS) > 0)
        return;
    fprintf(stderr, "sockfault: --notify: the worker of process %d has died\n",
            w->pid);
    if (command > 0)
        kill(command, SIGKILL);
    exit(2);
}

static void serve(void)
{
    static const struct timespec at_once = {0, 0};
    static struct pollfd p[1 + 2 * WORKERS_MAX];

    while (n_workers > 0 || command > 0) {
        int n;
        sf_traced_serve(command, &command_status);
        adopt_children();
        n = n_workers;
        p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (int i = 0; i < n; i++) {
            p[1 + i] = (struct pollfd){workers[i].process, POLLIN, 0};
            p[1 + n + i] = (struct pollfd){.fd = workers[i].orders};
        }
        if (ppoll(p, 2 * (nfds_t)n + 1, sf_fork_is_due() ? &at_once : NULL,
                  &mask_asleep) <= 0)
            continue;
        if (p[0].revents & POLLIN)
            hand_out();
        else if (p[0].revents & POLLHUP && dismiss_heir())
            continue;
        for (int i = n - 1; i >= 0; i--) {
            if (!p[1 + i].revents && p[1 + n + i].revents)
                forsaken(&workers[i]);
            if (p[1 + i].revents) {
                bool was_it = workers[i].pid == command;
                leave_heir(&workers[i]);
                dismiss(i);
                if (was_it)
                    command_ended();
            }
        }
    }
}

/* The command is in the same job: what a terminal sends to all of it, or
 * somebody to its group, is nothing new to it; what we are sent alone is. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
    bool is_terminals = sig == SIGINT || sig == SIGQUIT;
    pid_t parent = getppid();

    (void)context;
    if (is_terminals &&
        (info->si_pid != parent || getpgid(parent) != getpgrp()))
        return;
    if (command > 0)
        kill(command, sig);
}

static void wake_up(int sig)
{
    (void)sig;
}

static void handle_signals(void)
{
    static const int passed_on[] = {SIGTERM, SIGHUP,  SIGUSR1,
                                    SIGUSR2, SIGQUIT, SIGINT};
    struct sigaction sa = {.sa_sigaction = pass_on,
                           .sa_flags = SA_RESTART | SA_SIGINFO};

    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaction(passed_on[i], &sa, NULL);
    signal(SIGCHLD, wake_up);
    sigprocmask(SIG_SETMASK, NULL, &mask_asleep);
    sigdelset(&mask_asleep, SIGCHLD);
}

int main(int argc, char **argv)
{
    struct rlimit high;
    sigset_t child;

    if (argc < 2) {
        fprintf(stderr, "usage: sockfault-notify COMMAND [ARGUMENT]...\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &limit_before);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    children_before = signal(SIGCHLD, SIG_DFL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    sf_traced_begin();
    high = limit_before;
    high.rlim_cur = SF_MIRROR_MAX + SF_OWN_FDS;
    if (high.rlim_max < high.rlim_cur)
        high.rlim_max = high.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &high) < 0)
        die("the limit of descriptors");
    begin(argv + 1);
    if (!adopt(command, 0))
        die("pidfd");
    handle_signals();
    serve();
    return 0;
}
