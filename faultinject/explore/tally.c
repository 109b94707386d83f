/* tally.c: see tally.h. */
#include "faultinject/explore/explore.h"

#include <inttypes.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/notify/filter.h"

enum { MAKERS_MAX = 1024 };

static const int makes_socket[] = {SYS_socket, SYS_socketpair, SYS_accept,
                                   SYS_accept4, SYS_io_uring_setup};
enum { CALLS = sizeof makes_socket / sizeof *makes_socket };

/* A process, and how many sockets the kernel made for it. */
struct maker {
    pid_t pid;
    char program[32];
    uint64_t by_libc; /* for the library, or for itself: to look up names */
    uint64_t direct;  /* by other instructions than libc's                */
    uint64_t libc[2]; /* where that is, from and to                       */
    bool has_library; /* ours                                              */
};

struct sf_tally {
    struct sf_meeting *meeting;
    struct sf_filter filter;
    int listener; /* -1: nothing is counted */
    int stop;     /* eventfd                */
    pthread_t thread;
    struct maker makers[MAKERS_MAX];
    int n_makers;
    uint64_t rings;
};

struct sf_tally *sf_tally_new(bool refuse, uint64_t cookie)
{
    struct sf_tally *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->meeting = sf_meeting_new();
    t->filter =
        (struct sf_filter){makes_socket, CALLS - (refuse ? 1 : 0),
                           refuse ? SYS_io_uring_setup : -1, cookie, true};
    t->listener = -1;
    t->stop = eventfd(0, EFD_CLOEXEC);
    if (t->meeting && t->stop >= 0)
        return t;
    free(t);
    return NULL;
}

bool sf_tally_offer(struct sf_tally *t)
{
    return sf_filter_offer(t->meeting, &t->filter) == 0;
}

/* --- counting --- */

/* Whose thread is it?  Of its status: the name, and the process. */
static struct maker *find_maker(struct sf_tally *t, pid_t thread)
{
    char path[64], name[32] = "?", line[128];
    struct maker *m;
    int pid = 0;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/status", thread);
    in = fopen(path, "re");
    while (in && pid == 0 && fgets(line, sizeof line, in))
        if (sscanf(line, "Name: %31[^\n]", name) != 1)
            sscanf(line, "Tgid: %d", &pid);
    if (in)
        fclose(in);
    for (m = t->makers; m < t->makers + t->n_makers; m++)
        if (m->pid == pid)
            return m;
    if (t->n_makers == MAKERS_MAX)
        return NULL;
    t->n_makers++;
    m->pid = pid;
    strcpy(m->program, name);
    return m;
}

/* Where libc's instructions are, if it has that libc; and is ours there? */
static void look_at(struct maker *m)
{
    char path[64], line[512];
    FILE *in;

    m->libc[0] = m->libc[1] = 0;
    m->has_library = false;
    snprintf(path, sizeof path, "/proc/%d/maps", m->pid);
    in = fopen(path, "re");
    while (in && fgets(line, sizeof line, in)) {
        if (strstr(line, " r-xp ") && strstr(line, "/libc.so.6"))
            sscanf(line, "%" SCNx64 "-%" SCNx64, &m->libc[0], &m->libc[1]);
        m->has_library |= strstr(line, "/libsockfault.so") ||
                          strstr(line, "/libsockfault-memory.so");
    }
    if (in)
        fclose(in);
}

static bool is_libc(const struct maker *m, uint64_t address)
{
    return address >= m->libc[0] && address < m->libc[1];
}

/* Of sockets only streams are the library's. */
static bool is_stream(const struct seccomp_data *call)
{
    uint64_t domain = call->args[0];

    if (call->nr == SYS_accept || call->nr == SYS_accept4)
        return true;
    return (call->args[1] & 0xf) == SOCK_STREAM &&
           (domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX);
}

static void count(struct sf_tally *t, const struct seccomp_notif *told)
{
    struct maker *m;

    if (told->data.nr == SYS_io_uring_setup) {
        t->rings++;
    } else if (is_stream(&told->data)) {
        m = find_maker(t, (pid_t)told->pid);
        if (m && !is_libc(m, told->data.instruction_pointer))
            look_at(m);
        if (m && is_libc(m, told->data.instruction_pointer))
            m->by_libc++;
        else if (m)
            m->direct++;
    }
}

/* Whether it is counted or not, each must be let go. */
static void serve(struct sf_tally *t)
{
    struct sf_told_call call = {.told = {.id = 0}};
    struct sf_told_answer go_on = {
        .resp = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE}};

    if (ioctl(t->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return;
    count(t, &call.told);
    go_on.resp.id = call.told.id;
    ioctl(t->listener, SECCOMP_IOCTL_NOTIF_SEND, &go_on);
}

/* Until nobody has the filter any more, or we are to stop. */
static void serve_all(struct sf_tally *t)
{
    struct pollfd p[2] = {{t->listener, POLLIN, 0}, {t->stop, POLLIN, 0}};

    for (;;) {
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[0].revents & POLLIN)
            serve(t);
        else if (p[0].revents || p[1].revents)
            return;
    }
}

static void *run(void *arg)
{
    serve_all(arg);
    return NULL;
}

bool sf_tally_begin(struct sf_tally *t, pid_t child)
{
    sigset_t all, before;
    int err;

    t->listener = sf_filter_take(t->meeting, child);
    if (t->listener < 0)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&t->thread, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err == 0)
        return true;
    close(t->listener);
    t->listener = -1;
    return sf_complain("cannot start a thread: %s", strerror(err));
}

/* --- the end --- */

/* Where the library is, what libc does for itself is not the program's. */
static void add_up(const struct sf_tally *t, struct sf_passed *passed)
{
    for (const struct maker *m = t->makers; m < t->makers + t->n_makers; m++) {
        uint64_t sockets = m->direct + (m->has_library ? 0 : m->by_libc);
        if (passed->sockets == 0 && sockets > 0)
            strcpy(passed->first, m->program);
        passed->sockets += sockets;
    }
    passed->rings = t->rings;
}

static bool is_deserted(const struct sf_tally *t)
{
    struct pollfd p = {.fd = t->listener};

    return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

void sf_tally_end(struct sf_tally *t, struct sf_passed *passed)
{
    static const uint64_t one = 1;

    memset(passed, 0, sizeof *passed);
    if (t->listener >= 0) {
        if (write(t->stop, &one, sizeof one) == sizeof one)
            pthread_join(t->thread, NULL);
        add_up(t, passed);
        if (!is_deserted(t) && fork() == 0) {
            setsid();
            close(t->stop);
            t->stop = -1;
            close_range(0, 2, 0);
            serve_all(t);
            _exit(0);
        }
        close(t->listener);
    }
    close(t->stop);
    free(t);
}
