/* lineage.h: whose history a folder holds, so that a copy of it can follow and take its place (engine/standby).
 *
 *     lineage            a folder and all its copies have the same random id
 *     generation         how often a copy has taken over; of two writers the one with more is right
 *     run                a random id for each opening to write: RocksDB's sequence numbers mean something within one
 *     before, since      the run in front of that, and the last sequence that was left of it when this one began
 *
 * Whoever has the writes of a run up to a sequence goes on in that run, and in the next one when that has kept them
 * all. Nobody else may: after a loss of power the same numbers stand for other writes.
 *
 * A folder without copies has no lineage, and costs nothing.
 */
#ifndef POTLINE_STORE_LINEAGE_H
#define POTLINE_STORE_LINEAGE_H

#include "store/store.h"

enum { PL_LINEAGE_ID = 16 };

struct pl_lineage {
    uint8_t id[PL_LINEAGE_ID]; /* zeros: it has none */
    uint64_t generation;
    uint8_t run[PL_LINEAGE_ID];
    uint8_t before[PL_LINEAGE_ID];
    uint64_t since;

    bool copy; /* it follows: what comes next is of the run `copied` behind `position` */
    uint8_t copied[PL_LINEAGE_ID];
    uint64_t position;

    uint64_t passed; /* the generation that has taken its place; 0: none */
};

bool pl_lineage_there(const struct pl_lineage *lineage);

/* All zeros when the folder has none. */
enum pl_code pl_lineage_read(struct pl_store *store, struct pl_lineage *lineage, struct pl_error **error);

/* What a copy adds to every write, so that it knows after any death how far it has come. */
void pl_lineage_put_position(struct pl_store *store, rocksdb_writebatch_t *writes, const uint8_t run[PL_LINEAGE_ID],
                             uint64_t position);

/* The copy, or a folder whose place was taken, is a generation of its own from here on. */
enum pl_code pl_lineage_take_over(struct pl_store *store, struct pl_lineage *lineage, struct pl_error **error);

/* Another has taken its place: it is not opened for writing any more, but to follow. */
enum pl_code pl_lineage_pass(struct pl_store *store, uint64_t generation, struct pl_error **error);

#endif
