/* dead.h: the verbs of `potline dead`, a file for those that write. */
#ifndef POTLINE_CLI_DEAD_H
#define POTLINE_CLI_DEAD_H

#include "cli.h"
#include "store/letters.h"

enum { PL__DEAD_NAMES_MAX = 16000000 };

/* What --source, --cause, --reason, --tag, --id, --from, --to and --state ask for; false after saying what is wrong. */
bool pl__dead_query(const struct pl_cli *cli, struct pl_letters_query *query);
int pl__dead_failed(struct pl_error *error, enum pl_code code); /* says it; the exit code. Takes the error */

int pl__dead_reinject(const struct pl_cli *cli);

#endif
