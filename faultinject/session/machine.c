/* machine.c: see machine.h */
#include "faultinject/session/machine.h"

#include <string.h>

/* What is wrapped, by the linker that wraps it; another one has done so before.
 */
#ifdef SF_WRAPS
#define ASK "__real_sf_ask"
#else
#define ASK "sf_ask"
#endif

#if defined __x86_64__

bool machine_can(void)
{
    return __builtin_cpu_supports("aes");
}

void machine_clear_registers(ucontext_t *context)
{
    static const int kept[MACHINE_KEPT] = {REG_RBX, REG_RBP, REG_R12,
                                           REG_R13, REG_R14, REG_R15};

    for (unsigned i = 0; i < MACHINE_KEPT; i++)
        context->uc_mcontext.gregs[kept[i]] = 0;
}

__asm__(".globl __wrap_sf_ask\n"
        ".type __wrap_sf_ask, @function\n"
        "__wrap_sf_ask:\n"
        "    lea machine_caller(%rip), %rax\n"
        "    mov %rbx, (%rax)\n"
        "    mov %rbp, 8(%rax)\n"
        "    mov %r12, 16(%rax)\n"
        "    mov %r13, 24(%rax)\n"
        "    mov %r14, 32(%rax)\n"
        "    mov %r15, 40(%rax)\n"
        "    mov %rsp, 48(%rax)\n"
        "    mov %rdi, 56(%rax)\n"
        "    jmp " ASK "\n"
        ".size __wrap_sf_ask, . - __wrap_sf_ask\n"
        ".comm machine_caller, 64, 64\n"
        ".hidden machine_caller\n");

#elif defined __aarch64__

#include <asm/hwcap.h>
#include <signal.h>
#include <sys/auxv.h>

bool machine_can(void)
{
    return getauxval(AT_HWCAP) & HWCAP_AES;
}

void machine_clear_registers(ucontext_t *context)
{
    struct fpsimd_context *vectors = (void *)context->uc_mcontext.__reserved;

    memset(vectors->vregs, 0, sizeof vectors->vregs);
    for (unsigned i = 19; i <= 29; i++)
        context->uc_mcontext.regs[i] = 0;
}

__asm__(".globl __wrap_sf_ask\n"
        ".type __wrap_sf_ask, @function\n"
        "__wrap_sf_ask:\n"
        "    adrp x9, machine_caller\n"
        "    add x9, x9, :lo12:machine_caller\n"
        "    stp x19, x20, [x9]\n"
        "    stp x21, x22, [x9, #16]\n"
        "    stp x23, x24, [x9, #32]\n"
        "    stp x25, x26, [x9, #48]\n"
        "    stp x27, x28, [x9, #64]\n"
        "    str x29, [x9, #80]\n"
        "    stp d8, d9, [x9, #88]\n"
        "    stp d10, d11, [x9, #104]\n"
        "    stp d12, d13, [x9, #120]\n"
        "    stp d14, d15, [x9, #136]\n"
        "    mov x10, sp\n"
        "    stp x10, x0, [x9, #152]\n"
        "    b " ASK "\n"
        ".size __wrap_sf_ask, . - __wrap_sf_ask\n"
        ".comm machine_caller, 192, 64\n"
        ".hidden machine_caller\n");

#else

#include "faultinject/inject/inject.h"

struct machine_caller machine_caller;
enum sf_verdict __wrap_sf_ask(struct sf_op *op);

bool machine_can(void)
{
    return false;
}

void machine_clear_registers(ucontext_t *context)
{
    (void)context;
}

enum sf_verdict __wrap_sf_ask(struct sf_op *op)
{
    return sf_ask(op);
}

#endif
