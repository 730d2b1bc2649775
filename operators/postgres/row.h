/* row.h: rows as COPY ... FROM STDIN takes them in its text format: a line each, tabs between the columns.
 *
 * NaN is NULL, as a missing value is to a database. A time is cut to the microseconds that a timestamp holds, or is
 * whole nanoseconds. What PostgreSQL would refuse in a text becomes U+FFFD: bytes that are not UTF-8, and 0.
 */
#ifndef POSTGRES_ROW_H
#define POSTGRES_ROW_H

#include <potline/batch.h>

enum { PL__PG_COLUMNS_MAX = PL_COLUMNS_MAX + PL_HEAPS_MAX };

/* Which columns, in which order. */
struct pl__pg_shape {
    enum pl_kind kind;
    bool nanoseconds;
    unsigned count;
    uint8_t column[PL__PG_COLUMNS_MAX]; /* of pl_kind_info; heaps count on behind the columns */
};

struct pl__pg_text {
    char *bytes; /* owned: pl_free */
    size_t size, room;
};

/* Writes row `row` behind what there is. False without memory, and then nothing of it is there. */
bool pl__pg_row_put(struct pl__pg_text *text, const struct pl__pg_shape *shape, const struct pl_tags *tags,
                    const struct pl_batch *batch, uint32_t row);

#endif
