/* password.h: asks for a new password: on the terminal without echo, else from standard input or a file. */
#ifndef POTLINE_CLI_PASSWORD_H
#define POTLINE_CLI_PASSWORD_H

#include <stdbool.h>

#include "control/users.h"

enum { PL_CLI_PASSWORD = PL_PASSWORD_MAX + 2 }; /* one byte more than fits, so that what is too long is seen */

/* Each false after saying why on standard error; the caller cleanses `password` (OPENSSL_cleanse), also after false.
 * Asked for twice when a person types it, else the first line of `path` or of standard input (NULL). */
bool pl_cli_password_file(const char *path, char password[PL_CLI_PASSWORD]); /* its first line */
bool pl_cli_password(const char *path, const char *user, char password[PL_CLI_PASSWORD]);

#endif
