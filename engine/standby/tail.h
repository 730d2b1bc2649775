/* tail.h: the end of a store's write-ahead log, read while it is written: every write, in order, without a gap, or the
 * word that it is not there any more.
 */
#ifndef POTLINE_STANDBY_TAIL_H
#define POTLINE_STANDBY_TAIL_H

#include "store/store.h"

struct pl__tail {
    struct pl_store *store;
    rocksdb_wal_iterator_t *iter;
    rocksdb_writebatch_t *batch; /* what the last call has given */
    uint64_t next;               /* sequence number of that */
};

enum pl__tail_state { PL__TAIL_BATCH, PL__TAIL_END, PL__TAIL_GONE };

void pl__tail_init(struct pl__tail *tail, struct pl_store *store, uint64_t behind);
void pl__tail_fini(struct pl__tail *tail);

/* The next write, as RocksDB has it; valid until the next call. */
enum pl__tail_state pl__tail_next(struct pl__tail *tail, const char **data, size_t *size);

#endif
