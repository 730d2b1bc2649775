/* grants.h: who is signed in over HTTP. A grant begins with a login and ends with a logout, with time, or with the
 * user; short-lived access tokens name it, and its refresh token is good once: a used one that comes again has been
 * stolen by somebody, and ends the grant.
 *
 * Kept in the store, so that a restart signs nobody out. Threads: the server's.
 */
#ifndef POTLINE_HTTP_GRANTS_H
#define POTLINE_HTTP_GRANTS_H

#include "control/users.h"

enum { PL_GRANTS_MAX = 4096, PL_GRANTS_USER_MAX = 64, PL_GRANT_ID = 33, PL_REFRESH_TEXT = 128 };
#define PL_GRANT_IDLE (12 * PL_HOUR)
#define PL_GRANT_LONGEST (7 * PL_DAY)

struct pl_grant {
    char id[PL_GRANT_ID]; /* "": free */
    char user[PL_USER_NAME_MAX + 1];
    pl_time changed; /* of the user's password, when it began */
    pl_time began, used;
    uint64_t generation; /* of the refresh token that is good */
    uint8_t secret[32];
};

struct pl_grants;
struct pl_grants *pl_grants_new(void); /* NULL without memory */
void pl_grants_free(struct pl_grants *grants);

/* In place of what is there: those of a folder that are not over. */
enum pl_code pl_grants_load(struct pl_grants *grants, struct pl_store *store, pl_time now, struct pl_error **error);

enum pl_code pl_grants_begin(struct pl_grants *grants, struct pl_store *store, const struct pl_user *user, pl_time now,
                             struct pl_grant *grant, struct pl_error **error);
void pl_grant_refresh_put(const struct pl_grant *grant, char text[PL_REFRESH_TEXT]);

/* Another refresh token for one that is good. PL_DENIED: it is not; *reused: it was once, and its grant has ended. */
enum pl_code pl_grants_renew(struct pl_grants *grants, struct pl_store *store, const char *refresh, pl_time now,
                             struct pl_grant *grant, bool *reused, struct pl_error **error);

const struct pl_grant *pl_grants_find(const struct pl_grants *grants, const char *id); /* NULL: it is over */
void pl_grants_end(struct pl_grants *grants, struct pl_store *store, const char *id);
const struct pl_grant *pl_grants_next(const struct pl_grants *grants, const struct pl_grant *before); /* NULL: first */
void pl_grants_sweep(struct pl_grants *grants, struct pl_store *store, pl_time now);

#endif
