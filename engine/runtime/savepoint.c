#include "savepoint.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "base/clock.h"
#include "base/fault.h"
#include "batch/tags.h"
#include "store/savefile.h"
#include "store/space.h"

enum { WRITE = 256 << 10, TOLD_EVERY = 4096 };

static const uint64_t epoch_end = UINT64_C(1) << 62; /* no folder comes as far */

static const char mark[] = "savepoint"; /* of a folder into which one is being read */

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a savepoint");
}

/* ---- Which entries belong to it ---- */

/* A family, and whether a key of it belongs to a checkpoint. */
struct part {
    char type;
    enum pl_store_family family;
    bool (*has)(const char *key, size_t size, uint64_t epoch);
};

/* The state, and changes of the last epoch that a death has kept from being moved into it. */
static bool is_state(const char *key, size_t size, uint64_t epoch) {
    uint64_t of;
    if (key[0] == 's') return true;
    if (key[0] != 'd' || size < 1 + sizeof of) return false;
    memcpy(&of, key + 1, sizeof of);
    return be64toh(of) <= epoch;
}

static bool is_any(const char *key, size_t size, uint64_t epoch) {
    (void)key, (void)size, (void)epoch;
    return true;
}

/* What waits in a process, and not in its state, begins with 0. */
static bool is_lasting(const char *key, size_t size, uint64_t epoch) {
    (void)size, (void)epoch;
    return key[0] != 0;
}

static const struct part parts[] = {
    {'s', PL_STORE_STATE, is_state}, {'k', PL_STORE_KEPT, is_any}, {'p', PL_STORE_SPILL, is_lasting}};

/* ---- Writing ---- */

struct writing {
    struct pl_savepoint_write *write;
    struct pl_store *store;
    struct pl_savefile *file;
    struct pl_epoch last;
    uint64_t entries;
};

static enum pl_code put(struct writing *w, char type, const void *key, size_t key_size, const void *value, size_t size,
                        struct pl_error **error) {
    struct pl_savepoint_write *write = w->write;
    struct pl_savefile_entry entry = {
        .type = type, .key = key, .key_size = (uint32_t)key_size, .value = value, .value_size = (uint32_t)size};
    enum pl_code code = pl_savefile_put(w->file, &entry, error);
    write->bytes = pl_savefile_bytes(w->file);
    if (code || ++w->entries % TOLD_EVERY || !write->progress) return code;
    return write->progress(write->arg, write->bytes, write->bytes)
               ? PL_OK
               : pl_error_set(error, PL_BUSY, "%s: interrupted", write->to);
}

static enum pl_code put_pack(struct writing *w, char type, struct pl_pack *pack, struct pl_error **error) {
    enum pl_code code =
        pl_pack_failed(pack) ? no_memory(error) : put(w, type, NULL, 0, pl_pack_data(pack), pl_pack_size(pack), error);
    pl_pack_reset(pack);
    return code;
}

static enum pl_code put_heads(struct writing *w, struct pl_error **error) {
    struct pl_pack *pack = pl_pack_new();
    struct pl_clock wall;
    if (!pack) return no_memory(error);
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    pl_pack_array(pack, 3);
    pl_pack_str(pack, POTLINE_VERSION);
    pl_pack_uint(pack, PL_STORE_FORMAT);
    pl_pack_int(pack, pl_clock_now(&wall));
    enum pl_code code = put_pack(w, 'i', pack, error);
    pl_epoch_pack(&w->last, pack);
    if (!code) code = put_pack(w, 'e', pack, error);
    pl_pack_free(pack);
    return code;
}

/* Rows that came in since. */
static enum pl_code count_behind(struct writing *w, struct pl_log *log, unsigned partition, struct pl_error **error) {
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    enum pl_code code = log->ops->cursor(log, partition, w->last.sequence[partition] + 1, true, &cursor, error);
    if (code) return code;
    while (!(code = log->ops->read(cursor, &record, error)))
        w->write->behind += record.rows;
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* The body of the barrier in partition 0. */
static enum pl_code put_barrier(struct writing *w, struct pl_error **error) {
    struct pl_log *log;
    struct pl_log_cursor *cursor = NULL;
    struct pl_log_record barrier;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.key_depth = 1});
    if (!tags) return no_memory(error);
    enum pl_code code = pl_log_open_embedded(w->store, tags, 0, &log, error);
    if (!code) {
        code = log->ops->cursor(log, 0, w->last.sequence[0], true, &cursor, error);
        if (!code) code = log->ops->read(cursor, &barrier, error);
        if (!code && (barrier.type != PL_LOG_BARRIER || barrier.epoch != w->last.number))
            code = pl_error_set(error, PL_CORRUPT, "%s: the log has no barrier of epoch %" PRIu64, w->write->from,
                                w->last.number);
        if (!code) code = put(w, 'b', NULL, 0, barrier.body, barrier.body_size, error);
        if (cursor) log->ops->cursor_free(cursor);
        for (unsigned p = 0; !code && p < w->last.partitions && p < log->partitions; p++)
            code = count_behind(w, log, p, error);
        log->ops->close(log);
    }
    pl_tags_free(tags);
    return code;
}

static enum pl_code put_part(struct writing *w, const struct part *part, struct pl_error **error) {
    struct pl_store_iter *iter;
    if (!w->store->family[part->family]) return PL_OK;
    bool switched = part->family == PL_STORE_STATE && pl_epochs_switched(w->store);
    enum pl_code code = pl_store_iter_new(w->store, part->family, NULL, 0, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, "", 0); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t key_size, size;
        const char *key = pl_store_iter_key(iter, &key_size);
        const void *value = pl_store_iter_value(iter, &size);
        if (!key_size) continue;
        char *own = switched && key[0] == 'r' ? pl_alloc(key_size) : NULL; /* it is the state already */
        if (own) {
            memcpy(own, key, key_size);
            own[0] = 's';
            key = own;
        }
        if (part->has(key, key_size, w->last.number)) code = put(w, part->type, key, key_size, value, size, error);
        pl_free(own);
    }
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

static enum pl_code write_all(struct writing *w, struct pl_error **error) {
    enum pl_code code = pl_epochs_last(w->store, &w->last, error);
    if (code == PL_NOT_FOUND)
        return pl_error_set(error, PL_NOT_FOUND, "%s: there is no checkpoint in it", w->write->from);
    if (!code && !w->last.partitions)
        code = pl_error_set(error, PL_CORRUPT, "%s: the checkpoint is damaged", w->write->from);
    if (!code) code = pl_savefile_create(w->write->to, w->write->key, &w->file, error);
    if (!code) code = put_heads(w, error);
    if (!code) code = put_barrier(w, error);
    for (size_t i = 0; i < PL_COUNT_OF(parts) && !code; i++)
        code = put_part(w, &parts[i], error);
    if (!code) code = pl_savefile_finish(w->file, error);
    w->write->epoch = w->last.number;
    return code;
}

enum pl_code pl_savepoint_write(struct pl_savepoint_write *write, struct pl_error **error) {
    struct writing w = {.write = write};
    struct pl_store_options options = {.read_only = true, .key = write->key};
    write->epoch = write->bytes = write->behind = 0;
    enum pl_code code = pl_store_open(write->from, &options, &w.store, error);
    if (!code) code = write_all(&w, error);
    pl_savefile_close(w.file);
    pl_epoch_fini(&w.last);
    pl_store_close(w.store);
    return code;
}

/* ---- Reading ---- */

struct pl_savepoint {
    char *path;
    struct pl_savefile *file;
    struct pl_epoch epoch;
    struct pl_buffer barrier;
    struct pl_savefile_entry entry; /* the first of the others */
    bool has_entry;
};

static enum pl_code damaged(const struct pl_savepoint *savepoint, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "%s: it makes no sense", savepoint->path);
}

/* PL_NOT_FOUND: there are no more. */
static enum pl_code next(struct pl_savepoint *savepoint, struct pl_error **error) {
    enum pl_code code = pl_savefile_next(savepoint->file, &savepoint->entry, error);
    savepoint->has_entry = !code;
    return code;
}

static enum pl_code check_versions(const struct pl_savepoint *savepoint, struct pl_error **error) {
    struct pl_unpack unpack;
    uint32_t items;
    const char *version;
    size_t length;
    uint64_t format;
    pl_unpack_init(&unpack, savepoint->entry.value, savepoint->entry.value_size);
    if (!pl_unpack_array(&unpack, &items) || items < 3 || !pl_unpack_str(&unpack, &version, &length) ||
        !pl_unpack_uint(&unpack, &format))
        return damaged(savepoint, error);
    if (format <= PL_STORE_FORMAT) return PL_OK;
    return pl_error_set(error, PL_CONFLICT,
                        "%s: of potline %.*s, whose data folders have format %" PRIu64 "; this one reads up to %d",
                        savepoint->path, (int)length, version, format, PL_STORE_FORMAT);
}

static enum pl_code read_heads(struct pl_savepoint *savepoint, struct pl_error **error) {
    struct pl_unpack unpack;
    enum pl_code code;
    bool versions = false;
    while (!(code = next(savepoint, error))) {
        const struct pl_savefile_entry *entry = &savepoint->entry;
        if (entry->type == 'i') {
            versions = true;
            if ((code = check_versions(savepoint, error))) return code;
        } else if (entry->type == 'e' && versions && !savepoint->epoch.number) {
            pl_unpack_init(&unpack, entry->value, entry->value_size);
            /* The numbers of epochs begin with 1 and go on from there. */
            if (!pl_epoch_unpack(&unpack, &savepoint->epoch) || !savepoint->epoch.number ||
                savepoint->epoch.number >= epoch_end)
                return damaged(savepoint, error);
        } else if (entry->type == 'b' && versions) {
            pl_buffer_reset(&savepoint->barrier);
            if (!pl_buffer_put(&savepoint->barrier, entry->value, entry->value_size)) return no_memory(error);
        } else {
            break;
        }
    }
    if (code && code != PL_NOT_FOUND) return code;
    bool whole = savepoint->epoch.number && savepoint->epoch.partitions && savepoint->barrier.size;
    return whole ? PL_OK : damaged(savepoint, error);
}

enum pl_code pl_savepoint_open(const char *path, struct pl_store_key *key, struct pl_savepoint **made,
                               struct pl_error **error) {
    struct pl_savepoint *savepoint = *made = PL_NEW(struct pl_savepoint);
    if (!savepoint) return no_memory(error);
    pl_buffer_init(&savepoint->barrier, PL_MESSAGE_MAX);
    savepoint->path = pl_strdup(path);
    enum pl_code code = savepoint->path ? pl_savefile_open(path, key, &savepoint->file, error) : no_memory(error);
    if (!code) code = read_heads(savepoint, error);
    if (!code) return PL_OK;
    pl_savepoint_close(savepoint);
    *made = NULL;
    return code;
}

void pl_savepoint_close(struct pl_savepoint *savepoint) {
    if (!savepoint) return;
    pl_savefile_close(savepoint->file);
    pl_epoch_fini(&savepoint->epoch);
    pl_buffer_fini(&savepoint->barrier);
    pl_free(savepoint->path);
    pl_free(savepoint);
}

/* ---- Into a folder ---- */

/* PL_OK: reading one in has been begun. PL_NOT_FOUND: it has not. */
static enum pl_code find_mark(struct pl_store *store, struct pl_error **error) {
    void *value = NULL;
    size_t size;
    enum pl_code code = pl_store_get(store, PL_STORE_META, mark, strlen(mark), &value, &size, error);
    pl_free(value);
    return code;
}

enum pl_code pl_savepoint_check(struct pl_store *store, struct pl_error **error) {
    enum pl_code code = find_mark(store, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    return code ? code
                : pl_error_set(error, PL_CONFLICT,
                               "%s: beginning from a savepoint did not come to its end; run it again with "
                               "--from-savepoint, or with --fresh",
                               store->path);
}

static enum pl_code is_used(struct pl_store *store, bool *used, struct pl_error **error) {
    struct pl_store_iter *iter;
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(store, &last, error);
    *used = !code;
    pl_epoch_fini(&last);
    if (code != PL_NOT_FOUND) return code;
    code = pl_store_iter_new(store, PL_STORE_BRONZE, NULL, 0, &iter, error);
    if (code) return code;
    pl_store_iter_seek(iter, "", 0);
    *used = pl_store_iter_valid(iter);
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

/* What an earlier beginning has left, and the mark, in one write. */
static enum pl_code clear(struct pl_savepoint *savepoint, struct pl_store *store, struct pl_error **error) {
    static const enum pl_store_family families[] = {PL_STORE_BRONZE, PL_STORE_INDEX, PL_STORE_STATE, PL_STORE_KEPT,
                                                    PL_STORE_SPILL};
    char end[PL_NAME_MAX + 64];
    memset(end, 0xff, sizeof end);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (size_t i = 0; i < PL_COUNT_OF(families); i++)
        rocksdb_writebatch_delete_range_cf(writes, store->family[families[i]], "", 0, end, sizeof end);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], mark, strlen(mark), savepoint->path,
                              strlen(savepoint->path));
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

static enum pl_code fill_all(struct pl_savepoint *savepoint, struct pl_store *store, rocksdb_writebatch_t *writes,
                             struct pl_error **error) {
    enum pl_code code = PL_OK;
    while (savepoint->has_entry && !code) {
        const struct pl_savefile_entry *entry = &savepoint->entry;
        const struct part *part = parts;
        while (part < parts + PL_COUNT_OF(parts) && part->type != entry->type)
            part++;
        if (part == parts + PL_COUNT_OF(parts) || !entry->key_size ||
            !part->has(entry->key, entry->key_size, savepoint->epoch.number))
            return damaged(savepoint, error);
        rocksdb_writebatch_put_cf(writes, store->family[part->family], entry->key, entry->key_size, entry->value,
                                  entry->value_size);
        size_t size;
        rocksdb_writebatch_data(writes, &size);
        if (size > WRITE) code = pl_store_write(store, writes, error);
        PL_FAULT("savepoint.fill");
        if (!code && (code = next(savepoint, error)) == PL_NOT_FOUND) code = PL_OK;
    }
    return code ? code : pl_store_write(store, writes, error);
}

enum pl_code pl_savepoint_fill(struct pl_savepoint *savepoint, struct pl_store *store, struct pl_error **error) {
    bool used = false;
    enum pl_code code = find_mark(store, error);
    if (code == PL_NOT_FOUND) code = is_used(store, &used, error);
    if (code) return code;
    if (used)
        return pl_error_set(error, PL_CONFLICT,
                            "%s: it has a checkpoint or a log of its own; leave --from-savepoint out to go on from "
                            "there, or empty the folder with --fresh",
                            store->path);
    code = clear(savepoint, store, error);
    if (code) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    code = fill_all(savepoint, store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* In each partition that the log has now; in those it has not there is nothing to be gone on from. */
static enum pl_code put_barriers(struct pl_savepoint *savepoint, struct pl_log *log, struct pl_error **error) {
    struct pl_epoch *epoch = &savepoint->epoch;
    struct pl_log_record *records = pl_alloc((log->partitions + 1) * sizeof *records);
    if (!records) return no_memory(error);
    for (unsigned p = 0; p < log->partitions; p++)
        records[p] = (struct pl_log_record){.type = PL_LOG_BARRIER, .partition = (uint16_t)p, .epoch = epoch->number};
    records[0].body = savepoint->barrier.data;
    records[0].body_size = savepoint->barrier.size;
    enum pl_code code = log->ops->append(log, records, log->partitions, error);
    for (unsigned p = 0; p < epoch->partitions; p++)
        epoch->sequence[p] = p < log->partitions ? records[p].sequence : 0;
    pl_free(records);
    return code;
}

enum pl_code pl_savepoint_begin(struct pl_savepoint *savepoint, struct pl_store *store, struct pl_log *log,
                                struct pl_error **error) {
    enum pl_code code = put_barriers(savepoint, log, error);
    PL_FAULT("savepoint.begin");
    return code ? code : pl_epochs_begin(store, &savepoint->epoch, mark, error);
}
