/* progress.h: how far a long command is, on standard error: a line that changes on a terminal, else a line every tenth.
 */
#ifndef POTLINE_CLI_PROGRESS_H
#define POTLINE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct pl_cli_progress {
    const char *command; /* "backup" */
    int told;            /* tenths that have been shown */
};

/* Bytes. */
void pl_cli_progress_show(struct pl_cli_progress *progress, uint64_t done, uint64_t all);
/* The same for who is asked whether to go on: always true. */
bool pl_cli_progress_go_on(void *progress, uint64_t done, uint64_t all);
void pl_cli_progress_end(const struct pl_cli_progress *progress); /* clears the line */

#endif
