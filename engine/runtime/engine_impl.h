/* engine_impl.h: what the files of the engine share. */
#ifndef POTLINE_ENGINE_IMPL_H
#define POTLINE_ENGINE_IMPL_H

#include <pthread.h>

#include "runtime/changelog.h"
#include "runtime/engine.h"
#include "runtime/plan.h"
#include "runtime/savepoint.h"
#include "runtime/syncer.h"
#include "runtime/upkeep.h"

struct pl_engine {
    const struct pl_graph *graph;
    struct pl_engine_options options;
    struct pl_plan plan;
    struct pl_clock clock;
    struct pl_tags *tags;
    const char **broadcast;
    struct pl_store *store;
    struct pl_journal journal;
    struct pl_log *log;
    struct pl_syncer *syncer;
    struct pl_upkeep *upkeep;
    struct pl_copies *copies;
    struct pl_savepoint *savepoint; /* while the log is opened */
    bool *owned;                    /* [partition], in a group; NULL: all are */
    struct pl_changelog changelog;
    struct pl_epochs *epochs;
    struct pl_epoch last, now;        /* what is there, and this run as it will be kept */
    bool *recall;                     /* [graph node] */
    struct pl_checkpoint_task *names; /* [task] */
    struct pl_checkpoints *checkpoints;
    void *zmq;
    struct pl_worker *workers[PL_WORKERS_MAX];
    struct pl_edge **edges;
    unsigned edge_count;
    struct pl_intake *intake;
    struct pl_task *tasks;
    unsigned task_count; /* initialised */
    bool started;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    unsigned running; /* tasks and intake that have not ended */
    bool stopping;
    bool hands_over;
    bool fallen; /* it is to be made anew, `delay` from then on */
    pl_time delay;
    char *failure;
};

void pl__engine_notify(struct pl_engine *engine); /* with the lock held */

/* ---- engine_isolate.c: nodes in processes of their own ---- */

bool pl__engine_isolates(const struct pl_graph *graph); /* any of them */
enum pl_code pl__engine_isolate(struct pl_engine *engine, struct pl_task *task, struct pl_error **error);

void pl__engine_fall(struct pl_engine *engine, pl_time delay); /* it is to be made anew */

/* ---- engine_group.c ---- */

void pl__engine_fenced(void *engine); /* somebody else goes on for it */

enum pl_code pl__engine_ask_group(struct pl_engine *engine, struct pl_error **error); /* whose are the partitions? */
unsigned pl__engine_slot(const struct pl_engine *engine, const char *node);           /* whom a source follows */
bool pl__engine_runs_source(const struct pl_engine *engine, const struct pl_graph_node *node);
enum pl_code pl__engine_open_kafka(struct pl_engine *engine, struct pl_error **error);
enum pl_code pl__engine_take_over(struct pl_engine *engine, struct pl_error **error); /* the epochs are open */

/* ---- engine_connect.c: the edges ---- */

enum pl_code pl__engine_no_memory(struct pl_error **error);

/* The first feed of a node that is a source is that of its port 0. */
unsigned pl__engine_feed_of(const struct pl_engine *engine, unsigned node, unsigned port);

/* source -> intake; and everything that a task takes from. */
enum pl_code pl__engine_connect_source(struct pl_engine *engine, struct pl_task *source, struct pl_error **error);
enum pl_code pl__engine_connect_task(struct pl_engine *engine, struct pl_task *task, struct pl_error **error);

#endif
