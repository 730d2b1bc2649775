/* password.h: asks for a new password: on the terminal without echo, else from standard input or a file. */
#ifndef POTLINE_CLI_PASSWORD_H
#define POTLINE_CLI_PASSWORD_H

#include <stdbool.h>

#include "control/users.h"

enum { PL_CLI_PASSWORD = PL_PASSWORD_MAX + 2 }; /* one byte more than fits, so that what is too long is seen */

/* Twice when a person types it, else the first line of `path` or of standard input (NULL). False after saying why on
 * standard error. The caller cleanses `password` (OPENSSL_cleanse), also after false. */
bool pl_cli_password(const char *path, const char *user, char password[PL_CLI_PASSWORD]);

#endif
