/* play.c: the state of the session that is played, and what can be asked about
 * it; see run.h and play.h. */
#include "faultinject/session/play.h"

#include "faultinject/inject/inject.h"

#include <netinet/in.h>
#include <sys/un.h>

enum { PORT = 7000 };

struct sf_play sf_play;

const struct sockaddr *sf_session_addr(socklen_t *len)
{
    static struct sockaddr_in in;
    static struct sockaddr_un un;

    if (sf_play.joined)
        return sf_sim_listener(len);
    if (sf_play.s->local) {
        un =
            (struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "/session"};
        *len = sizeof un;
        return (const struct sockaddr *)&un;
    }
    in = (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons(PORT),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *len = sizeof in;
    return (const struct sockaddr *)&in;
}

const struct sf_session *sf_session_now(void)
{
    return sf_play.s;
}

unsigned sf_session_acts(void)
{
    return sf_play.next;
}

unsigned sf_session_conns(void)
{
    return sf_play.conns_n;
}

struct sf_peer *sf_session_conn(unsigned i)
{
    return &sf_play.conns[i];
}

struct sf_peer *sf_session_peer_of(int fd)
{
    struct sf_end *end = sf_end_of(fd);

    for (unsigned i = 0; end && i < sf_play.conns_n; i++)
        if (sf_play.conns[i].end == end)
            return &sf_play.conns[i];
    return NULL;
}

size_t sf_peer_taken(const struct sf_peer *peer)
{
    return peer->sent - (peer->end ? sf_end_unread(peer->end) : 0);
}

size_t sf_peer_given(const struct sf_peer *peer)
{
    return peer->received + (peer->end ? sf_end_queued(peer->end) : 0);
}

bool sf_peer_ended(const struct sf_peer *peer)
{
    return peer->end && sf_end_ended(peer->end);
}

bool sf_peer_writable(const struct sf_peer *peer)
{
    return peer->end && sf_end_writable(peer->end);
}

bool sf_peer_accepted(const struct sf_peer *peer)
{
    return peer->end && sf_end_accepted(peer->end);
}

int64_t sf_session_last_fault(enum sf_class cls)
{
    return sf_play.last_fault[cls];
}

bool sf_play_is_over(const struct sf_peer *peer)
{
    return peer->harmed && peer->end && (peer->eof || peer->err) &&
           !sf_peer_accepted(peer);
}

bool sf_session_acting(void)
{
    return sf_play.acting;
}

void sf_session_stopped(void)
{
    sf_play.stopped = true;
}

bool sf_session_goes_on(void)
{
    return sf_play.phase < PARTED;
}

void sf_session_pends(void)
{
    sf_play.pends = true;
}

void sf_session_resumes(void)
{
    sf_play.resumes = true;
}

/* ---------------------------------------------------------------- counters */

#define EACH(field) each(arg, &(field), sizeof(field))

void sf_session_times(sf_counter *each, void *arg)
{
    if (sf_session_has(sf_play.s, SF_ACT_WAIT))
        return;
    EACH(sf_play.last_fault);
    for (unsigned i = 0; i < SF_CONNS_MAX; i++) {
        EACH(sf_play.conns[i].last);
        EACH(sf_play.conns[i].gap);
    }
    sf_sim_times(each, arg);
}

/* An act that comes so many calls after another: then they are no mere count.
 */
static bool counts_calls(void)
{
    for (unsigned i = 0; i < sf_play.s->acts_n; i++)
        if (sf_play.s->acts[i].when == SF_WHEN_AFTER)
            return true;
    return false;
}

void sf_session_counters(sf_counter *each, void *arg)
{
    if (!counts_calls()) {
        EACH(sf_play.last_call);
        EACH(sf_play.unlooked); /* such acts look */
        sf_sim_counters(each, arg);
    }
    EACH(sf_play.seen_changes);
    EACH(sf_play.look_again);
    EACH(sf_play.asking);
    EACH(sf_play.faults);
    sf_inject_counters(each, arg);
    if (sf_play.program->side == SF_SERVE || sf_play.joined)
        EACH(sf_play.last_fault);
}

void sf_program_counters(sf_counter *each, void *arg)
{
    if (sf_play.program->counters)
        sf_play.program->counters(sf_play.program->arg, each, arg);
}

static void forget(unsigned i, void *noted, size_t len, sf_counter *each,
                   void *arg)
{
    struct sf_peer *peer = &sf_play.conns[i];

    each(arg, noted, len);
    sf_end_forgotten(peer->end, each, arg);
    EACH(peer->sent);
    EACH(peer->received);
    EACH(peer->last);
    EACH(peer->gap);
    EACH(peer->eof);
    EACH(peer->err);
    EACH(peer->reset);
    EACH(sf_play.looks[i]);
}

/* Acts that come AFTER calls look at all. */
void sf_session_forgotten(sf_counter *each, void *arg)
{
    const struct sf_program *program = sf_play.program;

    if (!program->forgets || counts_calls())
        return;
    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        const struct sf_peer *peer = &sf_play.conns[i];
        size_t len;
        void *noted = sf_play_is_over(peer)
                          ? program->forgets(program->arg, peer, &len)
                          : NULL;

        if (noted)
            forget(i, noted, len, each, arg);
    }
}
