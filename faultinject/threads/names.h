/*
 * names.h: who looks for libc's own pthread_create() finds ours.
 *
 * An allocator that makes a thread asks dlsym(3) for what stands behind itself,
 * past us: that thread would take no turns, and the allocator with it.
 */
#ifndef SF_NAMES_H
#define SF_NAMES_H

#include <pthread.h>

typedef int sf_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                              void *(*run)(void *), void *arg);

/* Ours: by the common name a program with a sanitizer has its own. */
sf_pthread_create sf_names_pthread_create;
/* libc's, past whoever else has the name. */
sf_pthread_create *sf_names_libc_pthread_create(void);

#endif
