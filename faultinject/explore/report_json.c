/* report_json.c: the matrix for programs; see report.h. */
#include <stdlib.h>
#include <sys/wait.h>

#include "faultinject/explore/json.h"
#include "faultinject/explore/report.h"

static void add_flag(json *to, const char *name, bool is)
{
    json_object_object_add(to, name, json_object_new_boolean(is));
}

static json *baseline(const struct sf_baseline *b)
{
    json *all = json_object_new_object();

    sf_json_number(all, "status", (uint64_t)sf_shell_status(b->status));
    sf_json_number(all, "calls", b->calls);
    sf_json_number(all, "connections", b->connections);
    sf_json_number(all, "processes", b->processes);
    sf_json_number(all, "ms", (uint64_t)b->ms);
    return all;
}

/* Of all cases: how many are in each state. */
static json *cases(const struct sf_report *r)
{
    json *all = json_object_new_object();

    sf_json_number(all, "all", sf_sweep_cases(r->sweep));
    for (int i = 0; i < SF_CELL_STATES; i++)
        sf_json_number(all, sf_cell_states[i].name, r->counts[i]);
    sf_json_number(all, "left_out", r->sweep->base.beyond);
    return all;
}

static json *fault_words(uint64_t faults)
{
    json *words = json_object_new_array();

    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (faults & UINT64_C(1) << i)
            json_object_array_add(words, sf_json_string(sf_faults[i].word));
    return words;
}

/* --- the matrix --- */

/* Its number as $SOCKFAULT_CASE has it. */
static json *one_case(const struct sf_report *r, size_t i)
{
    const struct sf_sweep *s = r->sweep;
    json *one = json_object_new_object();

    sf_json_number(one, "case", i + 1);
    sf_json_rule(one, "rule", &s->cases.rules[i]);
    sf_json_text(one, "state", sf_cell_states[sf_report_state(r, i)].name);
    if (s->state[i] == SF_CASE_FOUND)
        sf_json_text(one, "finding", s->groups[s->group[i]].name);
    return one;
}

static json *cell(const struct sf_report *r, int fault,
                  const struct sf_cell *cell)
{
    json *one = json_object_new_object();
    json *list = json_object_new_array();

    sf_json_text(one, "fault", sf_faults[fault].word);
    sf_json_text(one, "state", sf_cell_states[sf_cell_worst(cell)].name);
    for (size_t i = cell->first; i != SF_NO_CASE; i = r->next[i])
        json_object_array_add(list, one_case(r, i));
    json_object_object_add(one, "cases", list);
    return one;
}

static json *row(const struct sf_report *r, const struct sf_report_row *row)
{
    json *one = json_object_new_object();
    json *cells = json_object_new_array();

    sf_json_text(one, "call", sf_calls[row->call].name);
    sf_json_text(one, "site", row->site[0] ? row->site : NULL);
    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (row->cells[i].first != SF_NO_CASE)
            json_object_array_add(cells, cell(r, i, &row->cells[i]));
    json_object_object_add(one, "cells", cells);
    return one;
}

static json *matrix(const struct sf_report *r)
{
    json *rows = json_object_new_array();

    for (size_t i = 0; i < r->n_rows; i++)
        json_object_array_add(rows, row(r, &r->rows[i]));
    return rows;
}

/* --- findings --- */

static void add_replay(json *to, const struct sf_sweep *s,
                       const struct sf_group *g)
{
    char *text = sf_sweep_replay_text(s, g);

    sf_json_text(to, "replay", text);
    free(text);
}

static json *finding(const struct sf_sweep *s, const struct sf_group *g)
{
    json *one = json_object_new_object();

    sf_json_text(one, "name", g->name);
    sf_json_text(one, "line", g->line);
    add_flag(one, "counts", sf_sweep_is_sure(g));
    sf_json_text(one, "known_until", sf_known_until(g->name));
    sf_json_number(one, "shown", g->shown);
    sf_json_number(one, "tries", g->tries);
    sf_json_number(one, "cases", g->cases);
    json_object_object_add(one, "faults", fault_words(g->faults));
    sf_json_rule(one, "first", &s->cases.rules[g->first]);
    sf_json_text(one, "plan", sf_sweep_path(s, "findings/%s.plan", g->name));
    add_replay(one, s, g);
    return one;
}

static json *findings(const struct sf_sweep *s)
{
    json *list = json_object_new_array();

    for (size_t i = 0; i < s->n_groups; i++)
        json_object_array_add(list, finding(s, &s->groups[i]));
    return list;
}

void sf_report_json(const struct sf_report *r, FILE *out)
{
    const struct sf_sweep *s = r->sweep;
    json *all = json_object_new_object();

    sf_json_text(all, "folder", s->folder);
    json_object_object_add(all, "command", sf_json_words(s->run.command));
    sf_json_text(all, "profile", sf_profile_names[s->cases.profile]);
    add_flag(all, "memory", s->run.memory);
    sf_json_text(all, "verdict", sf_report_verdict(r));
    sf_json_number(all, "exit", (uint64_t)sf_report_status(r));
    add_flag(all, "complete", sf_report_is_complete(r));
    add_flag(all, "at_work", r->rest == SF_REST_AT_WORK);
    json_object_object_add(all, "baseline", baseline(&s->base));
    json_object_object_add(all, "cases", cases(r));
    json_object_object_add(all, "faults", fault_words(r->faults));
    json_object_object_add(all, "matrix", matrix(r));
    json_object_object_add(all, "findings", findings(s));
    sf_json_write(all, out);
}
