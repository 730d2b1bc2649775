/* row.h: rows of any kind as JSON objects: what `potline export` and the sinks of lines write.
 *
 *     {"type":"samples","time":"2026-11-23T06:00:00.25Z","tag":"line1.pot07.voltage","value":4.2,"quality":"good"}
 *
 *     char *at = text;                                         // room of 2 + pl_row_room(batch, row)
 *     *at++ = '{';
 *     at = pl_row_put(at, &form, tags, batch, row);            // NULL: no memory
 *     *at++ = '}';
 *
 * The members are the kind, then the columns by their names, then the heaps: numbers as an array, a reason as a string,
 * a body as an object or null. A number is the shortest text that reads back the same; ids and tokens, which use all 64
 * bits, are strings of digits. Any thread.
 */
#ifndef POTLINE_ROW_H
#define POTLINE_ROW_H

#include "batch.h"

struct pl_row_form {
    bool nanoseconds; /* times as whole nanoseconds, their names with _ns behind; else RFC 3339 */
    bool infinities;  /* as the strings "inf" and "-inf"; else null, as NaN always is */
};

enum { PL_ROW_BODY_GROWTH = 8 }; /* bytes there is room for, for each byte of a body's msgpack */

/* Bytes that pl_row_put writes at most. */
PL_API size_t pl_row_room(const struct pl_batch *batch, uint32_t row);

/* The members without the braces, so that others may be put beside them. Returns their end; NULL without memory. */
PL_API char *pl_row_put(char *at, const struct pl_row_form *form, const struct pl_tags *tags,
                        const struct pl_batch *batch, uint32_t row);

#endif
