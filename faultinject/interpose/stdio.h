/*
 * stdio.h: reaching what libc's stdio does with sockets.
 *
 * glibc's FILE calls its own read and write, not the names that a program
 * can replace, so a server that talks with fgets and fprintf would pass by
 * unseen.  Every FILE finds these functions through the table
 * `_IO_file_jumps`, though, and there they are replaced.
 */
#ifndef SF_STDIO_H
#define SF_STDIO_H

#include <stdbool.h>

/*
 * From here on every FILE reads, writes and closes through the wrappers.
 * False: this libc has no such tables, and stdio is not seen.  Once for each
 * process, before it has threads.
 */
bool sf_stdio_reach(void);

#endif
