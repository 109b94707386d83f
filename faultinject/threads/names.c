/* names.c: see names.h */
#include "faultinject/threads/names.h"

#include "faultinject/interpose/interpose.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <stdbool.h>

static void *in_library(const char *soname, const char *name)
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_NOLOAD);

    return library ? dlsym(library, name) : NULL;
}

/* Older ones have it in a library of its own. */
sf_pthread_create *sf_names_libc_pthread_create(void)
{
    static void *found;

    if (!found)
        found = in_library(LIBPTHREAD_SO, "pthread_create");
    if (!found)
        found = in_library(LIBC_SO, "pthread_create");
    return (sf_pthread_create *)found;
}

#if defined __x86_64__ || defined __aarch64__
static const void *base_of(const void *address)
{
    Dl_info info;

    return dladdr(address, &info) ? info.dli_fbase : NULL;
}

/* A sanitizer that looks for libc's strcmp() has none so far. */
static bool is_same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* We want what stands behind us, too. */
__attribute__((used)) static void *sf_name_for(void *handle, const char *name,
                                               const void *caller)
{
    if (handle != RTLD_NEXT || !is_same(name, "pthread_create") ||
        base_of(caller) == base_of((const void *)base_of))
        return NULL;
    return (void *)sf_names_pthread_create;
}

__attribute__((used)) static void *real_dlsym(void)
{
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5",
                                           "GLIBC_2.17"};
    static void *libc;

    for (size_t i = 0; !libc && i < sizeof versions / sizeof *versions; i++)
        libc = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    return libc;
}
#endif

/* It looks at who called it, so it is jumped to. */
#if defined __x86_64__
__asm__(".text\n"
        ".globl dlsym\n"
        ".type dlsym, @function\n"
        "dlsym:\n"
        "    push %rdi\n"
        "    push %rsi\n"
        "    mov 16(%rsp), %rdx\n"
        "    push %rbx\n"
        "    call sf_name_for\n"
        "    mov %rax, %rbx\n"
        "    call real_dlsym\n"
        "    mov %rbx, %rcx\n"
        "    pop %rbx\n"
        "    pop %rsi\n"
        "    pop %rdi\n"
        "    test %rcx, %rcx\n"
        "    jne 1f\n"
        "    jmp *%rax\n"
        "1:  mov %rcx, %rax\n"
        "    ret\n"
        ".size dlsym, .-dlsym\n");
#elif defined __aarch64__
__asm__(".text\n"
        ".globl dlsym\n"
        ".type dlsym, @function\n"
        "dlsym:\n"
        "    stp x0, x1, [sp, #-48]!\n"
        "    stp x29, x30, [sp, #16]\n"
        "    str x19, [sp, #32]\n"
        "    mov x2, x30\n"
        "    bl sf_name_for\n"
        "    mov x19, x0\n"
        "    bl real_dlsym\n"
        "    mov x16, x0\n"
        "    mov x9, x19\n"
        "    ldr x19, [sp, #32]\n"
        "    ldp x29, x30, [sp, #16]\n"
        "    ldp x0, x1, [sp], #48\n"
        "    cbnz x9, 1f\n"
        "    br x16\n"
        "1:  mov x0, x9\n"
        "    ret\n"
        ".size dlsym, .-dlsym\n");
#endif
