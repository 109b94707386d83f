/*
 * plan.h: what shall happen, and what happened, in one language.
 *
 *     sockfault-plan 1
 *     # the reply is cut in the middle of the length prefix
 *     conn 2 recv 3: short 1
 *     conn 2 in @517: short 1
 *     select 7: deadfd conn 2
 *     p 0.05 seed 42: benign
 *
 * sockfault-plan(5) is the reference.  A plan in memory is flat and holds no
 * pointers, so that it can lie in memory that processes share.
 */
#ifndef SF_PLAN_H
#define SF_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "faultinject/inject/chooser.h"
#include "faultinject/inject/plan_index.h"

/* `3`, `3+`, `3..9`, `3+2`, `3..9+2`, `*`: first, last and step. */
struct sf_range {
    uint64_t first; /* 0: not given, everything matches */
    uint64_t last;
    uint64_t step;
};

enum { SF_CERTAIN = 1000000000 }; /* of a probability */

enum { SF_WORD_MAX = 64, SF_ANY_CALL = -1, SF_ANY_FAULT = -1 };

struct sf_rule {
    unsigned line;

    /* Which calls. */
    uint32_t p; /* in billionths; 0: always */
    uint64_t seed;
    struct sf_range process;
    char program[SF_WORD_MAX]; /* "": any */
    enum sf_role role;         /* NONE: any */
    struct sf_range of_role;   /* which of that role */
    struct sf_range conn;
    struct sf_range fd;     /* its numbers are one more than the descriptor */
    struct sf_range port;   /* the peer's */
    char peer[SF_WORD_MAX]; /* its address; "": any */
    struct sf_address peer_key;
    char site[SF_WORD_MAX]; /* who makes the call; "": anybody */
    int call;               /* enum sf_call or SF_ANY_CALL */
    unsigned kinds;         /* with SF_ANY_CALL: enum sf_kind bits */
    struct sf_range when;
    bool by_offset; /* `when` counts bytes of the stream, from 0; its numbers
                     * are one more than the offset */

    /* What happens. */
    int fault; /* enum sf_fault or SF_ANY_FAULT */
    enum sf_class cls;
    uint64_t amount;          /* short: bytes; delay: milliseconds */
    enum sf_role target_role; /* NONE: target counts all connections */
    unsigned target; /* deadfd…, spurious, withhold: a connection, 0: any */

    /* Counted while it is in use. */
    unsigned matched;
    unsigned done;
};

/* Allocations at a site are counted where they are made: in the whole process
 * there are too many, and those of several threads have no order. */
static inline bool sf_rule_counts_there(const struct sf_rule *r)
{
    return r->site[0] && r->call != SF_ANY_CALL &&
           sf_calls[r->call].kind == K_ALLOC;
}

struct sf_plan {
    enum sf_profile profile;
    char *command;   /* the text of the `run` line, NULL for none */
    char *directory; /* where it ran, quoted; NULL: nobody said   */
    size_t n;
    size_t room;
    struct sf_rule *rules;
};

struct sf_plan_error {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1 */
    char text[192];  /* what was expected, what was found */
};

/* An empty plan: profile linux, no rules. */
void sf_plan_init(struct sf_plan *plan);
void sf_plan_fini(struct sf_plan *plan);

/*
 * Add the rules of a whole plan.  0, or -1 with *error filled in; the plan
 * then holds the rules before the error.
 */
int sf_plan_parse(struct sf_plan *plan, const char *text, size_t len,
                  struct sf_plan_error *error);

/* Add one rule, as after --fault: the same without the first line. */
int sf_plan_parse_rule(struct sf_plan *plan, const char *text,
                       struct sf_plan_error *error);

/* Write canonically: what is printed parses to the same plan. */
void sf_plan_print(const struct sf_plan *plan, FILE *out);
/* One rule, without the end of the line. */
void sf_rule_print(const struct sf_rule *rule, FILE *out);

/* A plan as a chooser; the rules are used in place, in their order, and the
 * first one that matches and is possible decides. */
struct sf_planned {
    struct sf_chooser chooser;
    struct sf_rule *rules;
    struct sf_index index;     /* of them all                 */
    unsigned kinds;            /* of rules for any connection */
    const char *program;       /* for `program NAME`          */
    bool named[SF_CALL_COUNT]; /* some rule is about this call */
    /* For `site NAME`: is the call that is under way made there?  NULL where
     * nobody knows, and then no rule with a site matches. */
    bool (*at_site)(const char *name);
};
void sf_planned_init(struct sf_planned *planned, struct sf_rule *rules,
                     const struct sf_index *index, const char *program);

#endif
