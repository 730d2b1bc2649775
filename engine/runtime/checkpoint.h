/* checkpoint.h: collects what the tasks know at a barrier, and makes an epoch of it.
 *
 *     lane --- where the barrier stands in the log ---+
 *     task --- what has changed since the last one ---+--> [thread] --> store --> done
 *     task --- has ended, with its last changes ------+
 *
 * An epoch is complete when every task has passed its barrier, or has ended before. It is written on a thread of its
 * own, so processing goes on meanwhile. Without a log epochs are only counted.
 *
 * One that takes longer than its limit is said, with the nodes that it waits for, and counted. It is not given up: what
 * tasks have brought is what has changed since the epoch before, so the next one would need all of it too.
 */
#ifndef POTLINE_CHECKPOINT_H
#define POTLINE_CHECKPOINT_H

#include <potline/time.h>

#include "base/clock.h"
#include "runtime/changelog.h"
#include "runtime/node.h"
#include "store/epochs.h"

struct pl_checkpoints;
struct pl_exchanged;

/* What a task brings: the entries that have changed, and files that are to be safe with them. */
struct pl_changes {
    struct pl_buffer entries;
    int files[PL_NODE_SYNC_MAX];
    unsigned file_count;
    struct pl_exchanged *exchanged; /* rows for the global section, in a group (exchange.h); NULL: none */
};

/* As whose state what a task brings is kept. */
struct pl_checkpoint_task {
    const char *node;
    uint16_t partition;
};

struct pl_checkpoints_options {
    struct pl_store *store;         /* NULL: nothing is kept */
    struct pl_epochs *epochs;       /* of that store */
    struct pl_changelog *changelog; /* of a group; NULL: none */
    const struct pl_epoch *now; /* graph, partitions and nodes of this run; borrowed. Its number is the last epoch's */
    const struct pl_clock *clock;
    pl_time limit; /* one under way for longer is said; 0: none is */
    bool sync;     /* an epoch is done once it is safe from power loss */
    const bool *
        owned; /* [partition of the log]: the others have no barriers, and an epoch says UINT64_MAX of them; borrowed */
    unsigned tasks;
    const struct pl_checkpoint_task *task; /* [tasks]; borrowed */
    unsigned counting;                     /* behind them, a lane each that counts (counting.h) */
    /* On the thread that has brought the last part, or the writing one. */
    void (*done)(void *engine, uint64_t epoch);
    void (*failed)(void *engine, const char *why);
    void (*fenced)(void *engine); /* the group refuses it, and has gone on without us; NULL: it has failed */
    void *engine;
};

/* Task `i` takes part unless it is told otherwise; so does lane `i`, as `tasks` + i. */
enum pl_code pl_checkpoints_new(const struct pl_checkpoints_options *options, struct pl_checkpoints **checkpoints,
                                struct pl_error **error);
/* Writes what is complete, and nothing more from then on; NULL is fine. */
void pl_checkpoints_close(struct pl_checkpoints *checkpoints);
/* When nobody can bring anything any more; NULL is fine. */
void pl_checkpoints_free(struct pl_checkpoints *checkpoints);

/* Before the start: this task sees no barriers (a source). */
void pl_checkpoints_leave_out(struct pl_checkpoints *checkpoints, unsigned task);

/* With every task standing still behind the last epoch: other tasks from now on. `map` [task before]: which one it is
 * now, or PL_CHECKPOINT_GONE; the others are new, and take part. */
enum { PL_CHECKPOINT_GONE = -1 };
struct pl_checkpoints_change {
    const struct pl_epoch *now; /* borrowed, as in the options */
    unsigned tasks;
    const struct pl_checkpoint_task *task;
    pl_time limit;
    const int *map;
    struct pl_checkpoints_room *room; /* for so many tasks; taken */
};
struct pl_checkpoints_room *pl_checkpoints_room(const struct pl_checkpoints *checkpoints, unsigned tasks);
void pl_checkpoints_room_free(struct pl_checkpoints_room *room); /* NULL is fine */
void pl_checkpoints_change(struct pl_checkpoints *checkpoints, const struct pl_checkpoints_change *change);
/* The last one that everybody has been told of. */
uint64_t pl_checkpoints_told(const struct pl_checkpoints *checkpoints);

/* Any thread. The barrier of `epoch` stands at `sequence` of a partition. */
void pl_checkpoint_stands(struct pl_checkpoints *checkpoints, uint64_t epoch, unsigned partition, uint64_t sequence);

/* Any thread. The task has passed the barrier; or it has ended and its changes belong to `epoch`. Takes them. */
void pl_checkpoint_passed(struct pl_checkpoints *checkpoints, unsigned task, uint64_t epoch,
                          struct pl_changes *changes);
void pl_checkpoint_ended(struct pl_checkpoints *checkpoints, unsigned task, uint64_t epoch, struct pl_changes *changes);

/* Any thread. Something has failed: nothing more becomes an epoch. */
void pl_checkpoints_stop(struct pl_checkpoints *checkpoints);
bool pl_checkpoints_stopped(const struct pl_checkpoints *checkpoints);

/* The last epoch that is done. */
const _Atomic uint64_t *pl_checkpoints_done(const struct pl_checkpoints *checkpoints);

struct pl_checkpoint_stats {
    uint64_t epoch;   /* the last one; 0: none */
    uint64_t written; /* in this run */
    pl_time at;       /* when it was done, engine clock */
    double seconds;   /* from its barrier to its end */
    uint64_t bytes;   /* of its changes */
    double under_way; /* seconds since the barrier that is under way; 0: none is */
    uint64_t overdue; /* in this run: how many have taken longer than their limit */
};
void pl_checkpoints_stats(struct pl_checkpoints *checkpoints, struct pl_checkpoint_stats *stats);

#endif
