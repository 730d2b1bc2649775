/* waiting.h: rows that wait for the watermark, and leave in order of event time (of one tag and time, as they came).
 *
 * They are kept in a table, by tag in chunks, so that they are part of every snapshot; a heap in memory has their
 * order, and is made again from the table after a restore.
 */
#ifndef POTLINE_MAP_WAITING_H
#define POTLINE_MAP_WAITING_H

#include <potline/potline.h>

enum { WAITING_CHUNK = 16, WAITING_VERSION = 1 };

struct waiting_chunk {
    uint32_t rows;
    uint32_t reserved;
    pl_time newest;
    pl_time time[WAITING_CHUNK];
    double value[WAITING_CHUNK];
    uint16_t quality[WAITING_CHUNK];
};

struct waiting_row {
    pl_time time;
    int64_t order; /* among rows of its tag */
    double value;
    uint32_t tag;
    uint16_t quality;
};

struct waiting {
    struct pl_table *table;
    uint32_t limit;           /* chunks of one tag */
    struct waiting_row *heap; /* the earliest first */
    size_t count;
    size_t room;
};

void waiting_fini(struct waiting *waiting);

/* From the table: what is older than `done` has left already. False without memory. */
bool waiting_restore(struct waiting *waiting, pl_time done);

enum waiting_result { WAITING_OK, WAITING_REFUSED, WAITING_NO_MEMORY };
enum waiting_result waiting_add(struct waiting *waiting, const struct waiting_row *row);

/* The earliest row, if it is older than `before`. */
bool waiting_pop(struct waiting *waiting, pl_time before, struct waiting_row *row);

/* Drops what the table keeps of a tag and is all older than `before`. */
void waiting_forget(struct waiting *waiting, uint32_t tag, pl_time before);

#endif
