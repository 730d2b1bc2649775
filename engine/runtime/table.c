/* table.c: keyed state in records that never move.
 *
 *     page[id / 256] -> [id % 256] -> record -> record (lower sub-key) -> ...
 *
 * Records are carved from slabs and go to a free list when dropped. A record is flagged at its first change after a
 * snapshot, and noted in a list, so that the next snapshot looks at what has changed and at nothing else.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "table_impl.h"

enum { SLAB_BYTES = 64 << 10, RECORDS_A_NAME = 16, RECORD_MAX = 1 << 20 };

struct slab {
    struct slab *next;
    char bytes[];
};

struct key {
    uint32_t id;
    int64_t sub;
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
    bool saved;
    bool laid_out;              /* a snapshot has the layout */
    bool lost;                  /* a drop could not be noted */
    bool scan;                  /* not every change is in the list */
    struct pl_record **changed; /* may hold some that were dropped, and one twice */
    uint32_t changed_count, changed_room;
    struct key *dropped; /* of the saved ones */
    uint32_t dropped_count, dropped_room;
};

enum pl_code pl_table_init(struct pl_table *table, const struct pl_table_def *def, const void *self, uint32_t limit,
                           bool saved) {
    *table = (struct pl_table){0};
    struct pl_table_impl *impl = PL_NEW(struct pl_table_impl);
    if (!impl) return PL_NO_MEMORY;
    impl->def = def;
    impl->record_size = def->size_of ? def->size_of(self) : def->record_size;
    impl->stride = (sizeof(struct pl_record) + impl->record_size + 7) & ~(size_t)7;
    impl->limit = limit;
    impl->saved = saved;
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
    pl_free(impl->changed);
    pl_free(impl->dropped);
    pl_free(impl);
    *table = (struct pl_table){0};
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

/* ---- What has changed ---- */

static void note_change(struct pl_table_impl *impl, struct pl_record *record) {
    record->flags |= PL_RECORD_CHANGED;
    if (!impl->saved || impl->scan) return;
    if (impl->changed_count == impl->changed_room) {
        uint64_t room = impl->changed_room ? UINT64_C(2) * impl->changed_room : 64;
        bool churns = room > 4 * impl->records + 1024; /* the same few come and go: there are fewer than changes */
        struct pl_record **grown = churns ? NULL : pl_realloc(impl->changed, room * sizeof *grown);
        if (!grown) {
            impl->scan = true;
            return;
        }
        impl->changed = grown;
        impl->changed_room = (uint32_t)room;
    }
    impl->changed[impl->changed_count++] = record;
}

static void note_drop(struct pl_table_impl *impl, const struct pl_record *record) {
    if (!(record->flags & PL_RECORD_SAVED)) return;
    if (impl->dropped_count == impl->dropped_room) {
        uint32_t room = impl->dropped_room ? 2 * impl->dropped_room : 64;
        struct key *grown = pl_realloc(impl->dropped, room * sizeof *grown);
        if (!grown) {
            impl->lost = true;
            return;
        }
        impl->dropped = grown;
        impl->dropped_room = room;
    }
    impl->dropped[impl->dropped_count++] = (struct key){record->id, record->sub};
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
    if (!(record->flags & PL_RECORD_CHANGED)) note_change(impl, record);
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
    note_drop(impl, record);
    record->flags = 0;
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

/* ---- Saving ---- */

enum { KEY_MAX = 1 + 2 * (PL_NAME_MAX + 1) + 8 };

/* [part] table, 0 */
static uint32_t put_table_key(const struct pl_table *table, enum pl_state_part part, char key[KEY_MAX]) {
    const char *name = table->impl->def->name;
    size_t length = strlen(name);
    key[0] = (char)part;
    memcpy(key + 1, name, length + 1);
    return (uint32_t)(length + 2);
}

static void put_layout(const struct pl_table *table, struct pl_buffer *out) {
    char key[KEY_MAX];
    struct pl_table_layout layout = {table->impl->def->version, (uint32_t)table->impl->record_size};
    pl_state_put(out, key, put_table_key(table, PL_STATE_TABLE, key), &layout, sizeof layout);
}

/* Behind the table's part of it: name, 0, sub-key, so that bytes sort as numbers do. */
static uint32_t put_record_key(char *key, uint32_t front, const struct pl_tag *tag, int64_t sub) {
    uint64_t turned = htobe64((uint64_t)sub ^ UINT64_C(1) << 63);
    memcpy(key + front, tag->name, tag->length + 1);
    memcpy(key + front + tag->length + 1, &turned, sizeof turned);
    return front + tag->length + 1 + (uint32_t)sizeof turned;
}

static void put_record(const struct pl_table *table, const struct pl_tags *tags, struct pl_record *record, char *key,
                       uint32_t front, struct pl_buffer *out) {
    uint32_t size = put_record_key(key, front, pl_tags_get(tags, record->id), record->sub);
    pl_state_put(out, key, size, pl_record_data(record), (uint32_t)table->impl->record_size);
}

void pl_table_save_all(const struct pl_table *table, const struct pl_tags *tags, struct pl_buffer *out) {
    char key[KEY_MAX];
    uint32_t front = put_table_key(table, PL_STATE_RECORD, key);
    put_layout(table, out);
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r))
        put_record(table, tags, r, key, front, out);
}

/* One that was dropped meanwhile, or is in the list a second time, has no flag any more. */
static void save_record(struct pl_table *table, const struct pl_tags *tags, struct pl_record *record, char *key,
                        uint32_t front, struct pl_buffer *out) {
    if (!(record->flags & PL_RECORD_CHANGED)) return;
    record->flags = PL_RECORD_SAVED;
    put_record(table, tags, record, key, front, out);
}

/* A record that was dropped and made again stands behind its drop. */
void pl_table_save(struct pl_table *table, const struct pl_tags *tags, struct pl_buffer *out) {
    struct pl_table_impl *impl = table->impl;
    char key[KEY_MAX];
    uint32_t front = put_table_key(table, PL_STATE_RECORD, key);
    if (!impl->laid_out) put_layout(table, out);
    impl->laid_out = true;
    for (uint32_t i = 0; i < impl->dropped_count; i++) {
        const struct key *dropped = &impl->dropped[i];
        pl_state_drop(out, key, put_record_key(key, front, pl_tags_get(tags, dropped->id), dropped->sub));
    }
    if (impl->scan)
        for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r))
            save_record(table, tags, r, key, front, out);
    else
        for (uint32_t i = 0; i < impl->changed_count; i++)
            save_record(table, tags, impl->changed[i], key, front, out);
    if (impl->lost) out->failed = true;
    impl->dropped_count = impl->changed_count = 0;
    impl->scan = false;
}

/* ---- Loading ---- */

bool pl_table_read_layout(const struct pl_state_entry *entry, struct pl_table_layout *layout) {
    if (!entry->value || entry->value_size != sizeof *layout) return false;
    memcpy(layout, entry->value, sizeof *layout);
    return true;
}

static enum pl_code load_layout(struct pl_table *table, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_table_impl *impl = table->impl;
    const char *name = impl->def->name;
    struct pl_table_layout layout;
    if (!pl_table_read_layout(entry, &layout))
        return pl_error_set(error, PL_CORRUPT, "state table %s: its layout is damaged", name);
    impl->laid_out = true;
    if (layout.version == impl->def->version && layout.size == impl->record_size) return PL_OK;
    return pl_error_set(error, PL_CONFLICT,
                        "state table %s: version %u with records of %u bytes does not fit version %u with %zu bytes",
                        name, layout.version, layout.size, impl->def->version, impl->record_size);
}

static enum pl_code load_record(struct pl_table *table, struct pl_tags *tags, const struct pl_state_entry *entry,
                                uint32_t front, struct pl_error **error) {
    const char *name = entry->key + front, *table_name = table->impl->def->name;
    uint32_t left = entry->key_size - front;
    const char *end = memchr(name, 0, left);
    uint64_t turned;
    if (!end || (size_t)(name + left - end) != 1 + sizeof turned || !entry->value ||
        entry->value_size != table->impl->record_size)
        return pl_error_set(error, PL_CORRUPT, "state table %s: a record is damaged", table_name);
    memcpy(&turned, end + 1, sizeof turned);
    uint32_t id = end == name ? 0 : pl_tags_intern(tags, name, (size_t)(end - name));
    void *data = id == PL_NO_ID ? NULL : pl_table_get(table, id, (int64_t)(be64toh(turned) ^ UINT64_C(1) << 63));
    if (!data)
        return pl_error_set(error, PL_LIMIT, "state table %s: no room for %s; raise max_tags or max_keys", table_name,
                            name);
    memcpy(data, entry->value, entry->value_size);
    struct pl_record *record = (struct pl_record *)data - 1;
    record->flags = PL_RECORD_SAVED;
    return PL_OK;
}

enum pl_code pl_table_load(struct pl_table *table, struct pl_tags *tags, const struct pl_state_entry *entry, bool *mine,
                           struct pl_error **error) {
    const char *name = table->impl->def->name;
    uint32_t front = (uint32_t)strlen(name) + 2;
    *mine = entry->key_size >= front && memcmp(entry->key + 1, name, front - 1) == 0;
    if (!*mine) return PL_OK;
    if (entry->key[0] == PL_STATE_TABLE) return load_layout(table, entry, error);
    return load_record(table, tags, entry, front, error);
}
