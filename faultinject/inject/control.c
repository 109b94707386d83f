/* control.c: counting and recording into shared memory; see control.h. */
#include "faultinject/inject/control.h"

#include "faultinject/inject/quick.h"

struct sf_control *sf_control;
struct sf_control *sf_control_heard;
sf_site_id (*sf_control_site)(void);
__thread const struct sf_moment *sf_control_then;

static uint64_t count(uint64_t *counter)
{
    return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void begin(struct sf_record *r, const struct sf_op *op)
{
    __atomic_store_n(&r->seq, 0, __ATOMIC_RELAXED);
    r->offset = op->at.offset;
    r->site = 0;
    r->asked = (uint32_t)op->asked;
    r->conn = op->at.conn;
    r->nth = op->at.nth;
    r->amount = (uint32_t)op->amount;
    r->target = op->target;
    r->fd = op->fd;
    r->process = (uint16_t)op->at.process;
    r->call = (uint8_t)op->call;
    r->fault = (uint8_t)op->fault;
    r->ended = false;
}

static void end(struct sf_record *r, const struct sf_op *op, int err)
{
    r->result = (int32_t)op->result;
    r->err = (uint16_t)err;
    r->ended = true;
}

static void number(struct sf_record *r)
{
    __atomic_store_n(&r->seq, count(&sf_control->seq) + 1, __ATOMIC_RELEASE);
}

struct sf_moment sf_control_now(void)
{
    struct sf_moment now = {0, 0, 0};

    if (sf_control)
        now.seq = __atomic_load_n(&sf_control->seq, __ATOMIC_RELAXED);
    if (sf_control_site)
        now.site = sf_control_site();
    return now;
}

void sf_control_fault(struct sf_op *op)
{
    uint64_t i = count(&sf_control->n_kept);

    uint64_t earlier =
        op->record ? (uint64_t)(op->record - sf_control->kept) + 1 : 0;

    count(&sf_control->injected[op->fault]);
    op->intended = op->fault;
    op->record = NULL;
    if (i >= SF_KEPT_MAX)
        return;
    op->record = &sf_control->kept[i];
    begin(op->record, op);
    op->record->earlier = (uint32_t)earlier;
    if (sf_control_site)
        op->record->site = sf_control_site();
    number(op->record);
}

/* Of one call several descriptors can die. */
static void end_all(const struct sf_op *op, int err)
{
    struct sf_record *r = op->record;

    for (end(r, op, err); r->earlier; end(r, op, err))
        r = &sf_control->kept[r->earlier - 1];
}

static void end_fault(const struct sf_op *op, int err)
{
    bool happened = op->fault != SF_NONE;

    if (!happened)
        __atomic_fetch_sub(&sf_control->injected[op->intended], 1,
                           __ATOMIC_RELAXED);
    if (!happened && op->counted)
        __atomic_fetch_sub(op->counted, 1, __ATOMIC_RELAXED);
    if (op->record && happened)
        end_all(op, err);
    else if (op->record)
        __atomic_store_n(&op->record->seq, 0, __ATOMIC_RELEASE);
}

/* Both are counted before anything is written, since an addition that is locked
 * waits until what was written is there, and of the ring nothing is near.  So
 * records may stand in another order than that of their numbers, and readers go
 * by these; a number is there once its record is. */
static void record_call(const struct sf_op *op, int err)
{
    uint64_t seq = count(&sf_control->seq) + 1;
    struct sf_record *r =
        &sf_control->ring[count(&sf_control->n_ring) % SF_RING_MAX];

    begin(r, op);
    end(r, op, err);
    __atomic_store_n(&r->seq, seq, __ATOMIC_RELEASE);
}

uint64_t *sf_control_seen(unsigned process)
{
    if (!sf_control || sf_control->tracing || process > SF_PROCESSES_MAX)
        return NULL;
    return sf_control->processes[process - 1].seen;
}

uint32_t *sf_control_writing(unsigned process)
{
    if (!sf_control || process > SF_PROCESSES_MAX)
        return NULL;
    return &sf_control->processes[process - 1].writing;
}

static void count_seen(enum sf_call call)
{
    unsigned process = sf_injector.process;
    struct sf_process *own = &sf_control->processes[process - 1];

    if (process > SF_PROCESSES_MAX) {
        count(&sf_control->seen[call]);
    } else {
        sf_quick_count(&own->seen[call]);
        own->connections = sf_conn_count() - sf_injector.inherited;
    }
}

/* Is it that of a count which this very call could have cut? */
static bool is_cut_of(const struct sf_record *r, const struct sf_op *op)
{
    return r->fault == SF_SHORT && r->call == op->call && r->fd == op->fd &&
           r->process == (uint16_t)op->at.process && r->conn == op->at.conn &&
           r->nth == op->at.nth;
}

/* A survey: how much of a call can be cut is known when it has moved as much
 * as there was.  Its record is among the last. */
static void end_cut(const struct sf_op *op)
{
    enum { RECENT = 1024 };
    uint64_t i = __atomic_load_n(&sf_control->n_kept, __ATOMIC_RELAXED);
    uint64_t least = i > RECENT ? i - RECENT : 0;
    struct sf_record *r;

    if (i > SF_KEPT_MAX)
        i = SF_KEPT_MAX;
    while (i-- > least) {
        r = &sf_control->kept[i];
        if (!is_cut_of(r, op))
            continue;
        if (op->result < 2)
            __atomic_store_n(&r->seq, 0, __ATOMIC_RELEASE);
        else if (op->result <= r->amount)
            r->amount = (uint32_t)op->result - 1;
        return;
    }
}

void sf_control_call(const struct sf_op *op, int err)
{
    count_seen(op->call);
    if (sf_control->surveying)
        end_cut(op);
    if (op->intended != SF_NONE)
        end_fault(op, err);
    if (op->fault == SF_NONE && sf_control->tracing)
        record_call(op, err);
}

/* --- a survey --- */

static void keep(const struct sf_point *at, const struct sf_outcome *outcome,
                 sf_site_id site)
{
    uint64_t i = count(&sf_control->n_kept);
    struct sf_record *r = &sf_control->kept[i];

    if (i >= SF_KEPT_MAX)
        return;
    *r = (struct sf_record){
        .offset = at->offset,
        .site = site,
        .asked = (uint32_t)at->len,
        .conn = at->conn,
        .nth = at->nth,
        .amount = (uint32_t)outcome->max,
        .target = outcome->target,
        .fd = at->fd,
        .process = (uint16_t)at->process,
        .call = (uint8_t)at->call,
        .fault = (uint8_t)outcome->fault,
    };
    number(r);
}

static bool wants_all(struct sf_chooser *self, enum sf_call call)
{
    (void)self;
    (void)call;
    return true;
}

static unsigned look_only(struct sf_chooser *self, const struct sf_point *at,
                          const struct sf_outcome *outcomes, unsigned n,
                          size_t *amount)
{
    sf_site_id site;

    (void)self;
    (void)amount;
    if (sf_control->memory != (at->call == SF_CALL_malloc))
        return 0;
    site = sf_control_site ? sf_control_site() : 0;
    for (unsigned i = 1; i < n; i++)
        if (outcomes[i].fault != SF_OTHER_DEAD) /* of which, only a rule says */
            keep(at, &outcomes[i], site);
    return 0;
}

struct sf_chooser *sf_control_survey(void)
{
    static struct sf_chooser survey = {
        .wants = wants_all, .choose = look_only, .names = true};

    return &survey;
}
