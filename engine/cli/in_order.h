/* in_order.h: the rows that a node has put into a zone, moment by moment, however they were cut into records: what a
 * comparison of two folders needs. */
#ifndef POTLINE_CLI_IN_ORDER_H
#define POTLINE_CLI_IN_ORDER_H

#include "batch/moment.h"
#include "store/lake.h"

struct pl__in_order;

/* A moment's rows have all of a row as a JSON object; they are borrowed until the next. */

/* Of the node and partition that `range` (copied; its node is borrowed) names, rows up to an epoch; and those that it
 * has put there under an earlier name ("": it has none; borrowed). Keeps about an hour of them. */
enum pl_code pl__in_order_open(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id zone,
                               const struct pl_zone_range *range, const char *was, uint64_t epoch,
                               struct pl__in_order **order, struct pl_error **error);
/* PL_NOT_FOUND without a message: the end. */
enum pl_code pl__in_order_next(struct pl__in_order *order, struct pl_moment *moment, struct pl_error **error);
void pl__in_order_close(struct pl__in_order *order); /* NULL is fine */

#endif
