/*
 * keeps.c: see keeps.h.  What is done leaves nothing behind in memory, or the
 * same both times.
 */
#include "tests/faultinject/keeps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { FILE_FD = 40, FAR = 100 };

static void must(bool so)
{
    if (!so)
        abort();
}

/* --- by what it has printed already --- */

static int out = STDOUT_FILENO;

static void print_which(bool interrupted)
{
    static const char words[2][8] = {"at once ", "in time "};

    must(write(out, words[interrupted], sizeof *words) == 8);
}

/* It is somewhere else, and where it was is something else. */
static void print_elsewhere(void)
{
    out = fcntl(STDOUT_FILENO, F_DUPFD, FAR);
    close(STDOUT_FILENO);
    must(open("/dev/null", O_WRONLY) == STDOUT_FILENO);
}

/* --- by how far a file is read --- */

static void read_byte(int fd, bool interrupted)
{
    static volatile char byte;

    must(read(fd, (char *)&byte, interrupted) == interrupted);
    byte = 0;
}

static void print_rest(int fd)
{
    char rest[64];
    ssize_t n;

    while ((n = read(fd, rest, sizeof rest)) > 0)
        must(write(out, rest, (size_t)n) == n);
}

static void drop_of_input(bool interrupted)
{
    read_byte(STDIN_FILENO, interrupted);
}

static void print_input(void)
{
    print_rest(STDIN_FILENO);
}

static void open_file(void)
{
    int fd = open("keeps.txt", O_RDWR | O_CREAT | O_TRUNC, 0600);

    must(write(fd, "more\n", 5) == 5 && lseek(fd, 0, SEEK_SET) == 0);
    must(dup2(fd, FILE_FD) == FILE_FD);
    close(fd);
}

static void drop_of_file(bool interrupted)
{
    read_byte(FILE_FD, interrupted);
}

static void print_file(void)
{
    print_rest(FILE_FD);
}

/* --- by whether there is one, and by the folder --- */

static void close_if(bool interrupted)
{
    close(interrupted ? FILE_FD : -1);
}

static void print_whether_open(void)
{
    dprintf(out, "%d ", fcntl(FILE_FD, F_GETFD) >= 0);
}

static void leave_if(bool interrupted)
{
    must(chdir(interrupted ? "/" : ".") == 0);
}

static void print_whether_left(void)
{
    dprintf(out, "%d ", access("etc", F_OK) == 0);
}

/* --- by signals, timers and the mask of new files --- */

static void on_usr1(int signo)
{
    (void)signo;
    must(write(out, "handled ", 8) == 8);
}

static void ignore_usr1(void)
{
    signal(SIGUSR1, SIG_IGN);
}

static void handle_if(bool interrupted)
{
    struct sigaction action = {.sa_handler = on_usr1};

    sigaction(SIGUSR1, interrupted ? &action : NULL, NULL);
    memset(&action, 0, sizeof action);
    __asm__ volatile("" : : "r"(&action) : "memory");
}

static void be_signalled(void)
{
    raise(SIGUSR1);
}

static void block_usr2(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void signal_if(bool interrupted)
{
    kill(getpid(), interrupted ? SIGUSR2 : 0);
}

static void print_whether_signalled(void)
{
    sigset_t set;

    sigpending(&set);
    dprintf(out, "%d ", sigismember(&set, SIGUSR2));
}

static void arm_if(bool interrupted)
{
    static struct itimerval timer;

    timer.it_value.tv_sec = interrupted ? 1000 : 0;
    setitimer(interrupted ? ITIMER_VIRTUAL : ITIMER_PROF, &timer, NULL);
    timer.it_value.tv_sec = 0;
}

static void print_whether_armed(void)
{
    struct itimerval timer;

    getitimer(ITIMER_VIRTUAL, &timer);
    dprintf(out, "%d ", timer.it_value.tv_sec > 0);
}

static void mask_if(bool interrupted)
{
    if (interrupted)
        umask(077);
}

static void print_mask(void)
{
    dprintf(out, "%o ", umask(0));
}

/* --- the table --- */

static const struct way {
    const char *name;
    void (*begin)(void), (*note)(bool interrupted), (*tell)(void);
} ways[] = {
    {"says", NULL, print_which, NULL},
    {"says-elsewhere", print_elsewhere, print_which, NULL},
    {"rests", NULL, NULL, print_input},
    {"drops", NULL, drop_of_input, print_input},
    {"drops-both-ways", open_file, drop_of_file, print_file},
    {"closes", open_file, close_if, print_whether_open},
    {"moves", NULL, leave_if, print_whether_left},
    {"handles", ignore_usr1, handle_if, be_signalled},
    {"pends", block_usr2, signal_if, print_whether_signalled},
    {"arms", NULL, arm_if, print_whether_armed},
    {"masks", NULL, mask_if, print_mask},
    {"", NULL, NULL, NULL},
};
static const struct way *way;

void keeps_begin(const char *name)
{
    for (way = ways; *way->name && strcmp(way->name, name) != 0; way++)
        ;
    if (way->begin)
        way->begin();
}

void keeps_note(bool interrupted)
{
    int err = errno;

    if (way->note)
        way->note(interrupted);
    errno = err;
}

void keeps_tell(void)
{
    fflush(stdout);
    if (way->tell)
        way->tell();
}
