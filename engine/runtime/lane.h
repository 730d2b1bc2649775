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
#include "runtime/outputs.h"
#include "runtime/replay.h"

/* What was told of feeds, by their names, also of those that are gone. */
struct pl_lane_past {
    uint32_t *names;
    pl_time *told;
    unsigned count;
};

/* What a lane tells its records apart by: interned names, and the ones they had before (PL_NO_ID: none). Borrowed. */
struct pl_lane_names {
    const uint32_t *now, *were;
    unsigned count;
};

struct pl_lane {
    struct pl_outputs outputs; /* the port is the feed */
    struct pl_log *log;        /* NULL: none */
    struct pl_checkpoints *checkpoints;
    struct pl_counting *counting; /* owned; NULL: nobody counts */
    unsigned partition;
    unsigned participant; /* as whom it brings what was counted to a checkpoint */
    uint64_t awaited;     /* nothing is passed on before this epoch is done */
    uint64_t hold_at;     /* behind this epoch's barrier it passes nothing on; 0: it does not hold */
    struct pl_lane_names feeds;
    pl_time *told;                  /* the last watermark of each feed */
    int64_t limit;                  /* bytes in the tail */
    bool absent;                    /* another engine works this partition off */
    bool shared;                    /* others append too */
    bool over;                      /* shared: the barrier of `last` was passed */
    bool holds;                     /* it has come to the barrier of `hold_at` */
    bool behind;                    /* it reads from the log, from `next` on */
    uint32_t from, count, capacity; /* of the tail */
    pl_time run;                    /* shared: what barriers of this run say */
    uint64_t last;                  /* shared: it ends with this epoch's barrier; 0: not yet */

    struct pl_log_record *tail; /* their batches are owned */
    int64_t bytes;
    uint64_t next;                 /* when behind: the sequence to read from */
    uint64_t own;                  /* where this run's records begin */
    struct pl_replay_part *replay; /* NULL: it does not replay */
    struct pl_log_cursor *cursor;
    uint64_t read_back_rows;
    uint64_t passed;   /* records, but for barriers */
    uint64_t sequence; /* without a log: the next one */
};

enum pl_code pl_lane_init(struct pl_lane *lane, struct pl_log *log, struct pl_checkpoints *checkpoints,
                          unsigned partition, const struct pl_lane_names *feeds, int64_t limit);
void pl_lane_fini(struct pl_lane *lane);

/* Passes on, or keeps, a record that has been appended. Takes a reference of its batch. */
enum pl_code pl_lane_put(struct pl_lane *lane, const struct pl_log_record *record, struct pl_error **error);

/* There may be more in a shared log. */
void pl_lane_look(struct pl_lane *lane);

/* Sends what waits as far as there is room. *more: there is room and more to do, call again soon. */
enum pl_code pl_lane_run(struct pl_lane *lane, bool *more, struct pl_error **error);

/* It stands still behind the barrier of `epoch`, which is still to come; 0: it goes on. */
void pl_lane_hold(struct pl_lane *lane, uint64_t epoch);

/* For other feeds: what it has told of each of them, also under an earlier name (NULL without memory); then it has
 * these, and owns `told`. */
struct pl__intake_past;
pl_time *pl_lane_told(const struct pl_feeds *feeds, const struct pl__intake_past *past, unsigned partition);
void pl_lane_rewire(struct pl_lane *lane, const struct pl_feeds *feeds, pl_time *told);

bool pl_lane_caught_up(const struct pl_lane *lane);

/* It has more to pass on, but waits for an epoch; or for the time, which *wait says then. */
bool pl_lane_waits(const struct pl_lane *lane, pl_time *wait);

/* Before the start: it begins with what stands at `sequence`, but for the ends of sources, which go on; what was told
 * of a feed before that. */
void pl_lane_begin_at(struct pl_lane *lane, uint64_t sequence);
void pl_lane_replay(struct pl_lane *lane, struct pl_replay_part *part);
void pl_lane_bar(struct pl_lane *lane, uint64_t epoch); /* one that replays: a barrier here, in front of what waits */
bool pl_lane_load_told(struct pl_lane *lane, struct pl_unpack *unpack); /* as it was at its barrier, shared */
void pl_lane_is_silent(struct pl_lane *lane, unsigned feed);            /* it holds nobody up until it says something */
void pl_lane_has_told(struct pl_lane *lane, unsigned feed, pl_time watermark, bool ended);

#endif
