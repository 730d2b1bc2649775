/* lane.h: one partition's way from the log into the graph.
 *
 * A lane passes on the records that were appended. What finds no room downstream waits in its tail; past `limit` bytes
 * the tail is cut short and the lane is behind: it reads the rest from the log until it has caught up.
 *
 * Threads: the intake's.
 */
#ifndef POTLINE_LANE_H
#define POTLINE_LANE_H

#include "log/log.h"
#include "runtime/outputs.h"

struct pl_lane {
    struct pl_outputs outputs; /* the port is the feed */
    struct pl_log *log;        /* NULL: none */
    unsigned partition;
    const uint32_t *feeds; /* their names; borrowed */
    unsigned feed_count;
    pl_time *told; /* the last watermark of each feed */
    int64_t limit; /* bytes in the tail */

    struct pl_log_record *tail; /* their batches are owned */
    uint32_t from, count, capacity;
    int64_t bytes;
    bool behind;
    uint64_t next; /* when behind: the sequence to read from */
    struct pl_log_cursor *cursor;
    uint64_t read_back_rows;
    uint64_t sequence; /* without a log: the next one */
};

enum pl_code pl_lane_init(struct pl_lane *lane, struct pl_log *log, unsigned partition, const uint32_t *feeds,
                          unsigned feed_count, int64_t limit);
void pl_lane_fini(struct pl_lane *lane);

/* Passes on, or keeps, a record that has been appended. Takes a reference of its batch. */
enum pl_code pl_lane_put(struct pl_lane *lane, const struct pl_log_record *record, struct pl_error **error);

/* Sends what waits as far as there is room. *more: there is room and more to do, call again soon. */
enum pl_code pl_lane_run(struct pl_lane *lane, bool *more, struct pl_error **error);

bool pl_lane_caught_up(const struct pl_lane *lane);

#endif
