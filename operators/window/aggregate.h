/* aggregate.h: what is kept of one key over one piece of time: the pane, and a sketch where quantiles are asked for.
 *
 * It is (part of) a record of a state table, which ends behind the pane where there are no quantiles: `sketch` is
 * touched only where `sketched` says so.
 */
#ifndef POTLINE_WINDOW_AGGREGATE_H
#define POTLINE_WINDOW_AGGREGATE_H

#include "pane.h"
#include "sketch.h"

struct aggregate {
    struct pane pane;
    struct sketch sketch;
};

static inline size_t aggregate_size(bool sketched) {
    return sketched ? sizeof(struct aggregate) : offsetof(struct aggregate, sketch);
}

static inline void aggregate_clear(struct aggregate *aggregate) {
    aggregate->pane = (struct pane){0};
    aggregate->sketch.level = aggregate->sketch.used = 0;
}

static inline void aggregate_merge(struct aggregate *aggregate, const struct aggregate *other, bool sketched) {
    pane_merge(&aggregate->pane, &other->pane);
    if (sketched) sketch_merge(&aggregate->sketch, &other->sketch);
}

#endif
