/*
 * lost.h: programs that do not load this library when they are executed.
 *
 * By what is in the file, or in that of the interpreter which a script names.
 * SF_LOST_NOT where there is no such program.  Nothing is allocated and nothing
 * is locked; errno may be another.
 */
#ifndef SF_LOST_H
#define SF_LOST_H

#include "faultinject/inject/control.h"

enum sf_lost sf_lost_by(const char *path);
enum sf_lost sf_lost_by_file(int fd);

/* One more; the first of all is written down. */
void sf_lost_note(struct sf_lost_programs *lost, enum sf_lost why,
                  const char *path);

#endif
