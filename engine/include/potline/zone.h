/* zone.h: writing to the lake, and reading back what was written: the zones silver (cleansed), gold (aggregates, KPIs,
 * profiles, alarms) and dead (letters). Bronze is the log itself. Both may block: only for operators with
 * PL_OP_BLOCKING.
 */
#ifndef POTLINE_ZONE_H
#define POTLINE_ZONE_H

#include <stdbool.h>

#include "batch.h"
#include "error.h"

struct pl_node;
struct pl_zone;

enum pl_zone_id { PL_BRONZE, PL_SILVER, PL_GOLD, PL_DEAD, PL_ZONES };
PL_API const char *const pl_zone_names[PL_ZONES + 1]; /* ends in NULL, fit for a CHOICE option */

PL_API enum pl_code pl_zone_open(struct pl_node *node, enum pl_zone_id id, struct pl_zone **zone,
                                 struct pl_error **error);

/* Appends a batch (borrowed). Kept through the death of the process once it returns. */
PL_API enum pl_code pl_zone_put(struct pl_zone *zone, const struct pl_batch *batch, struct pl_error **error);
PL_API void pl_zone_close(struct pl_zone *zone); /* NULL is fine */

/* Calls `each` for the batches that this node has put into a zone with rows in from <= time < to (and rows out of it,
 * perhaps), by partition and about by time, until one does not return true. The batch is borrowed.
 * PL_UNAVAILABLE: there is no data folder. */
typedef bool pl_zone_visitor(void *arg, const struct pl_batch *batch);
PL_API enum pl_code pl_zone_each(struct pl_node *node, enum pl_zone_id id, pl_time from, pl_time to,
                                 pl_zone_visitor *each, void *arg, struct pl_error **error);

#endif
