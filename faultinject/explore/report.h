/*
 * report.h: the parts of `sockfault report`.
 *
 * Of the folder that `sockfault explore` keeps, which is read and not changed,
 * a matrix is made: a row for each call and the place that makes it, a column
 * for each fault, and in a cell the cases of both.
 */
#ifndef SF_REPORT_H
#define SF_REPORT_H

#include "faultinject/explore/sweep.h"

/* What is known of a case, and of a cell: the worst of its cases first. */
enum sf_cell_state {
    SF_CELL_FINDING,    /* something was found, and shown again            */
    SF_CELL_UNSURE,     /* … and not again, or without its fault           */
    SF_CELL_TO_DO,      /* it was not run yet                              */
    SF_CELL_IMPOSSIBLE, /* its call came, and the fault was not possible   */
    SF_CELL_UNMET,      /* its call never came                             */
    SF_CELL_HANDLED,    /* its fault happened, and nothing was found       */
    SF_CELL_STATES
};

struct sf_state_name {
    const char *word; /* "not possible"                */
    const char *name; /* "not_possible": for programs  */
    const char *sign; /* one character                 */
    const char *what; /* it means                      */
};
extern const struct sf_state_name sf_cell_states[SF_CELL_STATES];

#define SF_NO_CASE ((size_t)-1)

struct sf_cell {
    size_t first; /* case, or SF_NO_CASE */
    size_t last;
    size_t counts[SF_CELL_STATES];
};

struct sf_report_row {
    int call;
    const char *site; /* "": not known */
    struct sf_cell cells[SF_FAULT_COUNT];
};

struct sf_report {
    struct sf_sweep *sweep;
    enum sf_rest rest; /* why some are to do, if some are */
    struct sf_report_row *rows;
    size_t n_rows;
    const char **sites; /* by case: as it stands behind its rule */
    size_t *next;       /* by case: the next one of its cell     */
    uint64_t faults;    /* that occur, as bits                   */
    char *notes;        /* what `sites` points into              */
    size_t counts[SF_CELL_STATES];
};

/* `sockfault report`: its exit status. */
int sf_report(struct sf_options *o, const char *folder);

enum sf_cell_state sf_report_state(const struct sf_report *r, size_t i);
/* Of a cell that has cases. */
enum sf_cell_state sf_cell_worst(const struct sf_cell *cell);
/* Each was run, and what was found was run again. */
bool sf_report_is_complete(const struct sf_report *r);
/* An exit status, and a word for it. */
int sf_report_status(const struct sf_report *r);
const char *sf_report_verdict(const struct sf_report *r);

void sf_report_text(const struct sf_report *r);
void sf_report_json(const struct sf_report *r, FILE *out);
/* One page that needs nothing else. */
void sf_report_html(const struct sf_report *r, FILE *out);

#endif
