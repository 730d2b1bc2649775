/* change.h: a running engine goes from one graph to another: what that takes, and doing it.
 *
 *     pl_change_plan_make(&options, from, &plan, &error)        says what would become of every node
 *     pl_engine_move(engine, &options, &result, &error)         does it, or leaves everything as it was
 *
 * A node of the same name that would be the same is kept: it runs on, with what it knows and has open, and only its
 * edges may be others. One that differs is made anew and begins with the state of the last epoch, by the rules of
 * recovery.h; so is one that has another name now (`was`).
 *
 *     sources  ---> intake, log ---> | barrier                   rows go on being taken and appended
 *                                    | lanes hold                the graph runs empty, and its epoch is written
 *                                    | nodes that leave end; the new ones are made, connected, opened
 *                                    | all are open: one write, and the epoch is of the new graph
 *                                    v lanes go on
 *
 * Whatever fails before that write is taken back: nodes that had left are made again from the same epoch, and the old
 * graph goes on where it stood. Should that fail too, the engine falls (engine.h) and is made anew with the old graph.
 *
 * Rows that a source that is made anew has in hand go into the log in front of it. One that is not in the new graph any
 * more is heard up to the barrier.
 *
 * Threads: plan any, with the graph held; move one of its own, one at a time.
 */
#ifndef POTLINE_CHANGE_H
#define POTLINE_CHANGE_H

#include "runtime/engine.h"

enum pl_change_kind { PL_CHANGE_KEPT, PL_CHANGE_RESTARTED, PL_CHANGE_RENAMED, PL_CHANGE_ADDED, PL_CHANGE_REMOVED };
enum { PL_CHANGE_KINDS = PL_CHANGE_REMOVED + 1, PL_CHANGE_WHY = 160 };
extern const char *const pl_change_kinds[PL_CHANGE_KINDS]; /* "kept", ... */

struct pl_change_options {
    const struct pl_graph *graph;              /* the one to go to */
    const char *const *reset, *const *restart; /* nodes that start afresh; that are made anew though they are the same;
                                                  end in NULL, may be NULL */
    bool lenient;                              /* state that does not fit is let go of */
    bool probation;                            /* a node that fails behind it brings the graph before it back */
    bool shadow;                               /* it is only tried beside the other one: sinks do not run */
    bool anew;                                 /* engines end for it, and are made anew: those of a group */
    bool remembers;                            /* those of `reset` are made anew, but go on with what they know */
};

struct pl_change_node {
    const char *name; /* of either graph */
    const char *op;
    enum pl_change_kind kind;
    unsigned instances;
    bool state;              /* it goes on with what it knows */
    char why[PL_CHANGE_WHY]; /* RESTARTED: which options differ; RENAMED: its name before */
};

struct pl_change_plan {
    struct pl_change_node *nodes; /* in the order of the new graph, then what is removed */
    unsigned count;
    unsigned counts[PL_CHANGE_KINDS];
};

/* PL_CONFLICT and the like: it cannot be done while the engine runs, and why. */
enum pl_code pl_change_plan_make(const struct pl_change_options *options, const struct pl_graph *from,
                                 struct pl_change_plan *plan, struct pl_error **error);
void pl_change_plan_fini(struct pl_change_plan *plan);

/* The instance that is the same in another graph; its index, or -1. */
int pl_change_same(const struct pl_change_options *options, const struct pl_graph *from, const struct pl_graph *to,
                   unsigned node);

struct pl_change_result {
    uint64_t epoch; /* that it was done at */
    pl_time pause;  /* from the barrier's passing to the first row behind it */
    uint64_t lost;  /* rows that waited for an input that is gone */
    bool fallen;    /* it could not be taken back either */
};

/* Of an engine in a group: does the topic that they share fit it? */
enum pl_code pl_engine_fits_group(struct pl_engine *engine, const struct pl_graph *to, struct pl_error **error);
bool pl_engine_is_ending(struct pl_engine *engine); /* in good order, or to be made anew, or as it has failed */
/* Can this engine go to another graph at all? */
enum pl_code pl_engine_can_move(struct pl_engine *engine, const struct pl_graph *to, struct pl_error **error);

enum pl_code pl_engine_move(struct pl_engine *engine, const struct pl_change_options *options,
                            struct pl_change_result *result, struct pl_error **error);

/* While a graph is on probation, with the one before it (NULL: it is not): a node that fails does not end the engine,
 * which falls, to be made anew with that one. `_relapse`: now; false: it is ending. */
void pl_engine_relapses_to(struct pl_engine *engine, const struct pl_graph *graph);
bool pl_engine_relapse(struct pl_engine *engine, const struct pl_graph *graph, const char *why);
bool pl_engine_has_relapsed(struct pl_engine *engine, char *why, size_t room);

/* The graph that the engine would be made anew with; held for the caller. */
const struct pl_graph *pl_engine_settled(struct pl_engine *engine);

#endif
