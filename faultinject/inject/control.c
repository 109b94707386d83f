/* control.c: counting and recording into shared memory; see control.h. */
#include "faultinject/inject/control.h"

#include <sys/single_threaded.h>

#include "faultinject/inject/conn.h"
#include "faultinject/inject/inject.h"

struct sf_control *sf_control;
sf_site_id (*sf_control_site)(void);

static uint64_t count(uint64_t *counter)
{
    return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* NULL: the part for injected faults is full. */
static struct sf_record *place(const struct sf_op *op)
{
    uint64_t i;

    if (op->fault == SF_NONE)
        return &sf_control->ring[count(&sf_control->n_ring) % SF_RING_MAX];
    i = count(&sf_control->n_kept);
    return i < SF_KEPT_MAX ? &sf_control->kept[i] : NULL;
}

static void record(const struct sf_op *op, int err)
{
    struct sf_record *r = place(op);

    if (!r)
        return;
    __atomic_store_n(&r->seq, 0, __ATOMIC_RELAXED);
    r->offset = op->at.offset;
    r->site = op->fault != SF_NONE && sf_control_site ? sf_control_site() : 0;
    r->asked = (uint32_t)op->asked;
    r->result = (int32_t)op->result;
    r->conn = op->at.conn;
    r->nth = op->at.nth;
    r->amount = (uint32_t)op->len;
    r->target = op->target;
    r->fd = op->fd;
    r->process = (uint16_t)op->at.process;
    r->err = (uint16_t)err;
    r->call = (uint8_t)op->call;
    r->fault = (uint8_t)op->fault;
    __atomic_store_n(&r->seq, count(&sf_control->seq) + 1, __ATOMIC_RELEASE);
}

/* A locked addition costs as much as all else here: a process has counters
 * of its own, and threads only where there are some. */
static void count_seen(enum sf_call call)
{
    unsigned process = sf_inject_process();
    struct sf_process *own = &sf_control->processes[process - 1];

    if (process > SF_PROCESSES_MAX)
        count(&sf_control->seen[call]);
    else if (__libc_single_threaded)
        own->seen[call]++;
    else
        count(&own->seen[call]);
    if (process <= SF_PROCESSES_MAX)
        own->connections = sf_conn_count();
}

void sf_control_call(const struct sf_op *op, int err)
{
    count_seen(op->call);
    if (op->fault != SF_NONE)
        count(&sf_control->injected[op->fault]);
    if (op->fault != SF_NONE || sf_control->tracing)
        record(op, err);
}
