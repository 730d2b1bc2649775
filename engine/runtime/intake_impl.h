/* intake_impl.h: what the files of the intake share. */
#ifndef POTLINE_INTAKE_IMPL_H
#define POTLINE_INTAKE_IMPL_H

#include <potline/pack.h>

#include "runtime/intake.h"
#include "runtime/lane.h"
#include "runtime/room.h"

/* Feeds as they were before the graph was changed, and what each lane had told of them. */
struct pl__intake_past {
    struct pl_feeds feeds;
    struct pl_lane_past *told;    /* [partition] */
    struct pl_outputs *outputs;   /* the same; of the newest one, while it may come back */
    struct pl__intake_past *next; /* an earlier one */
};

enum pl__intake_hold { PL__HOLD_NONE, PL__HOLD_ASKED, PL__HOLD_PUT };

struct pl_intake {
    struct pl_runnable runnable;
    struct pl_intake_options options;
    struct pl_feeds feeds;
    struct pl_lane *lanes;
    struct pl_replay *replay; /* NULL: live */
    struct pl_log_record *records;
    unsigned record_count, record_room;
    unsigned offered; /* of them, the first that the log has not taken and may have; 0: none */
    unsigned turn;
    void **positions; /* that the records speak of; owned until they are appended */
    unsigned position_count, position_room;
    struct pl_pack **bodies; /* [partition]: of a barrier; all of it in the first, but in a group */
    pl_time run;             /* in a group: what barriers of this run say */
    uint64_t epoch;          /* of the last barrier */
    bool barrier_due;
    bool changed; /* something was recorded since */
    bool resting; /* until it is tried again */
    bool away;    /* what is in the log cannot be read now: its brokers do not answer */
    uv_timer_t idle_timer, barrier_timer, room_timer;
    struct pl_room room;       /* where the log takes nothing, what was refused stands in the records */
    pl_time idle_due;          /* when the idle timer fires, engine clock */
    struct pl_calls changes;   /* for the next barrier */
    _Atomic uint64_t asked;    /* how often somebody has asked for a barrier */
    _Atomic uint64_t answered; /* and how many of them `answer` is for */
    _Atomic uint64_t answer;
    _Atomic uint8_t *seen; /* [tag id], up to the registry's limit: it has had samples */
    _Atomic uint64_t hold_epoch;
    struct pl__intake_past *past; /* NULL: nothing has changed, or all is settled */
    _Atomic int hold;             /* enum pl__intake_hold */
    bool holding;                 /* the lanes do */
    bool failed;
    bool lanes_end; /* in a group: the barrier that is the end has been put */
    bool told_end;
    bool reported;
    struct pl_intake_stats stats;
    _Atomic bool stopping; /* in a group: it may end */
    _Atomic bool draining; /* the end of a source is the end of the data, from now on */
};

/* ---- intake_log.c: what is recorded ---- */

void pl__intake_fail(struct pl_intake *intake, const char *what, struct pl_error *error); /* takes the error */

/* The next record of those that are gathered; NULL without memory, which the intake has failed for then. */
struct pl_log_record *pl__intake_record(struct pl_intake *intake, enum pl_log_type type, unsigned partition);
void pl__intake_record_everywhere(struct pl_intake *intake, unsigned feed, enum pl_log_type type, uint16_t flags);

/* Appends what has been gathered and passes it on. */
void pl__intake_append(struct pl_intake *intake);

bool pl__intake_has_barriers(const struct pl_intake *intake);
bool pl__intake_owns_any(const struct pl_intake *intake);
void pl__intake_put_barrier(struct pl_intake *intake);
void pl__intake_take_barrier(struct pl_intake *intake); /* if it is time */

/* To the end of each partition, from begin[partition] on, without their rows. */
enum pl_code pl__intake_follow(struct pl_intake *intake, const uint64_t *begin, struct pl_error **error);

/* ---- intake_begin.c ---- */

/* What was known at the last epoch. */
enum pl_code pl__intake_recall(struct pl_intake *intake, struct pl_log *log, const struct pl_epoch *last,
                               struct pl_error **error);

/* ---- intake_replay.c ---- */

/* Where people had set something: sets it again, once every lane stands there; true: they may go on. */
bool pl__intake_retell(struct pl_intake *intake);

/* ---- intake_rewire.c ---- */

void pl__intake_look_at_hold(struct pl_intake *intake);

/* ---- intake_take.c: what sources give ---- */

void pl__intake_take_item(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_item *item); /* takes its batch */
bool pl__intake_take_in(struct pl_intake *intake); /* true: some may be left */
bool pl__intake_all_ended(const struct pl_intake *intake);

#endif
