/* data.h: which data folder a command means. */
#ifndef POTLINE_CLI_DATA_H
#define POTLINE_CLI_DATA_H

#include <stdbool.h>

/* --data, or $XDG_STATE_HOME/potline/NAME (~/.local/state/potline/NAME); made with its parents. NULL after saying why
 * on standard error; else freed by the caller (pl_free). */
char *pl_cli_data_folder(const char *given, const char *name);

/* Where the default data folders are; freed by the caller, NULL when its name is too long. */
char *pl_cli_data_parent(void);

char *pl_cli_data_temporary(void); /* a new folder under TMPDIR; NULL after saying why */

/* Removes a data folder with all that is in it; only one that holds nothing but a data folder's content. */
bool pl_cli_data_remove(const char *folder);

#endif
