/* late.h: the windows of a data folder that rows are missing in (potline/late.h), as nodes have marked them at the last
 * epoch.
 */
#ifndef POTLINE_STORE_LATE_H
#define POTLINE_STORE_LATE_H

#include <potline/batch.h>

#include "store/store.h"

struct pl_tags;
struct pl_late_marks;

struct pl_late_extent {
    uint64_t marks;
    pl_time begin, missed; /* late rows lie at `begin` and later, in windows that end at `missed` or before */
    bool complete;         /* no mark was given up */
};

/* PL_NOT_FOUND without a message: there is no epoch. *marks is the caller's. */
enum pl_code pl_late_marks_load(struct pl_store *store, struct pl_tags *tags, struct pl_late_marks **marks,
                                struct pl_error **error);
void pl_late_marks_free(struct pl_late_marks *marks); /* NULL is fine */
struct pl_late_extent pl_late_marks_extent(const struct pl_late_marks *marks);

/* Flags the windows of a batch that rows are missing in; other kinds stay as they are. The batch may become another
 * one. */
enum pl_code pl_late_marks_flag(const struct pl_late_marks *marks, struct pl_batch **batch, struct pl_error **error);

#endif
