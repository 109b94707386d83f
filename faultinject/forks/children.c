/* children.c: processes that begin and end; see forks.h */
#include "faultinject/forks/birth.h"
#include "faultinject/forks/process.h"

#include "faultinject/inject/inject.h"
#include "faultinject/inject/pid.h"
#include "faultinject/session/run.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sf_children sf_children;
unsigned sf_forks_own;
struct sf_forks sf_forks_how;

void sf_forks_watch(const struct sf_forks *how)
{
    sf_forks_how = *how;
}

bool sf_forks_are(void)
{
    return sf_children.n > 0;
}

bool sf_forks_is_child(void)
{
    return sf_forks_own > 0 && sf_turns_mine();
}

/* ----------------------------------------------------------------- memory */

static void areas(sf_area *each, void *arg)
{
    each(arg, &sf_children, sizeof sf_children, sizeof sf_children);
    sf_sim_areas(each, arg);
    sf_session_areas(each, arg);
    sf_turns_areas(each, arg);
    sf_forks_how.areas(each, arg);
}

static unsigned elsewhere(int *fd, unsigned *process)
{
    unsigned all = 0;

    for (unsigned i = 0; i < sf_children.n; i++) {
        const struct sf_child *c = &sf_children.at[i];
        int last;
        unsigned n = 0;

        if (i != sf_forks_own && c->life < SF_ENDED)
            n = sf_sim_connections_of(sf_shared_of(i), &last);
        if (n > 0) {
            *fd = last;
            *process = c->turn ? sf_turns_number(c->turn) : i + 1;
        }
        all += n;
    }
    return all;
}

static void listen_in(void)
{
    sf_pid_sent = sf_forks_sent;
    sf_pid_kills = sf_forks_kill;
    sf_inject_locks = sf_forks_lock;
    sf_turns_in_vain = sf_forks_in_vain;
    sf_turns_has_come = sf_forks_has_come;
    sf_turns_calm = sf_forks_calm;
    sf_session_elsewhere = elsewhere;
    sf_turns_share();
}

bool sf_forks_attach(int file, unsigned n)
{
    size_t size;
    struct sim_own *own = sf_sim_own(&size);

    sf_forks_own = n;
    if (!sf_shared_resume(file, areas, own, size, n))
        return false;
    sf_sim_abandon(own, false);
    listen_in();
    return true;
}

static void begin(void)
{
    size_t size;
    struct sim_own *own = sf_sim_own(&size);

    sf_children.at[0] =
        (struct sf_child){.pid = sf_process(), .turn = sf_turns_own()};
    sf_children.n = 1;
    sf_children.harness =
        getpgid((pid_t)sf_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0));
    if (!sf_shared_begin(areas, own, size))
        sf_forks_how.cannot("memory cannot be shared by processes here");
    listen_in();
}

/* ------------------------------------------------------------------ births */

/* Nobody can ask for it any more. */
static bool is_over(const struct sf_child *child)
{
    return child->life == SF_REAPED ||
           (child->life == SF_ENDED && child->parent == SF_ORPHAN);
}

/* One that nobody had yet, as long as there is one. */
static unsigned free_place(void)
{
    unsigned n = sf_children.n;

    for (unsigned i = 1; n == SF_SHARES_MAX && i < sf_children.n; i++)
        if (is_over(&sf_children.at[i]))
            n = i;
    return n;
}

void sf_forks_before(void)
{
    if (!sf_forks_are())
        begin();
    if (free_place() == SF_SHARES_MAX)
        sf_forks_how.cannot("the program has too many processes at once");
    if (!sf_birth_begin())
        sf_forks_how.cannot("there is no room for another process");
}

/* The child is one of the world's before the parent goes on. */
void sf_forks_in_parent(void)
{
    if (sf_birth_await(-1))
        sf_turns_has_child();
}

static bool be_born(void)
{
    unsigned n = free_place(), parent = sf_forks_own;
    struct sf_turn *turn;

    if (n < sf_children.n)
        sf_turns_forget(sf_children.at[n].turn);
    else
        sf_children.n++;
    turn = sf_turns_born();
    if (!turn || !sf_shared_take(n))
        return false;
    sf_children.at[n] =
        (struct sf_child){.pid = sf_process(), .parent = parent, .turn = turn};
    sf_forks_own = n;
    sf_sim_inherit();
    return true;
}

/* It begins in its turn, which comes when its parent first waits. */
void sf_forks_in_child(void)
{
    sf_birth_in_child();
    if (!be_born())
        sf_forks_how.cannot("there is no room for another process");
    sf_birth_say();
    sf_turns_enter();
}

void sf_forks_part(void)
{
    if (!sf_forks_are())
        return;
    sf_shared_part(areas);
    sf_children.n = 0;
    sf_forks_own = 0;
    sf_pid_sent = NULL;
    sf_pid_kills = NULL;
    sf_inject_locks = NULL;
}

/* -------------------------------------------------------------------- ends */

static void tell_parent(struct sf_child *child)
{
    struct sf_child *parent = &sf_children.at[child->parent];

    if (child->parent != SF_ORPHAN && parent->life == SF_LIVES)
        sf_turns_rouse(parent->turn);
}

/* Nobody of this program waits for its children. */
static void end_family(struct sf_child *child)
{
    unsigned place = (unsigned)(child - sf_children.at);

    tell_parent(child);
    for (unsigned i = 1; i < sf_children.n; i++)
        if (sf_children.at[i].parent == place)
            sf_children.at[i].parent = SF_ORPHAN;
}

void sf_child_leaves(enum sf_life how)
{
    struct sf_child *own = &sf_children.at[sf_forks_own];
    size_t size;

    own->life = how;
    sf_sim_abandon(sf_sim_own(&size), how == SF_ENDED);
    if (how == SF_ENDED)
        end_family(own);
    sf_inject_abandon();
    sf_turns_leave();
}

void sf_child_died(struct sf_child *child)
{
    enum sf_life was = child->life;

    child->life = SF_ENDED;
    sf_sim_abandon(sf_shared_of((unsigned)(child - sf_children.at)), true);
    end_family(child);
    if (was == SF_LIVES)
        sf_turns_died(child->turn);
}

void sf_forks_leave(void)
{
    if (sf_forks_is_child() && sf_children.at[sf_forks_own].life == SF_LIVES)
        sf_child_leaves(SF_ENDED);
}

/* The program hears no more of them: its handlers have had their turn. */
void sf_forks_end(void)
{
    sigset_t all;

    sigfillset(&all);
    if (sf_forks_are())
        pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (unsigned i = 0; i < sf_children.n; i++)
        if (i != sf_forks_own && sf_children.at[i].life < SF_ENDED)
            sf_syscall(SYS_kill, sf_children.at[i].pid, SIGKILL, 0, 0, 0, 0);
}
