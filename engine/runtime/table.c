/* table.c: keyed state in records that never move.
 *
 *     page[id / 256] -> [id % 256] -> record -> record (lower sub-key) -> ...
 *
 * Records are carved from slabs and go to a free list when dropped. A record's epoch tells whether it has changed since
 * the last snapshot, so that marking a change costs one comparison.
 */
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "table_impl.h"

enum { SLAB_BYTES = 64 << 10, RECORDS_A_NAME = 16, RECORD_MAX = 1 << 20 };

struct slab {
    struct slab *next;
    char bytes[];
};

struct pl_table_impl {
    const struct pl_table_def *def;
    size_t record_size;
    size_t stride;
    uint32_t limit;
    uint32_t names;
    uint64_t records;
    uint64_t refused;
    struct slab *slabs;
    size_t slab_used; /* of the first slab */
    size_t slab_size;
    struct pl_record *unused;
};

enum pl_code pl_table_init(struct pl_table *table, const struct pl_table_def *def, const void *self, uint32_t limit) {
    *table = (struct pl_table){.epoch = 1};
    struct pl_table_impl *impl = PL_NEW(struct pl_table_impl);
    if (!impl) return PL_NO_MEMORY;
    impl->def = def;
    impl->record_size = def->size_of ? def->size_of(self) : def->record_size;
    impl->stride = (sizeof(struct pl_record) + impl->record_size + 7) & ~(size_t)7;
    impl->limit = limit;
    impl->slab_size = impl->stride > SLAB_BYTES / 4 ? impl->stride * 4 : SLAB_BYTES;
    table->impl = impl;
    return impl->record_size <= RECORD_MAX ? PL_OK : PL_LIMIT;
}

void pl_table_fini(struct pl_table *table) {
    struct pl_table_impl *impl = table->impl;
    if (!impl) return;
    while (impl->slabs) {
        struct slab *next = impl->slabs->next;
        pl_free(impl->slabs);
        impl->slabs = next;
    }
    for (uint32_t i = 0; i < table->pages; i++)
        pl_free(table->page[i]);
    pl_free(table->page);
    pl_free(impl);
    *table = (struct pl_table){0};
}

void pl_table_next_epoch(struct pl_table *table) {
    table->epoch++;
}

uint64_t pl_table_refused(const struct pl_table *table) {
    return table->impl->refused;
}

static struct pl_record **slot_of(struct pl_table *table, uint32_t id) {
    uint32_t page = id / PL_TABLE_PAGE;
    if (page >= table->pages) {
        uint32_t pages = table->pages * 2 > page + 1 ? table->pages * 2 : page + 1;
        struct pl_record ***grown = pl_realloc(table->page, pages * sizeof *grown);
        if (!grown) return NULL;
        memset(grown + table->pages, 0, (pages - table->pages) * sizeof *grown);
        table->page = grown;
        table->pages = pages;
    }
    if (!table->page[page]) table->page[page] = pl_alloc(PL_TABLE_PAGE * sizeof **table->page);
    return table->page[page] ? &table->page[page][id % PL_TABLE_PAGE] : NULL;
}

static struct pl_record *new_record(struct pl_table_impl *impl) {
    struct pl_record *record = impl->unused;
    if (record) {
        impl->unused = record->next;
        memset(record, 0, impl->stride);
        return record;
    }
    if (!impl->slabs || impl->slab_used + impl->stride > impl->slab_size) {
        struct slab *slab = pl_alloc(sizeof *slab + impl->slab_size);
        if (!slab) return NULL;
        slab->next = impl->slabs;
        impl->slabs = slab;
        impl->slab_used = 0;
    }
    record = (struct pl_record *)(void *)(impl->slabs->bytes + impl->slab_used);
    impl->slab_used += impl->stride;
    return record;
}

void *pl_table_get_slow(struct pl_table *table, uint32_t id, int64_t sub) {
    struct pl_table_impl *impl = table->impl;
    struct pl_record **at = slot_of(table, id);
    if (!at) {
        impl->refused++;
        return NULL;
    }
    bool first = !*at;
    while (*at && (*at)->sub > sub)
        at = &(*at)->next;
    struct pl_record *record = *at;
    if (!record || record->sub != sub) {
        bool full = (first && impl->names >= impl->limit) || impl->records >= (uint64_t)impl->limit * RECORDS_A_NAME;
        record = full ? NULL : new_record(impl);
        if (!record) {
            impl->refused++;
            return NULL;
        }
        record->next = *at;
        record->sub = sub;
        record->id = id;
        *at = record;
        impl->records++;
        impl->names += first;
    }
    record->epoch = table->epoch;
    return pl_record_data(record);
}

const void *pl_table_find(const struct pl_table *table, uint32_t id, int64_t sub) {
    struct pl_record *record = pl_table_first(table, id);
    while (record && record->sub > sub)
        record = record->next;
    return record && record->sub == sub ? pl_record_data(record) : NULL;
}

void pl_table_drop(struct pl_table *table, uint32_t id, int64_t sub) {
    struct pl_table_impl *impl = table->impl;
    if (!pl_table_first(table, id)) return;
    struct pl_record **head = slot_of(table, id);
    struct pl_record **at = head;
    while (*at && (*at)->sub > sub)
        at = &(*at)->next;
    struct pl_record *record = *at;
    if (!record || record->sub != sub) return;
    *at = record->next;
    record->next = impl->unused;
    impl->unused = record;
    impl->records--;
    impl->names -= !*head;
}

struct pl_record *pl_table_next(const struct pl_table *table, const struct pl_record *after) {
    uint32_t id = 0;
    if (after) {
        if (after->next) return after->next;
        id = after->id + 1;
    }
    for (uint32_t page = id / PL_TABLE_PAGE; page < table->pages; page++, id = page * PL_TABLE_PAGE) {
        if (!table->page[page]) continue;
        for (uint32_t i = id % PL_TABLE_PAGE; i < PL_TABLE_PAGE; i++)
            if (table->page[page][i]) return table->page[page][i];
    }
    return NULL;
}

uint64_t pl_table_count(const struct pl_table *table) {
    return table->impl->records;
}

/* ---- Saving: { "version", "size", "records": [ name, sub, bytes, ... ] } ---- */

void pl_table_pack(const struct pl_table *table, const struct pl_tags *tags, struct pl_pack *pack) {
    const struct pl_table_impl *impl = table->impl;
    pl_pack_map(pack, 3);
    pl_pack_pair_int(pack, "version", impl->def->version);
    pl_pack_pair_int(pack, "size", (int64_t)impl->record_size);
    pl_pack_str(pack, "records");
    pl_pack_array(pack, (uint32_t)impl->records * 3);
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct pl_tag *tag = pl_tags_get(tags, r->id);
        pl_pack_strn(pack, tag->name, tag->length);
        pl_pack_int(pack, r->sub);
        pl_pack_bin(pack, pl_record_data(r), impl->record_size);
    }
}

static bool expect_pair(struct pl_unpack *unpack, const char *key, int64_t *value) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length)) return false;
    if (length != strlen(key) || memcmp(text, key, length) != 0) return false;
    return !value || pl_unpack_int(unpack, value);
}

enum pl_code pl_table_unpack(struct pl_table *table, struct pl_tags *tags, struct pl_unpack *unpack,
                             struct pl_error **error) {
    const struct pl_table_impl *impl = table->impl;
    const char *name = impl->def->name;
    uint32_t pairs, count;
    int64_t version, size;
    if (!pl_unpack_map(unpack, &pairs) || pairs != 3 || !expect_pair(unpack, "version", &version) ||
        !expect_pair(unpack, "size", &size) || !expect_pair(unpack, "records", NULL) ||
        !pl_unpack_array(unpack, &count) || count % 3)
        return pl_error_set(error, PL_CORRUPT, "state table %s: not a table's snapshot", name);
    if (version != (int64_t)impl->def->version || size != (int64_t)impl->record_size)
        return pl_error_set(error, PL_CONFLICT,
                            "state table %s: version %" PRId64 " with records of %" PRId64
                            " bytes does not fit version %u with %zu bytes",
                            name, version, size, impl->def->version, impl->record_size);
    for (uint32_t i = 0; i < count; i += 3) {
        const char *tag;
        const void *bytes;
        size_t tag_length, length;
        int64_t sub;
        if (!pl_unpack_str(unpack, &tag, &tag_length) || !pl_unpack_int(unpack, &sub) ||
            !pl_unpack_bin(unpack, &bytes, &length) || length != impl->record_size)
            return pl_error_set(error, PL_CORRUPT, "state table %s: record %u is damaged", name, i / 3);
        uint32_t id = pl_tags_intern(tags, tag, tag_length);
        void *data = id == PL_NO_ID ? NULL : pl_table_get(table, id, sub);
        if (!data) return pl_error_set(error, PL_LIMIT, "state table %s: no room for record %u", name, i / 3);
        memcpy(data, bytes, length);
    }
    return PL_OK;
}
