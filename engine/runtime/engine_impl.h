/* engine_impl.h: what the files of the engine share. */
#ifndef POTLINE_ENGINE_IMPL_H
#define POTLINE_ENGINE_IMPL_H

#include <pthread.h>

#include "runtime/changelog.h"
#include "runtime/engine.h"
#include "runtime/plan.h"
#include "runtime/plant_time.h"
#include "runtime/recovery.h"
#include "runtime/savepoint.h"
#include "runtime/syncer.h"
#include "runtime/upkeep.h"

/* Of what the keyed section gives to the global one in a group (exchange.h). */
struct pl__exchange_port {
    unsigned node, port;
};

struct pl__exchange {
    struct pl__exchange_port *ports;
    unsigned port_count;
    uint32_t *names, *were;     /* [port][partition]: of what is in the log */
    struct pl_stream **streams; /* of our partitions: port by port */
    unsigned stream_count;
};

/* What follows from the graph, and is another one behind a change of it (engine_move.c). */
struct pl__wired {
    const struct pl_graph *graph; /* held */
    struct pl_plan plan;
    bool *recall;                     /* [graph node] */
    struct pl_epoch *now;             /* this run as it will be kept */
    struct pl_checkpoint_task *names; /* [task] */
    struct pl_worker *workers[PL_WORKERS_MAX];
    struct pl_edge **edges;
    unsigned edge_count;
    struct pl_task **tasks;
    unsigned task_count; /* initialised */
    struct pl__fresh {   /* edges that a change has made, and between whom; NULL: no change is under way */
        struct pl_edge *edge;
        struct pl_task *sender; /* NULL: the intake, for a feed and a partition */
        struct pl_task *receiver;
        unsigned feed, partition;
    } * fresh;
    unsigned fresh_count;
};

struct pl_engine {
    struct pl__wired wired;
    pthread_mutex_t wiring;       /* while it is looked at from outside of the workers, or changed */
    bool *works;                  /* [lane]: it is worked off here */
    const struct pl_graph *first; /* whose settings those borrow who outlive a change; held */
    struct pl_engine_options options;
    struct pl_clock clock;
    struct pl_plant_time plant; /* owns that clock; without one of its own: nobody does */
    struct pl_tags *tags;
    const char **broadcast;
    struct pl_store *store;
    struct pl_journal journal;
    struct pl_log *log;
    struct pl_syncer *syncer;
    struct pl_upkeep *upkeep;
    struct pl_copies *copies;
    struct pl_savepoint *savepoint; /* while the log is opened */
    bool *owned;                    /* [partition of the log], in a group; NULL: all are */
    struct pl__exchange exchange;
    struct pl_changelog changelog;
    struct pl_follower *follower; /* NULL: nothing is followed */
    struct pl_epochs *epochs;
    struct pl_settings *settings; /* what people set is noted there; NULL: nowhere */
    struct pl_epoch last;         /* what was there */
    struct pl_checkpoints *checkpoints;
    void *zmq;
    struct pl_intake *intake;
    bool started;
    _Atomic bool under_way; /* all of it has been started */

    _Atomic bool moving;               /* a change of the graph is under way */
    const struct pl_graph *settled;    /* what it is made anew with; held. With the lock */
    const struct pl_graph *relapse_to; /* held; with the lock, like the next */
    char *relapsed;                    /* why */
    char *trial_failure;               /* of a node that a change has made; with the lock */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    unsigned running; /* tasks and intake that have not ended */
    bool stopping, drains;
    bool hands_over;
    bool fallen; /* it is to be made anew, `delay` from then on */
    pl_time delay;
    char *failure;
};

/* What an instance is told in any case, in the shadow too: not of store, journal and recovery. */
struct pl_node_config pl__engine_node_config(const struct pl_engine *engine, const struct pl_graph *graph,
                                             const struct pl_plan_instance *instance, struct pl_worker *worker);

/* ---- engine_build.c ---- */

enum pl_code pl__engine_build(struct pl_engine *engine, struct pl_error **error);
/* May the audit be kept for as short as that? */
enum pl_code pl__engine_check_audit(const struct pl_engine_options *options, const struct pl_graph *graph,
                                    struct pl_error **error);
struct pl_recovery pl__engine_recovery(const struct pl_engine *engine); /* what its folder is to be for its graph */

enum pl_code pl__engine_name_tasks(struct pl__wired *wired, unsigned more,
                                   struct pl_error **error); /* room for `more` */
enum pl_code pl__engine_make_task(struct pl_engine *engine, struct pl__wired *wired, unsigned index, uint64_t epoch,
                                  struct pl_error **error);
enum pl_code pl__engine_connect(struct pl_engine *engine, struct pl_error **error);
enum pl_code pl__engine_place(struct pl_engine *engine, struct pl_error **error); /* on their workers, in their order */

/* ---- engine_report.c ---- */

void pl__engine_on_ended(void *engine, struct pl_task *task, uint64_t epoch, struct pl_changes *changes);
void pl__engine_on_failed(void *engine, struct pl_task *task, const char *why);
void pl__engine_on_barrier(void *engine, struct pl_task *task, uint64_t epoch, struct pl_changes *changes);
void pl__engine_on_epoch(void *engine, uint64_t epoch);
void pl__engine_on_intake_ended(void *engine);
void pl__engine_on_sync(void *engine);
void pl__engine_on_synced(void *engine);

void pl__engine_notify(struct pl_engine *engine);    /* with the lock held */
void pl__engine_fail(void *engine, const char *why); /* any thread */

/* ---- engine_isolate.c: nodes in processes of their own ---- */

bool pl__engine_isolates(const struct pl_graph *graph); /* any of them */
enum pl_code pl__engine_isolate(struct pl_engine *engine, struct pl_task *task, struct pl_error **error);

bool pl__engine_relapse(struct pl_engine *engine, const char *why); /* false: the graph is not on probation */
void pl__engine_failed(struct pl_engine *engine, const char *why);  /* a node of the graph has */
void pl__engine_stop_tasks(struct pl_engine *engine, bool drain);

void pl__engine_fall(struct pl_engine *engine, pl_time delay); /* it is to be made anew */

/* ---- engine_group.c ---- */

void pl__engine_fenced(void *engine); /* somebody else goes on for it */

enum pl_code pl__engine_ask_group(struct pl_engine *engine, struct pl_error **error); /* whose are the partitions? */
unsigned pl__engine_slot(const struct pl_engine *engine, const char *node);           /* whom a source follows */
bool pl__engine_runs_source(const struct pl_engine *engine, const struct pl_graph_node *node);
enum pl_code pl__engine_open_kafka(struct pl_engine *engine, struct pl_error **error);
enum pl_code pl__engine_take_over(struct pl_engine *engine, struct pl_error **error); /* the epochs are open */
enum pl_code pl__engine_follow(struct pl_engine *engine, struct pl_error **error);    /* what is not ours, if wanted */

/* ---- engine_exchange.c ---- */

enum pl_code pl__exchange_plan(struct pl_engine *engine, struct pl_error **error);        /* the tags are there */
void pl__exchange_name(const struct pl_engine *engine, struct pl_checkpoint_task *names); /* [stream] */
enum pl_code pl__exchange_make(struct pl_engine *engine, struct pl_error **error);        /* behind all tasks */
enum pl_code pl__exchange_connect(struct pl_engine *engine, struct pl_error **error);
/* A way into a node of the global section. */
enum pl_code pl__exchange_connect_input(struct pl_engine *engine, struct pl_task *task,
                                        const struct pl_graph_edge *from, unsigned partition, struct pl_error **error);
void pl__exchange_fini(struct pl_engine *engine);

/* ---- engine_connect.c: the edges ---- */

enum pl_code pl__engine_no_memory(struct pl_error **error);

/* An edge into a node (`to` NULL: something else), watched by its receiver. `sender` NULL: the intake. */
enum pl_code pl__engine_make_edge(struct pl_engine *engine, const struct pl_graph_node *to,
                                  struct pl_runnable *receiver, struct pl_task *sender, struct pl_edge **edge,
                                  struct pl_error **error);

/* The first feed of a node that is a source is that of its port 0. */
unsigned pl__engine_feed_of(const struct pl_engine *engine, unsigned node, unsigned port);

/* source -> intake; and everything that a task takes from. */
enum pl_code pl__engine_connect_source(struct pl_engine *engine, struct pl_task *source, struct pl_error **error);
enum pl_code pl__engine_connect_task(struct pl_engine *engine, struct pl_task *task, struct pl_error **error);

#endif
