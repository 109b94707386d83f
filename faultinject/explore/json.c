/* json.c: what came out, for programs; see explore.h. */
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <wchar.h>

#include "faultinject/explore/json.h"

enum { UTF8_MAX = 4 }; /* bytes of a character */

/* How many bytes of UTF-8 begin here; 0: these are none. */
static size_t well_formed(const char *s)
{
    static locale_t utf8;
    locale_t before;
    mbstate_t state = {0};
    size_t n;

    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    before = uselocale(utf8);
    n = mbrlen(s, strnlen(s, UTF8_MAX), &state);
    uselocale(before);
    return n <= UTF8_MAX ? n : 0;
}

/* JSON is UTF-8, and names of files are bytes: what is none of it is U+FFFD. */
json *sf_json_string(const char *text)
{
    static const char unknown[] = "\xef\xbf\xbd";
    json *string = NULL;
    char *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&copy, &size);

    while (out && *text) {
        size_t n = (unsigned char)*text < 0x80 ? 1 : well_formed(text);

        fwrite(n ? text : unknown, 1, n ? n : sizeof unknown - 1, out);
        text += n ? n : 1;
    }
    if (out && fclose(out) == 0)
        string = json_object_new_string(copy);
    free(copy);
    return string;
}

void sf_json_text(json *to, const char *name, const char *text)
{
    json_object_object_add(to, name, text ? sf_json_string(text) : NULL);
}

void sf_json_number(json *to, const char *name, uint64_t n)
{
    json_object_object_add(to, name, json_object_new_uint64(n));
}

void sf_json_rule(json *to, const char *name, const struct sf_rule *rule)
{
    char *text = sf_rule_text(rule);

    sf_json_text(to, name, text);
    free(text);
}

void sf_json_write(json *all, FILE *out)
{
    fputs(json_object_to_json_string_ext(
              all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE),
          out);
    fputc('\n', out);
    json_object_put(all);
}

static void add_where(json *to, const struct sf_control *c, uint64_t site)
{
    char where[SF_WHERE_MAX];

    sf_json_text(to, "site", sf_where(c, site, where) ? where : NULL);
}

/* --- the parts --- */

json *sf_json_words(char *const *word)
{
    json *words = json_object_new_array();

    for (; *word; word++)
        json_object_array_add(words, sf_json_string(*word));
    return words;
}

static json *processes(const struct sf_control *c)
{
    json *list = json_object_new_array();

    for (unsigned i = 0; i < sf_processes(c); i++) {
        json *process = json_object_new_object();
        sf_json_text(process, "program", c->processes[i].program);
        sf_json_number(process, "pid", (uint64_t)c->processes[i].pid);
        sf_json_number(process, "connections", c->processes[i].connections);
        json_object_array_add(list, process);
    }
    return list;
}

static json *calls_by_name(const struct sf_control *c)
{
    json *counts = json_object_new_object();

    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (sf_seen(c, i))
            sf_json_number(counts, sf_calls[i].name, sf_seen(c, i));
    return counts;
}

static json *injected_by_kind(const struct sf_control *c)
{
    json *counts = json_object_new_object();

    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (c->injected[i])
            sf_json_number(counts, sf_faults[i].word, c->injected[i]);
    return counts;
}

static json *rules(const struct sf_control *c)
{
    json *list = json_object_new_array();

    for (size_t i = 0; i < c->n_rules; i++) {
        json *rule = json_object_new_object();
        sf_json_rule(rule, "rule", &c->rules[i]);
        sf_json_text(rule, "state", sf_rule_state(&c->rules[i]));
        sf_json_number(rule, "matched", c->rules[i].matched);
        sf_json_number(rule, "done", c->rules[i].done);
        json_object_array_add(list, rule);
    }
    return list;
}

/* `told` NULL: it is the end of the command that was found. */
static json *finding(const struct sf_control *c, const struct sf_told *told,
                     const char *monitor, const char *line)
{
    const struct sf_record *cause = sf_cause(c, told);
    json *one = json_object_new_object();

    sf_json_text(one, "monitor", monitor);
    sf_json_text(one, "line", line);
    if (told) {
        sf_json_number(one, "times", told->times);
        sf_json_number(one, "process", told->process);
        add_where(one, c, told->site);
    }
    if (cause) {
        struct sf_rule rule = sf_rule_of(c, cause, sf_endless(c));
        sf_json_rule(one, "after", &rule);
    }
    return one;
}

static json *findings(const struct sf_run *run,
                      const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;
    json *list = json_object_new_array();
    char text[SF_END_MAX];

    for (unsigned i = 0; i < sf_findings(c); i++) {
        const struct sf_told *told = &c->findings[i];
        json_object_array_add(
            list,
            finding(c, told, sf_monitor_name((enum sf_monitor)told->monitor),
                    told->line));
    }
    if (c->n_findings == 0 && sf_verdict(run, outcome)) {
        sf_end_text(run, outcome, text);
        json_object_array_add(list,
                              finding(c, NULL, sf_verdict(run, outcome), text));
    }
    return list;
}

static json *dropped(const struct sf_control *c)
{
    struct sf_dropped n = sf_dropped(c);
    json *counts = json_object_new_object();

    sf_json_number(counts, "calls", n.calls);
    sf_json_number(counts, "faults", n.faults);
    sf_json_number(counts, "connections", c->n_beyond);
    return counts;
}

/* How the command itself ended. */
static json *end(const struct sf_outcome_of_run *outcome)
{
    json *how = json_object_new_object();
    int status = outcome->status;

    if (WIFSIGNALED(status)) {
        char name[32];
        snprintf(name, sizeof name, "SIG%s", sigabbrev_np(WTERMSIG(status)));
        sf_json_text(how, "signal", name);
    } else {
        sf_json_number(how, "status", (uint64_t)WEXITSTATUS(status));
    }
    json_object_object_add(how, "timed_out",
                           json_object_new_boolean(outcome->timed_out));
    return how;
}

void sf_json_print(const struct sf_run *run,
                   const struct sf_outcome_of_run *outcome, FILE *out)
{
    const struct sf_control *c = outcome->control;
    json *all = json_object_new_object();

    json_object_object_add(all, "command", sf_json_words(run->command));
    sf_json_text(all, "profile", sf_profile_names[run->plan.profile]);
    sf_json_text(all, "verdict", sf_verdict(run, outcome));
    sf_json_number(all, "exit", (uint64_t)sf_status(run, outcome));
    sf_json_number(all, "calls", sf_calls_seen(c));
    sf_json_number(all, "sockets_passed", outcome->passed.sockets);
    sf_json_number(all, "io_urings", outcome->passed.rings);
    sf_json_number(all, "programs_lost", c->lost.n);
    json_object_object_add(all, "by_call", calls_by_name(c));
    sf_json_number(all, "connections", sf_connections(c));
    json_object_object_add(all, "processes", processes(c));
    sf_json_number(all, "faults", sf_sum(c->injected, SF_FAULT_COUNT));
    json_object_object_add(all, "by_fault", injected_by_kind(c));
    json_object_object_add(all, "rules", rules(c));
    json_object_object_add(all, "findings", findings(run, outcome));
    json_object_object_add(all, "not_kept", dropped(c));
    json_object_object_add(all, "end", end(outcome));
    sf_json_write(all, out);
}
