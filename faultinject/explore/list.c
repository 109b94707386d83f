/* list.c: the tables, for people and scripts; see explore.h. */
#include <string.h>

#include "faultinject/explore/explore.h"

static const char *kinds_text(unsigned kinds)
{
    static const char *const words[SF_KIND_COUNT] = {
        "in",  "out",   "accept", "connect", "wait",   "open", "close",
        "ask", "clock", "spawn",  "reap",    "memory", "turn"};
    static char text[128];

    text[0] = '\0';
    for (int i = 0; i < SF_KIND_COUNT; i++)
        if (kinds & 1u << i) {
            strcat(text, text[0] ? ", " : "");
            strcat(text, words[i]);
        }
    return text;
}

/* These have nothing to do with descriptors. */
static bool is_listed(int call)
{
    return sf_calls[call].kind != K_CLOCK && sf_calls[call].kind != K_TURN;
}

static void list_calls(void)
{
    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (is_listed(i))
            printf("%-14s %s\n", sf_calls[i].name,
                   kinds_text(sf_calls[i].kind));
}

/* Those that a plan can name. */
static void list_faults(void)
{
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (sf_faults[i].kinds & K_ANY)
            printf("%-14s %-7s %-8s %s\n", sf_faults[i].word,
                   sf_class_names[sf_faults[i].cls],
                   sf_profile_names[sf_faults[i].profile],
                   kinds_text(sf_faults[i].kinds));
}

static void list_call(int call)
{
    const char *before = " ";

    printf("| `%s` | %s |", sf_calls[call].name,
           kinds_text(sf_calls[call].kind));
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (sf_fault_fits((enum sf_fault)i, (enum sf_call)call)) {
            printf("%s%s", before, sf_faults[i].word);
            before = ", ";
        }
    printf(" |\n");
}

/* The tables of docs/fault-model.md. */
static void list_model(void)
{
    printf("| fault | class | profile | calls |\n| --- | --- | --- | --- |\n");
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        printf("| `%s` | %s | %s | %s |\n", sf_faults[i].word,
               sf_class_names[sf_faults[i].cls],
               sf_profile_names[sf_faults[i].profile],
               kinds_text(sf_faults[i].kinds));
    printf("\n| call | kind | faults it can have |\n| --- | --- | --- |\n");
    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (is_listed(i))
            list_call(i);
}

static void list_monitors(void)
{
    static const struct {
        unsigned worlds;
        const char *what;
    } rows[SF_MON_COUNT] = {
#define X(id, word, worlds, what) {worlds, what},
        SF_MONITOR_MAP(X)
#undef X
    };
    static const char *const worlds[] = {[SF_IN_KERNEL] = "kernel",
                                         [SF_IN_SIMNET] = "simnet",
                                         [SF_EVERYWHERE] = "kernel, simnet"};

    for (int i = 0; i < SF_MON_COUNT; i++)
        printf("%-18s %-15s %s\n", sf_monitor_name((enum sf_monitor)i),
               worlds[rows[i].worlds], rows[i].what);
}

bool sf_list(const char *what)
{
    static const struct {
        const char *what;
        void (*list)(void);
    } lists[] = {{"calls", list_calls},
                 {"faults", list_faults},
                 {"model", list_model},
                 {"monitors", list_monitors}};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(what, lists[i].what) == 0) {
            lists[i].list();
            return true;
        }
    return false;
}
