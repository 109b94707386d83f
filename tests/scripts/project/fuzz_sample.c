/*
 * A fuzz target with one bug of choice.  PLANTED is "" for none, "overflow"
 * for a read past the end that the first bytes "GO" lead to, "finding" for a
 * finding as sockfault prints it, "exit" for a target that leaves without a
 * word and so looks as if nothing was wrong.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int planted(const char *name)
{
    return strcmp(PLANTED, name) == 0;
}

static int read_past_end(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    int last = copy[size];
    free(copy);
    return last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (planted("exit"))
        _exit(0);
    if (size < 2 || data[0] != 'G' || data[1] != 'O')
        return 0;
    if (planted("overflow"))
        return read_past_end(data, size) & 0;
    if (planted("finding")) {
        fprintf(stderr, "sockfault: finding: spin: 64 calls and nothing\n");
        abort();
    }
    return 0;
}
