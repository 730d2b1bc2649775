/* zone_walk.h: batches of one kind out of a zone, in a range of time, for questions that look at many of them.
 *
 * A part of a zone (what one node has written) whose first records hold nothing of the kind is passed over: the day's
 * windows are not read for a handful of events.
 *
 * Threads: a worker's, inside of the engine (pl__rest_enter).
 */
#ifndef POTLINE_HTTP_ZONE_WALK_H
#define POTLINE_HTTP_ZONE_WALK_H

#include "http/rest_impl.h"
#include "store/lake.h"

struct pl__zone_walk {
    struct pl_rest *rest;
    struct pl_tags *names; /* of the rows */
    enum pl_zone_id zone;
    enum pl_kind kind;
    const char *node; /* NULL: all */
    pl_time from, to;
    void (*begin)(void *arg, const char *node);            /* a part; may be NULL */
    bool (*take)(void *arg, const struct pl_batch *batch); /* false: no more of this part. Rows out of the range too */
    void *arg;
    unsigned most; /* records of a part; 0: as many as there may be */
};

/* PL_UNAVAILABLE: there is no folder, or the engine ends. PL_LIMIT: too much would have to be read. */
enum pl_code pl__zone_walk(const struct pl__zone_walk *walk, struct pl_error **error);

#endif
