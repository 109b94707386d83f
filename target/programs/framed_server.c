/*
 * framed-server: the echo server as a program, in all three models.
 *
 * Exit status: 0 stopped by SIGTERM or SIGINT, 2 could not start or go on.
 */
#include "target/programs/options.h"
#include "target/server.h"
#include "target/sock.h"
#include "target/sockio.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

typedef int server(int listener, const struct fm_server_options *o,
                   const volatile sig_atomic_t *stop);

static volatile sig_atomic_t stop;
static pid_t server_pid;
static int wake_end;

/* What it interrupts may be between a call and a look at errno.  A child of the
 * fork server has the other end as well, and its signals are not the server's.
 */
static void on_signal(int number)
{
    int before = errno;

    (void)number;
    stop = 1;
    if (getpid() == server_pid)
        fm_io_send(wake_end, "", 1);
    errno = before;
}

static void catch_signals(int *wake)
{
    struct sigaction action = {.sa_handler = on_signal};
    int ends[2];

    if (fm_io_pair(ends) < 0)
        die("no descriptors");
    *wake = ends[0];
    wake_end = ends[1];
    server_pid = getpid();
    fm_io_set_nonblock(wake_end, true);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static server *model(const char *name)
{
    if (strcmp(name, "select") == 0)
        return fm_select_server;
    if (strcmp(name, "thread") == 0)
        return fm_thread_server;
    if (strcmp(name, "fork") == 0)
        return fm_fork_server;
    die("--model %s: expected select, thread or fork", name);
}

/* Who reads this connects: what the server would refuse is not said. */
static void announce(int listener)
{
    char name[FM_NAME_MAX];

    fm_sock_name(listener, name);
    printf("listening on %s\n", name);
    if (fflush(stdout) != 0)
        die("standard output: %s", strerror(errno));
}

static void report(const struct fm_server_stats *s)
{
    fprintf(stderr,
            "accepted %llu, refused %llu, frames %llu, ended %llu, "
            "failed %llu, timed out %llu, dead %llu, exhausted %llu, "
            "turns %llu\n",
            (unsigned long long)s->accepted, (unsigned long long)s->refused,
            (unsigned long long)s->frames, (unsigned long long)s->ended,
            (unsigned long long)s->failed, (unsigned long long)s->timed_out,
            (unsigned long long)s->dead, (unsigned long long)s->exhausted,
            (unsigned long long)s->turns);
}

/* clang-format off */
#define OPTIONS(X)                                                             \
    X(listen,  "ADDR",  "localhost", "host, '*' for any, or unix:PATH")        \
    X(port,    "N",     "0",         "port; 0 takes a free one")               \
    X(backlog, "N",     "0",         "waiting connections; 0: the most")       \
    X(format,  "F",     "be32",      "ascii:5, delim:\\r\\n, fixed:16, ...")   \
    X(model,   "M",     "select",    "select, thread or fork")                 \
    X(conns,   "N",     "0",         "connections at once; 0: 1000")           \
    X(high,    "BYTES", "0",         "output that stops us reading; 0: 256K")  \
    X(idle,    "MS",    "0",         "without a byte; -1: for ever, 0: 60000") \
    X(keepalive, "S",   "0",         "of silence until TCP asks; 0: never")    \
    X(frame,   "MS",    "0",         "for one frame; -1: for ever, 0: 60000")  \
    X(linger,  "MS",    "0",         "for the end of a connection; 0: 2000")   \
    X(stats,   NULL,    NULL,        "say on stderr at the end what was done")
/* clang-format on */

OPTIONS_STRUCT(OPTIONS)
OPTIONS_PARSER(OPTIONS, "framed-server",
               "Sends every frame back.  Says \"listening on ADDR:PORT\" when "
               "it is ready;\nSIGTERM ends it after what is queued was sent.")

int main(int argc, char **argv)
{
    struct options opt;
    struct fm_server_options o = {0};
    struct fm_server_stats stats = {0};
    server *serve;
    int listener, r;

    parse_options(&opt, argc, argv);
    parse_format(&o.format, opt.format);
    serve = model(opt.model);
    o.max_conns = (unsigned)parse_number("conns", opt.conns, 0, 1000000);
    o.high_water = (size_t)parse_number("high", opt.high, 0, INT32_MAX);
    o.idle_ms = (int)parse_number("idle", opt.idle, -1, INT32_MAX);
    o.keepalive_s = (int)parse_number("keepalive", opt.keepalive, 0, 32767);
    o.frame_ms = (int)parse_number("frame", opt.frame, -1, INT32_MAX);
    o.linger_ms = (int)parse_number("linger", opt.linger, 0, INT32_MAX);
    o.stats = &stats;
    catch_signals(&o.wake);
    listener = fm_listen(opt.listen,
                         (unsigned)parse_number("port", opt.port, 0, 65535),
                         (int)parse_number("backlog", opt.backlog, 0, 65535));
    if (listener >= FD_SETSIZE) {
        fm_io_close(listener);
        listener = FM_E_FD_RANGE;
    }
    if (listener < 0)
        die("cannot listen on %s port %s: %s", opt.listen, opt.port,
            fm_err_text(listener));
    fm_no_delay(listener);
    announce(listener);
    r = serve(listener, &o, &stop);
    if (opt.stats)
        report(&stats);
    if (r < 0)
        die("stopped: %s", fm_err_text(r));
    return 0;
}
