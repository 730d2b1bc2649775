/* follow.h: a standby: an engine that is not at work yet. It keeps a copy of another one's folder up to date until that
 * one's place is to be taken:
 *
 *     a command    at its door (door.h), or the flag `take_over`
 *     a lease      nothing has been heard for `takeover_after`, and until then it had kept up
 *
 * Taking over makes the folder a generation of its own and closes it in good order; whoever runs it next recovers like
 * after any death.
 */
#ifndef POTLINE_STANDBY_FOLLOW_H
#define POTLINE_STANDBY_FOLLOW_H

#include <potline/time.h>

#include "standby/secret.h"
#include "store/store.h"

struct pl_follow_options {
    const char *data;
    struct pl_store_key *key; /* of the data folder; NULL: in the clear */
    const char *endpoint;
    const struct pl_standby_secret *secret;
    pl_time takeover_after;   /* 0: only by command */
    const _Atomic bool *stop; /* both are looked at all the time */
    _Atomic bool *take_over;  /* false again when it has been seen */
};

enum pl_follow_end {
    PL_FOLLOW_STOPPED,
    PL_FOLLOW_TOOK_OVER, /* the folder is ready to be run */
    PL_FOLLOW_RUNS       /* the folder had taken over before, and nobody has a newer one: it is ready to be run */
};

/* Returns when one of these has come about. */
enum pl_code pl_standby_follow(const struct pl_follow_options *options, enum pl_follow_end *end,
                               struct pl_error **error);

/* Without an engine to follow: the copy that nobody holds becomes a generation of its own. PL_BUSY: it is held.
 * PL_CONFLICT: there is nothing to take over. */
enum pl_code pl_standby_take_over(const char *data, struct pl_store_key *key, const char *why, struct pl_error **error);

#endif
