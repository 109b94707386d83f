/*
 * fuzz_client.c: dialling, a buffered stream both ways, draining; with faults.
 *
 * The input is a session (faultinject/session/session.h) whose peers are the
 * servers: the first one that is dialled is peer 1, and so on.  The client
 * under test dials (fm_dial), sends some frames (fm_stream_put), reads frames
 * until the end or a deadline (fm_stream_next), drains and closes, several
 * times.  `variant` past the number of formats says more:
 *
 *     1 crowd      before that it dials until nobody can answer any more
 *     2 by hand    it connects blocking descriptors that it made itself
 *     4 much       it puts more than a stream holds back, if `buffers` hold
 *                  enough of it at a time
 *     8 several    it dials a name with another address before the peers',
 *                  where nobody answers, or which cannot be connected to:
 *                  why not, `extra` says; from 12 on it also dials that
 *                  name where neither answers
 *
 * The oracles: what is said to be connected is; it is connected unless
 * something prevented it; frames are the ones that the peer sent, in order, and
 * all of them where nothing was lost, whether or not it takes any more; the
 * peer gets a prefix of what was put, and of what cannot be put nothing; every
 * error had a cause, and memory was short as often as a client tries.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/session/run.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "fuzzers/reference.h"
#include "target/loops.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "target/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { DIALS = 3, CROWD = 20, FRAMES = 3, PORT = 7000, DEADLINE_MS = 3000 };
enum { SILENCE = 12, LATE_MS = 500, SEVERAL_TRIES = 8 };
enum { MUCH_FRAMES = 20, MUCH_SIZE = 4000, HEADER = 5, MUCH_BUFFERS = 4096 };
enum { ENOUGH = 65536 };

static struct {
    struct fm_format format;
    uint8_t wire[MUCH_FRAMES * (MUCH_SIZE + HEADER)]; /* what each dial sends */
    size_t wire_len;
    size_t read; /* bytes of the peer's stream that were frames so far */
    const struct sf_peer *peer; /* of this dial, once it has answered      */
    bool by_hand;               /* connects without fm_dial                */
    bool several;               /* the peers have the second address       */
    bool spoilt;                /* a fault ends more than a first address  */
    unsigned busy;              /* faults: memory was short                */
    bool crowd;                 /* dials more than the backlog holds       */
} fuzz;

static size_t encode(unsigned seed, unsigned size, uint8_t *out, size_t max)
{
    static uint8_t payload[SF_STREAM_MAX];
    struct fm_buf wire;
    size_t len = ref_payload(&fuzz.format, size, seed, payload, sizeof payload);

    fm_buf_init(&wire, max);
    fuzz_memory.own = true;
    len = fm_encode(&fuzz.format, payload, len, &wire) < 0 ? 0
                                                           : fm_buf_len(&wire);
    fuzz_memory.own = false;
    memcpy(out, fm_buf_peek(&wire), len);
    fm_buf_fini(&wire);
    return len;
}

static size_t make_frame(void *arg, const struct sf_peer *peer, unsigned nth,
                         unsigned size, uint8_t *out, size_t max)
{
    (void)arg;
    return encode(peer->ordinal * 5 + nth, size, out, max);
}

/* ------------------------------------------------------------ the program */

/* Something was done to this connection, or to any. */
static bool has_excuse(const struct sf_peer *peer, int err)
{
    if (err == FM_E_TIMEOUT || sf_session_last_fault(SF_FATAL) >= 0 ||
        (err == FM_E_NOMEM && fuzz_memory.refused))
        return true;
    return peer->closed || peer->finished || peer->harmed ||
           sf_end_harmed(peer->end);
}

static void check_frame(const struct sf_peer *peer,
                        const struct fm_frame *frame)
{
    struct ref_frame ref = {0};

    fuzz.read = (size_t)frame->offset; /* some came before the peer was known */
    if (fuzz.format.kind == FM_CLOSE)
        ref.len = ref.end = peer->sent;
    else if (ref_next(&fuzz.format, peer->stream, peer->sent, fuzz.read,
                      &ref) != REF_FRAME)
        sf_peer_finding(SF_MON_WRONG, peer, "a frame at byte %zu of %zu",
                        fuzz.read, peer->sent);
    if (frame->len > ref.len ||
        (frame->len < ref.len && fuzz.format.kind != FM_CLOSE) ||
        memcmp(frame->data, peer->stream + ref.payload, frame->len) != 0)
        sf_peer_finding(SF_MON_WRONG, peer,
                        "the frame at byte %zu is not the one sent", fuzz.read);
    fuzz.read = ref.end;
}

/* Who has tried several times may give up; it takes as many faults. */
static void check_busy(int err)
{
    if (err == FM_E_BUSY && fuzz.busy < SEVERAL_TRIES && !fuzz_memory.refused)
        sf_finding(SF_MON_WRONG,
                   "the client gave up for want of memory, which was short %u "
                   "times",
                   fuzz.busy);
}

/* The stream has ended well: all of it was given, unless something was lost. */
static void check_whole(const struct sf_peer *peer)
{
    const struct sf_session *s = sf_session_now();
    struct ref_frame ref;

    if (sf_session_last_fault(SF_FATAL) >= 0 || fuzz_memory.refused ||
        peer->harmed || (peer->end && sf_end_harmed(peer->end)) ||
        sf_session_has(s, SF_ACT_RESET) || sf_session_has(s, SF_ACT_KILL))
        return;
    if (ref_next(&fuzz.format, peer->stream, peer->sent, fuzz.read, &ref) ==
        REF_FRAME)
        sf_peer_finding(SF_MON_LOST, peer,
                        "the frame at byte %zu was sent, and the end was given",
                        fuzz.read);
}

static void check_error(const struct sf_peer *peer, int err)
{
    enum ref_verdict verdict = REF_MORE;

    check_busy(err);
    if (!peer) /* it never answered, or a fault parted them */
        return;
    if (err == FM_E_CLOSED)
        check_whole(peer);
    ref_end(&fuzz.format, peer->stream, peer->sent, 0, &verdict);
    if ((err == FM_E_BAD && verdict == REF_BAD) ||
        (err == FM_E_TOO_LONG && verdict == REF_TOO_LONG))
        return;
    if (err == FM_E_BAD || err == FM_E_TOO_LONG || !has_excuse(peer, err))
        sf_finding(SF_MON_WRONG,
                   "the client gave up with %s, and nothing "
                   "had happened",
                   fm_err_name(err));
}

/* Everybody listens, with room in the backlog unless it is a crowd's; who has
 * just answered may be gone again. */
static bool may_fail(int err)
{
    const struct sf_session *s = sf_session_now();

    return (err == FM_E_TIMEOUT && !fuzz.several) || err == FM_E_NO_FILES ||
           fuzz_memory.refused || (fuzz.crowd && err == FM_E_BUSY) ||
           (err == FM_E_BADFD && sf_session_has(s, SF_ACT_KILL)) ||
           (err == FM_E_RESET && sf_session_has(s, SF_ACT_RESET)) ||
           fuzz.spoilt;
}

static void check_dial(int err)
{
    if (!may_fail(err))
        sf_finding(SF_MON_WRONG,
                   "dialling ended with %s, and nothing had "
                   "happened",
                   fm_err_name(err));
}

/* Longer than the format allows, or of no type that it has. */
static void put_no_frame(struct fm_stream *s)
{
    static const uint8_t payload[SF_STREAM_MAX];
    const struct fm_format *f = &fuzz.format;
    size_t len = f->kind == FM_TYPE ? 1 : f->max + (size_t)1;
    /* Nobody's clock goes so far: for ever. */
    int r = fm_stream_put(s, payload, len, fm_deadline_in(INT64_MAX));

    if (r != (f->kind == FM_TYPE ? FM_E_BAD : FM_E_TOO_LONG))
        sf_finding(SF_MON_WRONG, "putting what is no frame ended with %s",
                   fm_err_name(r));
}

/* Returns 0, or why it went no further. */
static int send_frames(struct fm_stream *s)
{
    struct ref_frame ref;
    size_t at = 0;
    int err = 0;

    put_no_frame(s);
    while (err == 0 && at < fuzz.wire_len &&
           ref_next(&fuzz.format, fuzz.wire, fuzz.wire_len, at, &ref) ==
               REF_FRAME) {
        err = fm_stream_put(s, fuzz.wire + ref.payload, ref.len,
                            fm_deadline_in(DEADLINE_MS));
        if (fm_buf_len(&s->out) >= ENOUGH)
            sf_finding(SF_MON_MEMORY,
                       "%zu bytes are gathered, and nothing is sent",
                       fm_buf_len(&s->out));
        at = ref.end;
    }
    return err < 0 ? err : fm_stream_flush(s, fm_deadline_in(DEADLINE_MS));
}

/* A fault may part the two before the client looks. */
static void meet_peer(int fd)
{
    if (sf_session_peer_of(fd))
        fuzz.peer = sf_session_peer_of(fd);
}

static int read_frames(int fd, struct fm_stream *s)
{
    struct fm_frame frame;
    int r;

    while ((r = fm_stream_next(s, &frame, fm_deadline_in(DEADLINE_MS))) ==
           FM_FRAME) {
        meet_peer(fd);
        if (fuzz.peer)
            check_frame(fuzz.peer, &frame);
    }
    meet_peer(fd);
    return r;
}

/* What fm_connect_start() is for: any descriptor, here one that blocks. */
static int connect_by_hand(void)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? FM_E_NO_FILES : fm_connect_start(fd, addr, len);

    if (r == 1)
        r = fm_wait(fd, POLLOUT, fm_deadline_in(DEADLINE_MS));
    if (r == 0)
        r = fm_connect_finish(fd);
    if (r < 0 && fd >= 0 && !fm_io_is_foreign(r))
        fm_close(fd);
    return r < 0 ? r : fd;
}

static const char *host(void)
{
    if (sf_session_now()->local)
        return "unix:/session";
    return fuzz.several ? "localhost" : "127.0.0.1";
}

static void hold(const struct sockaddr *addr, socklen_t len)
{
    sf_end_hold(sf_end_listen(addr, len, 0), true);
}

/* "localhost" is ::1 first, where nobody takes up what waits, or which cannot
 * be connected to at all, as where IPv6 is off, filtered or forbidden. */
static void spoil_first(void)
{
    static const int reasons[] = {0,           EADDRNOTAVAIL, ECONNREFUSED,
                                  ENETUNREACH, EHOSTUNREACH,  EPERM};
    int err =
        reasons[sf_session_now()->extra % (sizeof reasons / sizeof *reasons)];
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6,
                                .sin6_port = htons(PORT),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    sf_sim_bar(AF_INET6, err);
    if (!err)
        hold((const struct sockaddr *)&addr, sizeof addr);
}

/* The same name at another port has nobody at either address who answers: all
 * of the time is waited for, and no more. */
static void dial_silence(void)
{
    struct sockaddr_in6 first = {.sin6_family = AF_INET6,
                                 .sin6_port = htons(PORT + 1),
                                 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in second = {.sin_family = AF_INET,
                                 .sin_port = htons(PORT + 1),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int64_t since = fm_now_ms(), spent;
    int fd;

    hold((const struct sockaddr *)&first, sizeof first);
    hold((const struct sockaddr *)&second, sizeof second);
    fd = fm_dial(host(), PORT + 1, fm_deadline_in(DEADLINE_MS));
    spent = fm_now_ms() - since;
    if (fd != FM_E_TIMEOUT)
        check_dial(fd);
    else if (spent < DEADLINE_MS || spent > DEADLINE_MS + LATE_MS)
        sf_finding(SF_MON_LATENESS,
                   "where nobody answers dialling takes %lld ms, it has %d",
                   (long long)spent, DEADLINE_MS);
}

/* A connected descriptor, or why there is none. */
static int dial(void)
{
    int64_t since = fm_now_ms();
    int fd = fuzz.by_hand ? connect_by_hand()
                          : fm_dial(host(), PORT, fm_deadline_in(DEADLINE_MS));

    if (fd < 0)
        check_dial(fd);
    else if (fuzz.several && fm_now_ms() - since >= DEADLINE_MS)
        sf_finding(SF_MON_LATENESS,
                   "dialling took all of its time, and the second address "
                   "answers at once");
    else if (sf_sim_is_open(fd) && !sf_sim_was_connected(fd))
        sf_finding(SF_MON_WRONG, "dialling gave %d, which is not connected",
                   fd);
    return fd;
}

/* All of them at once, so that nobody can answer in between. */
static void dial_crowd(void)
{
    int fds[CROWD];
    unsigned n = 0;

    while (n < CROWD && (fds[n] = dial()) >= 0)
        n++;
    while (n-- > 0)
        if (sf_sim_is_open(fds[n]))
            fm_close(fds[n]);
}

/* Whose peer takes no more has nothing left to send, and still reads. */
static int read_the_rest(int fd, struct fm_stream *s)
{
    int err = read_frames(fd, s);

    if (err == FM_E_PIPE)
        sf_finding(SF_MON_WRONG, "what the peer does not take keeps the client "
                                 "from what it has sent");
    return err;
}

static void one_dial(void)
{
    int fd = dial(), err;
    struct fm_stream s;

    if (fd < 0)
        return;
    fuzz.read = 0;
    fuzz.peer = NULL;
    fm_stream_init(&s, fd, &fuzz.format);
    err = send_frames(&s);
    if (err == 0 || err == FM_E_PIPE)
        err = read_the_rest(fd, &s);
    check_error(fuzz.peer, err);
    fm_stream_fini(&s);
    if (err != FM_E_BADFD) {
        err = fm_drain(fd, fm_deadline_in(DEADLINE_MS));
        if (err != FM_E_BADFD)
            fm_close(fd);
    }
}

static void run_client(void *arg, int fd)
{
    (void)arg;
    (void)fd;
    if (fuzz.several)
        spoil_first();
    if (fuzz.several && sf_session_now()->extra >= SILENCE)
        dial_silence();
    if (fuzz.crowd)
        dial_crowd();
    for (int i = 0; i < DIALS; i++)
        one_dial();
}

/* ------------------------------------------------------------- the target */

static void on_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                        size_t len)
{
    (void)arg;
    if (peer->received + len > fuzz.wire_len ||
        memcmp(bytes, fuzz.wire + peer->received, len) != 0)
        sf_peer_finding(SF_MON_WRONG, peer,
                        "other bytes than the client put, in the %zu from "
                        "byte %zu on",
                        len, peer->received);
}

/* Of a name with two addresses one is left when the first is refused. */
static bool spoils_first(const struct sf_point *at)
{
    return fuzz.several && at->call == SF_CALL_connect && at->peer &&
           memcmp(at->peer->bytes, &in6addr_loopback,
                  sizeof in6addr_loopback) == 0;
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    const struct sf_peer *peer = sf_session_peer_of(at->fd);

    (void)arg;
    fuzz.busy += outcome->fault == SF_ENOBUFS || outcome->fault == SF_ENOMEM;
    fuzz.spoilt |=
        sf_faults[outcome->fault].cls == SF_FATAL && !spoils_first(at);
    sf_phase((outcome->fault * SF_CALL_COUNT + at->call) * 8u +
             (peer ? sf_place(sf_peer_taken(peer), fuzz.read, peer->sent) : 7));
}

static void make_wire(const struct sf_session *s)
{
    bool much = s->variant / ref_format_count & 4 && s->buffers >= MUCH_BUFFERS;
    unsigned frames = much ? MUCH_FRAMES : FRAMES;

    fuzz.wire_len = 0;
    for (unsigned i = 0; i < frames; i++)
        fuzz.wire_len +=
            encode(i, much ? MUCH_SIZE : i * s->extra * 3,
                   fuzz.wire + fuzz.wire_len, sizeof fuzz.wire - fuzz.wire_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sf_program client = {
        .name = "the client",
        .side = SF_DIAL,
        .set_wall = true,
        .run = run_client,
        .frame = make_frame,
        .received = on_received,
        .fault = on_fault,
        .no_control = true,
    };
    static struct sf_session s;

    if (sf_session_tries_out(data, size))
        return 0;
    sf_session_decode(&s, data, size);
    fuzz.format = *ref_format(s.variant);
    fuzz.spoilt = false;
    fuzz.busy = 0;
    fuzz.crowd = s.variant / ref_format_count & 1;
    fuzz.several = s.variant / ref_format_count & 8 && !s.local &&
                   !(s.variant / ref_format_count & 3);
    fuzz.by_hand = s.variant / ref_format_count & 2;
    make_wire(&s);
    if (fuzz_verbose())
        printf("  format %s\n", ref_format_text(s.variant));
    sf_session_run(&s, &client, fuzz_verbose() ? stdout : NULL);
    return 0;
}
