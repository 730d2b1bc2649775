/* table_impl.h: the runtime's side of keyed state (potline/table.h): making, saving and restoring tables. */
#ifndef POTLINE_TABLE_IMPL_H
#define POTLINE_TABLE_IMPL_H

#include <potline/error.h>
#include <potline/pack.h>
#include <potline/table.h>
#include <potline/tag.h>

/* `limit` names at most, and sixteen records a name on average. */
enum pl_code pl_table_init(struct pl_table *table, const struct pl_table_def *def, const void *self, uint32_t limit);
void pl_table_fini(struct pl_table *table);

/* From here on changes belong to the next epoch. */
void pl_table_next_epoch(struct pl_table *table);
uint64_t pl_table_refused(const struct pl_table *table); /* records not made, past the limit */

/* All records as one msgpack value, by name, and back into an empty table of the same definition. */
void pl_table_pack(const struct pl_table *table, const struct pl_tags *tags, struct pl_pack *pack);
enum pl_code pl_table_unpack(struct pl_table *table, struct pl_tags *tags, struct pl_unpack *unpack,
                             struct pl_error **error);

#endif
