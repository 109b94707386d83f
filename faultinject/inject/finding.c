/* finding.c: see finding.h. */
#include "faultinject/inject/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool (*sf_finding_hook)(enum sf_monitor monitor, const char *line);

static const char *const names[SF_MON_COUNT] = {
#define X(id, word, worlds, what) word,
    SF_MONITOR_MAP(X)
#undef X
};

const char *sf_monitor_name(enum sf_monitor monitor)
{
    return names[monitor];
}

void sf_finding(enum sf_monitor monitor, const char *format, ...)
{
    char line[256];
    va_list ap;
    int n = snprintf(line, sizeof line,
                     "sockfault: finding: %s: ", sf_monitor_name(monitor));

    va_start(ap, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, ap);
    va_end(ap);
    if (sf_finding_hook && sf_finding_hook(monitor, line))
        return;
    dprintf(STDERR_FILENO, "%s\n", line);
    abort();
}
