/* state.h: a node's state as entries, a key and its bytes each; a checkpoint holds those that changed since the last
 * one.
 *
 *     [task], [timers], [self], [gate], [backlog], [overrides] -> msgpack
 *     [table] table -> version, size           what its records look like
 *     [record] table, name, sub-key -> bytes
 *     [program] key -> bytes                   what a program that is none of ours keeps (potline/program.h)
 *
 * Keys sort so that a table's layout stands in front of its records, and what an operator restores itself behind them.
 * They hold names, not ids, so that another process can read them.
 */
#ifndef POTLINE_STORE_STATE_H
#define POTLINE_STORE_STATE_H

#include <potline/error.h>
#include <potline/pack.h>

#include "base/buffer.h"

enum pl_state_part {
    PL_STATE_TASK = 1,
    PL_STATE_TABLE,
    PL_STATE_RECORD,
    PL_STATE_TIMERS,
    PL_STATE_SELF,
    PL_STATE_GATE,
    PL_STATE_BACKLOG,
    PL_STATE_OVERRIDES, /* behind all that `changed` of an operator may look at */
    PL_STATE_PROGRAM,   /* of a program that is none of ours: its key behind it, its bytes */
};

struct pl_state_entry {
    const char *key; /* borrowed; key[0] is its part */
    uint32_t key_size;
    const void *value; /* NULL: the key is gone */
    uint32_t value_size;
};

/* ---- Entries, one behind the other in a buffer ---- */

/* A value that is written behind the key: begin, put the bytes, end with what begin gave. */
size_t pl_state_begin(struct pl_buffer *out, const void *key, uint32_t key_size);
void pl_state_end(struct pl_buffer *out, size_t begun);

void pl_state_put(struct pl_buffer *out, const void *key, uint32_t key_size, const void *value, uint32_t value_size);
void pl_state_drop(struct pl_buffer *out, const void *key, uint32_t key_size);
/* One of the parts that are a single msgpack value. */
void pl_state_put_pack(struct pl_buffer *out, enum pl_state_part part, const struct pl_pack *pack);

/* Moves *at past an entry; false at the end and where the bytes are none. */
bool pl_state_next(const char **at, const char *end, struct pl_state_entry *entry);

#endif
