/* index.h: the sparse time index of the embedded log.
 *
 *     partition, minute -> the sequence of the first record that reached that minute of event time
 *
 * It holds for rows in any order: an entry is written when the highest time so far enters a new minute, so before its
 * sequence there is no row of that minute or a later one.
 */
#ifndef POTLINE_LOG_INDEX_H
#define POTLINE_LOG_INDEX_H

#include <potline/time.h>

#include "store/store.h"

struct pl__index_entry {
    int64_t minute;
    uint64_t sequence;
};

int64_t pl__index_minute(pl_time time);

/* Adds an entry to the writes. */
void pl__index_add(struct pl_store *store, rocksdb_writebatch_t *writes, uint16_t partition,
                   const struct pl__index_entry *entry);

/* The last entry of the partition up to `minute`; PL_NOT_FOUND without a message: there is none. */
enum pl_code pl__index_find(struct pl_store *store, uint16_t partition, int64_t minute, struct pl__index_entry *found,
                            struct pl_error **error);

/* The entry that was in force at `sequence`: the last one at or in front of it, or the first one there is. */
enum pl_code pl__index_at(struct pl_store *store, uint16_t partition, uint64_t sequence, struct pl__index_entry *found,
                          struct pl_error **error);

/* Adds to the writes that entries in front of the one in force at `sequence` go. */
enum pl_code pl__index_trim(struct pl_store *store, rocksdb_writebatch_t *writes, uint16_t partition, uint64_t sequence,
                            struct pl_error **error);

#endif
