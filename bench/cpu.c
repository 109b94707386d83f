/*
 * cpu.c: the processor time of a command and of everything that it starts.
 *
 *     bench_cpu COMMAND [ARGUMENT]...
 *
 * The last line on standard error is that time in seconds, user's and system's
 * together.  A shell's `time` leaves out who is killed and not waited for, as
 * an engine does with the program under test: such come to us, who waits for
 * all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    struct rusage used;
    pid_t command, ended;
    int status, result = 127;

    if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
        fprintf(stderr, "bench_cpu: expected a command\n");
        return 2;
    }
    command = fork();
    if (command == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    while ((ended = wait(&status)) > 0)
        if (ended == command)
            result = status_of(status);
    getrusage(RUSAGE_CHILDREN, &used);
    fprintf(stderr, "%.3f\n",
            seconds(&used.ru_utime) + seconds(&used.ru_stime));
    return result;
}
