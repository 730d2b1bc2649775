/* export_write.h: rows of batches as CSV or as JSON objects, one a line.
 *
 * Values are exactly those stored: a number is the shortest text that reads back the same. CSV has the columns of one
 * kind, then `node`, and of bronze `partition` and `sequence`; an object has the same members, and `type`, the kind,
 * first (events have a column `kind`).
 */
#ifndef POTLINE_CLI_EXPORT_WRITE_H
#define POTLINE_CLI_EXPORT_WRITE_H

#include "base/buffer.h"
#include "export_read.h"

struct pl__export_format {
    bool json;
    bool rfc3339;   /* times as text; else nanoseconds since 1970 */
    bool sequences; /* say partition and sequence */
    const struct pl_tags *tags;
};

void pl__export_header(const struct pl__export_format *format, enum pl_kind kind, struct pl_buffer *out); /* of CSV */
void pl__export_row(const struct pl__export_format *format, const struct pl__export_part *part, uint32_t row,
                    struct pl_buffer *out);

#endif
