/* copy.h: what the commands that copy a data folder share: who has it, and a copy made by the engine that does. */
#ifndef POTLINE_CLI_COPY_H
#define POTLINE_CLI_COPY_H

#include "cli.h"
#include "store/audit.h"
#include "store/backup.h"

/* Nobody writes the folder from then on (*hold, for pl_backup_release), or (*hold NULL) an engine runs on it. False
 * after saying why it is neither; *exit_code says which. */
bool pl_cli_copy_hold(const struct pl_cli *cli, const char *data, struct pl_backup_hold **hold, int *exit_code);

/* The engine that has the folder makes it by this command; waits for the end and tells how far it is. The exit code. */
int pl_cli_copy_ask(const struct pl_cli *cli, const char *data, const char *const *words, unsigned count);

/* An absolute path of something that need not be there yet; freed by the caller (pl_free), NULL after saying so. */
char *pl_cli_copy_path(const char *path);

/* Into the audit of a folder that nobody has open; a warning when that does not succeed. */
void pl_cli_copy_note(const struct pl_cli *cli, const char *data, struct pl_store_key *key,
                      struct pl_audit_record *record);

/* Says it and gives the exit code. Takes the error. */
int pl_cli_copy_failed(const struct pl_cli *cli, enum pl_code code, struct pl_error *error);

#endif
