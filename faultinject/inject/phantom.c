/*
 * phantom.c: see phantom.h
 *
 * After a failed select the sets still hold what was asked for.  Reading
 * where nothing is, before waiting again, is what comes of using them.  But
 * who empties the one descriptor that his signal handler writes to, and looks
 * at no other, knows what he does; and who reads now and then without being
 * told of anything, as lftp does, has not looked into the sets for it.
 */
#include "faultinject/inject/phantom.h"

#include <errno.h>
#include <string.h>
#include <sys/select.h>

#include "faultinject/inject/finding.h"
#include "faultinject/inject/injector.h"
#include "faultinject/inject/wait.h"

#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))

enum { MANY = 2 };
PER_THREAD fd_set asked;  /* by a select that failed, and not read since     */
PER_THREAD fd_set untold; /* the last wait has not reported them as readable */
PER_THREAD fd_set bold;   /* and all the same nothing was read from them     */
PER_THREAD struct {
    bool failed;
    bool empty;  /* nothing was on one of those read   */
    int members; /* asked for; MANY is as good as more */
    int tried;   /* read since                         */
} phantom;

static bool is_in(const fd_set *set, int fd)
{
    return fd >= 0 && fd < FD_SETSIZE && FD_ISSET(fd, set);
}

static void take_out(fd_set *set, int fd)
{
    if (fd >= 0 && fd < FD_SETSIZE)
        FD_CLR(fd, set);
}

void sf_phantom_begin(void)
{
    memset(&phantom, 0, sizeof phantom);
    FD_ZERO(&asked);
    FD_ZERO(&untold);
    FD_ZERO(&bold);
}

bool sf_phantom_alert(void)
{
    return phantom.failed;
}

void sf_phantom_wait(const struct sf_op *op)
{
    struct sf_member member;
    int cursor = 0;

    FD_ZERO(&untold);
    if (op->call != SF_CALL_select && op->call != SF_CALL_poll)
        return;
    while (op->wait->shape->asked(op->wait, &cursor, &member))
        if (member.fd >= 0 && member.fd < FD_SETSIZE)
            FD_SET(member.fd, &untold);
}

static void note_told(const struct sf_op *op)
{
    struct sf_member member;
    int cursor = 0;

    if (op->result < 0)
        FD_ZERO(&untold);
    while (op->result > 0 &&
           op->wait->shape->reported(op->wait, &cursor, &member))
        if (member.events & (POLLIN | POLLHUP | POLLERR))
            take_out(&untold, member.fd);
}

static void remember_failed(const struct sf_op *op, int err)
{
    struct sf_member member;
    int cursor = 0;

    if (phantom.failed)
        FD_ZERO(&asked);
    memset(&phantom, 0, sizeof phantom);
    phantom.failed = err && err != EFAULT && op->call == SF_CALL_select;
    if (!phantom.failed)
        return;
    while (op->wait->shape->asked(op->wait, &cursor, &member))
        if (member.events & POLLIN && member.fd < FD_SETSIZE) {
            FD_SET(member.fd, &asked);
            phantom.members += phantom.members < MANY;
        }
}

/* The number is another's from now on. */
static void forget(int fd)
{
    take_out(&untold, fd);
    take_out(&bold, fd);
}

static void look_at_read(const struct sf_op *op, int err)
{
    if (err == EAGAIN && is_in(&untold, op->fd))
        FD_SET(op->fd, &bold);
    if (!phantom.failed || !is_in(&asked, op->fd))
        return;
    FD_CLR(op->fd, &asked);
    phantom.tried++;
    phantom.empty |= err == EAGAIN && !is_in(&bold, op->fd);
    if (!phantom.empty || phantom.tried < phantom.members)
        return;
    phantom.failed = false;
    FD_ZERO(&asked);
    sf_finding(SF_MON_PHANTOM,
               "%s on %d, which a select that failed did not report",
               sf_calls[op->call].name, op->fd);
}

void sf_phantom_look(const struct sf_op *op, int err)
{
    enum sf_kind kind = sf_calls[op->call].kind;

    if (kind == K_WAIT) {
        note_told(op);
        remember_failed(op, err);
    } else if (kind & (K_READ | K_ACCEPT)) {
        look_at_read(op, err);
    }
    if (kind & (K_OPEN | K_ACCEPT) && op->result >= 0)
        forget((int)op->result);
    else if (kind == K_CLOSE)
        forget(op->fd);
}
