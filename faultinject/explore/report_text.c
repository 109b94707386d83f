/* report_text.c: the matrix for a terminal; see report.h. */
#include <stdlib.h>
#include <string.h>

#include "faultinject/explore/report.h"
#include "faultinject/session/word.h"

/*
 * A column for each fault would be wider than any terminal: a row lists its
 * faults by what became of them, the worst first.
 */
enum { WIDTH = 100, PLACE_MAX = 48, STATE = 14, GAP = 2 };

struct layout {
    size_t place; /* columns of the widest */
    size_t at;    /* column where we are   */
};

static size_t place_length(const struct sf_report_row *row)
{
    size_t n = strlen(sf_calls[row->call].name);

    return row->site[0] ? n + strlen(" in ") + strlen(row->site) : n;
}

/* A place that is wider than most has a line for itself. */
static struct layout lay_out(const struct sf_report *r)
{
    struct layout l = {.place = 0};

    for (size_t i = 0; i < r->n_rows; i++) {
        size_t n = place_length(&r->rows[i]);

        if (n <= PLACE_MAX && n > l.place)
            l.place = n;
    }
    return l;
}

static void indent(struct layout *l, size_t to)
{
    printf("%*s", (int)(to - l->at), "");
    l->at = to;
}

static void end_line(struct layout *l)
{
    putchar('\n');
    l->at = 0;
}

static void print_place(struct layout *l, const struct sf_report_row *row)
{
    indent(l, GAP);
    fputs(sf_calls[row->call].name, stdout);
    if (row->site[0])
        printf(" in %s", row->site);
    l->at += place_length(row);
    if (l->at > GAP + l->place)
        end_line(l);
}

static void print_fault(struct layout *l, size_t left, const char *word,
                        size_t times, bool last)
{
    char text[SF_WORD_MAX];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", word);

    if (times > 1)
        n += (size_t)snprintf(text + n, sizeof text - n, " %zu", times);
    if (l->at > left && l->at + 1 + n + 1 > WIDTH) {
        end_line(l);
        indent(l, left);
    } else if (l->at > left) {
        putchar(' ');
        l->at++;
    }
    printf("%s%s", text, last ? "" : ",");
    l->at += n + !last;
}

static int last_fault(const struct sf_report_row *row, int state)
{
    int last = -1;

    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (row->cells[i].counts[state])
            last = i;
    return last;
}

static void print_state(struct layout *l, const struct sf_report_row *row,
                        int state)
{
    size_t left = GAP + l->place + GAP;
    int last = last_fault(row, state);

    if (last < 0)
        return;
    indent(l, left);
    left += STATE;
    fputs(sf_cell_states[state].word, stdout);
    l->at += strlen(sf_cell_states[state].word);
    indent(l, left);
    for (int i = 0; i <= last; i++)
        if (row->cells[i].counts[state])
            print_fault(l, left, sf_faults[i].word, row->cells[i].counts[state],
                        i == last);
    end_line(l);
}

void sf_report_text(const struct sf_report *r)
{
    struct layout l = lay_out(r);

    sf_sweep_say_state(r->sweep, r->rest);
    printf("\nwhich call, and where; what became of which faults, and of how "
           "many\n");
    for (size_t i = 0; i < r->n_rows; i++) {
        print_place(&l, &r->rows[i]);
        for (int state = 0; state < SF_CELL_STATES; state++)
            print_state(&l, &r->rows[i], state);
    }
    sf_sweep_say_groups(r->sweep);
}
