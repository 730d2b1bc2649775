/* transpose.h: a wide table that lies on its side: a line is a tag, a column a time.
 *
 *     time   | 0.0 | 0.1 | 0.2              with a header: the first field of a line is its name; the line called as
 *     volt   | 4.2 | 4.1 | 4.2              the `time` option says (or time_ns, time, ...) holds the times
 *     temp   | 955 | 956 | 955
 *
 * Rows have to leave in order of time, so the table is read whole, up to PL_TRANSPOSE_MAX values, and then given out
 * column by column. Bytes go in through the reader, whose options hold for fields, names and times.
 */
#ifndef POTLINE_TRANSPOSE_H
#define POTLINE_TRANSPOSE_H

#include "reader.h"

enum { PL_TRANSPOSE_MAX = 16 << 20 };

struct pl_transpose_line {
    uint32_t tag;
    double *values; /* owned; NaN is missing */
};

struct pl_transpose {
    struct pl_reader *reader;
    struct pl_transpose_line *lines;
    uint32_t line_count, line_room;
    uint32_t columns; /* of values; 0: no line seen */
    uint32_t seen;    /* lines, those left out too */
    pl_time *times;   /* NULL: by start and interval */
    bool whole;
    uint32_t next; /* column to give out */
};

/* The reader's stream begins; its layout is wide. */
void pl_transpose_init(struct pl_transpose *table, struct pl_reader *reader);
void pl_transpose_fini(struct pl_transpose *table);

/* As pl_reader_read. FULL: the batch has all it can take of whole columns; END: all is given out. */
enum pl_reader_state pl_transpose_read(struct pl_transpose *table, struct pl_batch *batch, struct pl_error **error);

#endif
