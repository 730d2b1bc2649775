/* intake.h: where rows enter the log and the graph.
 *
 *     source port --> [intake] --append--> log
 *                        |
 *                        +--> lane 0 --> nodes of partition 0, and the global section
 *                        +--> lane 1 --> nodes of partition 1, ...
 *
 * Rows are shared out by the partition of their tag, a watermark is decided for each source (highest event time less
 * its disorder, or what the source says itself), idleness too, and all of it is appended to the log as records before
 * anything downstream sees it. A lane passes on what was appended; what the graph has no room for waits in the lane's
 * tail, in memory up to a limit, then only in the log, from where the lane reads it later. A replayable source (a file)
 * is held back as soon as a lane has a little waiting; a live one never, as long as there is a log. Without a log every
 * source is held back.
 *
 * A run that replays takes its records from another folder's log instead (replay.h): every source is over.
 *
 * A log without room (a full disk) takes nothing: what it has refused is kept, no source is listened to, and it is
 * tried again until it does. In a group, whose log takes nothing while engines join and leave, that is told and counted
 * only when it lasts (room.h).
 */
#ifndef POTLINE_INTAKE_H
#define POTLINE_INTAKE_H

#include "base/clock.h"
#include "log/log.h"
#include "runtime/call.h"
#include "runtime/checkpoint.h"
#include "runtime/feed.h"
#include "runtime/lane.h"
#include "runtime/stats.h"
#include "runtime/syncer.h"
#include "runtime/worker.h"
#include "store/ledger.h"
#include "store/settings.h"

struct pl_intake;

struct pl_intake_options {
    struct pl_log *log;                     /* NULL: none */
    const struct pl_replay_options *replay; /* NULL: live. Else there is no log, and sources give nothing */
    struct pl_tags *tags;
    const struct pl_clock *clock;
    unsigned partitions;
    unsigned lanes;                 /* as many, or one more: what the global section takes comes through that */
    const bool *owned;              /* [lane]: which are worked off here */
    bool shared;                    /* others append to the log too: a group of engines */
    struct pl_lane_names exchanged; /* what comes through the lane behind the others */
    unsigned feeds_max;
    int64_t max_lag; /* bytes waiting for the graph in memory */
    struct pl_checkpoints *checkpoints;
    struct pl_store *store; /* where losses are counted and letters kept (counting.h); NULL: nowhere */
    unsigned participant;   /* as whom the first lane brings that to a checkpoint; the others follow */
    pl_time checkpoint;     /* interval of barriers; 0: only where a log begins and a run ends */
    void (*ended)(void *engine);
    void (*failed)(void *engine, const char *why);
    void (*fenced)(void *engine); /* shared: the log takes nothing from us any more, for another engine is us */
    void *engine;
    struct pl_settings *settings; /* where what people set is noted; NULL: nowhere */
    /* Has the nodes of an entry do it at the next barrier (retell.h). */
    enum pl_code (*retell)(void *engine, const struct pl_settings_entry *entry, struct pl_error **error);
    struct pl_syncer *syncer; /* told of what was appended; NULL: none */
    bool until_eof;           /* the end of a source is the end of the data; else it is idle from then on */
};

enum pl_code pl_intake_new(const struct pl_intake_options *options, struct pl_intake **intake, struct pl_error **error);
void pl_intake_free(struct pl_intake *intake);
struct pl_runnable *pl_intake_runnable(struct pl_intake *intake);

/* A source's port; returns its index, or -1 past feeds_max. The edge is borrowed; ports of one source share it. */
int pl_intake_add_feed(struct pl_intake *intake, struct pl_edge *edge, const struct pl_feed_options *options);
/* Who takes a feed's rows of a partition; from the lane behind the others, what is exchanged as number `feed`. */
bool pl_intake_add_output(struct pl_intake *intake, unsigned feed, unsigned partition, struct pl_edge *edge);

/* Any thread: it ends once its sources have. One of a group has to be told, for others append too. */
void pl_intake_stop(struct pl_intake *intake);
/* Any thread: from now on the end of a source is the end of the data, as with until_eof. */
void pl_intake_drain(struct pl_intake *intake);

/* Before the start, with everything connected: sources and the graph go on behind the last epoch (number 0: from the
 * begin of the log). */
enum pl_code pl_intake_recover(struct pl_intake *intake, const struct pl_epoch *last, struct pl_error **error);

/* The same for one of a group: each partition of its own from where its last epoch stands, and the sources that are run
 * here from where whoever ran them left off. */
enum pl_code pl_intake_take_over(struct pl_intake *intake, const struct pl_epoch *last, struct pl_error **error);

/* The same for a run that replays. */
enum pl_code pl_intake_replay(struct pl_intake *intake, struct pl_error **error);
const struct pl_replay *pl_intake_replayed(const struct pl_intake *intake); /* NULL: it is live */

/* The source that a feed belongs to, and where it stands. */
const struct pl_inlet *pl_intake_inlet(const struct pl_intake *intake, unsigned feed);

/* Any thread: a barrier now, if there is anything to save. What it gives tells pl_intake_barrier_epoch: the epoch that
 * has all there was; 0: not known yet. */
uint64_t pl_intake_barrier(struct pl_intake *intake);
uint64_t pl_intake_barrier_epoch(const struct pl_intake *intake, uint64_t asked);

/* Any thread: has `call` carried out by its task where the next barrier stands, which comes for it, so that it is part
 * of that epoch: a death before the end of it takes the change back, one behind it does not. False: nothing comes any
 * more, or there are no barriers; the call is the caller's still. */
bool pl_intake_change(struct pl_intake *intake, struct pl_call *call);

/* ---- While the graph behind it is changed (engine_change.c) ----
 *
 *     pl_intake_hold       any thread: the next barrier comes at once, and lanes stand still behind it; rows go on
 *                          being taken and appended
 *     pl_intake_held       its epoch; 0: not yet
 *     pl_intake_go_on      any thread: lanes pass on what has gathered
 *
 * With its worker standing still: */
void pl_intake_hold(struct pl_intake *intake);
uint64_t pl_intake_held(const struct pl_intake *intake);
void pl_intake_go_on(struct pl_intake *intake);

/* What a source had made before it left, whatever waits in front of the graph; on the intake's thread. */
void pl_intake_take_rest(struct pl_intake *intake, struct pl_edge *edge);
/* Calls for nodes that leave come back. */
void pl_intake_part(struct pl_intake *intake);
/* Feeds and outputs are added anew behind `_rewire`; then what is known of the feeds is taken over by their names, also
 * from before an earlier change that was not settled. `kept`: is it still the same source, or is it opened anew? */
bool pl_intake_rewire(struct pl_intake *intake, unsigned feeds_max); /* false without memory; nothing has changed */
enum pl_code pl_intake_rewired(struct pl_intake *intake, uint64_t epoch, bool (*kept)(void *arg, struct pl_edge *edge),
                               void *arg, struct pl_error **error);
void pl_intake_rewire_undo(struct pl_intake *intake);                       /* as it was before */
void pl_intake_settle(struct pl_intake *intake);                            /* what was is not wanted any more */
void pl_intake_participate(struct pl_intake *intake, unsigned participant); /* as `participant` of the options */
void pl_intake_set_checkpoint(struct pl_intake *intake, pl_time interval);
void pl_intake_remove_output(struct pl_intake *intake, unsigned partition, const struct pl_edge *edge);
/* The first thing that a new output of a feed hears: what the others have heard. */
void pl_intake_tell(struct pl_intake *intake, unsigned feed, unsigned partition, struct pl_edge *edge);

/* Called when an output has room again. */
void pl_intake_poke(void *intake);

struct pl_intake_stats {
    _Atomic uint64_t rows;
    _Atomic uint64_t records;
    _Atomic uint64_t late_rows; /* behind their source's watermark on arrival */
    _Atomic int64_t waiting_bytes;
    _Atomic uint64_t read_back_rows; /* came to the graph by way of the log */
    _Atomic bool full;               /* the log has no room, and that was told: all sources wait */
    _Atomic uint64_t fulls;          /* how often it has taken nothing, for a moment or longer */
};
const struct pl_intake_stats *pl_intake_stats(const struct pl_intake *intake);

/* Any thread: what a source's samples have become in this run, as of about now; false: nobody counts. */
bool pl_intake_losses(const struct pl_intake *intake, const char *source, int64_t totals[PL_LEDGER_COUNTS]);

/* Any thread: when a source was last heard of, engine clock; PL_TIME_MIN: there is no such source. */
pl_time pl_intake_heard(const struct pl_intake *intake, const char *source);

/* Has this tag had samples? Any thread. */
bool pl_intake_seen(const struct pl_intake *intake, uint32_t tag);

#endif
