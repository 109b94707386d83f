/* see rig.h */
#include "tests/target/rig.h"
#include "target/loops.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "tests/target/faults.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = -3; /* . and .. and the directory itself */

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

void rig_init(struct rig *r, const char *format)
{
    char why[200] = "";

    memset(r, 0, sizeof *r);
    faults_none();
    if (fm_format_parse(&r->options.format, format, why, sizeof why) < 0)
        fail_msg("%s", why);
    r->options.linger_ms = 300;
    r->options.stats = &r->stats;
    r->server = fm_select_server;
    r->host = "127.0.0.1";
}

rig_server *const rig_models[3] = {fm_select_server, fm_thread_server,
                                   fm_fork_server};

void rig_each(const char *format, void (*test)(struct rig *r))
{
    for (int i = 0; i < 3; i++) {
        struct rig r;

        rig_init(&r, format);
        r.server = rig_models[i];
        test(&r);
    }
}

static void *run(void *arg)
{
    struct rig *r = arg;

    r->result = r->server(r->listener, &r->options, &r->stop);
    return NULL;
}

void rig_listen(struct rig *r)
{
    char name[FM_NAME_MAX];

    r->listener = fm_listen(r->host, 0, 0);
    assert_true(r->listener >= 0);
    assert_int_equal(fm_sock_name(r->listener, name), 0);
    if (strncmp(name, "unix:", 5) != 0)
        r->port = (unsigned)atoi(strrchr(name, ':') + 1);
}

void rig_start(struct rig *r)
{
    r->open_before = open_descriptors();
    assert_int_equal(pipe(r->wake), 0);
    r->options.wake = r->wake[0];
    rig_listen(r);
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

int rig_join(struct rig *r)
{
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    close(r->wake[0]);
    close(r->wake[1]);
    assert_int_equal(faults_bad_closes(), 0);
    return r->result;
}

int rig_stop(struct rig *r)
{
    r->stop = 1;
    assert_int_equal(write(r->wake[1], "", 1), 1);
    rig_join(r);
    assert_int_equal(open_descriptors(), r->open_before);
    return r->result;
}

int rig_connect(const struct rig *r)
{
    const struct timeval patience = {.tv_sec = 10};
    int fd = fm_dial(r->host, r->port, fm_deadline_in(10000));

    if (fd < 0)
        fail_msg("dial: %s", fm_err_text(fd));
    assert_int_equal(fm_io_set_nonblock(fd, false), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

int rig_connect_at(const struct rig *r, int number)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)r->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    faults_rob(number);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

void hang_up(int fd)
{
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

static unsigned port_of(int fd,
                        int (*which)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in addr = {0};
    socklen_t len = sizeof addr;

    if (which(fd, (struct sockaddr *)&addr, &len) != 0 ||
        addr.sin_family != AF_INET)
        return 0;
    return addr.sin_port;
}

int rig_other_end(int client)
{
    unsigned port = port_of(client, getsockname);

    for (int64_t until = fm_deadline_in(10000); fm_now_ms() < until;) {
        for (int fd = 3; fd < 256; fd++)
            if (fd != client && port_of(fd, getpeername) == port)
                return fd;
        poll(NULL, 0, 2);
    }
    fail_msg("the connection was not accepted");
    return -1;
}

/* Our own calls are never disturbed. */
ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);

void say(int fd, const void *bytes, size_t n)
{
    while (n > 0) {
        ssize_t r = __real_send(fd, bytes, n, MSG_NOSIGNAL);

        if (r < 0)
            fail_msg("say: %s", strerror(errno));
        bytes = (const char *)bytes + r;
        n -= (size_t)r;
    }
}

void hear(int fd, const void *bytes, size_t n)
{
    static char got[1 << 22];
    size_t have = 0;

    assert_true(n <= sizeof got);
    while (have < n) {
        ssize_t r = __real_recv(fd, got + have, n - have, 0);

        if (r <= 0)
            fail_msg("hear: %s after %zu of %zu bytes",
                     r == 0 ? "the end" : strerror(errno), have, n);
        have += (size_t)r;
    }
    assert_memory_equal(got, bytes, n);
}

void hear_end(int fd)
{
    assert_int_equal(__real_recv(fd, (char[1]){0}, 1, 0), 0);
}

void talk(int fd, const void *bytes, size_t n)
{
    say(fd, bytes, n);
    hear(fd, bytes, n);
}

void push(int client, const char *bytes, size_t n)
{
    enum { PATIENCE = 60 }; /* as long as a server may not get to run */

    for (int stuck = 0; stuck < PATIENCE;) {
        ssize_t r = send(client, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        stuck = r > 0 ? 0 : stuck + 1;
        poll(NULL, 0, 5);
    }
}
