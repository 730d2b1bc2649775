/* audit_read.c: following the chain. */
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "store/audit_impl.h"

enum { KEY = PL__AUDIT_KEY, FIELDS = PL__AUDIT_FIELDS };

struct walk {
    struct pl_store *store;
    struct pl_store_iter *iter;   /* one view for the records and the entry of the end */
    struct pl__audit_chain chain; /* up to the record before the iterator's */
    struct pl__audit_ends ends;
    struct pl_audit_place named; /* by the last record of a pruning so far */
    struct pl_audit_record record;
    char texts[FIELDS][PL_AUDIT_TEXT_MAX + 1];
};

/* ---- The record ---- */

static void set_text(struct pl_audit_record *record, unsigned field, const char *text) {
    memcpy((char *)record + pl__audit_fields[field].offset, &text, sizeof text);
}

/* The field of that name, looked for from `hint` on, where it usually stands; FIELDS: none of this version. */
static unsigned find_field(const char *name, size_t length, unsigned hint) {
    for (unsigned i = 0; i < FIELDS; i++) {
        unsigned field = (hint + i) % FIELDS;
        if (strlen(pl__audit_fields[field].name) == length && memcmp(pl__audit_fields[field].name, name, length) == 0)
            return field;
    }
    return FIELDS;
}

static bool decode_text(struct walk *walk, unsigned field, struct pl_unpack *unpack) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length) || length > PL_AUDIT_TEXT_MAX || memchr(text, 0, length)) return false;
    memcpy(walk->texts[field], text, length);
    walk->texts[field][length] = 0;
    set_text(&walk->record, field, walk->texts[field]);
    return true;
}

/* One pair; those of later versions are left out. */
static bool decode_pair(struct walk *walk, struct pl_unpack *unpack, unsigned *hint) {
    const char *name;
    size_t length;
    if (!pl_unpack_str(unpack, &name, &length)) return false;
    if (length == 4 && memcmp(name, "time", 4) == 0) return pl_unpack_int(unpack, &walk->record.time);
    unsigned field = find_field(name, length, *hint);
    *hint = field + 1;
    return field < FIELDS ? decode_text(walk, field, unpack) : pl_unpack_skip(unpack);
}

static bool decode(struct walk *walk, const uint8_t *bytes, size_t size) {
    struct pl_unpack unpack;
    uint32_t pairs;
    unsigned hint = 0;
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_map(&unpack, &pairs)) return false;
    walk->record.time = 0;
    for (unsigned i = 0; i < FIELDS; i++)
        set_text(&walk->record, i, "");
    for (; pairs; pairs--)
        if (!decode_pair(walk, &unpack, &hint)) return false;
    return unpack.at == unpack.end;
}

static enum pl_code broken(const struct walk *walk, uint64_t sequence, const char *how, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "%s: audit record %" PRIu64 " %s", walk->store->path, sequence, how);
}

/* ---- The chain ---- */

/* Is the record under the iterator the one that has to come now? */
static enum pl_code check_record(struct walk *walk, struct pl_error **error) {
    struct pl_audit_place place = {.sequence = walk->chain.last.sequence + 1};
    const struct pl_audit_place *end = &walk->ends.last;
    size_t key_size, size;
    const uint8_t *key = pl_store_iter_key(walk->iter, &key_size), *value = pl_store_iter_value(walk->iter, &size);
    if (key_size != KEY)
        return broken(walk, place.sequence, "is not there: what stands in its place is no record", error);
    if (pl__audit_key_sequence(key) != place.sequence) return broken(walk, place.sequence, "is missing", error);
    if (size < PL_AUDIT_HASH) return broken(walk, place.sequence, "is cut short", error);
    if (!pl__audit_chain_hash(&walk->chain, key, value + PL_AUDIT_HASH, size - PL_AUDIT_HASH, place.hash))
        return pl__audit_no_memory(error);
    if (memcmp(place.hash, value, PL_AUDIT_HASH) != 0)
        return broken(walk, place.sequence, "does not follow from the one before: it was changed, moved or put in",
                      error);
    if (place.sequence > end->sequence) return broken(walk, place.sequence, "was put in behind the end", error);
    if (place.sequence == end->sequence && memcmp(place.hash, end->hash, PL_AUDIT_HASH) != 0)
        return broken(walk, place.sequence, "is not the one that was written last", error);
    if (!decode(walk, value + PL_AUDIT_HASH, size - PL_AUDIT_HASH))
        return broken(walk, place.sequence, "cannot be read", error);
    walk->chain.last = place;
    walk->record.sequence = place.sequence;
    memcpy(walk->record.hash, place.hash, sizeof place.hash);
    if (strcmp(walk->record.action, PL_AUDIT_PRUNE) == 0) pl_audit_place_read(walk->record.to, &walk->named);
    return PL_OK;
}

/* The iterator's sequence, 0 when it is not at a record. */
static uint64_t sequence_at(const struct pl_store_iter *iter) {
    size_t size;
    if (!pl_store_iter_valid(iter)) return 0;
    const uint8_t *key = pl_store_iter_key(iter, &size);
    if (size != KEY) return 0;
    pl_store_iter_value(iter, &size);
    return size < PL_AUDIT_HASH ? 0 : pl__audit_key_sequence(key);
}

/* Positions the iterator at record `from`, with the hash of the one before it. */
static enum pl_code start(struct walk *walk, uint64_t from, struct pl_error **error) {
    uint8_t key[KEY];
    size_t size;
    if (from == walk->ends.pruned.sequence + 1) {
        walk->chain.last = walk->ends.pruned;
    } else {
        pl__audit_key(from - 1, key);
        pl_store_iter_seek(walk->iter, key, KEY);
        if (sequence_at(walk->iter) != from - 1) return broken(walk, from - 1, "is missing", error);
        walk->chain.last.sequence = from - 1;
        memcpy(walk->chain.last.hash, pl_store_iter_value(walk->iter, &size), PL_AUDIT_HASH);
    }
    pl__audit_key(from, key);
    pl_store_iter_seek(walk->iter, key, KEY);
    return PL_OK;
}

static enum pl_code visit_all(struct walk *walk, pl_audit_visitor *each, void *arg, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (; !code && pl_store_iter_valid(walk->iter); pl_store_iter_next(walk->iter)) {
        code = check_record(walk, error);
        if (!code) code = each(arg, &walk->record, error);
        if (code) return code;
    }
    code = pl_store_iter_check(walk->iter, error);
    if (!code && walk->chain.last.sequence < walk->ends.last.sequence)
        code = broken(walk, walk->chain.last.sequence + 1, "is missing", error);
    return code;
}

/* The beginning may only be missing when a record of the chain says where it ended. */
static enum pl_code check_beginning(const struct walk *walk, struct pl_error **error) {
    const struct pl_audit_place *pruned = &walk->ends.pruned, *named = &walk->named;
    if (named->sequence == pruned->sequence && memcmp(named->hash, pruned->hash, PL_AUDIT_HASH) == 0) return PL_OK;
    return broken(walk, 1, "and those behind it are missing, and no record says that they were pruned", error);
}

static enum pl_code walk_from(struct walk *walk, uint64_t from, pl_audit_visitor *each, void *arg,
                              struct pl_error **error) {
    pl__audit_read_ends(walk->iter, &walk->ends);
    uint64_t first = walk->ends.pruned.sequence + 1;
    if (from < first) from = first;
    if (from > walk->ends.last.sequence && from > 1)
        return pl_store_iter_check(walk->iter, error); /* not written yet */
    enum pl_code code = start(walk, from, error);
    if (!code) code = visit_all(walk, each, arg, error);
    return code || from > first ? code : check_beginning(walk, error);
}

enum pl_code pl_audit_each(struct pl_store *store, uint64_t from, pl_audit_visitor *each, void *arg,
                           struct pl_error **error) {
    struct walk *walk = PL_NEW(struct walk);
    if (!walk) return pl__audit_no_memory(error);
    walk->store = store;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_AUDIT, NULL, 0, &walk->iter, error);
    if (!code) code = pl__audit_chain_init(&walk->chain, error);
    if (!code) code = walk_from(walk, from ? from : 1, each, arg, error);
    pl__audit_chain_fini(&walk->chain);
    pl_store_iter_free(walk->iter);
    pl_free(walk);
    return code;
}

enum pl_code pl_audit_places(struct pl_store *store, struct pl_audit_place *pruned, struct pl_audit_place *last,
                             struct pl_error **error) {
    struct pl_store_iter *iter;
    struct pl__audit_ends ends;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_AUDIT, NULL, 0, &iter, error);
    if (code) return code;
    pl__audit_read_ends(iter, &ends);
    *pruned = ends.pruned;
    *last = ends.last;
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}
