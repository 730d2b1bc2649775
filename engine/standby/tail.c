#include "standby/tail.h"

#include <potline/diag.h>

void pl__tail_init(struct pl__tail *tail, struct pl_store *store, uint64_t behind) {
    *tail = (struct pl__tail){.store = store, .next = behind + 1};
}

static void drop(struct pl__tail *tail) {
    if (tail->batch) rocksdb_writebatch_destroy(tail->batch);
    if (tail->iter) rocksdb_wal_iter_destroy(tail->iter);
    tail->batch = NULL;
    tail->iter = NULL;
}

void pl__tail_fini(struct pl__tail *tail) {
    drop(tail);
}

/* An iterator costs reading a log from its start, so one is kept as long as it goes on. RocksDB's own end is an
 * iterator that is not valid and can be moved on later; only one that has been valid may be. */
static bool stand_on_next(struct pl__tail *tail) {
    char *message = NULL;
    if (tail->iter) rocksdb_wal_iter_next(tail->iter);
    if (tail->iter && rocksdb_wal_iter_valid(tail->iter)) return true;
    drop(tail);
    tail->iter = rocksdb_get_updates_since(tail->store->db, tail->next, NULL, &message);
    bool good = !message && tail->iter && rocksdb_wal_iter_valid(tail->iter);
    if (message) pl_diag(PL_WARN, "standby: the write-ahead log cannot be read: %s", message);
    rocksdb_free(message);
    return good;
}

enum pl__tail_state pl__tail_next(struct pl__tail *tail, const char **data, size_t *size) {
    uint64_t sequence = 0;
    if (tail->batch) rocksdb_writebatch_destroy(tail->batch);
    tail->batch = NULL;
    if (rocksdb_get_latest_sequence_number(tail->store->db) < tail->next) return PL__TAIL_END;
    if (!stand_on_next(tail)) {
        drop(tail);
        return PL__TAIL_GONE;
    }
    tail->batch = rocksdb_wal_iter_get_batch(tail->iter, &sequence);
    if (sequence != tail->next) return PL__TAIL_GONE;
    tail->next += (uint64_t)rocksdb_writebatch_count(tail->batch);
    *data = rocksdb_writebatch_data(tail->batch, size);
    return PL__TAIL_BATCH;
}
