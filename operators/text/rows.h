/* rows.h: the reader's inner loop: from records to columns of a batch (internal to the text library). */
#ifndef POTLINE_ROWS_H
#define POTLINE_ROWS_H

#include "reader.h"

/* Why a loop over records has stopped: for want of room or records, or at a record that is no row. */
enum pl__row {
    PL__ROW_GOOD,
    PL__ROW_LEFT_OUT, /* by include and exclude */
    PL__ROW_SPECIAL,  /* a comment or an empty line */
    PL__ROW_FIELDS,
    PL__ROW_TIME,
    PL__ROW_TAG,
    PL__ROW_TOO_LONG,
    PL__ROW_OPEN_QUOTE,
};

/* A field of a record. */
struct pl__field {
    const char *text;
    uint32_t length;
};

/* Reads the records that lie indexed into the batch, and takes those that became rows. When it stops at one that did
 * not, *fields is its number of fields, and it is in view. */
enum pl__row pl__rows_read(struct pl_reader *reader, struct pl_batch *batch, uint32_t *fields);

struct pl__field pl__field_trim(struct pl__field field);

/* Room that pl__field_clean needs: what a field in quotes may hold, and what may be read behind it. */
enum { PL__PIECE_MAX = 256, PL__PIECE_ROOM = PL__PIECE_MAX + PL_SLACK };

/* A field's text without quotes and blanks around it; `room` keeps what had to be copied. A quoted field that is longer
 * than PL__PIECE_MAX or broken gives an empty one. */
struct pl__field pl__field_clean(const struct pl_reader *reader, struct pl__field field, char *room);

#endif
