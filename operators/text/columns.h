/* columns.h: which field of a record is what: the options' names and numbers held against one stream's header. */
#ifndef POTLINE_COLUMNS_H
#define POTLINE_COLUMNS_H

#include "layout.h"

enum { PL_TIME_COLUMNS_MAX = 8, PL_NO_COLUMN = UINT16_MAX, PL_SERIES_MAX = PL_BATCH_ROWS_MAX };

/* A column of the wide layout that is a tag. */
struct pl_series {
    uint32_t column;
    uint32_t tag;
};

struct pl_columns {
    uint32_t least; /* fields that a record has at least */
    uint32_t most;  /* and at most, but for empty ones at its end */
    uint32_t time[PL_TIME_COLUMNS_MAX];
    uint32_t times; /* 0: no time column */
    uint32_t tag;
    uint32_t value;
    uint32_t quality;         /* PL_NO_COLUMN: none */
    struct pl_series *series; /* owned */
    uint32_t series_count;
    const char *time_name; /* borrowed from the names given; the first time column's, or NULL */
};

/* `names` are the header's, count of them; without a header (`header: false`) they are NULL and `count` is the number
 * of fields of the first record. `place` is the header's. Call pl_columns_fini after failure too. */
enum pl_code pl_columns_resolve(struct pl_columns *columns, const struct pl_layout *layout, const char *const *names,
                                uint32_t count, const struct pl_names *tags, struct pl_place place,
                                struct pl_error **error);
void pl_columns_fini(struct pl_columns *columns);

#endif
