/*
 * machine.h: what of a snapshot and of a fingerprint depends on the machine.
 *
 * Of x86-64 and 64-bit ARM.  On others there are no snapshots, and each
 * schedule is run from its beginning.
 */
#ifndef SF_MACHINE_H
#define SF_MACHINE_H

#include "faultinject/session/seen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#if defined __x86_64__
enum { MACHINE_KEPT = 6 }; /* rbx, rbp, r12 to r15 */
#elif defined __aarch64__
enum { MACHINE_KEPT = 19 }; /* x19 to x29, d8 to d15 */
#else
enum { MACHINE_KEPT = 0 };
#endif

/*
 * The way of a call into the injector begins with __wrap_sf_ask (--wrap): what
 * the program has in registers, and where its stack ends, is known only then,
 * and is left here.  What is below is the injector's, and holds nothing from
 * one call to the next.
 */
struct machine_caller {
    uint64_t kept[MACHINE_KEPT + !MACHINE_KEPT]; /* that a call leaves alone */
    char *stack;
    struct sf_op *op;
};
extern struct machine_caller machine_caller;

/* Can this machine do all that is below? */
bool machine_can(void);

/* A register that nobody has used yet is a part of the state, too. */
void machine_clear_registers(ucontext_t *context);

/* What the C library keeps of this thread is in so many bytes. */
enum { MACHINE_RECORD = 4096 };
static inline char *machine_record(void)
{
#if defined __x86_64__
    return __builtin_thread_pointer();
#elif defined __aarch64__
    return (char *)__builtin_thread_pointer() - MACHINE_RECORD;
#else
    return NULL;
#endif
}

/* This thread's own variables are around it. */
static inline char *machine_thread(void)
{
#if defined __x86_64__ || defined __aarch64__
    return __builtin_thread_pointer();
#else
    return NULL;
#endif
}

/* The stack of whoever asks is above this, and what is here at most its own. */
static inline const char *machine_stack(void)
{
    const char *end = NULL;

#if defined __x86_64__
    __asm__("lea -128(%%rsp), %0" : "=r"(end)); /* the red zone is its own */
#elif defined __aarch64__
    __asm__("mov %0, sp" : "=r"(end));
#endif
    return end;
}

/* A round of AES: it only has to spread what differs. */
typedef long long machine_lane __attribute__((vector_size(16), aligned(8)));

#if defined __x86_64__
#define MACHINE_AES __attribute__((target("aes")))
MACHINE_AES static inline machine_lane machine_stir(machine_lane x,
                                                    machine_lane y)
{
    return __builtin_ia32_aesenc128(x, y);
}
#elif defined __aarch64__
#ifdef __clang__
#define MACHINE_AES __attribute__((target("aes")))
#else
#define MACHINE_AES __attribute__((target("+aes")))
#endif
MACHINE_AES static inline machine_lane machine_stir(machine_lane x,
                                                    machine_lane y)
{
    machine_lane none = {0};

    __asm__("aese %0.16b, %1.16b\n\t"
            "aesmc %0.16b, %0.16b"
            : "+w"(x)
            : "w"(none));
    return x ^ y;
}
#else
#define MACHINE_AES
static inline machine_lane machine_stir(machine_lane x, machine_lane y)
{
    return x + y;
}
#endif

/* A line of 64 bytes is stirred into as many lanes at once … */
enum { MACHINE_LANES = 4 };

/* … and all of them are one fingerprint. */
MACHINE_AES static inline struct sf_print machine_fold(const machine_lane *p)
{
    machine_lane x = p[0];

    for (unsigned i = 1; i < MACHINE_LANES; i++)
        x = machine_stir(machine_stir(x, p[i]), p[i]);
    x = machine_stir(machine_stir(x, p[1]), p[2]);
    return (struct sf_print){(uint64_t)x[0], (uint64_t)x[1]};
}

#endif
