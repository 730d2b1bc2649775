/* users.h: who may do what: names, roles, and passwords as scrypt hashes, in the store.
 *
 *     name -> checksum | one msgpack map: role, created, changed, and of the password scrypt's parameters, salt, hash
 *
 * The parameters stand with each record, so that later versions can raise them. A password is never kept, printed or
 * logged; whoever passes one in cleanses its memory (OPENSSL_cleanse).
 *
 * Threads: any; what takes a password takes a tenth of a second and 32 MiB on purpose. One process holds the store for
 * writing, so its changes are all there are; pl_users_find, _each and _verify work on a read-only store too.
 */
#ifndef POTLINE_CONTROL_USERS_H
#define POTLINE_CONTROL_USERS_H

#include <potline/command.h>
#include <potline/time.h>

#include "store/store.h"

/* A password has at least so many characters, and at most so many bytes. */
enum { PL_USER_NAME_MAX = 63, PL_PASSWORD_MIN = 8, PL_PASSWORD_MAX = 256, PL_USERS_MAX = 10000 };

struct pl_user {
    char name[PL_USER_NAME_MAX + 1]; /* letters, digits, '.', '-', '_', '@'; the first a letter or digit */
    enum pl_role role;
    pl_time created;
    pl_time changed; /* of the password */
};

/* PL_CONFLICT: there is one of that name. PL_RANGE: name or password do not fit; the error says how. PL_LIMIT: there
 * are too many. */
enum pl_code pl_users_add(struct pl_store *store, const char *name, enum pl_role role, const char *password,
                          pl_time now, struct pl_error **error);
/* PL_NOT_FOUND: no such user. PL_CONFLICT: the last admin is neither removed nor given another role. */
enum pl_code pl_users_remove(struct pl_store *store, const char *name, struct pl_error **error);
enum pl_code pl_users_set_role(struct pl_store *store, const char *name, enum pl_role role, struct pl_error **error);
enum pl_code pl_users_set_password(struct pl_store *store, const char *name, const char *password, pl_time now,
                                   struct pl_error **error);
enum pl_code pl_users_find(struct pl_store *store, const char *name, struct pl_user *user, struct pl_error **error);
enum pl_code pl_users_each(struct pl_store *store, void (*each)(void *arg, const struct pl_user *user), void *arg,
                           struct pl_error **error);

/* Is this the user's password? The same time is taken whether or not there is such a user. PL_NOT_FOUND, without
 * saying which of the two it was; *user is filled in only with PL_OK. */
enum pl_code pl_users_verify(struct pl_store *store, const char *name, const char *password, struct pl_user *user,
                             struct pl_error **error);

#endif
