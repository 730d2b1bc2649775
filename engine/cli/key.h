/* key.h: a CURVE key in a file. */
#ifndef POTLINE_CLI_KEY_H
#define POTLINE_CLI_KEY_H

#include <potline/error.h>

enum { PL_CLI_KEY = 41 /* 40 characters of Z85 and a 0 */ };

/* The first word of the file; whoever asks wipes `key` (explicit_bzero). */
enum pl_code pl_cli_key(const char *path, char key[PL_CLI_KEY], struct pl_error **error);

#endif
