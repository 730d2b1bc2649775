/* table.h: keyed state, owned by the runtime.
 *
 * An operator declares its tables; a record belongs to a name (tag or asset id) and, where the table says so, to a
 * sub-key of it (say, a window's start). The runtime creates, finds, snapshots, restores and regroups the records, so
 * an operator that keeps its state here is recoverable without a line of its own.
 *
 *     struct pane *p = pl_table_get(table, tag, start);    // found or made (all zero), and marked as changed
 *
 * Records never move and are 8-aligned; a pointer is good until the record is dropped. They are copied as bytes with
 * their table's version, so a record holds no pointers and no name ids. Records of one name are kept in descending
 * order of sub-key. A table has a limit of names (max_keys of the node); past it pl_table_get gives NULL, which the
 * operator treats as 'leave this row as it is' (the runtime counts it).
 *
 * The usual mistake: changing a record got by pl_table_find; the change would be missing in the next snapshot.
 */
#ifndef POTLINE_TABLE_H
#define POTLINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct pl_table_def {
    const char *name; /* ends the array when NULL */
    uint32_t version; /* of the record's layout; another one does not fit an old snapshot */
    size_t record_size;
    size_t (*size_of)(const void *self); /* instead, when it depends on options */
    const char *doc;
    /* A record under the empty name speaks of all tags of a partition. When the number of partitions changes, those of
     * several partitions become one by this, in any order: `record` becomes the more careful of the two. NULL: there is
     * no way to, and the number cannot change while there is such a record. */
    void (*merge)(void *record, const void *other);
};

struct pl_record {
    struct pl_record *next; /* of the same name, next lower sub-key */
    int64_t sub;
    uint32_t id;
    uint32_t flags; /* enum pl_record_flags; the runtime's */
    /* the operator's bytes follow */
};

enum pl_record_flags {
    PL_RECORD_CHANGED = 1, /* since the last snapshot */
    PL_RECORD_SAVED = 2,   /* in a snapshot, in some form */
};

enum { PL_TABLE_PAGE = 256 };

struct pl_table {
    uint32_t pages;
    struct pl_record ***page; /* [id / PL_TABLE_PAGE][id % PL_TABLE_PAGE]: the first record of a name */
    struct pl_table_impl *impl;
};

static inline void *pl_record_data(struct pl_record *record) {
    return record + 1;
}

/* The first record of a name, or NULL. */
static inline struct pl_record *pl_table_first(const struct pl_table *table, uint32_t id) {
    uint32_t page = id / PL_TABLE_PAGE;
    if (PL_UNLIKELY(page >= table->pages || !table->page[page])) return NULL;
    return table->page[page][id % PL_TABLE_PAGE];
}

PL_API void *pl_table_get_slow(struct pl_table *table, uint32_t id, int64_t sub);

/* The record, made when it is not there, marked as changed. NULL past the limit or without memory. */
static inline void *pl_table_get(struct pl_table *table, uint32_t id, int64_t sub) {
    struct pl_record *record = pl_table_first(table, id);
    if (PL_LIKELY(record && record->sub == sub && record->flags & PL_RECORD_CHANGED)) return pl_record_data(record);
    return pl_table_get_slow(table, id, sub);
}

/* The record if it is there; only to be read. */
PL_API const void *pl_table_find(const struct pl_table *table, uint32_t id, int64_t sub);
PL_API void pl_table_drop(struct pl_table *table, uint32_t id, int64_t sub);

/* Every record, by ascending id, then descending sub-key. Fetch the next before the one at hand is dropped. */
PL_API struct pl_record *pl_table_next(const struct pl_table *table,
                                       const struct pl_record *after); /* NULL: the first */
PL_API uint64_t pl_table_count(const struct pl_table *table);

#endif
