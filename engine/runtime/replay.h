/* replay.h: a range of a log played once more: the lanes read it instead of what sources append.
 *
 *     pl_replay_open     finds where the range begins and ends in each partition, and how much it is
 *     lanes              pass its records on as live ones, but for barriers, which are this run's own matter
 *     pl_replay_is_due   where it is played at a pace, not flat out
 *
 * What is played is what the last epoch of the folder covers, whoever goes on writing it; and the ends of sources,
 * where nothing but they stands behind it. An end is one only where nothing of its source follows: another run has gone
 * on behind all others, and taken back what they closed. Dead letters and losses (letters of a source) are not played.
 *
 * A complete replay knows what is still to come, so no row of it is late: a source's watermark does not pass a row
 * that stands further behind.
 *
 * What people had set while it was live (store/settings.h) is set again from the same row on: lanes that have come to
 * the barrier at which that was stand still until all have, then it is done everywhere, at a barrier of this run.
 *
 * Threads: the intake's, but for `rows`, which does not change.
 */
#ifndef POTLINE_REPLAY_H
#define POTLINE_REPLAY_H

#include "log/log.h"
#include "runtime/feed.h"
#include "store/settings.h"

struct pl_replay_options {
    struct pl_store *store; /* the folder that is played; borrowed, may be open for reading only */
    pl_time from, to;       /* what is wanted: from <= event time < to; PL_TIME_MIN and PL_TIME_MAX: all */
    pl_time margin;         /* as much is read in front of it and behind it, so that windows and rules know enough */
    double speed;           /* event time by the machine's; 0: flat out */
    bool complete;
    bool plain; /* without what people had set meanwhile */
};

struct pl_replay;
struct pl_replay_part; /* of a partition */

/* The log of what is played, for `partitions`. *log is the caller's. */
enum pl_code pl_replay_log_open(const struct pl_replay_options *options, struct pl_tags *tags, unsigned partitions,
                                struct pl_log **log, struct pl_error **error);

/* `feeds`, those of the graph, must stay; they say who has a watermark at the end of the log. Takes the log, also when
 * it fails. *replay is the caller's. */
enum pl_code pl_replay_open(const struct pl_replay_options *options, struct pl_log *log, const struct pl_feeds *feeds,
                            unsigned partitions, struct pl_replay **replay, struct pl_error **error);
void pl_replay_free(struct pl_replay *replay); /* NULL is fine */

struct pl_replay_part *pl_replay_part(const struct pl_replay *replay, unsigned partition);
uint64_t pl_replay_rows(const struct pl_replay *replay); /* all there are to be played */
bool pl_replay_has_ended(const struct pl_replay *replay, unsigned feed);

/* Up to here every source had come: the lowest of their watermarks, but for those that never had one.
 * PL_TIME_MIN: none had. */
pl_time pl_replay_reach(const struct pl_replay *replay);

/* From here on all that had come is there: older rows have been removed, or stand in the folder that a savepoint was
 * made of. PL_TIME_MIN: all of it is. */
pl_time pl_replay_complete_from(const struct pl_replay *replay);

uint64_t pl_replay_epoch(const struct pl_replay *replay); /* live rows up to this epoch came of what is played */

/* ---- What people had set ---- */

bool pl_replay_knows_settings(const struct pl_replay *replay); /* all of it, from the begin of the log on */

/* The next of what had been set; NULL: nothing more. Borrowed until pl_replay_next_setting. */
const struct pl_settings_entry *pl_replay_setting(const struct pl_replay *replay);
void pl_replay_next_setting(struct pl_replay *replay);
unsigned pl_replay_settings_done(const struct pl_replay *replay); /* how many have been passed, ends of runs aside */

/* Has the lane come to where the next of it was set? */
bool pl_replay_holds(const struct pl_replay_part *part);

/* ---- For a lane ---- */

bool pl_replay_plays(const struct pl_replay_part *part, const struct pl_log_record *record);

/* It has come to a barrier of the live run. */
void pl_replay_pass(struct pl_replay_part *part, const struct pl_log_record *barrier);

uint64_t pl_replay_begin(const struct pl_replay_part *part);
uint64_t pl_replay_end(const struct pl_replay_part *part); /* nothing from this sequence on is played */

/* Is it time? Else *wait is how long it still takes. `wait` may be NULL. */
bool pl_replay_is_due(struct pl_replay_part *part, pl_time watermark, pl_time *wait);

/* Is this end of a feed one? */
bool pl_replay_is_end(const struct pl_replay_part *part, unsigned feed, uint64_t sequence);

/* Is there no record of it? */
bool pl_replay_is_silent(const struct pl_replay_part *part, unsigned feed);

/* Changes what a record says of a feed's watermark to what is to be told; they come in order. */
void pl_replay_correct(struct pl_replay_part *part, unsigned feed, struct pl_log_record *record);

#endif
