/* waits.h: what an engine that cannot be asked waits for, said in its data folder: while the brokers of its log are
 * away it has no socket for commands, and the shell would take it for dead. */
#ifndef POTLINE_CLI_WAITS_H
#define POTLINE_CLI_WAITS_H

#include <stdbool.h>
#include <stddef.h>

/* Now and then, on one thread. `waits`: there is no engine that could be asked. */
void pl_cli_waits_beat(const char *folder, bool waits);

/* What the process that has this folder waits for; false: none does. */
bool pl_cli_waits_find(const char *folder, char *text, size_t size);

#endif
