#include "store/audit.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/utf8.h"
#include "store/audit_impl.h"

enum { KEY = PL__AUDIT_KEY, PLACE = KEY + PL_AUDIT_HASH };

static const uint8_t end_key[KEY], last_key[KEY] = {255, 255, 255, 255, 255, 255, 255, 255};

/* ---- The texts of a record ---- */

const struct pl__audit_field pl__audit_fields[PL__AUDIT_FIELDS] = {
    {"user", offsetof(struct pl_audit_record, user)},
    {"role", offsetof(struct pl_audit_record, role)},
    {"origin", offsetof(struct pl_audit_record, origin)},
    {"action", offsetof(struct pl_audit_record, action)},
    {"object", offsetof(struct pl_audit_record, object)},
    {"from", offsetof(struct pl_audit_record, from)},
    {"to", offsetof(struct pl_audit_record, to)},
    {"reason", offsetof(struct pl_audit_record, reason)},
    {"outcome", offsetof(struct pl_audit_record, outcome)},
    {"correlation", offsetof(struct pl_audit_record, correlation)},
    {"detail", offsetof(struct pl_audit_record, detail)},
};

static const char *get_text(const struct pl_audit_record *record, unsigned field) {
    const char *text;
    memcpy(&text, (const char *)record + pl__audit_fields[field].offset, sizeof text);
    return text;
}

/* People's bytes as UTF-8, cut where it gets too long; returns the length. */
static size_t clean(const char *text, char out[PL_AUDIT_TEXT_MAX]) {
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t length = strnlen(text, PL_AUDIT_TEXT_MAX + 4), used = 0;
    for (size_t at = 0; at < length;) {
        unsigned size = pl_utf8_next(text + at, length - at), put = size ? size : 3;
        if (used + put > PL_AUDIT_TEXT_MAX) break;
        memcpy(out + used, size ? text + at : replacement, put);
        used += put;
        at += size ? size : 1;
    }
    return used;
}

static void encode(struct pl_pack *pack, const struct pl_audit_record *record) {
    char text[PL_AUDIT_TEXT_MAX];
    uint32_t given = 0;
    for (unsigned i = 0; i < PL__AUDIT_FIELDS; i++)
        given += get_text(record, i) != NULL;
    pl_pack_reset(pack);
    pl_pack_map(pack, given + 1);
    pl_pack_pair_int(pack, "time", record->time);
    for (unsigned i = 0; i < PL__AUDIT_FIELDS; i++) {
        if (!get_text(record, i)) continue;
        size_t length = clean(get_text(record, i), text);
        pl_pack_str(pack, pl__audit_fields[i].name);
        pl_pack_strn(pack, text, length);
    }
}

/* ---- The chain ---- */

enum pl_code pl__audit_no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the audit");
}

enum pl_code pl__audit_chain_init(struct pl__audit_chain *chain, struct pl_error **error) {
    chain->sha = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    chain->context = EVP_MD_CTX_new();
    return chain->sha && chain->context ? PL_OK : pl__audit_no_memory(error);
}

void pl__audit_chain_fini(struct pl__audit_chain *chain) {
    EVP_MD_CTX_free(chain->context);
    EVP_MD_free(chain->sha);
}

bool pl__audit_chain_hash(const struct pl__audit_chain *chain, const uint8_t key[KEY], const void *record, size_t size,
                          uint8_t hash[PL_AUDIT_HASH]) {
    return EVP_DigestInit_ex2(chain->context, chain->sha, NULL) &&
           EVP_DigestUpdate(chain->context, chain->last.hash, PL_AUDIT_HASH) &&
           EVP_DigestUpdate(chain->context, key, KEY) && EVP_DigestUpdate(chain->context, record, size) &&
           EVP_DigestFinal_ex(chain->context, hash, NULL);
}

void pl__audit_key(uint64_t sequence, uint8_t key[KEY]) {
    for (int i = KEY - 1; i >= 0; i--, sequence >>= 8)
        key[i] = (uint8_t)sequence;
}

uint64_t pl__audit_key_sequence(const uint8_t key[KEY]) {
    uint64_t value = 0;
    for (int i = 0; i < KEY; i++)
        value = value << 8 | key[i];
    return value;
}

/* ---- The entry of both ends ---- */

static void put_place(const struct pl_audit_place *place, uint8_t at[PLACE]) {
    pl__audit_key(place->sequence, at);
    memcpy(at + KEY, place->hash, PL_AUDIT_HASH);
}

static void get_place(const uint8_t at[PLACE], struct pl_audit_place *place) {
    place->sequence = pl__audit_key_sequence(at);
    memcpy(place->hash, at + KEY, PL_AUDIT_HASH);
}

void pl__audit_read_ends(struct pl_store_iter *iter, struct pl__audit_ends *ends) {
    size_t size;
    *ends = (struct pl__audit_ends){0};
    pl_store_iter_seek(iter, end_key, KEY);
    if (!pl_store_iter_valid(iter)) return;
    const void *key = pl_store_iter_key(iter, &size);
    if (size != KEY || memcmp(key, end_key, KEY) != 0) return;
    const uint8_t *value = pl_store_iter_value(iter, &size);
    if (size != PLACE && size != 2 * PLACE) return;
    get_place(value, &ends->last);
    if (size == 2 * PLACE) get_place(value + PLACE, &ends->pruned);
}

/* ---- Appending ---- */

/* The place of the last record there is; sequence 0 when there is none. */
static void read_last(struct pl_store_iter *iter, struct pl_audit_place *last) {
    size_t size;
    *last = (struct pl_audit_place){0};
    pl_store_iter_seek_last(iter, last_key, KEY);
    if (!pl_store_iter_valid(iter)) return;
    const uint8_t *key = pl_store_iter_key(iter, &size);
    if (size != KEY || memcmp(key, end_key, KEY) == 0) return;
    const uint8_t *hash = pl_store_iter_value(iter, &size);
    if (size < PL_AUDIT_HASH) return;
    last->sequence = pl__audit_key_sequence(key);
    memcpy(last->hash, hash, PL_AUDIT_HASH);
}

/* Goes on behind both what the entry of the end says and the last record there is. Of records that are missing in
 * between the gap stays, and of one that is changed the break: nothing that comes after hides it. */
static enum pl_code find_end(struct pl_audit *audit, struct pl_error **error) {
    struct pl_store_iter *iter;
    struct pl__audit_ends ends;
    struct pl_audit_place last;
    enum pl_code code = pl_store_iter_new(audit->store, PL_STORE_AUDIT, NULL, 0, &iter, error);
    if (code) return code;
    pl__audit_read_ends(iter, &ends);
    read_last(iter, &last);
    if (last.sequence != ends.last.sequence || (last.sequence && memcmp(last.hash, ends.last.hash, PL_AUDIT_HASH) != 0))
        pl_diag(PL_ERROR, "%s: the audit is damaged at its end, record %" PRIu64 "; potline audit verify says more",
                audit->store->path, last.sequence < ends.last.sequence ? last.sequence + 1 : last.sequence);
    audit->chain.last = last.sequence > ends.last.sequence ? last : ends.last;
    audit->pruned = ends.pruned;
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

enum pl_code pl_audit_open(struct pl_store *store, struct pl_audit **audit, struct pl_error **error) {
    struct pl_audit *a = *audit = PL_NEW(struct pl_audit);
    if (!a) return pl__audit_no_memory(error);
    a->store = store;
    pthread_mutex_init(&a->lock, NULL);
    a->pack = pl_pack_new();
    a->writes = rocksdb_writebatch_create();
    enum pl_code code = a->pack ? pl__audit_chain_init(&a->chain, error) : pl__audit_no_memory(error);
    if (!code) code = find_end(a, error);
    if (!code) return PL_OK;
    pl_audit_close(a);
    *audit = NULL;
    return code;
}

void pl_audit_close(struct pl_audit *audit) {
    if (!audit) return;
    pl__audit_chain_fini(&audit->chain);
    rocksdb_writebatch_destroy(audit->writes);
    pl_pack_free(audit->pack);
    pthread_mutex_destroy(&audit->lock);
    pl_free(audit);
}

/* The record, the entry of both ends, what is owed, and the removal of what is pruned: all or none. */
static enum pl_code write_record(struct pl_audit *audit, const struct pl_audit_record *record,
                                 const struct pl_audit_place *place, const struct pl_audit_place *pruned,
                                 struct pl_error **error) {
    rocksdb_column_family_handle_t *family = audit->store->family[PL_STORE_AUDIT];
    uint8_t key[KEY], ends[2 * PLACE], first[KEY], behind[KEY];
    pl__audit_key(place->sequence, key);
    put_place(place, ends);
    put_place(pruned ? pruned : &audit->pruned, ends + PLACE);
    const char *const keys[] = {(const char *)key};
    const char *const parts[] = {(const char *)place->hash, pl_pack_data(audit->pack)};
    const size_t key_sizes[] = {KEY}, sizes[] = {PL_AUDIT_HASH, pl_pack_size(audit->pack)};
    rocksdb_writebatch_clear(audit->writes);
    rocksdb_writebatch_putv_cf(audit->writes, family, 1, keys, key_sizes, 2, parts, sizes);
    pl__audit_put_owed(audit->store, audit->writes, record, key);
    bool any_pruned = pruned || audit->pruned.sequence;
    rocksdb_writebatch_put_cf(audit->writes, family, (const char *)end_key, KEY, (const char *)ends,
                              any_pruned ? 2 * PLACE : PLACE);
    if (pruned) {
        pl__audit_key(1, first);
        pl__audit_key(pruned->sequence + 1, behind);
        rocksdb_writebatch_delete_range_cf(audit->writes, family, (const char *)first, KEY, (const char *)behind, KEY);
    }
    return pl_store_write(audit->store, audit->writes, error);
}

enum pl_code pl__audit_append(struct pl_audit *audit, struct pl_audit_record *record,
                              const struct pl_audit_place *pruned, struct pl_error **error) {
    struct pl_audit_place place = {.sequence = audit->chain.last.sequence + 1};
    uint8_t key[KEY];
    if (!place.sequence) return pl_error_set(error, PL_LIMIT, "%s: the audit is full", audit->store->path);
    pl__audit_key(place.sequence, key);
    encode(audit->pack, record);
    if (pl_pack_failed(audit->pack) ||
        !pl__audit_chain_hash(&audit->chain, key, pl_pack_data(audit->pack), pl_pack_size(audit->pack), place.hash))
        return pl__audit_no_memory(error);
    enum pl_code code = write_record(audit, record, &place, pruned, error);
    if (code) return code;
    audit->chain.last = place;
    if (pruned) audit->pruned = *pruned;
    record->sequence = place.sequence;
    memcpy(record->hash, place.hash, sizeof place.hash);
    return PL_OK;
}

enum pl_code pl_audit_append(struct pl_audit *audit, struct pl_audit_record *record, struct pl_error **error) {
    pthread_mutex_lock(&audit->lock);
    enum pl_code code = pl__audit_append(audit, record, NULL, error);
    pthread_mutex_unlock(&audit->lock);
    return code;
}

void pl_audit_head(struct pl_audit *audit, struct pl_audit_place *place) {
    pthread_mutex_lock(&audit->lock);
    *place = audit->chain.last;
    pthread_mutex_unlock(&audit->lock);
}
