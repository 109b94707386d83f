/* sanitizer.c: see sanitizer.h. */
#include "faultinject/inject/sanitizer.h"

#include <stdlib.h>
#include <unistd.h>

/* What every sanitizer's library has, in the program or beside it. */
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

int __asan_report_present(void) __attribute__((weak));

static struct sf_sanitized *shared;
static pid_t self;
static bool ending; /* exit() was called: leaks are sought soon */

/* A report ends the process without this, or after it, as for leaks; a child
 * that was forked is not counted, and shall not count. */
static void on_end(int status, void *arg)
{
    (void)arg;
    if (status == SF_SANITIZER_STATUS && getpid() == self)
        __atomic_fetch_add(&shared->own, 1, __ATOMIC_RELAXED);
}

void sf_sanitized_watch(struct sf_sanitized *counts)
{
    if (!&__sanitizer_set_death_callback)
        return;
    shared = counts;
    sf_sanitized_forked();
    on_exit(on_end, NULL);
}

void sf_sanitized_forked(void)
{
    if (!shared)
        return;
    self = getpid();
    __atomic_fetch_add(&shared->programs, 1, __ATOMIC_RELAXED);
}

void sf_sanitized_counters(sf_counter *each, void *arg)
{
    each(arg, &self, sizeof self);
}

static void on_exit_called(void)
{
    ending = true;
}

void sf_sanitized_await(void)
{
    if (&__sanitizer_set_death_callback)
        atexit(on_exit_called);
}

bool sf_sanitized_reports(void)
{
    return ending || (&__asan_report_present && __asan_report_present());
}
