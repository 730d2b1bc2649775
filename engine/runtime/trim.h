/* trim.h: the oldest rows of the zones go, by the age and the size that the graph allows.
 *
 * Age is event time: rows older than now less the retention. Of bronze only what lies in front of the last epoch's
 * barriers may go, since recovery reads from there; of the other zones the last hour in front of a cut may stay. A zone
 * that is too large loses its oldest rows; when all of them together are, the oldest rows of any go first.
 *
 * The usual mistake: to expect bronze to follow a row from the far future. The log forgets from its beginning on, and
 * never what stands behind a row that is to stay; its max_size is held by place, and does not depend on times.
 *
 * Threads: one at a time, beside everything else that is going on in the store.
 */
#ifndef POTLINE_TRIM_H
#define POTLINE_TRIM_H

#include "graph/graph.h"
#include "log/log.h"
#include "store/lake.h"

struct pl_trim_options {
    struct pl_store *store;
    struct pl_log *log; /* NULL: there is no bronze */
    const struct pl_graph_settings *settings;
};

struct pl_trim_zone {
    uint64_t bytes;   /* about, of files */
    pl_time oldest;   /* about; PL_TIME_MAX: it is empty */
    uint64_t removed; /* bytes, about: added to */
};

/* One pass; also says what is there behind it. `now` is the time that ages are counted from. */
enum pl_code pl_trim(const struct pl_trim_options *options, pl_time now, struct pl_trim_zone zones[PL_ZONES],
                     struct pl_error **error);

#endif
