/* lake.h: the zones as they stand in the store (the engine's side of potline/zone.h).
 *
 *     node, 0, partition, time, ordinal, epoch -> checksum | rows (rows.h)
 *
 * `time` is the earliest event time in the record, and no record spans an hour or more of it (what does is cut), so a
 * range of time is a range of keys. Behind it, `ordinal` keeps the order of writing and never repeats; `epoch` says
 * which checkpoint the rows belong to.
 */
#ifndef POTLINE_STORE_LAKE_H
#define POTLINE_STORE_LAKE_H

#include "store/store.h"

#define PL_ZONE_SPAN PL_HOUR

/* A zone for writing as `node`, for callers that are no node themselves. */
enum pl_code pl_zone_open_as(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id id, const char *node,
                             uint16_t partition, struct pl_zone **zone, struct pl_error **error);
void pl_zone_set_epoch(struct pl_zone *zone, uint64_t epoch); /* of what is put from now on */
void pl_zone_note_epochs(
    struct pl_zone *zone); /* records of an epoch that never becomes one go, as those of a node do */

enum pl_store_family pl_zone_family(enum pl_zone_id id);

/* ---- Reading ---- */

struct pl_zone_range {
    const char *node; /* NULL: all */
    bool one;         /* of that node only this partition */
    uint16_t partition;
    pl_time from, to; /* from <= time < to; PL_TIME_MIN and PL_TIME_MAX: all */
};

struct pl_zone_record {
    const char *node; /* borrowed until the next call */
    uint16_t partition;
    uint64_t epoch;
    pl_time first;          /* the earliest time in it; of one node and partition they ascend */
    struct pl_batch *batch; /* the caller's; may hold rows out of the range too */
};

struct pl_zone_scan;

/* The records with rows in a range, by node, partition and time, as of now. `range` is borrowed. */
enum pl_code pl_zone_scan_new(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id id,
                              const struct pl_zone_range *range, struct pl_zone_scan **scan, struct pl_error **error);
enum pl_code pl_zone_scan_next(struct pl_zone_scan *scan, struct pl_zone_record *record, struct pl_error **error);
/* PL_NOT_FOUND without a message: the end */

/* Where the record is that was read last, for another scan of the same zone that goes on there: bytes without meaning.
 */
enum { PL_ZONE_PLACE = PL_NAME_MAX + 27 };
size_t pl_zone_scan_place(const struct pl_zone_scan *scan, uint8_t place[PL_ZONE_PLACE]);
/* The next record is the one at that place, or when it is not there any more the first behind. False: it is none. */
bool pl_zone_scan_from(struct pl_zone_scan *scan, const void *place, size_t size);
void pl_zone_scan_free(struct pl_zone_scan *scan); /* NULL is fine */

/* ---- Room: the records of a node and partition, which are kept together ---- */

struct pl_zone_part {
    char node[PL_NAME_MAX + 1];
    uint16_t partition;
    pl_time oldest; /* the earliest time of its rows */
};

/* Calls `each` for the parts of a zone (not of bronze) until one does not return PL_OK. */
typedef enum pl_code pl_zone_part_visitor(void *arg, const struct pl_zone_part *part, struct pl_error **error);
enum pl_code pl_zone_parts(struct pl_store *store, enum pl_zone_id id, pl_zone_part_visitor *each, void *arg,
                           struct pl_error **error);

/* About how many bytes of files the part's records from that time on take. */
uint64_t pl_zone_part_bytes(const struct pl_store *store, enum pl_zone_id id, const struct pl_zone_part *part,
                            pl_time from);

/* Removes the records whose rows are all older than `before`; so of the last PL_ZONE_SPAN in front of it some stay. */
enum pl_code pl_zone_part_trim(struct pl_store *store, enum pl_zone_id id, const struct pl_zone_part *part,
                               pl_time before, struct pl_error **error);

#endif
