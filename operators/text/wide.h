/* wide.h: samples as a table: a line a time and asset, a column a signal.
 *
 *     time,score,alarm
 *     2026-11-23T06:00:00Z,0.12,0
 *
 * Columns are signals (the end of a tag, or all of it), and among them time, time_ns, asset and row, the number of the
 * line. A line is complete when it has a value for each signal; it ends early where a row has another time or asset, or
 * a signal comes again. What its signals have not said is left empty. Rows of other signals are left out.
 *
 * The line at hand is carried over from batch to batch, and is the state (pl_wide_pack).
 */
#ifndef POTLINE_WIDE_H
#define POTLINE_WIDE_H

#include "writer.h"

struct pl_wide_column {
    const char *name;
    uint8_t what; /* enum of wide.c */
    uint8_t decimals;
};

struct pl_wide {
    const struct pl_writing *writing;
    struct pl_tags *tags;
    char delimiter;
    uint32_t column_count;
    uint32_t signals; /* columns that are */
    size_t room;      /* of a line */
    struct pl_wide_column column[PL_WRITER_COLUMNS_MAX];
    uint8_t *place; /* [tag]: 0 not asked yet, 1 in no column, 2 + column; owned */
    uint32_t place_room;
    bool failed; /* without memory for names */

    uint64_t lines; /* written */
    pl_time time;   /* of the line at hand */
    uint32_t asset;
    uint32_t have; /* a bit a column; 0: there is no line */
    uint32_t came; /* signals it has */
    double value[PL_WRITER_COLUMNS_MAX];
};

enum pl_code pl_wide_init(struct pl_wide *wide, const struct pl_writing *writing, struct pl_tags *tags,
                          struct pl_error **error);
void pl_wide_fini(struct pl_wide *wide);

size_t pl_wide_header_room(const struct pl_wide *wide);
char *pl_wide_header(const struct pl_wide *wide, char *at);

/* Bytes that one row may bring: it ends the line before and its own. */
size_t pl_wide_room(const struct pl_wide *wide);

/* Takes rows from *row on, as many as have room, and moves *row on; returns the bytes of the lines that are complete.
 */
size_t pl_wide_rows(struct pl_wide *wide, const struct pl_batch *batch, uint32_t *row, char *text, size_t size);

/* The line at hand, at the end of all; takes pl_wide_room. */
char *pl_wide_rest(struct pl_wide *wide, char *at);

void pl_wide_pack(const struct pl_wide *wide, struct pl_pack *pack);
bool pl_wide_unpack(struct pl_wide *wide, struct pl_unpack *unpack);

#endif
