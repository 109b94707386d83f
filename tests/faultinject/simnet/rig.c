/* rig.c: see rig.h. */
#include "tests/faultinject/simnet/rig.h"

#include <sys/epoll.h>
#include <sys/time.h>

const struct sf_world *w;
int pair[2];
char bytes[SF_SIM_BUFFER];
enum sf_sim_wake (*next)(void);

static enum sf_sim_wake on_idle(void *arg, int64_t until)
{
    (void)arg;
    (void)until;
    return next ? next() : SF_SIM_NOTHING;
}

static struct sf_sim_config config = {.buffer = 1000, .idle = on_idle};

void handle_signals(const struct sf_world *signals)
{
    struct sf_sim_config handling = config;

    handling.handlers = true;
    handling.signals = signals;
    sf_sim_configure(&handling);
}

/* Whoever starts the test may block signals, and its children begin so. */
int set_up(void **state)
{
    sigset_t none;

    (void)state;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    next = NULL;
    w = sf_simnet();
    sf_sim_begin(&config);
    return w->socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

int tear_down(void **state)
{
    (void)state;
    sf_sim_end();
    return 0;
}

int64_t elapsed_ms(void)
{
    return (sf_sim_now() - SF_SIM_EPOCH_NS) / MS;
}

void set_timeout(int name, int ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    assert_int_equal(w->setsockopt(pair[0], SOL_SOCKET, name, &tv, sizeof tv),
                     0);
}

int tcp(void)
{
    return w->socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

int listener(int backlog, struct sockaddr_in *name)
{
    int fd = tcp();
    socklen_t len = sizeof *name;

    assert_int_equal(w->listen(fd, backlog), 0);
    assert_int_equal(w->getsockname(fd, (struct sockaddr *)name, &len), 0);
    return fd;
}

void connect_pair(int ends[2])
{
    struct sockaddr_in name;
    int from = listener(1, &name);

    ends[0] = tcp();
    FAILS(w->connect(ends[0], (struct sockaddr *)&name, sizeof name),
          EINPROGRESS);
    ends[1] = w->accept4(from, NULL, NULL, SOCK_NONBLOCK);
    assert_true(ends[1] >= 0);
    w->close(from);
}

int watch(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    int epfd = w->epoll_create1(0);

    assert_int_equal(w->epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event), 0);
    return epfd;
}

uint32_t look(int epfd)
{
    struct epoll_event event = {.events = 0};

    return w->epoll_wait(epfd, &event, 1, 0) == 1 ? event.events : 0;
}
