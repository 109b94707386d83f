/* print.c: fingerprints of what image.c looks at; see image.h */
#include "fuzzers/prove/image.h"
#include "fuzzers/prove/lines.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/machine.h"

#include <errno.h>
#include <string.h>

enum { LANES = MACHINE_LANES };

MACHINE_AES static inline void add(machine_lane *p, unsigned line)
{
    const machine_lane *x = (const machine_lane *)image_lines->at[line];
    const machine_lane *m = (const machine_lane *)&image_lines->masks[line];

    for (unsigned i = 0; i < LANES; i++)
        p[i] = machine_stir(p[i], x[i] & m[i]);
}

long __wrap_sf_tell(struct sf_op *op);

/*
 * What is on the stack below the program is no state, but what the program
 * puts there next may have it between its variables: in the buffer of its next
 * read, say.  So nothing is left there, of this call or of functions that the
 * program called before it.
 */
static __attribute__((noinline)) void clear_below(void)
{
    for (unsigned i = image_lines_above(machine_stack());
         i < image_lines->stack; i++)
        memset(image_lines->at[i], 0, LINE);
}

/* The description of the call lies below the program, too.  What errno is
 * after a call that succeeded POSIX leaves open. */
long __wrap_sf_tell(struct sf_op *op)
{
    long result = sf_tell(op);

    if (image_lines && image_lines->prints) {
        memset(op, 0, sizeof *op);
        clear_below();
        if (result >= 0)
            errno = EAGAIN;
    }
    return result;
}

MACHINE_AES static struct sf_print print_all(machine_lane *p)
{
    unsigned n = image_lines_above(machine_caller.stack + LINE - 1);

    for (size_t i = 0; i + 16 <= image_lines->thread_len; i += 16)
        p[i / 16 % LANES] =
            machine_stir(p[i / 16 % LANES],
                         *(const machine_lane *)(image_lines->thread + i));
    for (unsigned i = 0; i < n; i++)
        add(p, i);
    for (unsigned i = image_lines->stack; i < image_lines->printed; i++)
        add(p, i);
    return machine_fold(p);
}

MACHINE_AES struct sf_print image_rest(void)
{
    machine_lane p[LANES] = {{0}};

    for (unsigned i = image_lines->stack; i < image_lines->printed; i++)
        add(p, i);
    return machine_fold(p);
}

/* Of the description of the call only what the program gave counts. */
MACHINE_AES struct sf_print image_print(void)
{
    struct sf_op *op = machine_caller.op, then = *op;
    machine_lane p[LANES] = {{errno, 1},
                             {2, (int)op->call},
                             {op->fd, op->flags},
                             {(long long)op->len, 3}};
    struct sf_print print;

    memset(op, 0, sizeof *op);
    image_look_now();
    print = print_all(p);
    *op = then;
    return print;
}
