/* program_start.h: a program (potline/program.h) as a process: its arguments, environment and limits.
 *
 * It is in a process group of its own, so that the signals of a terminal are the engine's, and so that what it has
 * started itself ends with it. The kernel ends it with the thread that started it. It has nothing of the engine but its
 * environment: no descriptor, and standard input is empty; what it writes, to standard output too, goes to `error`.
 *
 * It may do what the engine's user may do: who writes a graph file decides what runs (docs/external.md).
 */
#ifndef POTLINE_PROGRAM_START_H
#define POTLINE_PROGRAM_START_H

#include <potline/program.h>

#include "runtime/link.h"

struct pl_started {
    int pid;
    int process; /* a descriptor of it, readable when it has ended; owned by the caller */
    int error;   /* the reading end of what it writes; owned by the caller */
};

/* `name`: of the node. The program itself may turn out not to be there: then it ends with 127 and says why. */
enum pl_code pl_program_start(const struct pl_program *program, const char *name,
                              const struct pl_link_endpoints *endpoints, struct pl_started *started,
                              struct pl_error **error);

/* How it has ended, once `process` is readable. */
void pl_program_ended(const struct pl_started *started, int64_t *status, int *signal);
void pl_program_kill(int pid); /* all of its group */

#endif
