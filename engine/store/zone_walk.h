/* zone_walk.h: batches of one kind out of a zone, in a range of time, for questions that look at many of them.
 *
 * A part of a zone (what one node has written) whose first records hold nothing of the kind is passed over: the day's
 * windows are not read for a handful of events.
 *
 * Threads: any, beside the writer.
 */
#ifndef POTLINE_STORE_ZONE_WALK_H
#define POTLINE_STORE_ZONE_WALK_H

#include <stdatomic.h>

#include "store/lake.h"

struct pl_zone_walk {
    struct pl_store *store;
    const _Atomic bool *stop; /* may be NULL; true: PL_UNAVAILABLE */
    struct pl_tags *names;    /* of the rows */
    enum pl_zone_id zone;
    enum pl_kind kind;
    const char *node; /* NULL: all */
    pl_time from, to;
    void (*begin)(void *arg, const char *node);            /* a part; may be NULL */
    bool (*take)(void *arg, const struct pl_batch *batch); /* false: no more of this part. Rows out of the range too */
    void *arg;
    unsigned most;    /* records of a part; 0: all */
    unsigned records; /* of all parts, past which it is too much; 0: none is */
};

/* PL_UNAVAILABLE: there is no folder, or the engine ends. PL_LIMIT: too much would have to be read. */
enum pl_code pl_zone_walk(const struct pl_zone_walk *walk, struct pl_error **error);

#endif
