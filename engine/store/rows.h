/* rows.h: a batch at rest: the bytes that stand for it in the log and in the zones.
 *
 * Two forms, told apart by the first byte:
 *
 *   compact   head | names | columns (column.h): the kinds without heaps, which come in bulk. Samples take 3 to 8 bytes
 *             a row instead of 22; each byte less is 1.7 ns less of work for the store.
 *   capnp     head | the canonical Cap'n Proto message (codec.h): all other kinds.
 *
 * Both are self-contained: names (its source, its models, those of rows) stand in front, columns of names hold places
 * in that list. Not in it: the partition and the first sequence, which are in the key. Reading trusts nothing, as with
 * all bytes from outside.
 *
 * A pl_rows holds working memory and is for one thread.
 */
#ifndef POTLINE_STORE_ROWS_H
#define POTLINE_STORE_ROWS_H

#include <potline/batch.h>
#include <potline/error.h>

#include "base/buffer.h"

struct pl_rows;

struct pl_rows *pl_rows_new(struct pl_tags *tags); /* NULL without memory */
void pl_rows_free(struct pl_rows *rows);           /* NULL is fine */

/* Adds the bytes of a batch (borrowed, at least one row) to the end of `out`. */
enum pl_code pl_rows_put(struct pl_rows *rows, const struct pl_batch *batch, struct pl_buffer *out,
                         struct pl_error **error);

/* A new batch (owned by the caller) from such bytes; its partition and first sequence are 0. PL_CORRUPT: they are not
 * what pl_rows_put writes. PL_LIMIT: the registry is full. */
enum pl_code pl_rows_get(struct pl_rows *rows, const void *bytes, size_t size, struct pl_batch **batch,
                         struct pl_error **error);

#endif
