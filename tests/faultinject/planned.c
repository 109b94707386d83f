/* planned.c: see planned.h. */
#include "tests/faultinject/planned.h"

#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faultinject/inject/conn.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/plan.h"

static struct sf_plan plan;
static struct sf_planned planned;

static void check(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

void planned_begin(const char *rules)
{
    static struct sf_entry entries[256];
    struct sf_index index = {.entries = entries};
    struct sf_plan_error error;
    char text[4096];

    snprintf(text, sizeof text, "sockfault-plan 1\n%s\n", rules);
    sf_plan_init(&plan);
    if (sf_plan_parse(&plan, text, strlen(text), &error) < 0) {
        fprintf(stderr, "%u:%u: %s\n", error.line, error.column, error.text);
        abort();
    }
    check(plan.n <= sizeof entries / sizeof *entries, "too many rules");
    index.n = plan.n;
    index.keyed = sf_index_make(entries, plan.rules, plan.n);
    sf_planned_init(&planned, plan.rules, &index, "test");
    sf_inject_begin(sf_kernel(), &planned.chooser, plan.profile);
}

unsigned planned_end(void)
{
    unsigned n = 0;

    sf_inject_end();
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        n += sf_injected((enum sf_fault)i);
    sf_plan_fini(&plan);
    return n;
}

int make_listener(unsigned short *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0, "bind");
    check(listen(fd, 16) == 0, "listen");
    check(getsockname(fd, (struct sockaddr *)&addr, &len) == 0, "getsockname");
    *port = ntohs(addr.sin_port);
    return fd;
}

int dial(unsigned short port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(port);
    check(connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0, "connect");
    return fd;
}

void make_pair(enum transport transport, int pair[2])
{
    unsigned short port;
    int listener;

    if (transport == UNIX) {
        check(sf_libc.socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0,
              "socketpair");
        sf_fd_connect(pair[0], SF_ROLE_NONE);
        sf_fd_connect(pair[1], SF_ROLE_NONE);
        sf_inject_process();
        return;
    }
    listener = make_listener(&port);
    pair[0] = dial(port);
    pair[1] = accept(listener, NULL, NULL);
    check(pair[1] >= 0, "accept");
    close(listener);
}

void set_nonblocking(int fd)
{
    check(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0, "fcntl");
}

void pair_of(enum transport transport, int pair[2])
{
    make_pair(transport, pair);
    set_nonblocking(pair[0]);
}

void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}
