/* kept.h: what people have decided, as a node keeps it across runs: thresholds, acknowledgements, modes.
 *
 * A small map of text keys and msgpack values a node (its partitions share it). It is no part of the epochs: a value is
 * handed to the kernel before the call returns, so it survives the death of the process at any instant, and is never
 * rolled back. What follows from the data belongs into state tables (table.h) instead.
 *
 * A write costs some ten microseconds. Without a data folder nothing is kept and the calls succeed. Whoever keeps
 * values bounds how many keys it has.
 */
#ifndef POTLINE_KEPT_H
#define POTLINE_KEPT_H

#include "abi.h"
#include "error.h"
#include "pack.h"

struct pl_node;

enum { PL_KEPT_KEY_MAX = 255, PL_KEPT_VALUE_MAX = 1 << 16 };

/* Sets a value; PL_LIMIT past one of the limits above. */
PL_API enum pl_code pl_kept_put(struct pl_node *node, const char *key, const struct pl_pack *value,
                                struct pl_error **error);
PL_API enum pl_code pl_kept_drop(struct pl_node *node, const char *key, struct pl_error **error);

/* Calls `each` for every key in order, until one does not return PL_OK; for `open`. */
typedef enum pl_code pl_kept_visitor(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error);
PL_API enum pl_code pl_kept_each(struct pl_node *node, pl_kept_visitor *each, void *arg, struct pl_error **error);

#endif
