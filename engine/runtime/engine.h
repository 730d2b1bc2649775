/* engine.h: a running graph: its workers, tasks, edges and log.
 *
 *     pl_engine_new     plans: which instance on which worker, which edges; opens store and log; opens nothing outside
 *     pl_engine_start   starts the threads; nodes open, sources begin
 *     pl_engine_wait    until every task has ended, a node has failed, or the time is up
 *     pl_engine_stop    any thread: sources end, what is under way is worked off
 *     pl_engine_drain   the same, and the end of the sources is the end of the data: every window is closed
 *     pl_engine_free    joins and releases everything
 */
#ifndef POTLINE_ENGINE_H
#define POTLINE_ENGINE_H

#include "graph/graph.h"
#include "log/log.h"
#include "runtime/copies.h"
#include "runtime/deaths.h"
#include "runtime/intake.h"
#include "runtime/journal.h"
#include "runtime/task.h"
#include "runtime/trim.h"

struct pl_engine;

struct pl_engine_options {
    const char *data; /* the data folder; NULL: none, which only a graph without a log can do */
    struct pl_store_key
        *key;  /* of the data folder (store/key.h); NULL: it is in the clear. Borrowed until _new returns */
    bool ship; /* a standby is served from the data folder (store.h) */
    bool until_eof;
    bool temporary;           /* the data folder is removed at the end: nobody is told of its audit */
    bool audit_below_minimum; /* the graph may keep the audit for less than PL_AUDIT_LEAST; this is recorded */
    const struct pl_replay_options *replay; /* its rows, not those of the sources; there is no log then. NULL: live */
    const char *savepoint;                  /* a folder that is empty begins with this file (savepoint.h); NULL: none */
    const char *const *reset;               /* nodes that start afresh, ends in NULL; NULL: none */
    bool lenient;                           /* state that does not fit the graph is let go of */
    bool agreed;  /* the graph is what the group was told: somebody has looked whether it fits the one before */
    bool another; /* the folder may be of a graph of another name */
    struct pl_deaths *deaths; /* of processes of nodes, in this run; NULL: the first one fails the node. Borrowed */
    struct pl_kafka_member
        *member;                  /* a place in a group that shares the graph (engine_group.c); NULL: alone. Borrowed */
    struct pl_cluster *cluster;   /* what that group knows of its engines; NULL: nothing. Borrowed */
    struct pl_replicas *replicas; /* what the folder has of the group's state; NULL: nothing is known. Borrowed */
    void (*notify)(void *arg);    /* something has ended or failed: ask pl_engine_wait; any thread, must not block */
    void *notify_arg;
    /* A task leaves with a change of the graph: what it has counted can be had for the last time. A thread that is not
     * the task's, which stands still; NULL: nobody asks. */
    void (*left)(void *arg, const struct pl_task *task);
    void *left_arg;
};

enum pl_code pl_engine_new(const struct pl_graph *graph, const struct pl_engine_options *options,
                           struct pl_engine **engine, struct pl_error **error);
enum pl_code pl_engine_start(struct pl_engine *engine, struct pl_error **error);
void pl_engine_stop(struct pl_engine *engine);
void pl_engine_drain(struct pl_engine *engine);

/* As stop, but what people have set goes on with whoever goes on. */
void pl_engine_hand_over(struct pl_engine *engine);

/* How to open the log of a graph that is on Kafka; all but `settings` is borrowed of it, that is the caller's. */
struct pl_log_kafka_options;
enum pl_code pl_engine_kafka_options(const struct pl_graph *graph, struct pl_log_kafka_options *options,
                                     struct pl_error **error);

/* Waits up to `timeout` (0: for ever). PL_OK: ended; PL_BUSY: still running; else what a node failed with. */
enum pl_code pl_engine_wait(struct pl_engine *engine, pl_time timeout, struct pl_error **error);
/* What a node has failed with, at once; the rest is then being worked off. PL_OK: none has. */
enum pl_code pl_engine_check(struct pl_engine *engine, struct pl_error **error);
/* A node's process has died: free the engine and, behind *delay, make another one with the same options (but for
 * `savepoint` and `reset`), which goes back to the last epoch. `deaths` were given. */
bool pl_engine_fallen(struct pl_engine *engine, pl_time *delay);
uint64_t pl_engine_deaths(const struct pl_engine *engine, const char *node); /* of its processes, in this run */
/* Those that were ended for what they said, and records left out because they die at them. */
uint64_t pl_engine_nonsense(const struct pl_engine *engine, const char *node);
uint64_t pl_engine_skipped(const struct pl_engine *engine, const char *node);
void pl_engine_free(struct pl_engine *engine); /* NULL is fine */

/* A running engine may go from one graph to another (change.h): who looks at its graph or its tasks from another thread
 * than those of the nodes holds its wiring meanwhile, and keeps nothing of them for later. Not while waiting for a
 * node.
 */
void pl_engine_hold_wiring(struct pl_engine *engine);
void pl_engine_release_wiring(struct pl_engine *engine);

/* For those who show a running engine; the tasks stand in order of the graph. */
unsigned pl_engine_task_count(const struct pl_engine *engine);
struct pl_task *pl_engine_task(const struct pl_engine *engine, unsigned index);
const struct pl_intake *pl_engine_intake(const struct pl_engine *engine);
struct pl_tags *pl_engine_tags(const struct pl_engine *engine);
pl_time pl_engine_now(const struct pl_engine *engine);
const struct pl_graph *pl_engine_graph(const struct pl_engine *engine);
struct pl_copies *pl_engine_copies(const struct pl_engine *engine); /* NULL: there is no data folder */
struct pl_store *pl_engine_store(const struct pl_engine *engine);   /* NULL: there is no data folder */
const char *pl_engine_data(const struct pl_engine *engine);         /* its path, or NULL */
const struct pl_journal *
pl_engine_journal(const struct pl_engine *engine); /* with the audit, for those who add to it */
bool pl_engine_zones(const struct pl_engine *engine, struct pl_trim_zone zones[PL_ZONES]); /* false: not known yet */
bool pl_engine_has(const struct pl_engine *engine, const struct pl_graph_node *node); /* or has another one it all? */
struct pl_cluster *pl_engine_cluster(const struct pl_engine *engine);                 /* NULL: it is in no group */
unsigned pl_engine_standby(const struct pl_engine *engine); /* partitions of others whose state is here */
uint64_t pl_engine_epochs(const struct pl_engine *engine);  /* the last one that is done */
void pl_engine_checkpoint_stats(struct pl_engine *engine, struct pl_checkpoint_stats *stats);

/* Any thread. Has `call` carried out by a task: where the next barrier stands, and then call->epoch says which epoch it
 * is part of; or at once, by a source, or where there are no epochs. False: it has ended, the call is the caller's. */
bool pl_engine_change(struct pl_engine *engine, struct pl_task *task, struct pl_call *call);

/* Any thread. Asks for an epoch with all there is now; pl_engine_checkpointed tells with what was given whether it is
 * done. */
uint64_t pl_engine_checkpoint(struct pl_engine *engine);
bool pl_engine_checkpointed(const struct pl_engine *engine, uint64_t asked);
bool pl_engine_recovers(const struct pl_engine *engine); /* it has a log, so epochs are kept */

#endif
