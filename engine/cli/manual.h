/* manual.h: the pages of the manual, by the subcommands' rows. */
#ifndef POTLINE_CLI_MANUAL_H
#define POTLINE_CLI_MANUAL_H

#include "args.h"

/* potline(1), with a line for each subcommand. */
void pl__manual_overview(const struct pl_subcommand *const *commands, unsigned count, FILE *out);
/* potline-NAME(1). */
void pl__manual_command(const struct pl_subcommand *command, FILE *out);

#endif
