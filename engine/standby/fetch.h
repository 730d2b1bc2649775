/* fetch.h: a copy that comes in pieces, and takes the place of the database of a folder once it is whole.
 *
 * It is put together in DIR/standby.copy, a data folder of its own, opened there once, and told whose copy it is: so
 * what stands in DIR/store is either what was there before or a copy that knows what it is, whatever dies when.
 */
#ifndef POTLINE_STANDBY_FETCH_H
#define POTLINE_STANDBY_FETCH_H

#include "standby/wire.h"
#include "store/lineage.h"

struct pl__fetch {
    const char *data;      /* the data folder; borrowed */
    int folder;            /* of the copy's files; -1 */
    int open;              /* the file that grows */
    uint64_t file, offset; /* of the piece that comes next */
    bool whole;
    uint64_t bytes;
};

/* Begins anew, with an empty folder. */
enum pl_code pl__fetch_begin(struct pl__fetch *fetch, const char *data, struct pl_error **error);
void pl__fetch_end(struct pl__fetch *fetch); /* what is there of it goes; what has been put in its place stays */

/* A piece that is not the next one is left. PL_CORRUPT: its checksum is wrong. */
enum pl_code pl__fetch_take(struct pl__fetch *fetch, const struct pl__wire *piece, struct pl_error **error);

/* When it is whole: DIR/store, which nobody has open, becomes the copy; it follows `run` of there. */
enum pl_code pl__fetch_settle(struct pl__fetch *fetch, struct pl_store_key *key, const uint8_t run[PL_LINEAGE_ID],
                              const char *families, size_t families_size, struct pl_error **error);

#endif
