/* table_impl.h: the runtime's side of keyed state (potline/table.h): making, saving and restoring tables. */
#ifndef POTLINE_TABLE_IMPL_H
#define POTLINE_TABLE_IMPL_H

#include <potline/error.h>
#include <potline/table.h>
#include <potline/tag.h>

#include "store/state.h"

/* `limit` names at most, and sixteen records a name on average. `saved`: its changes are noted, for pl_table_save. */
enum pl_code pl_table_init(struct pl_table *table, const struct pl_table_def *def, const void *self, uint32_t limit,
                           bool saved);
void pl_table_fini(struct pl_table *table);

uint64_t pl_table_refused(const struct pl_table *table); /* records not made, past the limit */

/* Adds the entries (state.h) of what has changed since the last time, for a table that is `saved`. `out` fails without
 * memory, also when a change could not be noted for want of it. */
void pl_table_save(struct pl_table *table, const struct pl_tags *tags, struct pl_buffer *out);
/* Adds the entries of all there is, and leaves what is noted. */
void pl_table_save_all(const struct pl_table *table, const struct pl_tags *tags, struct pl_buffer *out);

/* What an entry of the part TABLE says of its records; false: it is damaged. */
struct pl_table_layout {
    uint32_t version;
    uint32_t size;
};
bool pl_table_read_layout(const struct pl_state_entry *entry, struct pl_table_layout *layout);

/* Takes an entry of the parts TABLE and RECORD, in their order, if it is this table's (*mine). */
enum pl_code pl_table_load(struct pl_table *table, struct pl_tags *tags, const struct pl_state_entry *entry, bool *mine,
                           struct pl_error **error);

#endif
