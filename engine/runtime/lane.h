/* lane.h: one partition's way from the log into the graph.
 *
 * A lane passes on the records that were appended. What finds no room downstream waits in its tail; past `limit` bytes
 * the tail is cut short and the lane is behind: it reads the rest from the log until it has caught up. A barrier waits
 * until the one before it has become an epoch, so that one is under way at a time, also when the log is read again.
 *
 * One of a log that others append to as well (a group of engines) reads all of it from there. Barriers are of the run
 * that wrote them: others' are passed over.
 *
 * One that replays reads a range of another folder's log in the same way, and has nothing put into it.
 *
 * Threads: the intake's.
 */
#ifndef POTLINE_LANE_H
#define POTLINE_LANE_H

#include "log/log.h"
#include "runtime/checkpoint.h"
#include "runtime/counting.h"
#include "runtime/feed.h"
#include "runtime/outputs.h"
#include "runtime/replay.h"

struct pl_lane {
    struct pl_outputs outputs; /* the port is the feed */
    struct pl_log *log;        /* NULL: none */
    struct pl_checkpoints *checkpoints;
    unsigned partition;
    struct pl_counting *counting; /* owned; NULL: nobody counts */
    unsigned participant;         /* as whom it brings that to a checkpoint */
    uint64_t awaited;             /* nothing is passed on before this epoch is done */
    const uint32_t *feeds, *were; /* their names, and earlier ones; borrowed */
    unsigned feed_count;
    pl_time *told; /* the last watermark of each feed */
    int64_t limit; /* bytes in the tail */
    bool absent;   /* another engine works this partition off */
    bool shared;   /* others append too */
    pl_time run;   /* shared: what barriers of this run say */
    uint64_t last; /* shared: it ends with this epoch's barrier; 0: not yet */
    bool over;     /* which it has passed */

    struct pl_log_record *tail; /* their batches are owned */
    uint32_t from, count, capacity;
    int64_t bytes;
    bool behind;
    uint64_t next;                 /* when behind: the sequence to read from */
    uint64_t own;                  /* where this run's records begin */
    struct pl_replay_part *replay; /* NULL: it does not replay */
    struct pl_log_cursor *cursor;
    uint64_t read_back_rows;
    uint64_t sequence; /* without a log: the next one */
};

enum pl_code pl_lane_init(struct pl_lane *lane, struct pl_log *log, struct pl_checkpoints *checkpoints,
                          unsigned partition, const struct pl_feeds *feeds, int64_t limit);
void pl_lane_fini(struct pl_lane *lane);

/* Passes on, or keeps, a record that has been appended. Takes a reference of its batch. */
enum pl_code pl_lane_put(struct pl_lane *lane, const struct pl_log_record *record, struct pl_error **error);

/* There may be more in a shared log. */
void pl_lane_look(struct pl_lane *lane);

/* Sends what waits as far as there is room. *more: there is room and more to do, call again soon. */
enum pl_code pl_lane_run(struct pl_lane *lane, bool *more, struct pl_error **error);

bool pl_lane_caught_up(const struct pl_lane *lane);

/* It has more to pass on, but waits for an epoch; or for the time, which *wait says then. */
bool pl_lane_waits(const struct pl_lane *lane, pl_time *wait);

/* Before the start: it begins with what stands at `sequence`, but for the ends of sources, which go on; what was told
 * of a feed before that. */
void pl_lane_begin_at(struct pl_lane *lane, uint64_t sequence);
void pl_lane_replay(struct pl_lane *lane, struct pl_replay_part *part);
bool pl_lane_load_told(struct pl_lane *lane, struct pl_unpack *unpack); /* as it was at its barrier, shared */
void pl_lane_is_silent(struct pl_lane *lane, unsigned feed);            /* it holds nobody up until it says something */
void pl_lane_has_told(struct pl_lane *lane, unsigned feed, pl_time watermark, bool ended);

#endif
