/* apart.c: turns of processes; see turns.h */
#include "faultinject/threads/turn.h"

#include "faultinject/inject/inject.h"
#include "faultinject/simnet/simnet.h"

void sf_turns_areas(sf_area *each, void *arg)
{
    each(arg, &sf_turns, sizeof sf_turns, sizeof sf_turns);
}

struct sf_turn *sf_turns_own(void)
{
    return sf_turn;
}

unsigned sf_turns_threads(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sf_turns.n; i++)
        n += sf_turns.at[i].lives && sf_turns.at[i].process == sf_turn->process;
    return n;
}

/* Its number is nobody else's in this session. */
struct sf_turn *sf_turns_born(void)
{
    sf_turn = sf_turns_new(NULL, NULL, false);
    if (!sf_turn)
        return NULL;
    sf_turn->process = (unsigned)(sf_turn - sf_turns.at);
    sf_turn->child = sf_process();
    sf_turns_made(sf_turn, pthread_self());
    sf_park_begin(&sf_turn->parked, 0);
    return sf_turn;
}

void sf_turns_enter(void)
{
    sf_turn_hold_signals();
    sf_turn_await();
}

void sf_turns_has_child(void)
{
    sf_sim_threads = sf_turns.live;
}

static void end(struct sf_turn *turn)
{
    turn->lives = false;
    sf_turns.changed++;
    sf_sim_threads = --sf_turns.live;
}

void sf_turns_leave(void)
{
    struct sf_turn *to;

    end(sf_turn);
    to = sf_turn_next();
    sf_turn = NULL;
    sf_turn_give(to);
}

void sf_turns_died(struct sf_turn *turn)
{
    struct sf_turn *own = sf_turn;

    end(turn);
    if (!sf_turns_has(turn))
        return;
    sf_turn = turn;
    turn = sf_turn_next();
    sf_turn = own;
    sf_turn_give(turn);
}

void sf_turns_rouse(struct sf_turn *turn)
{
    turn->ready = true;
}

bool sf_turns_has(const struct sf_turn *turn)
{
    return turn == &sf_turns.at[sf_turns.has];
}

unsigned sf_turns_number(const struct sf_turn *turn)
{
    return (unsigned)(turn - sf_turns.at) + 1;
}
