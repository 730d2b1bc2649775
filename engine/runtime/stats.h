/* stats.h: what the runtime counts for every node. One thread writes, any reads; totals only grow. */
#ifndef POTLINE_STATS_H
#define POTLINE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/histogram.h"

struct pl_node_stats {
    _Atomic uint64_t batches_in, rows_in, bytes_in;
    _Atomic uint64_t batches_out, rows_out, bytes_out;
    _Atomic uint64_t given;      /* of a source: batches out of its first port, so no events beside rows */
    int64_t since;               /* monotonic: when it was made */
    _Atomic uint64_t busy_ns;    /* inside the operator */
    _Atomic uint64_t blocked_ns; /* with input, but no room on an output */
    _Atomic int64_t watermark;
    struct pl_histogram lag; /* now less receive time of each batch taken in */
};

static inline void pl_stat_add(_Atomic uint64_t *stat, uint64_t n) {
    atomic_store_explicit(stat, atomic_load_explicit(stat, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t pl_stat_get(const _Atomic uint64_t *stat) {
    return atomic_load_explicit(stat, memory_order_relaxed);
}

#endif
