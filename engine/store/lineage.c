#include "store/lineage.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include <potline/alloc.h>

#include "store/store_impl.h"

/* Of the first a copy is made like of everything else; the others are about the folder they are in. */
static const char lineage_key[] = "lineage", copy_key[] = "lineage.copy", passed_key[] = "lineage.passed";

struct lineage_record { /* as it is stored; numbers big-endian */
    uint8_t id[PL_LINEAGE_ID], run[PL_LINEAGE_ID], before[PL_LINEAGE_ID];
    uint64_t generation, since;
};

struct copy_record {
    uint8_t run[PL_LINEAGE_ID];
    uint64_t position;
};

bool pl_lineage_there(const struct pl_lineage *lineage) {
    static const uint8_t none[PL_LINEAGE_ID];
    return memcmp(lineage->id, none, sizeof none) != 0;
}

/* ---- Reading ---- */

static enum pl_code read_record(struct pl_store *store, const char *key, void *record, size_t size, bool *there,
                                struct pl_error **error) {
    void *value;
    size_t found;
    enum pl_code code = pl_store_get(store, PL_STORE_META, key, strlen(key), &value, &found, error);
    *there = code == PL_OK;
    if (code == PL_NOT_FOUND) return PL_OK;
    if (!code && found != size)
        code = pl_error_set(error, PL_CORRUPT, "%s: damaged: \"%s\" has %zu bytes", store->path, key, found);
    if (!code) memcpy(record, value, size);
    pl_free(value);
    return code;
}

enum pl_code pl_lineage_read(struct pl_store *store, struct pl_lineage *lineage, struct pl_error **error) {
    struct lineage_record record;
    struct copy_record copy;
    uint64_t passed = 0;
    bool there, fenced;
    *lineage = (struct pl_lineage){0};
    enum pl_code code = read_record(store, lineage_key, &record, sizeof record, &there, error);
    if (!code && there) {
        memcpy(lineage->id, record.id, sizeof lineage->id);
        memcpy(lineage->run, record.run, sizeof lineage->run);
        memcpy(lineage->before, record.before, sizeof lineage->before);
        lineage->generation = be64toh(record.generation);
        lineage->since = be64toh(record.since);
    }
    if (!code) code = read_record(store, copy_key, &copy, sizeof copy, &lineage->copy, error);
    if (!code && lineage->copy) {
        memcpy(lineage->copied, copy.run, sizeof lineage->copied);
        lineage->position = be64toh(copy.position);
    }
    if (!code) code = read_record(store, passed_key, &passed, sizeof passed, &fenced, error);
    if (!code && fenced) lineage->passed = be64toh(passed);
    return code;
}

/* ---- Writing ---- */

static void put(struct pl_store *store, rocksdb_writebatch_t *writes, const char *key, const void *value, size_t size) {
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], key, strlen(key), value, size);
}

static void drop(struct pl_store *store, rocksdb_writebatch_t *writes, const char *key) {
    rocksdb_writebatch_delete_cf(writes, store->family[PL_STORE_META], key, strlen(key));
}

static void put_lineage(struct pl_store *store, rocksdb_writebatch_t *writes, const struct pl_lineage *lineage) {
    struct lineage_record record = {.generation = htobe64(lineage->generation), .since = htobe64(lineage->since)};
    memcpy(record.id, lineage->id, sizeof record.id);
    memcpy(record.run, lineage->run, sizeof record.run);
    memcpy(record.before, lineage->before, sizeof record.before);
    put(store, writes, lineage_key, &record, sizeof record);
}

void pl_lineage_put_position(struct pl_store *store, rocksdb_writebatch_t *writes, const uint8_t run[PL_LINEAGE_ID],
                             uint64_t position) {
    struct copy_record record = {.position = htobe64(position)};
    memcpy(record.run, run, sizeof record.run);
    put(store, writes, copy_key, &record, sizeof record);
}

static enum pl_code random_id(uint8_t id[PL_LINEAGE_ID], struct pl_error **error) {
    if (getrandom(id, PL_LINEAGE_ID, 0) == PL_LINEAGE_ID) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE, "the system gives no random bytes");
}

static enum pl_code write_and_free(struct pl_store *store, rocksdb_writebatch_t *writes, struct pl_error **error) {
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* A new run; what it went on from is what RocksDB had when it was opened, in front of every write of ours. */
static enum pl_code begin_run(struct pl_store *store, struct pl_lineage *lineage, struct pl_error **error) {
    enum pl_code code = pl_lineage_there(lineage) ? PL_OK : random_id(lineage->id, error);
    if (!lineage->generation) lineage->generation = 1;
    memcpy(lineage->before, lineage->run, sizeof lineage->before);
    lineage->since = pl_store_opened_at(store);
    if (!code) code = random_id(lineage->run, error);
    if (code) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    put_lineage(store, writes, lineage);
    return write_and_free(store, writes, error);
}

enum pl_code pl_lineage_take_over(struct pl_store *store, struct pl_lineage *lineage, struct pl_error **error) {
    uint64_t highest = lineage->generation > lineage->passed ? lineage->generation : lineage->passed;
    lineage->generation = highest + 1;
    lineage->copy = false;
    lineage->passed = 0;
    enum pl_code code = random_id(lineage->run, error); /* the writes of the old one do not lead here any more */
    if (code) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    put_lineage(store, writes, lineage);
    drop(store, writes, copy_key);
    drop(store, writes, passed_key);
    code = write_and_free(store, writes, error);
    return code ? code : pl_store_sync(store, error);
}

enum pl_code pl_lineage_pass(struct pl_store *store, uint64_t generation, struct pl_error **error) {
    uint64_t value = htobe64(generation);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    put(store, writes, passed_key, &value, sizeof value);
    return write_and_free(store, writes, error);
}

/* ---- At the opening ---- */

enum pl_code pl__lineage_open(struct pl_store *store, bool ship, struct pl_error **error) {
    struct pl_lineage lineage;
    enum pl_code code = pl_lineage_read(store, &lineage, error);
    if (code) return code;
    if (lineage.copy)
        return pl_error_set(
            error, PL_CONFLICT,
            "%s: a standby's copy of another engine's folder; run it with --standby, or give it a life of "
            "its own with \"potline standby takeover --data DIR\"",
            store->path);
    if (lineage.passed)
        return pl_error_set(error, PL_CONFLICT,
                            "%s: a standby has taken over from it (generation %" PRIu64
                            "); have it follow that one with "
                            "--standby, or, if that one is gone, \"potline standby takeover --data DIR\"",
                            store->path, lineage.passed);
    return ship || pl_lineage_there(&lineage) ? begin_run(store, &lineage, error) : PL_OK;
}
