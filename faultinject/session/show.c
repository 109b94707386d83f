/* show.c: see show.h */
#include "faultinject/session/show.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/run.h"

#include <stdarg.h>
#include <string.h>

enum { LEFT = 30 };

static FILE *out;

static void line(char mark, bool program, const char *format, ...)
{
    int64_t ns = sf_sim_now() - SF_SIM_EPOCH_NS;
    va_list ap;

    if (!out)
        return;
    fprintf(out, "%c %9.3f s  %*s", mark, (double)ns / 1e9, program ? LEFT : 0,
            "");
    if (program && sf_sim_thread > 1)
        fprintf(out, "%u: ", sf_sim_thread);
    va_start(ap, format);
    vfprintf(out, format, ap);
    va_end(ap);
    putc('\n', out);
    fflush(out); /* the next call may be the last */
}

void sf_show_begin(FILE *file, const struct sf_session *s)
{
    out = file;
    if (!out)
        return;
    sf_session_print(s, out);
    fprintf(out, "\n       time    %-*s%s\n", LEFT, "peers", "program");
}

void sf_show_adopt(FILE *file)
{
    out = file;
}

void sf_show_end(void)
{
    if (out)
        line(' ', true, "returned after %llu calls",
             (unsigned long long)sf_sim_calls());
    out = NULL;
}

bool sf_show_calls(void)
{
    return out;
}

void sf_show_act(const struct sf_act *act)
{
    char text[256];

    if (!out)
        return;
    sf_act_format(act, text, sizeof text);
    line(' ', false, "%s", text);
}

void sf_show_phase(const char *text)
{
    if (text)
        line(' ', false, "(%s)", text);
}

void sf_show_anew(unsigned number)
{
    line(' ', false, "(peer %u begins anew)", number);
}

void sf_show_fault(const struct sf_point *at, const struct sf_outcome *outcome,
                   size_t amount)
{
    char where[64] = "";

    if (!out)
        return;
    if (at->call == SF_CALL_sched_yield) {
        line('!', true, "others go first%s",
             outcome->fault == SF_DELAY ? ", for 1 ms" : "");
        return;
    }
    if (outcome->fault == SF_SHORT)
        snprintf(where, sizeof where, " %zu of %zu", amount, at->len);
    else if (at->conn)
        snprintf(where, sizeof where, " at byte %llu",
                 (unsigned long long)at->offset);
    line('!', true, "%s %d: %s%s", sf_calls[at->call].name, at->fd,
         sf_faults[outcome->fault].word, where);
}

/* The first argument of these is no number that says anything. */
static bool is_pointer(enum sf_call call)
{
    return call == SF_CALL_poll || call == SF_CALL_ppoll ||
           call == SF_CALL_pipe || call == SF_CALL_pipe2 ||
           call == SF_CALL_gettimeofday || call == SF_CALL_time ||
           call == SF_CALL_nanosleep;
}

/* To the last nanosecond, and no digit more than it takes. */
static void add_ms(char *to, size_t size, long ns)
{
    size_t n = strlen(to);

    n += (size_t)snprintf(to + n, size - n, " %ld.%06ld", ns / 1000000,
                          ns % 1000000);
    while (to[n - 1] == '0')
        n--;
    n -= to[n - 1] == '.';
    snprintf(to + n, size - n, " ms");
}

void sf_show_call(void *arg, enum sf_call call, long first, long asked,
                  long result, int err)
{
    enum sf_kind kind = sf_calls[call].kind;
    char number[48] = "", end[64] = "";

    (void)arg;
    if (kind == K_CLOCK || !sf_inside()) /* the injector asks, too */
        return;
    if (!is_pointer(call))
        snprintf(number, sizeof number, " %ld", first);
    if (kind == K_READ || kind == K_WRITE)
        snprintf(number + strlen(number), sizeof number - strlen(number),
                 " %ld", asked);
    if (kind == K_WAIT && asked >= 0) /* not for ever */
        add_ms(number, sizeof number, asked);
    if (err)
        snprintf(end, sizeof end, " %s", strerrorname_np(err));
    else if (kind == K_ACCEPT && sf_session_peer_of((int)result))
        snprintf(end, sizeof end, " (connection %u)",
                 sf_session_peer_of((int)result)->ordinal);
    line(' ', true, "%s%s -> %ld%s", sf_calls[call].name, number, result, end);
}
