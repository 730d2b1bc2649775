/* column.h: a column of a batch in few bytes, and back, bit by bit the same.
 *
 *     x   the column's bits          100.25     100.75      nan   100.50
 *     y   small integers              10025      10075        -    10050      a number that fits what plants send
 *     u   y - base, `width` bytes        25         75        0       50      one byte here
 *         patches                                       (2: nan)              rows that do not come back that way
 *
 * How x becomes y is chosen by a sample: the value itself, its difference to the row before (times, counters), the
 * digits of a decimal fraction (text, scaled registers) or a float (Modbus, OPC UA). Every row is checked while it is
 * written, so the choice decides about size alone. Widths are whole bytes and each pass is a plain loop: about 1 ns a
 * row and column, which is less than the bytes that it saves cost in the store.
 */
#ifndef POTLINE_STORE_COLUMN_H
#define POTLINE_STORE_COLUMN_H

#include <potline/batch.h>

enum {
    PL__COLUMN_SLACK = 8, /* bytes that may be read or written behind a column */
    PL__COLUMN_HEAD = 14,
    PL__PATCH = 10,
};

/* Working memory of one user. */
struct pl__column_work {
    uint64_t x[PL_BATCH_ROWS_MAX];
    uint64_t y[PL_BATCH_ROWS_MAX];
    uint16_t patched[PL_BATCH_ROWS_MAX];
};

/* The bytes that `rows` rows may take, slack included. */
static inline size_t pl__column_bound(uint32_t rows) {
    return PL__COLUMN_HEAD + (size_t)rows * 8 + PL__PATCH + PL__COLUMN_SLACK;
}

/* Writes a column and returns the end. There is room of pl__column_bound. */
uint8_t *pl__column_put(struct pl__column_work *work, enum pl_type type, const void *column, uint32_t rows,
                        uint8_t *at);

/* Reads a column into `column` and returns the end of its bytes; NULL when they are no column of `rows` rows (nothing
 * outside [at, end) is read). Bytes of the next column or PL__COLUMN_SLACK of padding stand behind it. */
const uint8_t *pl__column_get(struct pl__column_work *work, enum pl_type type, uint32_t rows, const uint8_t *at,
                              const uint8_t *end, void *column);

#endif
