/*
 * others.h: processes and threads of the program that its world is not for, and
 * what it does to have more of them.
 */
#ifndef SF_OTHERS_H
#define SF_OTHERS_H

#include "faultinject/simulate/served.h"

#include <stdbool.h>
#include <sys/types.h>

struct sf_others {
    struct sf_served *served;
    pid_t owner;        /* the process that the world is for        */
    const char *called; /* … as it was called when it began         */
    bool dials;         /* peers answer: nobody else is to be asked */
    void (*put_line)(const char *why);
    void (*cannot)(const char *why); /* does not return */
};

/* From here on they are told that it cannot be done. */
void sf_others_watch(const struct sf_others *how);

#endif
