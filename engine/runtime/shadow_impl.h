/* shadow_impl.h: what the files of a shadow share: shadow_build.c makes its nodes and edges, shadow_watch.c compares
 * what comes of them, shadow.c has its life. */
#ifndef POTLINE_SHADOW_IMPL_H
#define POTLINE_SHADOW_IMPL_H

#include <pthread.h>

#include "runtime/engine_move.h"
#include "runtime/shadow.h"

/* Rows of an instance's port, of either side. */
struct pl__watched {
    struct pl_edge *edge;
    unsigned port; /* of the shadow's */
    bool live;
    uint64_t epoch;    /* its last barrier; UINT64_MAX: it has ended */
    pl_time watermark; /* PL_TIME_MAX: it holds nothing back */
};

/* A port whose rows are compared. */
struct pl__compared {
    const char *node, *name;
    bool alone;
    struct pl_shadow_port *rows; /* the shadow's thread's */
    uint64_t settled;
    struct pl_moment_counts counts; /* as they are told, like the rest; with the lock */
    uint32_t waiting;
    unsigned examples; /* these do not change any more */
};

/* An edge that the live graph sends over; borrowed, but for `edge`, which is beside its others. */
struct pl__tapped {
    struct pl_edge *edge;
    struct pl_task *sender; /* NULL: the intake */
    unsigned feed, port, partition;
};

struct pl_shadow {
    struct pl_runnable runnable; /* first: what compares */
    struct pl_engine *engine;
    const struct pl_graph *graph; /* held */
    unsigned examples;
    struct pl_plan plan;
    bool *runs;             /* [node] */
    const char **was;       /* [node]: whose state it begins with; NULL: with none */
    struct pl_task **tasks; /* [instance]; NULL: it does not run */
    struct pl_worker *worker;
    struct pl_store_iter *view;

    struct pl_edge **edges; /* between its own nodes, and to what compares; owned */
    unsigned edge_count;
    struct pl__tapped *tapped;
    unsigned tapped_count;
    struct pl__watched *watched;
    unsigned watched_count;
    struct pl_shadow_pool pool;
    bool attached, started;
    int64_t until;

    struct pl__compared *compared;
    unsigned compared_count;
    unsigned nodes;

    pthread_mutex_t lock; /* of what follows */
    uint64_t begun, settled;
    bool runs_still;
    char why[PL_SHADOW_WHY];
};

/* ---- shadow_build.c ---- */

enum pl_code pl__shadow_choose(struct pl_shadow *shadow, const struct pl_change_plan *plan, struct pl_error **error);
enum pl_code pl__shadow_make(struct pl_shadow *shadow, struct pl_error **error);
void pl__shadow_unmake(struct pl_shadow *shadow); /* its worker has ended */

/* With the live graph standing still. */
bool pl__shadow_attach(struct pl_shadow *shadow); /* false without memory: nothing is */
void pl__shadow_detach(struct pl_shadow *shadow);

/* ---- shadow_watch.c ---- */

void pl__shadow_watch(struct pl_shadow *shadow);                                         /* makes the runnable */
void pl__shadow_void(struct pl_shadow *shadow, const char *format, ...) PL_PRINTF(2, 3); /* the first reason counts */

#endif
