/* data.h: which data folder a command means, and its key. */
#ifndef POTLINE_CLI_DATA_H
#define POTLINE_CLI_DATA_H

#include <stdbool.h>

#include "cli.h"
#include "store/key.h"

/* --data, or $XDG_STATE_HOME/potline/NAME (~/.local/state/potline/NAME); made with its parents. NULL after saying why
 * on standard error; else freed by the caller (pl_free). */
char *pl_cli_data_folder(const char *given, const char *name);

/* Where the default data folders are; freed by the caller, NULL when its name is too long. */
char *pl_cli_data_parent(void);

/* The option of every command that opens a data folder. */
#define PL_CLI_KEY_FILE                                                                                                \
    { "key-file", "FILE", "The key of the data folder (default: $POTLINE_KEY_FILE, a systemd credential).", 0 }

/* The key that is given by --key-file, the environment's POTLINE_KEY_FILE, or systemd's credential "potline-key"; NULL
 * when there is none. False after saying what is wrong with it. The caller's (pl_store_key_unref). */
bool pl_cli_data_key(const struct pl_cli *cli, struct pl_store_key **key);

/* False after saying so when the folder is not under this key, or (NULL) not in the clear. */
bool pl_cli_data_fits(const struct pl_cli *cli, const char *folder, const struct pl_store_key *key);

/* Both at once. */
bool pl_cli_data_key_of(const struct pl_cli *cli, const char *folder, struct pl_store_key **key);

char *pl_cli_data_temporary(void); /* a new folder under TMPDIR; NULL after saying why */

/* Removes a data folder with all that is in it; only one that holds nothing but a data folder's content. */
bool pl_cli_data_remove(const char *folder);

#endif
