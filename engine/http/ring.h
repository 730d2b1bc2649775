/* ring.h: the last rows of an output, with numbers, and the last one of each tag or asset (inside of engine/http). */
#ifndef POTLINE_HTTP_RING_H
#define POTLINE_HTTP_RING_H

#include <stddef.h>
#include <stdint.h>

enum {
    PL__RING = 4096, /* rows */
    PL__RING_BYTES = 4 << 20,
    PL__RING_KEYS = 1 << 14, /* places for the last rows of half as many keys */
    PL__RING_KEY = 256,
    PL__RING_RUN = 9
};

struct pl__row {
    unsigned refs;
    uint64_t number;
    char *json;    /* NULL: nobody has wanted it yet */
    size_t size;   /* of json */
    size_t packed; /* bytes behind the key and its 0 */
    char key[];    /* what it is about: its tag, or its asset */
};

struct pl__ring {
    char run[PL__RING_RUN]; /* another one each time that an output is listened to anew */
    uint64_t next;          /* number of the next row; from 1 */
    uint64_t first;         /* the oldest that is there */
    struct pl__row *row[PL__RING];
    size_t bytes;
    struct pl__row *newest[PL__RING_KEYS];
    uint16_t place[PL__RING_KEYS / 2]; /* of each key in `newest`, in the order of their first rows */
    unsigned keys;
};

void pl__ring_init(struct pl__ring *ring);
void pl__ring_fini(struct pl__ring *ring);
/* One msgpack map; without memory it is left out. */
void pl__ring_add(struct pl__ring *ring, const void *bytes, size_t size);
/* Made for the first who wants it: most rows that come fast are never sent to those who want the newest only. Borrowed
 * for as long as the row is there. NULL without memory. */
const char *pl__row_json(struct pl__ring *ring, struct pl__row *row);

#endif
