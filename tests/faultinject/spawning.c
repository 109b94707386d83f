/*
 * spawning.c: servers that have other programs do something for each client,
 * by posix_spawn(), system(), popen() or vfork(), as they are.
 *
 *     spawning HOW
 *
 * They answer a line, and check what came of it themselves: status 9 if it is
 * not what it would be without sockfault.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE = 64 };

static volatile sig_atomic_t stopped, children, reaps, unknown;
static volatile pid_t child; /* 0: it is not there */

static void on_signal(int signo)
{
    stopped |= signo == SIGTERM;
    children += signo == SIGCHLD;
    unknown += signo == SIGCHLD && child == 0;
    while (signo == SIGCHLD && reaps && waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void must(int is, const char *what)
{
    if (is)
        return;
    fprintf(stderr, "spawning: %s\n", what);
    _exit(9);
}

static void say(int fd, const char *what)
{
    size_t len = strlen(what);

    must(write(fd, what, len) == (ssize_t)len, "write");
}

static int ended(pid_t pid)
{
    int status;

    must(waitpid(pid, &status, 0) == pid, "the child is not there");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ------------------------------------------------------------ posix_spawn() */

static posix_spawn_file_actions_t acts;
static posix_spawnattr_t how;

static pid_t shell(const char *command)
{
    char *argv[] = {"sh", "-c", (char *)command, NULL};
    pid_t pid = -1;
    int err = posix_spawn(&pid, "/bin/sh", &acts, &how, argv, environ);

    must(err == 0, strerror(err));
    return pid;
}

/* 0 and 1 are the client, and nothing else of the server is left open. */
static void serve_by(int fd)
{
    posix_spawn_file_actions_adddup2(&acts, fd, 0);
    posix_spawn_file_actions_adddup2(&acts, fd, 1);
    posix_spawn_file_actions_addclosefrom_np(&acts, 3);
}

static void spawns(int fd)
{
    serve_by(fd);
    must(open("/dev/null", O_RDONLY) >= 3, "open");
    must(ended(shell("[ -e /proc/$$/fd/3 ] && exit 8; read line; echo got "
                     "$line; exit 7")) == 7,
         "status");
}

static void searches(int fd)
{
    char *argv[] = {"head", "-n", "1", NULL};
    pid_t pid = -1;

    serve_by(fd);
    must(posix_spawnp(&pid, argv[0], &acts, NULL, argv, environ) == 0, "spawn");
    must(ended(pid) == 0, "status");
}

/* A handler finds the number in its place, however soon that one ends. */
static void knows(int fd)
{
    char *argv[] = {"grep", "-q", "^SigBlk.*0000$", "/proc/self/status", NULL};

    unknown = child = 0;
    must(posix_spawnp((pid_t *)&child, argv[0], NULL, NULL, argv, environ) == 0,
         "spawn");
    must(children > 0 && !unknown && ended(child) == 0, "child");
    say(fd, "known\n");
}

/* What cannot be executed leaves no child, and errno as it was. */
static void fails(int fd)
{
    char *argv[] = {"nowhere", NULL};
    pid_t pid = 77;

    errno = 77;
    must(posix_spawnp(&pid, "nowhere", NULL, NULL, argv, environ) == ENOENT &&
             posix_spawn(&pid, "/dev/null", NULL, NULL, argv, environ) ==
                 EACCES,
         "why");
    posix_spawn_file_actions_adddup2(&acts, 99, 0);
    must(posix_spawnp(&pid, "true", &acts, NULL, argv, environ) == EBADF,
         "the descriptor is none");
    must(pid == 77 && errno == 77, "nobody is there");
    must(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, "a child is left");
    must(children == 3, "SIGCHLD");
    say(fd, "none\n");
}

/* All that may be asked for besides; in each what would fail without it. */
static void asks(int fd)
{
    static const char command[] =
        "cd /proc/$$; readlink /proc/$$/fd/4 /proc/$$/fd/6;"
        "[ -e fd/5 ] || echo closed; echo $OLDPWD;"
        "read a b c d e f <stat; [ $a = $e ] && echo leads";
    char *argv[] = {"grep", "-E", "^Sig(Blk.*0200|Ign.*0001)$",
                    "/proc/self/status", NULL};
    pid_t pid = -1;
    sigset_t set;

    posix_spawn_file_actions_addopen(&acts, 4, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclose(&acts, 5);
    posix_spawn_file_actions_adddup2(&acts, 6, 6);
    posix_spawn_file_actions_addchdir_np(&acts, "/usr");
    posix_spawn_file_actions_adddup2(&acts, fd, 1);
    must(dup2(open("/dev/zero", O_RDONLY), 5) == 5, "5");
    must(dup3(5, 6, O_CLOEXEC) == 6, "6");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    posix_spawnattr_setsigmask(&how, &set);
    sigaddset(&set, SIGUSR2);
    posix_spawnattr_setsigdefault(&how, &set);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETPGROUP);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    must(ended(shell(command)) == 0, "status");
    must(posix_spawnp(&pid, argv[0], &acts, &how, argv, environ) == 0, "spawn");
    must(ended(pid) == 0, "signals");
}

/* -------------------------------------------------------- system(), popen() */

/* What it waits for no handler has waited for. */
static void systems(int fd)
{
    int status;

    reaps = 1;
    dup2(fd, 1);
    status = system("read x </dev/null; echo by system; exit 5");
    must(WIFEXITED(status) && WEXITSTATUS(status) == 5, "status");
    must(system("kill -INT $$") == SIGINT, "signal");
    must(system(NULL) == 1, "there is a shell");
    close(1);
}

static void reads(int fd)
{
    FILE *none = popen("true", "x");
    FILE *one = popen("sleep 1; echo first; sleep 1; echo last; exit 4", "re");
    char line[LINE] = "";

    must(!none && errno == EINVAL && one, "popen");
    must(fcntl(fileno(one), F_GETFD) == FD_CLOEXEC, "e");
    while (fgets(line, sizeof line, one))
        say(fd, line);
    must(strcmp(line, "last\n") == 0, "the end is missing");
    must(fclose(one) == 4 << 8, "status"); /* as pclose() */
}

/* The second has no copy of where the first is written to. */
static void writes(int fd)
{
    FILE *one, *other;

    dup2(fd, 1);
    one = popen("cat", "w");
    other = popen("cat; exit 2", "w");
    must(one && other && fputs("one\n", one) > 0 && fputs("other\n", other) > 0,
         "popen");
    must(fcntl(fileno(one), F_GETFD) == 0, "no e");
    must(pclose(one) == 0 && pclose(other) == 2 << 8, "status");
    close(1);
}

/* The parent goes on when the child is another program. */
static void vforks(int fd)
{
    pid_t pid = vfork();

    if (pid == 0) {
        sleep(2);
        say(fd, "child\n");
        dup2(fd, 1);
        execlp("sh", "sh", "-c", "sleep 1; echo program", (char *)NULL);
        _exit(9);
    }
    say(fd, "parent\n");
    must(ended(pid) == 0, "status");
    pid = vfork();
    if (pid == 0)
        _exit(6);
    must(ended(pid) == 6, "status of who did not become one");
}

/* Who has closed a number gets it for what he copies. */
static void closes(int fd)
{
    close(0);
    close(1);
    must(fcntl(fd, F_DUPFD, 1) == 1 && dup(fd) == 0, "numbers");
    must(ended(shell("read line; echo $line")) == 0, "status");
    close(0);
    close(1);
}

/* What loads no library is nobody's, and is waited for. */
static void loads_none(int fd)
{
    char *argv[] = {"static", NULL};
    pid_t pid = -1;

    must(posix_spawn(&pid, "./static", NULL, NULL, argv, environ) == 0,
         "spawn");
    must(ended(pid) == 0, "status");
    say(fd, "over\n");
}

static const struct {
    const char *name;
    void (*serve)(int fd);
} ways[] = {{"spawns", spawns},
            {"searches", searches},
            {"knows", knows},
            {"fails", fails},
            {"asks", asks},
            {"systems", systems},
            {"reads", reads},
            {"writes", writes},
            {"vforks", vforks},
            {"closes", closes},
            {"loads-none", loads_none}};

static void serve(const char *name, int fd)
{
    char line[LINE];

    posix_spawn_file_actions_init(&acts);
    posix_spawnattr_init(&how);
    children = 0;
    if (strcmp(name, "spawns") != 0 && strcmp(name, "searches") != 0 &&
        strcmp(name, "closes") != 0)
        must(read(fd, line, sizeof line) > 0, "line");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, name) == 0)
            ways[i].serve(fd);
    close(fd);
    posix_spawn_file_actions_destroy(&acts);
    posix_spawnattr_destroy(&how);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sigaction action = {.sa_handler = on_signal};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

    must(argc == 2, "usage");
    sigaction(SIGTERM, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGCHLD, &action, NULL);
    must(bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0 &&
             listen(listener, 16) == 0,
         "listen");
    while (!stopped) {
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(argv[1], fd);
    }
    return 0;
}
