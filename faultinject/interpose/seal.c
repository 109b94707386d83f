/*
 * seal.c: a program that forbids itself system calls, and libraries that
 * want to see libc before anybody else.
 *
 * A seccomp filter may end the program at a call that it would never make by
 * itself, and asking for the facts of a descriptor is such a call.  So from
 * there on nothing is injected any more and nothing is asked; what is seen
 * without asking is still watched.
 */
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "faultinject/interpose/interpose.h"

SF_NEXT(prctl, int, (int option, ...))

SF_EXPORT int prctl(int option, ...)
{
    unsigned long a, b, c, d;
    va_list ap;

    va_start(ap, option);
    a = va_arg(ap, unsigned long);
    b = va_arg(ap, unsigned long);
    c = va_arg(ap, unsigned long);
    d = va_arg(ap, unsigned long);
    va_end(ap);
    if (option == PR_SET_SECCOMP)
        sf_seal();
    return next_prctl()(option, a, b, c, d);
}

/*
 * RTLD_DEEPBIND lets a library find libc's names before ours.  Without it
 * the library finds the same functions, unless it has some of these names of
 * its own.  dlopen looks at who called it, so it is jumped to.
 */
#if defined __x86_64__ || defined __aarch64__
SF_NEXT(dlopen, void *, (const char *path, int flags))

__attribute__((used)) static void *(*real_dlopen(void))(const char *, int)
{
    return next_dlopen();
}

__attribute__((used)) static int dropped_flags(void)
{
    return sf_on ? ~RTLD_DEEPBIND : ~0;
}
#endif

#if defined __x86_64__
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, @function\n"
        "dlopen:\n"
        "    push %rdi\n"
        "    push %rsi\n"
        "    push %rbx\n"
        "    call dropped_flags\n"
        "    mov %eax, %ebx\n"
        "    call real_dlopen\n"
        "    mov %ebx, %ecx\n"
        "    pop %rbx\n"
        "    pop %rsi\n"
        "    pop %rdi\n"
        "    and %ecx, %esi\n"
        "    jmp *%rax\n"
        ".size dlopen, .-dlopen\n");
#elif defined __aarch64__
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, @function\n"
        "dlopen:\n"
        "    stp x0, x1, [sp, #-48]!\n"
        "    stp x29, x30, [sp, #16]\n"
        "    str x19, [sp, #32]\n"
        "    bl dropped_flags\n"
        "    mov w19, w0\n"
        "    bl real_dlopen\n"
        "    mov x16, x0\n"
        "    mov w9, w19\n"
        "    ldr x19, [sp, #32]\n"
        "    ldp x29, x30, [sp, #16]\n"
        "    ldp x0, x1, [sp], #48\n"
        "    and w1, w1, w9\n"
        "    br x16\n"
        ".size dlopen, .-dlopen\n");
#endif
