/*
 * load.c: the load on an echo server, and what it cost the server.
 *
 * bench_load [-c CONNECTIONS] [-w FRAMES IN FLIGHT] [-n FRAMES] [-s BYTES]
 *            -- SERVER [ARGUMENT]...
 *
 * Starts SERVER, which prints "listening on 127.0.0.1:PORT", and takes turns
 * (turn.h): in each it sends the server frames (be32) on new connections,
 * checks every byte that comes back, and says
 *
 *     frames a second    CPU microseconds of the server a frame
 *
 * At the end the server must end well after SIGTERM.  Exit status: 0, or 2
 * with a line that says why not.
 */
#include "bench/turn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEADER = 4, PIECE = 65536, CONNECTIONS_MAX = 512, PATIENCE_S = 30 };

struct load {
    unsigned connections, in_flight, frames;
    size_t size;

    /* All connections send the same stream: a block of frames over and over.
     * It is kept twice, so that a piece may begin anywhere in the first. */
    char *stream;
    size_t block;
    uint64_t total;  /* bytes of each connection                            */
    uint64_t window; /* of these, how many may be on the way                */
};

struct conn {
    uint64_t sent, back;
};

static pid_t server;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    if (server > 0)
        kill(server, SIGKILL);
    exit(2);
}

static void *allocate(size_t n)
{
    void *p = malloc(n);

    if (!p)
        die("malloc");
    return p;
}

/* No two frames of a block are the same, so that none is lost unnoticed. */
static void make_stream(struct load *l)
{
    size_t frame = HEADER + l->size;
    size_t count = (size_t)PIECE * 4 / frame + 1;
    uint32_t header = htonl((uint32_t)l->size);

    l->block = count * frame;
    l->stream = allocate(2 * l->block);
    for (size_t i = 0; i < l->block; i++)
        l->stream[i] = (char)(i * 2654435761u >> 16);
    for (size_t i = 0; i < count; i++)
        memcpy(l->stream + i * frame, &header, sizeof header);
    memcpy(l->stream + l->block, l->stream, l->block);
    l->total = (uint64_t)(l->frames / l->connections) * frame;
    l->window = (uint64_t)l->in_flight * frame;
}

/* Returns the end of a pipe from the server's standard output. */
static int start_server(char **command)
{
    int out[2];

    if (pipe2(out, O_CLOEXEC) == -1)
        die("pipe");
    server = fork();
    if (server == -1)
        die("fork");
    if (server == 0) {
        dup2(out[1], STDOUT_FILENO);
        execvp(command[0], command);
        fprintf(stderr, "bench_load: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    close(out[1]);
    return out[0];
}

static in_port_t server_port(int out)
{
    FILE *f = fdopen(out, "r");
    unsigned port = 0;

    errno = 0;
    if (!f || fscanf(f, "listening on 127.0.0.1:%u", &port) != 1)
        die("the server does not say where it listens");
    fclose(f);
    return (in_port_t)port;
}

static int dial(in_port_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1 || connect(fd, (struct sockaddr *)&a, sizeof a) == -1)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Is there a window's half to send?  Small pieces would measure us. */
static size_t sendable(const struct load *l, const struct conn *c)
{
    uint64_t end = c->back + l->window;

    if (end > l->total)
        end = l->total;
    if (end - c->sent < l->window / 2 && end < l->total)
        return 0;
    return end - c->sent < l->block ? (size_t)(end - c->sent) : l->block;
}

static void send_some(const struct load *l, struct conn *c, int fd)
{
    size_t len = sendable(l, c);
    ssize_t n;

    if (len == 0)
        return;
    n = send(fd, l->stream + c->sent % l->block, len, MSG_NOSIGNAL);
    if (n > 0)
        c->sent += (uint64_t)n;
    else if (errno != EAGAIN)
        die("send");
}

static void take_some(const struct load *l, struct conn *c, int fd)
{
    static char piece[PIECE];
    ssize_t n = recv(fd, piece, sizeof piece, 0);

    if (n == -1 && errno == EAGAIN)
        return;
    errno = 0;
    if (n <= 0)
        die("the server ended the connection");
    if (memcmp(piece, l->stream + c->back % l->block, (size_t)n) != 0)
        die("what came back is not what was sent");
    c->back += (uint64_t)n;
}

static void serve(const struct load *l, struct conn *c, struct pollfd *p)
{
    if (p->revents & ~POLLOUT)
        take_some(l, c, p->fd);
    send_some(l, c, p->fd);
    p->events = POLLIN | (sendable(l, c) > 0 ? POLLOUT : 0);
}

static void dial_all(const struct load *l, in_port_t port, struct pollfd *polls)
{
    for (unsigned i = 0; i < l->connections; i++)
        polls[i] = (struct pollfd){.fd = dial(port), .events = POLLOUT};
}

static void run(const struct load *l, struct pollfd *polls)
{
    struct conn conns[CONNECTIONS_MAX] = {0};
    unsigned open = l->connections;

    while (open > 0) {
        if (poll(polls, l->connections, PATIENCE_S * 1000) <= 0)
            die("the server does not answer");
        for (unsigned i = 0; i < l->connections; i++) {
            if (polls[i].fd < 0 || !polls[i].revents)
                continue;
            serve(l, &conns[i], &polls[i]);
            if (conns[i].back == l->total) {
                close(polls[i].fd);
                polls[i].fd = -1;
                open--;
            }
        }
    }
}

static void turn(const struct load *l, in_port_t port)
{
    double frames = l->frames / l->connections * l->connections;
    struct pollfd polls[CONNECTIONS_MAX];
    clockid_t server_cpu;
    double cpu, wall;

    if (clock_getcpuclockid(server, &server_cpu) != 0)
        die("the server's clock");
    dial_all(l, port, polls);
    cpu = turn_clock(server_cpu);
    wall = turn_clock(CLOCK_MONOTONIC);
    run(l, polls);
    wall = turn_clock(CLOCK_MONOTONIC) - wall;
    cpu = turn_clock(server_cpu) - cpu;
    turn_ends(frames / wall, cpu / frames * 1e6);
}

static void stop_server(void)
{
    int status;

    kill(server, SIGTERM);
    alarm(PATIENCE_S);
    if (waitpid(server, &status, 0) == -1)
        die("wait");
    errno = 0;
    server = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the server did not end well");
}

static unsigned number(const char *text, unsigned max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    errno = EINVAL;
    if (n == 0 || n > max || *end != '\0')
        die(text);
    return (unsigned)n;
}

int main(int argc, char **argv)
{
    struct load l = {16, 64, 100000, .size = 64};
    in_port_t port;
    int opt;

    while ((opt = getopt(argc, argv, "+c:w:n:s:")) != -1) {
        if (opt == 'c')
            l.connections = number(optarg, CONNECTIONS_MAX);
        else if (opt == 'w')
            l.in_flight = number(optarg, 1 << 20);
        else if (opt == 'n')
            l.frames = number(optarg, 1 << 30);
        else if (opt == 's')
            l.size = number(optarg, PIECE);
        else
            return 2;
    }
    errno = EINVAL;
    if (optind == argc || l.frames < l.connections)
        die("expected -- SERVER [ARGUMENT]..., and a frame a connection");
    make_stream(&l);
    port = server_port(start_server(argv + optind));
    while (turn_begins())
        turn(&l, port);
    stop_server();
    free(l.stream);
    return 0;
}
