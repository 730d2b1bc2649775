/* cluster_watch.h: what one engine of a group has to say of the others: one is not heard of any more, or runs another
 * graph. A moment of either is none: brokers that were away, and a graph that goes round, look like it.
 *
 * For one thread.
 */
#ifndef POTLINE_CLUSTER_WATCH_H
#define POTLINE_CLUSTER_WATCH_H

#include "runtime/cluster.h"

enum { PL_CLUSTER_WATCHED = 64 }; /* engines; what is more is not watched */

enum pl_cluster_event {
    PL_CLUSTER_NOTHING,
    PL_CLUSTER_DIED,  /* is not heard of any more */
    PL_CLUSTER_BACK,  /* is heard of again */
    PL_CLUSTER_OTHER, /* runs another graph than this one */
};

struct pl_cluster_watch {
    unsigned count;
    struct pl_cluster_watched {
        char identity[PL_STORE_IDENTITY];
        bool dead, other;                /* and that was told */
        int64_t dead_since, other_since; /* 0: it is not */
    } of[PL_CLUSTER_WATCHED];
};

/* `engine` as it is seen now (pl_clock_monotonic), by one whose graph is `graph`; `sure`: what this engine says itself
 * is heard, so what the others say would be, too. Each event once. */
enum pl_cluster_event pl_cluster_watch_look(struct pl_cluster_watch *watch, const struct pl_cluster_engine *engine,
                                            uint64_t graph, bool sure, int64_t now);

#endif
