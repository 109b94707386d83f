/*
 * target.h: a fuzz target in one file.
 *
 *     #include "faultinject/session/target.h"
 *     static void run(void *arg, int fd)  { … serve at sf_session_addr() … }
 *     static void stop(void *arg)         { … make run() return … }
 *     SF_FUZZ_TARGET(.name = "mine", .side = SF_SERVE, .run = run,
 *                    .stop = stop, .received = sf_peer_echo,
 *                    .finished = sf_peer_echoed)
 *
 * Include it once.  docs/adding-a-target.md says the rest.  In C++ (20) the
 * fields are named in the order that struct sf_program has them.
 */
#ifndef SF_TARGET_H
#define SF_TARGET_H

#ifdef __cplusplus
extern "C" {
#endif

#include "faultinject/inject/finding.h"
#include "faultinject/session/run.h"

/* Set by the replayer's -v. */
extern bool sf_verbose __attribute__((weak));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a project of its own, without it, allocations of a program with a
 * sanitizer could not fail. */
#ifdef __has_feature
#if defined SF_ARCHIVE &&                                                   \
    (__has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
     __has_feature(thread_sanitizer))
extern const char sf_before_sanitizer;
static const char *const sf_needs_allocator __attribute__((used)) =
    &sf_before_sanitizer;
#endif
#endif

#ifdef __cplusplus
}
#endif

/* g++ -Wextra takes each field that is not named for a mistake. */
#define SF_UNNAMED_ARE_0           \
    _Pragma("GCC diagnostic push") \
        _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")
#define SF_WARN_AGAIN _Pragma("GCC diagnostic pop")

/* The fields of struct sf_program. */
#define SF_FUZZ_TARGET(...)                                       \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)  \
    {                                                             \
        SF_UNNAMED_ARE_0                                          \
        static const struct sf_program program = {__VA_ARGS__};   \
        SF_WARN_AGAIN                                             \
        static struct sf_session session;                         \
        bool show = &sf_verbose && sf_verbose;                    \
                                                                  \
        if (sf_session_tries_out(data, size))                     \
            return 0;                                             \
        sf_session_decode(&session, data, size);                  \
        sf_session_run(&session, &program, show ? stdout : NULL); \
        return 0;                                                 \
    }

#endif
