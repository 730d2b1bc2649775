#include "log/check.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "log/record.h"
#include "store/epochs.h"

enum { INDEX_KEY = 10 };

static const char bronze[] = "bronze", index_[] = "index";

struct walk {
    struct pl_check *check;
    struct pl_rows *rows;
    struct pl_epoch last; /* number 0: there is none, or it cannot be read */
    bool begun;
    uint16_t partition;
    uint64_t next;  /* the sequence that comes next */
    unsigned known; /* partitions of the epoch whose barrier has been met, or told of */
};

static uint16_t partition_of(const uint8_t *key) {
    uint16_t partition;
    memcpy(&partition, key, sizeof partition);
    return be16toh(partition);
}

/* ---- Records ---- */

static void miss_barrier(const struct walk *walk, unsigned partition) {
    pl_check_found(walk->check, bronze,
                   "partition %u: sequence %" PRIu64 " is not the barrier of the last checkpoint, which is %" PRIu64,
                   partition, walk->last.sequence[partition], walk->last.number);
}

/* Barriers of partitions up to this one that have not been met are missing. */
static void pass_barriers(struct walk *walk, unsigned end) {
    if (end > walk->last.partitions) end = walk->last.partitions;
    for (; walk->known < end; walk->known++)
        miss_barrier(walk, walk->known);
}

static void meet_barrier(struct walk *walk, const struct pl_log_record *record) {
    unsigned partition = record->partition;
    if (partition != walk->known || partition >= walk->last.partitions) return;
    if (record->sequence != walk->last.sequence[partition]) return;
    if (record->type != PL_LOG_BARRIER || record->epoch != walk->last.number) return;
    walk->known++;
}

static void begin_partition(struct walk *walk, uint16_t partition, uint64_t sequence) {
    if (walk->begun && walk->partition == partition) return;
    pass_barriers(walk, partition);
    walk->begun = true;
    walk->partition = partition;
    walk->next = sequence;
}

static enum pl_code check_record(struct walk *walk, const uint8_t *key, const void *value, size_t size,
                                 struct pl_error **error) {
    struct pl_log_record record;
    uint64_t sequence = pl__record_key_sequence(key);
    begin_partition(walk, partition_of(key), sequence);
    if (sequence > walk->next)
        pl_check_found(walk->check, bronze, "partition %u: sequences %" PRIu64 " to %" PRIu64 " are missing",
                       walk->partition, walk->next, sequence - 1);
    else if (sequence < walk->next)
        pl_check_found(walk->check, bronze, "partition %u: sequence %" PRIu64 " is there twice", walk->partition,
                       sequence);
    enum pl_code code = pl__record_get(key, value, size, walk->rows, walk->check->tags, &record, error);
    if (code && code != PL_CORRUPT) return code;
    if (code) {
        char *text = pl_error_text(*error);
        pl_check_found(walk->check, bronze, "%s", text ? text : "a record is damaged");
        pl_free(text);
        pl_error_free(error);
        walk->begun = false; /* how long it is cannot be known: the next one is believed */
        return PL_OK;
    }
    meet_barrier(walk, &record);
    walk->next = sequence + pl__record_length(&record);
    if (record.batch) pl_batch_unref(record.batch);
    return PL_OK;
}

static enum pl_code check_records(struct walk *walk, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(walk->check->store, PL_STORE_BRONZE, NULL, 0, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, "", 0); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t key_size, size;
        const uint8_t *key = pl_store_iter_key(iter, &key_size);
        const void *value = pl_store_iter_value(iter, &size);
        walk->check->checked++;
        if (key_size == PL__RECORD_KEY)
            code = check_record(walk, key, value, size, error);
        else
            pl_check_found(walk->check, bronze, "a key of %zu bytes is none", key_size);
    }
    struct pl_error *broken = NULL;
    if (!code && pl_store_iter_check(iter, &broken))
        pl_check_unreadable(walk->check, bronze, &broken);
    else if (!code)
        pass_barriers(walk, walk->last.partitions);
    pl_store_iter_free(iter);
    return code;
}

/* ---- The index ---- */

/* Sequences grow with the minutes of a partition. */
static enum pl_code check_index(struct pl_check *check, struct pl_error **error) {
    struct pl_store_iter *iter;
    uint64_t before = 0, sequence;
    int partition = -1;
    enum pl_code code = pl_store_iter_new(check->store, PL_STORE_INDEX, NULL, 0, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, "", 0); pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t key_size, size;
        const uint8_t *key = pl_store_iter_key(iter, &key_size);
        const void *value = pl_store_iter_value(iter, &size);
        check->checked++;
        if (key_size != INDEX_KEY || size != sizeof sequence) {
            pl_check_found(check, index_, "an entry of %zu and %zu bytes is none", key_size, size);
            continue;
        }
        memcpy(&sequence, value, sizeof sequence);
        sequence = be64toh(sequence);
        if (partition == partition_of(key) && sequence < before)
            pl_check_found(check, index_, "partition %d: sequence %" PRIu64 " stands behind %" PRIu64, partition,
                           sequence, before);
        partition = partition_of(key);
        before = sequence;
    }
    struct pl_error *broken = NULL;
    if (pl_store_iter_check(iter, &broken)) pl_check_unreadable(check, index_, &broken);
    pl_store_iter_free(iter);
    return PL_OK;
}

enum pl_code pl_check_log(struct pl_check *check, struct pl_error **error) {
    struct walk walk = {.check = check, .rows = pl_rows_new(check->tags)};
    if (!walk.rows) return pl_error_set(error, PL_NO_MEMORY, "no memory to look through the log");
    if (pl_epochs_last(check->store, &walk.last, NULL)) walk.last = (struct pl_epoch){0}; /* pl_check_state tells */
    enum pl_code code = check_records(&walk, error);
    if (!code) code = check_index(check, error);
    pl_epoch_fini(&walk.last);
    pl_rows_free(walk.rows);
    return code;
}
