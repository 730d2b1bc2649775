/* audit_owed.c: what has begun by the audit and has no end there yet: audit.owed/NAME -> the sequence of its record, in
 * the family of counters and the like. It is no part of the chain: it only says where to look. */
#include <string.h>

#include "store/audit_impl.h"

static const char front[] = "audit.owed/", behind[] = "audit.owed0"; /* '0' comes after '/' */
enum { FRONT = sizeof front - 1, NAME_ROOM = PL_AUDIT_TEXT_MAX, KEY = PL__AUDIT_KEY };

struct name {
    char bytes[FRONT + NAME_ROOM];
    size_t size;
};

static void make_name(const char *text, struct name *name) {
    size_t length = strnlen(text, NAME_ROOM);
    memcpy(name->bytes, front, FRONT);
    memcpy(name->bytes + FRONT, text, length);
    name->size = FRONT + length;
}

void pl__audit_put_owed(struct pl_store *store, rocksdb_writebatch_t *writes, const struct pl_audit_record *record,
                        const uint8_t key[KEY]) {
    rocksdb_column_family_handle_t *family = store->family[PL_STORE_META];
    struct name name;
    if (record->opens) {
        make_name(record->opens, &name);
        rocksdb_writebatch_put_cf(writes, family, name.bytes, name.size, (const char *)key, KEY);
    }
    if (record->closes) {
        make_name(record->closes, &name);
        rocksdb_writebatch_delete_cf(writes, family, name.bytes, name.size);
    }
}

/* ---- Reading ---- */

struct owed {
    pl_audit_owed_visitor *each;
    void *arg;
    const char *name;
    uint64_t sequence;
    bool given;
    enum pl_code code; /* of `each` */
    struct pl_error **error;
};

/* The first record of a walk is the one, and the last that is wanted. */
static enum pl_code give(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct owed *owed = arg;
    (void)error;
    owed->given = record->sequence == owed->sequence;
    if (owed->given) owed->code = owed->each(owed->arg, owed->name, record, owed->error);
    return PL_BUSY;
}

static enum pl_code give_one(struct pl_audit *audit, struct owed *owed) {
    static const struct pl_audit_record unreadable = {.object = "", .from = "", .to = "", .reason = ""};
    owed->given = false;
    if (owed->sequence) pl_audit_each(audit->store, owed->sequence, give, owed, NULL);
    return owed->given ? owed->code : owed->each(owed->arg, owed->name, &unreadable, owed->error);
}

enum pl_code pl_audit_owed_each(struct pl_audit *audit, const char *prefix, pl_audit_owed_visitor *each, void *arg,
                                struct pl_error **error) {
    struct pl_store_iter *iter;
    struct name first;
    char text[NAME_ROOM + 1];
    size_t size, value_size;
    struct owed owed = {.each = each, .arg = arg, .name = text, .error = error};
    make_name(prefix, &first);
    enum pl_code code = pl_store_iter_new(audit->store, PL_STORE_META, behind, sizeof behind - 1, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, first.bytes, first.size); !code && pl_store_iter_valid(iter);
         pl_store_iter_next(iter)) {
        const char *key = pl_store_iter_key(iter, &size);
        const uint8_t *value = pl_store_iter_value(iter, &value_size);
        if (size < first.size || size > sizeof first.bytes || memcmp(key, first.bytes, first.size) != 0) break;
        memcpy(text, key + FRONT, size - FRONT);
        text[size - FRONT] = 0;
        owed.sequence = value_size == KEY ? pl__audit_key_sequence(value) : 0;
        code = give_one(audit, &owed);
    }
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}
