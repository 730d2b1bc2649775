/* secret.h: what an engine and its standby have in common: a key file, as "potline keys generate" makes it.
 *
 * Both key pairs of CURVE are derived from it. So who has not the file can neither encrypt to the one nor be let in by
 * the other, and there is nothing to exchange but the file.
 */
#ifndef POTLINE_STANDBY_SECRET_H
#define POTLINE_STANDBY_SECRET_H

#include <potline/error.h>
#include <stdbool.h>

enum { PL_STANDBY_KEY = 40 + 1 };

struct pl_standby_secret { /* Z85 */
    char server_public[PL_STANDBY_KEY], server_secret[PL_STANDBY_KEY];
    char client_public[PL_STANDBY_KEY], client_secret[PL_STANDBY_KEY];
};

/* The caller cleanses it. PL_NOT_FOUND: no such file. PL_USAGE: others may read it, or it holds no key. */
enum pl_code pl_standby_secret_read(const char *path, struct pl_standby_secret *secret, struct pl_error **error);
void pl_standby_secret_cleanse(struct pl_standby_secret *secret);

/* For a socket of ZeroMQ; false: its errno says why. */
bool pl__secret_serve(void *socket, const struct pl_standby_secret *secret);
bool pl__secret_call(void *socket, const struct pl_standby_secret *secret);

#endif
