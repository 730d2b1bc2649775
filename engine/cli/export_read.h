/* export_read.h: the batches of a zone one after another, whether it is the log or a zone of the lake.
 *
 * Of the lake, published versions (store/version.h) answer for what they count for: the reader gives the live batches,
 * then those of each version, and says of each row whether it is the one that counts.
 */
#ifndef POTLINE_CLI_EXPORT_READ_H
#define POTLINE_CLI_EXPORT_READ_H

#include "store/lake.h"
#include "store/version.h"

struct pl__export_part {
    const char *node; /* who wrote it; of bronze the source's port: "plc", "plc.events"; borrowed until the next */
    unsigned partition;
    uint64_t sequence;      /* of its first row; bronze only */
    uint64_t epoch;         /* of the lake */
    struct pl_batch *batch; /* the caller's; may hold rows outside of the range, and some that do not count */
};

struct pl__export_reader;

struct pl__export_what {
    const char *data;
    struct pl_store_key *key;
    struct pl_store *store; /* of that folder */
    struct pl_tags *tags;
    enum pl_zone_id zone;
    struct pl_zone_range range; /* of bronze, its node also stands for all ports of a node */
    const char *version;        /* only this one; NULL: what is published, and else the live rows */
    bool live;                  /* the live rows only */
    bool unmarked;              /* as they were written: without marks of late rows (store/late.h) */
};

/* `what` is borrowed until the close. PL_NOT_FOUND: there is no such version. */
enum pl_code pl__export_open(const struct pl__export_what *what, struct pl__export_reader **reader,
                             struct pl_error **error);
/* Is this row of the part that was read last in the range, and the one that counts? */
bool pl__export_counts(const struct pl__export_reader *reader, const struct pl__export_part *part, uint32_t row);
/* PL_NOT_FOUND without a message: the end. */
enum pl_code pl__export_next(struct pl__export_reader *reader, struct pl__export_part *part, struct pl_error **error);
void pl__export_close(struct pl__export_reader *reader); /* NULL is fine */

#endif
