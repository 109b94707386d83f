/* tasks.h: what the kernel says of the other threads of this process. */
#ifndef SF_TASKS_H
#define SF_TASKS_H

#include <stdbool.h>

/* How many there are, with the calling one; 0: nobody says. */
unsigned sf_tasks(void);
/* Is it so of any of them?  Threads are named by their numbers. */
bool sf_tasks_any(bool (*is)(const char *thread));
/* S and what is deeper asleep; only what runs may still use the world. */
bool sf_task_runs(const char *thread);
/* SIGTERM is not blocked: not by one either that waits for it with sigwait(3).
 */
bool sf_task_takes_stop(const char *thread);

#endif
