/* report_html.c: the matrix as one page; see report.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "faultinject/explore/report.h"

enum { TITLE_MAX = 30 }; /* cases in the title of a cell */

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--fg:#1d2125;--dim:#5d666f;--bg:#fff;"
    "--line:#d5dae0;--soft:#f4f6f8;--finding:#b3261e;--finding-fg:#fff;"
    "--unsure:#ffcf5c;--unsure-fg:#3a2a00;--to_do:#fff;--to_do-fg:#5d666f;"
    "--not_possible:#e6e9ed;--not_possible-fg:#4a525a;"
    "--not_reached:#dbe7f5;--not_reached-fg:#1f4a7a;"
    "--handled:#d9f0dd;--handled-fg:#12592a}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e7ea;--dim:#9aa4ae;"
    "--bg:#14171a;--line:#343b42;--soft:#1d2226;--finding:#e5534b;"
    "--finding-fg:#fff;--unsure:#8a6a10;--unsure-fg:#fff3d0;"
    "--to_do:#14171a;--to_do-fg:#9aa4ae;--not_possible:#2b3137;"
    "--not_possible-fg:#b4bcc4;--not_reached:#1d3550;"
    "--not_reached-fg:#b9d4f2;--handled:#163c22;--handled-fg:#a5e0b5}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);"
    "background:var(--bg);margin:2rem auto;padding:0 1.2rem;"
    "max-width:90rem}\n"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}\n"
    "h3{font-size:1rem;margin:0;overflow-wrap:anywhere}\n"
    "code,pre,th{font-family:ui-monospace,monospace;font-size:.86em}\n"
    "pre{background:var(--soft);padding:.6rem .8rem;overflow:auto;margin:.4rem "
    "0}\n"
    ".dim{color:var(--dim)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;padding:0;"
    "list-style:none;margin:1rem 0}\n"
    ".legend b{display:inline-block;min-width:1.6em;text-align:center;"
    "border-radius:3px;border:1px solid var(--line)}\n"
    ".scroll{overflow:auto;max-height:88vh;border:1px solid var(--line);"
    "border-radius:6px;width:fit-content;max-width:100%}\n"
    "table{border-collapse:separate;border-spacing:0}\n"
    "th,td{border-bottom:1px solid var(--line);"
    "border-right:1px solid var(--line);padding:.15rem .35rem}\n"
    "th{font-weight:400;text-align:left;white-space:nowrap;"
    "background:var(--soft)}\n"
    "thead th{position:sticky;top:0;z-index:2;vertical-align:bottom}\n"
    "thead th span{writing-mode:vertical-rl;transform:rotate(180deg)}\n"
    "thead th:first-child{left:0;z-index:3}\n"
    "tbody th{position:sticky;left:0;z-index:1;max-width:34rem;"
    "overflow:hidden;text-overflow:ellipsis}\n"
    "td{text-align:center;min-width:1.5rem;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}\n"
    "td sup{font-size:.7em;line-height:0}\n"
    "td a{color:inherit;display:block;font-weight:700}\n"
    ".fatal{color:var(--finding);border-top:2px solid var(--finding)}\n"
    ".benign{border-top:2px solid var(--handled-fg)}\n"
    "article{border:1px solid var(--line);border-left:4px solid "
    "var(--finding);border-radius:4px;padding:.7rem 1rem;margin:.8rem 0}\n"
    "article.unsure{border-left-color:var(--unsure)}\n"
    "article:target{outline:2px solid var(--finding)}\n"
    "article p{margin:.3rem 0}\n";

/* --- text --- */

static void escape(const char *text, FILE *out)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void rule(const struct sf_rule *rule, FILE *out)
{
    char *text = sf_rule_text(rule);

    escape(text ? text : "?", out);
    free(text);
}

static void command(const struct sf_report *r, FILE *out)
{
    for (char **word = r->sweep->run.command; *word; word++) {
        escape(*word, out);
        fputs(word[1] ? " " : "", out);
    }
}

/* --- the head --- */

static void head(const struct sf_report *r, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"
          "sockfault report: ",
          out);
    command(r, out);
    fputs("</title>\n", out);
    fputs(style, out);
    for (int i = 0; i < SF_CELL_STATES; i++)
        fprintf(out,
                "td.%s,.legend .%s{background:var(--%s);color:var(--%s-fg)}\n",
                sf_cell_states[i].name, sf_cell_states[i].name,
                sf_cell_states[i].name, sf_cell_states[i].name);
    fputs("</style></head><body>\n", out);
}

static void state_of_all(const struct sf_report *r, FILE *out)
{
    const struct sf_sweep *s = r->sweep;
    size_t all = sf_sweep_cases(s), left = r->counts[SF_CELL_TO_DO];

    if (left)
        fprintf(out, "INCOMPLETE: %zu of %zu cases were run; %s", all - left,
                all, sf_sweep_rest(r->rest));
    else
        fprintf(out, "COMPLETE: each of %zu cases was run", all);
    if (s->base.beyond)
        fprintf(out, "; %" PRIu64 " more fit, and are left out",
                s->base.beyond);
}

static void summary(const struct sf_report *r, FILE *out)
{
    const struct sf_baseline *b = &r->sweep->base;

    fprintf(out, "<h1>sockfault explore: %s</h1>\n<pre>", sf_report_verdict(r));
    command(r, out);
    fputs("</pre>\n<p>", out);
    state_of_all(r, out);
    fprintf(
        out,
        ".<br><span class=\"dim\">Without a fault: %" PRIu64
        " calls, connections: %" PRIu64
        ", processes: %u, %d ms. Profile %s, one fault a run%s.</span></p>\n",
        b->calls, b->connections, b->processes, b->ms,
        sf_profile_names[r->sweep->cases.profile],
        r->sweep->run.memory ? ", of allocations" : "");
}

static void legend(const struct sf_report *r, FILE *out)
{
    fputs("<ul class=\"legend\">\n", out);
    for (int i = 0; i < SF_CELL_STATES; i++)
        fprintf(out, "<li title=\"%s\"><b class=\"%s\">%s</b> %s: %zu</li>\n",
                sf_cell_states[i].what, sf_cell_states[i].name,
                sf_cell_states[i].sign, sf_cell_states[i].word, r->counts[i]);
    fputs("<li class=\"dim\">several cases in a cell: the worst, how many of "
          "it, of how many; each stands in its title</li>\n"
          "<li class=\"dim\">faults: benign ones, which should change "
          "nothing, then in red fatal ones, which may end that connection</li>"
          "</ul>\n",
          out);
}

/* --- the matrix --- */

/* Benign ones first: what happens there may change nothing at all. */
static int columns(const struct sf_report *r, int faults[SF_FAULT_COUNT])
{
    int n = 0;

    for (int cls = 0; cls < 2; cls++)
        for (int i = 0; i < SF_FAULT_COUNT; i++)
            if (r->faults & UINT64_C(1) << i &&
                (sf_faults[i].cls == SF_FATAL) == cls)
                faults[n++] = i;
    return n;
}

static void title(const struct sf_report *r, const struct sf_cell *cell,
                  FILE *out)
{
    int n = 0;

    for (size_t i = cell->first; i != SF_NO_CASE && n < TITLE_MAX;
         i = r->next[i], n++) {
        fputs(n ? "&#10;" : "", out);
        rule(&r->sweep->cases.rules[i], out);
        fprintf(out, " (%s)", sf_cell_states[sf_report_state(r, i)].word);
    }
    if (n == TITLE_MAX)
        fputs("&#10;…", out);
}

/* The first of its cases that is in this state, and found something. */
static const struct sf_group *group_of(const struct sf_report *r,
                                       const struct sf_cell *cell,
                                       enum sf_cell_state state)
{
    const struct sf_sweep *s = r->sweep;

    for (size_t i = cell->first; i != SF_NO_CASE; i = r->next[i])
        if (s->state[i] == SF_CASE_FOUND && sf_report_state(r, i) == state)
            return &s->groups[s->group[i]];
    return NULL;
}

/* The worst, how many of it, and how many in all if others are different. */
static void sign(const struct sf_cell *cell, enum sf_cell_state worst,
                 FILE *out)
{
    size_t all = 0, n = cell->counts[worst];

    for (int i = 0; i < SF_CELL_STATES; i++)
        all += cell->counts[i];
    fputs(sf_cell_states[worst].sign, out);
    if (n < all)
        fprintf(out, "<sup>%zu/%zu</sup>", n, all);
    else if (all > 1)
        fprintf(out, "<sup>%zu</sup>", n);
}

static void print_cell(const struct sf_report *r, const struct sf_cell *cell,
                       FILE *out)
{
    enum sf_cell_state worst = sf_cell_worst(cell);
    const struct sf_group *group = group_of(r, cell, worst);

    if (cell->first == SF_NO_CASE) {
        fputs("<td></td>", out);
        return;
    }
    fprintf(out, "<td class=\"%s\" title=\"", sf_cell_states[worst].name);
    title(r, cell, out);
    fputs("\">", out);
    if (group) {
        fputs("<a href=\"#", out);
        escape(group->name, out);
        fputs("\">", out);
    }
    sign(cell, worst, out);
    fputs(group ? "</a></td>" : "</td>", out);
}

static void place(const struct sf_report_row *row, FILE *out)
{
    fputs(sf_calls[row->call].name, out);
    if (row->site[0]) {
        fputs(" <span class=\"dim\">in</span> ", out);
        escape(row->site, out);
    }
}

static void print_row(const struct sf_report *r,
                      const struct sf_report_row *row, const int *faults, int n,
                      FILE *out)
{
    fputs("<tr><th title=\"", out);
    escape(row->site, out);
    fputs("\">", out);
    place(row, out);
    fputs("</th>", out);
    for (int i = 0; i < n; i++)
        print_cell(r, &row->cells[faults[i]], out);
    fputs("</tr>\n", out);
}

static void matrix(const struct sf_report *r, FILE *out)
{
    int faults[SF_FAULT_COUNT], n = columns(r, faults);

    fputs("<div class=\"scroll\"><table><thead><tr><th>call, and where it is "
          "made</th>",
          out);
    for (int i = 0; i < n; i++)
        fprintf(out, "<th class=\"%s\" title=\"%s\"><span>%s</span></th>",
                sf_class_names[sf_faults[faults[i]].cls],
                sf_class_names[sf_faults[faults[i]].cls],
                sf_faults[faults[i]].word);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < r->n_rows; i++)
        print_row(r, &r->rows[i], faults, n, out);
    fputs("</tbody></table></div>\n", out);
}

/* --- findings --- */

/* What was made to happen; all else that happened is comments. */
static void plan(const char *path, FILE *out)
{
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;

    if (!in)
        return;
    fputs("<details><summary>plan</summary><pre>", out);
    while (getline(&line, &room, in) > 0)
        if (line[0] != '#')
            escape(line, out);
    fputs("</pre></details>\n", out);
    free(line);
    fclose(in);
}

static void replay(const struct sf_sweep *s, const struct sf_group *g,
                   FILE *out)
{
    char *text = sf_sweep_replay_text(s, g);

    fputs("<pre>", out);
    escape(text ? text : "", out);
    fputs("</pre>\n", out);
    free(text);
}

static void shown(const struct sf_group *g, FILE *out)
{
    if (g->tries == 0)
        fputs("not seen again yet", out);
    else
        fprintf(out, "shown again %u of %u times%s", g->shown, g->tries,
                sf_sweep_is_sure(g) ? "" : ": does not count");
    if (sf_known_until(g->name))
        fprintf(out, "; known until %s", sf_known_until(g->name));
}

static void finding(const struct sf_sweep *s, const struct sf_group *g,
                    FILE *out)
{
    fputs("<article id=\"", out);
    escape(g->name, out);
    fprintf(out, "\" class=\"%s\"><h3>",
            sf_sweep_is_sure(g) ? "finding" : "unsure");
    escape(g->name, out);
    fputs("</h3>\n<p>", out);
    escape(g->line, out);
    fprintf(out, "</p>\n<p class=\"dim\">Cases: %zu; first <code>", g->cases);
    rule(&s->cases.rules[g->first], out);
    fputs("</code>; ", out);
    shown(g, out);
    fputs(".</p>\n", out);
    replay(s, g, out);
    plan(sf_sweep_path(s, "findings/%s.plan", g->name), out);
    fputs("</article>\n", out);
}

static void findings(const struct sf_sweep *s, FILE *out)
{
    fputs("<h2>Findings</h2>\n", out);
    if (s->n_groups == 0)
        fputs("<p>None.</p>\n", out);
    for (size_t i = 0; i < s->n_groups; i++)
        finding(s, &s->groups[i], out);
}

void sf_report_html(const struct sf_report *r, FILE *out)
{
    head(r, out);
    summary(r, out);
    legend(r, out);
    matrix(r, out);
    findings(r->sweep, out);
    fputs("</body></html>\n", out);
}
