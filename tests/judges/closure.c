/*
 * closure.c: the decoder with a bug for each thing that the proof of it says
 * (fuzzers/prove/decoder.c).  Planted as in judges.h; a row is a format.
 */
#include "tests/judges/judges.h"

#include "fuzzers/prove/core.h"
#include "target/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *planted = "";

bool is(const char *bug)
{
    return strcmp(planted, bug) == 0;
}

void prove_complain(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
}

int __real_fm_decoder_next(struct fm_decoder *d, struct fm_frame *out);
int __wrap_fm_decoder_next(struct fm_decoder *d, struct fm_frame *out);

int __wrap_fm_decoder_next(struct fm_decoder *d, struct fm_frame *out)
{
    static uint8_t other[16];
    int r = __real_fm_decoder_next(d, out);

    if (r == FM_FRAME && is("other-bytes") && out->len > 0) {
        memcpy(other, out->data, out->len);
        other[0] ^= 1;
        out->data = other;
    }
    return r;
}

int __real_fm_decoder_end(struct fm_decoder *d, struct fm_frame *out);
int __wrap_fm_decoder_end(struct fm_decoder *d, struct fm_frame *out);

int __wrap_fm_decoder_end(struct fm_decoder *d, struct fm_frame *out)
{
    bool failed = d->err != 0;
    int r = __real_fm_decoder_end(d, out);

    if (is("forgives") && failed)
        return FM_E_CLOSED;
    return is("ends-well") && r == FM_E_TRUNCATED ? FM_E_CLOSED : r;
}

int __real_fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len);
int __wrap_fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len);

int __wrap_fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len)
{
    int r = __real_fm_decoder_feed(d, bytes, len);

    d->work += is("works") ? 100 : 0;
    d->offset += is("moves-on");
    if (is("likes-q") && memchr(bytes, 'q', len))
        d->length++;
    if (is("likes-pieces") && len > 1)
        d->length++;
    return r;
}

size_t __real_fm_decoder_want(const struct fm_decoder *d);
size_t __wrap_fm_decoder_want(const struct fm_decoder *d);

size_t __wrap_fm_decoder_want(const struct fm_decoder *d)
{
    return __real_fm_decoder_want(d) + is("wants-more");
}

uint64_t __real_fm_decoder_offset(const struct fm_decoder *d);
uint64_t __wrap_fm_decoder_offset(const struct fm_decoder *d);

uint64_t __wrap_fm_decoder_offset(const struct fm_decoder *d)
{
    bool bad = d->err == FM_E_BAD || d->err == FM_E_TOO_LONG;

    return __real_fm_decoder_offset(d) + (bad && is("error-offset"));
}

const struct row rows[] = {
    {"other-bytes", "fixed:2", 0, "a frame with other bytes"},
    {"forgives", "ascii:1", 0, "an error that does not stay"},
    {"ends-well", "fixed:2", 0, "the end gives another verdict"},
    {"works", "fixed:2", 0, "more work for one byte"},
    {"moves-on", "fixed:2", 0, "does not hold the bytes"},
    {"likes-q", "fixed:3", 0, "unlike the others of its class"},
    {"likes-pieces", "fixed:3", 0, "than after its bytes one by one"},
    {"wants-more", "fixed:2", 0, "reaches past the frame"},
    {"error-offset", "ascii:1", 0, "an error at another offset"},
};
const unsigned rows_n = sizeof rows / sizeof *rows;

/* Its status, and what it says. */
static int prove(const struct row *row, const char *bug, char *said,
                 size_t size)
{
    int status = 0;
    size_t n;
    FILE *out = tmpfile();
    pid_t pid;

    if (!out)
        exit(2);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        planted = bug;
        exit(prove_decoder(row->input, 2, false, true));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(2);
    rewind(out);
    n = fread(said, 1, size - 1, out);
    said[n] = '\0';
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
    static char said[4096];
    unsigned bad = 0;

    for (unsigned i = 0; i < rows_n; i++) {
        const struct row *row = &rows[i];
        int status = prove(row, row->bug, said, sizeof said);

        if (status != 1 || !strstr(said, row->words)) {
            printf("%s: %d, %s\n", row->bug, status, said);
            bad++;
        }
        if (prove(row, "", said, sizeof said) != 0) {
            printf("without %s: %s\n", row->bug, said);
            bad++;
        }
    }
    return bad > 0;
}
