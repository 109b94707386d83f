/*
 * plan_read.h: reading a plan, a line at a time.
 *
 * Functions that return int return 0, or -1 with the error filled in: where
 * it is, what was expected there and what was found.  The others look, and
 * take what they look for when it is there.
 */
#ifndef SF_PLAN_READ_H
#define SF_PLAN_READ_H

#include "faultinject/inject/nearest.h"
#include "faultinject/inject/plan.h"

struct sf_reader {
    const char *begin; /* of the line */
    const char *at;
    const char *end;  /* of the line */
    const char *next; /* the line after it, NULL: there is none */
    unsigned line;
    bool profiled;  /* a line has said the profile */
    bool after_run; /* the line before this one was `run` */
    struct sf_plan_error *error;
};

/* Words for the calls of one kind, or of any. */
enum { SF_GROUPS = 7 };
extern const struct sf_group {
    const char *word;
    unsigned kinds;
} sf_groups[SF_GROUPS];

/* --- what stands here --- */

/* Bytes of the word that begins at `s`. */
size_t sf_word_length(const char *s, const char *end);
/* The same of a function: C++ has names in names. */
size_t sf_site_length(const char *s, const char *end);
void sf_skip_space(struct sf_reader *r);
/* Nothing but a comment is left. */
bool sf_at_end(struct sf_reader *r);
bool sf_at_digit(const struct sf_reader *r);

/* --- taking it --- */

bool sf_take_char(struct sf_reader *r, char c);
/* The word, after spaces. */
bool sf_take_word(struct sf_reader *r, const char *word);
/* Digits only: no sign, no space, no overflow.  `what` is for the error. */
int sf_take_number(struct sf_reader *r, uint64_t *n, const char *what);
/* 0.05, .5, 1 in billionths. */
int sf_take_probability(struct sf_reader *r, uint32_t *p);
/* N, N+, N..M, N+S, N..M+S or *; `base` is the smallest N, and what is stored
 * counts from 1. */
int sf_take_range(struct sf_reader *r, struct sf_range *range, uint64_t base,
                  const char *what);

/* Who: 1 when a selector was there, 0 when something else stands here. */
int sf_take_selector(struct sf_reader *r, struct sf_rule *rule);

/* --- saying what is wrong: all return -1 --- */

__attribute__((format(printf, 2, 3))) int sf_fail(struct sf_reader *r,
                                                  const char *format, ...);
int sf_expected(struct sf_reader *r, const char *what);

/* Consider this word, if it is one, for what stands here. */
void sf_consider(struct sf_nearest *best, const struct sf_reader *r,
                 const char *word);
/* Consider the words of all selectors. */
void sf_consider_selectors(struct sf_nearest *best, const struct sf_reader *r);
int sf_unknown_word(struct sf_reader *r, const char *what,
                    const struct sf_nearest *best);

#endif
