/* signing.h: the keys that access tokens are signed with: the newest signs, the one before still counts for as long as
 * tokens of it may live. A new one every day.
 *
 * Kept in the store, so that a restart signs nobody out. Threads: the server's.
 */
#ifndef POTLINE_HTTP_SIGNING_H
#define POTLINE_HTTP_SIGNING_H

#include <potline/time.h>

#include "http/jwt.h"
#include "store/store.h"

#define PL_ACCESS_LIFE (15 * 60 * PL_SECOND)
#define PL_SIGNING_LIFE PL_DAY

struct pl_signing {
    struct pl_jwt_keys keys; /* the newest last */
    pl_time made;            /* of that */
};

/* What the folder has, and a new one where that is too old, or there is none. */
enum pl_code pl_signing_load(struct pl_signing *signing, struct pl_store *store, pl_time now, struct pl_error **error);
void pl_signing_fini(struct pl_signing *signing);
const struct pl_jwt_key *pl_signing_key(const struct pl_signing *signing); /* that signs; NULL before load */

/* A new one now, whatever the age of the last; all tokens made before then are good until they end. */
enum pl_code pl_signing_rotate(struct pl_signing *signing, struct pl_store *store, pl_time now,
                               struct pl_error **error);

#endif
