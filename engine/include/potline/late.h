/* late.h: marks on windows that have closed without rows that came late, so that who reads them knows.
 *
 * An operator that closes windows declares PL_TABLE_LATE among its tables and keeps a mark for each piece of time in
 * which late rows lie, by key and begin. Whoever reads the zone gold sees the flag `late` on the windows that a mark
 * covers, and `potline replay --repair` plays no more than what is marked.
 *
 * A mark covers the windows of its key that hold [begin, end) and end at `missed` or before. That under the empty name
 * stands for marks that were given up: every window that ends at its `missed` or before may lack rows.
 */
#ifndef POTLINE_LATE_H
#define POTLINE_LATE_H

#include "table.h"
#include "time.h"

struct pl_late_mark { /* its sub-key is `begin` */
    pl_time end;
    pl_time missed; /* the last window end that had closed when a row came */
    uint64_t rows;
};

#define PL_LATE_TABLE_NAME "late"
#define PL_LATE_TABLE_VERSION 1

/* As a row of an operator's tables. */
#define PL_TABLE_LATE                                                                                                  \
    {                                                                                                                  \
        .name = PL_LATE_TABLE_NAME, .version = PL_LATE_TABLE_VERSION, .record_size = sizeof(struct pl_late_mark),      \
        .doc = "Pieces of time whose late rows are missing in windows that had closed.", .merge = pl_late_merge        \
    }

static inline void pl_late_merge(void *record, const void *other) {
    struct pl_late_mark *mark = record;
    const struct pl_late_mark *more = other;
    if (more->missed > mark->missed) mark->missed = more->missed;
    mark->rows += more->rows;
}

#endif
