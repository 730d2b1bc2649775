#include "store/audit.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/pack.h>

#include "base/utf8.h"

enum { KEY = 8, END_SIZE = KEY + PL_AUDIT_HASH };

static const uint8_t end_key[KEY], last_key[KEY] = {255, 255, 255, 255, 255, 255, 255, 255};

/* ---- The texts of a record ---- */

static const struct field {
    const char *name;
    size_t offset;
} fields[] = {
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
};
enum { FIELDS = PL_COUNT_OF(fields) };

static const char *get_text(const struct pl_audit_record *record, unsigned field) {
    const char *text;
    memcpy(&text, (const char *)record + fields[field].offset, sizeof text);
    return text;
}

static void set_text(struct pl_audit_record *record, unsigned field, const char *text) {
    memcpy((char *)record + fields[field].offset, &text, sizeof text);
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
    for (unsigned i = 0; i < FIELDS; i++)
        given += get_text(record, i) != NULL;
    pl_pack_reset(pack);
    pl_pack_map(pack, given + 1);
    pl_pack_pair_int(pack, "time", record->time);
    for (unsigned i = 0; i < FIELDS; i++) {
        if (!get_text(record, i)) continue;
        size_t length = clean(get_text(record, i), text);
        pl_pack_str(pack, fields[i].name);
        pl_pack_strn(pack, text, length);
    }
}

/* ---- The chain ---- */

struct chain {
    EVP_MD *sha;
    EVP_MD_CTX *context;
    uint64_t sequence; /* of the last record; 0: there is none yet */
    uint8_t hash[PL_AUDIT_HASH];
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the audit");
}

static enum pl_code chain_init(struct chain *chain, struct pl_error **error) {
    chain->sha = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    chain->context = EVP_MD_CTX_new();
    return chain->sha && chain->context ? PL_OK : no_memory(error);
}

static void chain_fini(struct chain *chain) {
    EVP_MD_CTX_free(chain->context);
    EVP_MD_free(chain->sha);
}

/* The hash that a record has when it follows the last one. */
static bool chain_hash(const struct chain *chain, const uint8_t key[KEY], const void *record, size_t size,
                       uint8_t hash[PL_AUDIT_HASH]) {
    return EVP_DigestInit_ex2(chain->context, chain->sha, NULL) &&
           EVP_DigestUpdate(chain->context, chain->hash, PL_AUDIT_HASH) && EVP_DigestUpdate(chain->context, key, KEY) &&
           EVP_DigestUpdate(chain->context, record, size) && EVP_DigestFinal_ex(chain->context, hash, NULL);
}

static void chain_extend(struct chain *chain, uint64_t sequence, const uint8_t hash[PL_AUDIT_HASH]) {
    chain->sequence = sequence;
    memcpy(chain->hash, hash, PL_AUDIT_HASH);
}

static void write_u64(uint8_t at[KEY], uint64_t value) {
    for (int i = KEY - 1; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t read_u64(const uint8_t at[KEY]) {
    uint64_t value = 0;
    for (int i = 0; i < KEY; i++)
        value = value << 8 | at[i];
    return value;
}

/* ---- Appending ---- */

struct pl_audit {
    struct pl_store *store;
    pthread_mutex_t lock; /* guards all below */
    struct chain chain;
    struct pl_pack *pack;
    rocksdb_writebatch_t *writes;
};

/* The iterator's sequence, 0 when it is not at a record. */
static uint64_t sequence_at(const struct pl_store_iter *iter) {
    size_t size;
    if (!pl_store_iter_valid(iter)) return 0;
    const uint8_t *key = pl_store_iter_key(iter, &size);
    if (size != KEY) return 0;
    pl_store_iter_value(iter, &size);
    return size < PL_AUDIT_HASH ? 0 : read_u64(key);
}

/* What the entry of the end says: nothing when there is none, or it is none. */
static void read_end(const struct pl_store_iter *iter, struct chain *end) {
    size_t size;
    end->sequence = 0;
    memset(end->hash, 0, sizeof end->hash);
    if (!pl_store_iter_valid(iter)) return;
    const void *key = pl_store_iter_key(iter, &size);
    if (size != KEY || memcmp(key, end_key, KEY) != 0) return;
    const uint8_t *value = pl_store_iter_value(iter, &size);
    if (size == END_SIZE) chain_extend(end, read_u64(value), value + KEY);
}

/* Goes on behind both what the entry of the end says and the last record there is. Of records that are missing in
 * between the gap stays, and of one that is changed the break: nothing that comes after hides it. */
static enum pl_code find_end(struct pl_audit *audit, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(audit->store, PL_STORE_AUDIT, NULL, 0, &iter, error);
    if (code) return code;
    pl_store_iter_seek(iter, end_key, KEY);
    read_end(iter, &audit->chain);
    pl_store_iter_seek_last(iter, last_key, KEY);
    uint64_t last = sequence_at(iter);
    size_t size;
    const uint8_t *value = last ? pl_store_iter_value(iter, &size) : audit->chain.hash;
    if (last != audit->chain.sequence || memcmp(value, audit->chain.hash, PL_AUDIT_HASH) != 0)
        pl_diag(PL_ERROR, "%s: the audit is damaged at its end, record %" PRIu64 "; potline audit verify says more",
                audit->store->path, last < audit->chain.sequence ? last + 1 : last);
    if (last > audit->chain.sequence) chain_extend(&audit->chain, last, value);
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

enum pl_code pl_audit_open(struct pl_store *store, struct pl_audit **audit, struct pl_error **error) {
    struct pl_audit *a = *audit = PL_NEW(struct pl_audit);
    if (!a) return no_memory(error);
    a->store = store;
    pthread_mutex_init(&a->lock, NULL);
    a->pack = pl_pack_new();
    a->writes = rocksdb_writebatch_create();
    enum pl_code code = a->pack ? chain_init(&a->chain, error) : no_memory(error);
    if (!code) code = find_end(a, error);
    if (!code) return PL_OK;
    pl_audit_close(a);
    *audit = NULL;
    return code;
}

void pl_audit_close(struct pl_audit *audit) {
    if (!audit) return;
    chain_fini(&audit->chain);
    rocksdb_writebatch_destroy(audit->writes);
    pl_pack_free(audit->pack);
    pthread_mutex_destroy(&audit->lock);
    pl_free(audit);
}

/* The record and the entry of the end, both or none. */
static enum pl_code write_record(struct pl_audit *audit, const uint8_t key[KEY], const uint8_t hash[PL_AUDIT_HASH],
                                 struct pl_error **error) {
    rocksdb_column_family_handle_t *family = audit->store->family[PL_STORE_AUDIT];
    uint8_t end[END_SIZE];
    memcpy(end, key, KEY);
    memcpy(end + KEY, hash, PL_AUDIT_HASH);
    const char *const keys[] = {(const char *)key};
    const char *const parts[] = {(const char *)hash, pl_pack_data(audit->pack)};
    const size_t key_sizes[] = {KEY}, sizes[] = {PL_AUDIT_HASH, pl_pack_size(audit->pack)};
    rocksdb_writebatch_clear(audit->writes);
    rocksdb_writebatch_putv_cf(audit->writes, family, 1, keys, key_sizes, 2, parts, sizes);
    rocksdb_writebatch_put_cf(audit->writes, family, (const char *)end_key, KEY, (const char *)end, END_SIZE);
    return pl_store_write(audit->store, audit->writes, error);
}

static enum pl_code append(struct pl_audit *audit, struct pl_audit_record *record, struct pl_error **error) {
    uint64_t sequence = audit->chain.sequence + 1;
    uint8_t key[KEY], hash[PL_AUDIT_HASH];
    if (!sequence) return pl_error_set(error, PL_LIMIT, "%s: the audit is full", audit->store->path);
    write_u64(key, sequence);
    encode(audit->pack, record);
    if (pl_pack_failed(audit->pack) ||
        !chain_hash(&audit->chain, key, pl_pack_data(audit->pack), pl_pack_size(audit->pack), hash))
        return no_memory(error);
    enum pl_code code = write_record(audit, key, hash, error);
    if (code) return code;
    chain_extend(&audit->chain, sequence, hash);
    record->sequence = sequence;
    memcpy(record->hash, hash, sizeof hash);
    return PL_OK;
}

enum pl_code pl_audit_append(struct pl_audit *audit, struct pl_audit_record *record, struct pl_error **error) {
    pthread_mutex_lock(&audit->lock);
    enum pl_code code = append(audit, record, error);
    pthread_mutex_unlock(&audit->lock);
    return code;
}

/* ---- Reading ---- */

struct walk {
    struct pl_store *store;
    struct pl_store_iter *iter; /* one view for the records and the entry of the end */
    struct chain chain;         /* up to the record before the iterator's */
    struct chain end;           /* what the entry of the end says; without a digest */
    struct pl_audit_record record;
    char texts[FIELDS][PL_AUDIT_TEXT_MAX + 1];
};

/* The field of that name, looked for from `hint` on, where it usually stands; FIELDS: none of this version. */
static unsigned find_field(const char *name, size_t length, unsigned hint) {
    for (unsigned i = 0; i < FIELDS; i++) {
        unsigned field = (hint + i) % FIELDS;
        if (strlen(fields[field].name) == length && memcmp(fields[field].name, name, length) == 0) return field;
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

/* Is the record under the iterator the one that has to come now? */
static enum pl_code check_record(struct walk *walk, struct pl_error **error) {
    uint64_t expected = walk->chain.sequence + 1;
    uint8_t hash[PL_AUDIT_HASH];
    size_t key_size, size;
    const uint8_t *key = pl_store_iter_key(walk->iter, &key_size), *value = pl_store_iter_value(walk->iter, &size);
    if (key_size != KEY) return broken(walk, expected, "is not there: what stands in its place is no record", error);
    if (read_u64(key) != expected) return broken(walk, expected, "is missing", error);
    if (size < PL_AUDIT_HASH) return broken(walk, expected, "is cut short", error);
    if (!chain_hash(&walk->chain, key, value + PL_AUDIT_HASH, size - PL_AUDIT_HASH, hash)) return no_memory(error);
    if (memcmp(hash, value, PL_AUDIT_HASH) != 0)
        return broken(walk, expected, "does not follow from the one before: it was changed, moved or put in", error);
    if (expected > walk->end.sequence) return broken(walk, expected, "was put in behind the end", error);
    if (expected == walk->end.sequence && memcmp(hash, walk->end.hash, PL_AUDIT_HASH) != 0)
        return broken(walk, expected, "is not the one that was written last", error);
    if (!decode(walk, value + PL_AUDIT_HASH, size - PL_AUDIT_HASH))
        return broken(walk, expected, "cannot be read", error);
    chain_extend(&walk->chain, expected, hash);
    walk->record.sequence = expected;
    memcpy(walk->record.hash, hash, sizeof hash);
    return PL_OK;
}

/* Positions the iterator at record `from`, with the hash of the one before it. */
static enum pl_code start(struct walk *walk, uint64_t from, struct pl_error **error) {
    uint8_t key[KEY];
    size_t size;
    if (from > 1) {
        write_u64(key, from - 1);
        pl_store_iter_seek(walk->iter, key, KEY);
        if (sequence_at(walk->iter) != from - 1) return broken(walk, from - 1, "is missing", error);
        chain_extend(&walk->chain, from - 1, pl_store_iter_value(walk->iter, &size));
    }
    write_u64(key, from);
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
    if (!code && walk->chain.sequence < walk->end.sequence)
        code = broken(walk, walk->chain.sequence + 1, "is missing", error);
    return code;
}

static enum pl_code walk_from(struct walk *walk, uint64_t from, pl_audit_visitor *each, void *arg,
                              struct pl_error **error) {
    pl_store_iter_seek(walk->iter, end_key, KEY);
    read_end(walk->iter, &walk->end);
    if (from > walk->end.sequence && from > 1) return pl_store_iter_check(walk->iter, error); /* not written yet */
    enum pl_code code = start(walk, from, error);
    return code ? code : visit_all(walk, each, arg, error);
}

enum pl_code pl_audit_each(struct pl_store *store, uint64_t from, pl_audit_visitor *each, void *arg,
                           struct pl_error **error) {
    struct walk *walk = PL_NEW(struct walk);
    if (!walk) return no_memory(error);
    walk->store = store;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_AUDIT, NULL, 0, &walk->iter, error);
    if (!code) code = chain_init(&walk->chain, error);
    if (!code) code = walk_from(walk, from ? from : 1, each, arg, error);
    chain_fini(&walk->chain);
    pl_store_iter_free(walk->iter);
    pl_free(walk);
    return code;
}
