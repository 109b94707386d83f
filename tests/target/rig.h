/*
 * rig.h: a server in a thread, and clients that behave as a test wants.
 */
#ifndef TESTS_TARGET_RIG_H
#define TESTS_TARGET_RIG_H

#include "target/server.h"
#include "tests/target/unit.h"

#include <pthread.h>

typedef int rig_server(int listener, const struct fm_server_options *o,
                       const volatile sig_atomic_t *stop);

struct rig {
    struct fm_server_options options; /* set by rig_init, changed by the test */
    struct fm_server_stats stats;
    rig_server *server;
    const char *host;
    unsigned port;
    int listener; /* its descriptor, closed by the server */
    int result;   /* what the server returned */
    volatile sig_atomic_t stop;
    int wake[2];
    int open_before; /* descriptors of the process */
    pthread_t thread;
};

/* Defaults for a format: select server on localhost, short times. */
void rig_init(struct rig *r, const char *format);

/* The select, the thread and the fork server. */
extern rig_server *const rig_models[3];

/* Run a test on each of them, with a fresh rig. */
void rig_each(const char *format, void (*test)(struct rig *r));

/* Listen, for a server of one's own. */
void rig_listen(struct rig *r);

/* Listen and serve. */
void rig_start(struct rig *r);

/* Stop the server, join it, and see that every descriptor is closed again
 * that was opened since rig_start.  Returns what the server returned. */
int rig_stop(struct rig *r);

/* Wait for a server that ends by itself. */
int rig_join(struct rig *r);

/* A connected blocking socket. */
int rig_connect(const struct rig *r);

/* Connect so that accept finds the number closed behind the server's back. */
int rig_connect_at(const struct rig *r, int number);

/* Close for everybody: the children of a fork server in this process have
 * copies of our descriptors, too. */
void hang_up(int fd);

/* The server's descriptor of the connection with this client. */
int rig_other_end(int client);

/* Descriptors that are open in this process. */
int open_descriptors(void);

/* Send all, or fail the test. */
void say(int fd, const void *bytes, size_t n);

/* Push until nothing more goes in. */
void push(int client, const char *bytes, size_t n);

/* Receive exactly these bytes, within ten seconds. */
void hear(int fd, const void *bytes, size_t n);

/* The peer ends the stream, within ten seconds, and sends nothing before. */
void hear_end(int fd);

/* Send, receive, compare. */
void talk(int fd, const void *bytes, size_t n);

/* Spin until the condition holds; fail after ten seconds. */
#define EVENTUALLY(condition)                      \
    do {                                           \
        int64_t until_ = fm_deadline_in(10000);    \
                                                   \
        while (!(condition)) {                     \
            if (fm_now_ms() > until_)              \
                fail_msg("never: %s", #condition); \
            poll(NULL, 0, 2);                      \
        }                                          \
    } while (0)

#endif
