/* args.h: the arguments of a subcommand, parsed by its row (see cli.h). */
#ifndef POTLINE_CLI_ARGS_H
#define POTLINE_CLI_ARGS_H

#include "cli.h"

struct pl_cli {
    const struct pl_subcommand *command;
    const struct pl_subcommand *const *all; /* the table of main.c, when it runs */
    unsigned all_count;
    const char **operands; /* owned array of borrowed strings */
    int operand_count;
    const char ***values; /* [option]: owned array, ends in NULL; NULL: not given */
};

/* False when there is nothing to run: help was printed or the arguments are wrong; *exit_code says which. Messages go
 * to standard error. End with pl__cli_fini in any case. */
bool pl__cli_parse(struct pl_cli *cli, const struct pl_subcommand *command, int argc, char **argv, int *exit_code);
void pl__cli_fini(struct pl_cli *cli);

void pl__cli_share(void); /* sets POTLINE_SHARE */

void pl__cli_help(const struct pl_subcommand *command, FILE *out);

#endif
