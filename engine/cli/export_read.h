/* export_read.h: the batches of a zone one after another, whether it is the log or a zone of the lake. */
#ifndef POTLINE_CLI_EXPORT_READ_H
#define POTLINE_CLI_EXPORT_READ_H

#include "store/lake.h"

struct pl__export_part {
    const char *node; /* who wrote it; of bronze the source's port: "plc", "plc.events"; borrowed until the next */
    unsigned partition;
    uint64_t sequence;      /* of its first row; bronze only */
    struct pl_batch *batch; /* the caller's; may hold rows outside of the range */
};

struct pl__export_reader;

/* `range` is borrowed; of bronze, its node also stands for all ports of a node. */
enum pl_code pl__export_open(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id zone,
                             const struct pl_zone_range *range, struct pl__export_reader **reader,
                             struct pl_error **error);
/* PL_NOT_FOUND without a message: the end. */
enum pl_code pl__export_next(struct pl__export_reader *reader, struct pl__export_part *part, struct pl_error **error);
void pl__export_close(struct pl__export_reader *reader); /* NULL is fine */

#endif
