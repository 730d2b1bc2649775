/* mover.h: who moves a running engine to another graph (change.h), on a thread of its own: when people say so, when the
 * file it was started with is to be read again, and back when the new graph turns out not to be well.
 *
 *     pl_mover_new      once, with the graph of the start
 *     pl_mover_attach   an engine is there: before its start; _detach: it is about to end
 *     pl_mover_ask      does what is asked, and answers by the call's `done`
 *
 * Behind a move the new graph is on probation: when a node of it fails, or the engine is not well (health.h) for two
 * seconds in a way it was not before, the old graph is gone back to; so it is when a source or sink made anew has
 * reached nothing (pl_reach) by the end of that time, unless that had been so before. A node that has failed has
 * spoiled what is under way: then the engine falls, and is made anew with the old graph from the last epoch.
 *
 * Every graph that is run is put down in the data folder (store/history.h) with what stood in its files, for going back
 * to it, also in another run; and in the audit.
 *
 * Before it goes to a graph, that can be tried beside the one that runs (shadow.h), one at a time. A shadow ends before
 * the graph is changed; what came of it can be asked for until the next one.
 *
 * In a group a graph is not moved to, but said to all engines of it (group_graph.h). Each ends with a last checkpoint
 * when it hears of it, and is made anew; one that cannot do so, or is not well with it, says the graph before.
 *
 * Threads: new, attach, detach, free, and those between engines: the owner's; the rest any.
 */
#ifndef POTLINE_MOVER_H
#define POTLINE_MOVER_H

#include "runtime/call.h"
#include "runtime/change.h"
#include "store/history.h"

struct pl_mover;
struct pl_cluster;

struct pl_mover_options {
    const struct pl_graph *graph; /* of the start; held */
    const char *path;             /* its file, borrowed; with `applied`: the one that SIGHUP reads */
    const char *applied;          /* the file of the graph, which had been applied in a run before; NULL: `path` */
    const char *const *set;       /* NODE.OPTION=VALUE that hold for every graph it reads; ends in NULL, borrowed */
};

enum pl_mover_what { PL_MOVER_PLAN, PL_MOVER_APPLY, PL_MOVER_ROLLBACK, PL_MOVER_SHADOW, PL_MOVER_SHADOW_END };

struct pl_mover_wish {
    enum pl_mover_what what;
    const char *path; /* of the file; NULL: the one of the start */
    uint64_t number;  /* ROLLBACK: to which of the history; 0: the one before */
    const char *how;  /* "graph apply", "SIGHUP": for the history and the audit */
    struct pl_strings reset, restart;
    pl_time probation;    /* 0: none */
    pl_time span;         /* of a shadow */
    unsigned examples;    /* of each of its ports */
    bool anywhere;        /* the file may be outside of the folder of the one of the start */
    bool sure;            /* also when something that nodes know is lost */
    struct pl_call *call; /* its rows are the plan; NULL: who asks only looks into the log. Its arguments outlive it */
};

enum pl_code pl_mover_new(const struct pl_mover_options *options, struct pl_mover **mover, struct pl_error **error);
void pl_mover_free(struct pl_mover *mover); /* NULL is fine */

void pl_mover_attach(struct pl_mover *mover, struct pl_engine *engine);
/* What is under way is waited for. The graph that another engine is to be made with, held for the caller; *relapsed: it
 * is the one before, as the one that was on probation has failed. */
const struct pl_graph *pl_mover_detach(struct pl_mover *mover, bool *relapsed);

/* Of a group (NULL: of none), before the first engine. `renew` is called on any thread: the engine is to end in good
 * order, and another one to be made. */
void pl_mover_join(struct pl_mover *mover, struct pl_cluster *cluster, void (*renew)(void *arg), void *arg);
/* Between engines: *graph becomes the one that the group runs, if that is another; *lenient: state that does not fit it
 * is let go of; *agreed: it is what the group was told, if not quite so here (the environment). Whoever takes a
 * partition over so knows the graph that its state is of. PL_UNAVAILABLE: the brokers do not answer. */
enum pl_code pl_mover_settle(struct pl_mover *mover, const struct pl_graph **graph, bool *lenient, bool *agreed,
                             struct pl_error **error);
/* An engine could not be made with *graph: true when it is the one before again, for all. */
bool pl_mover_take_back(struct pl_mover *mover, const struct pl_graph **graph, const char *why);

/* Copies the wish. PL_BUSY: another one is under way; the call is the caller's still. */
enum pl_code pl_mover_ask(struct pl_mover *mover, const struct pl_mover_wish *wish, struct pl_error **error);

/* What has come of the shadow: a row each for it, for its ports and for examples of them, each with so many pairs,
 * which `row` makes room for (NULL: no more). PL_NOT_FOUND: there has been none. */
enum pl_code pl_mover_shadow(struct pl_mover *mover, struct pl_pack *(*row)(void *arg, uint32_t pairs), void *arg,
                             struct pl_error **error);

/* The number of the graph that runs, and for how long it is on probation still (0: it is not). */
uint64_t pl_mover_now(struct pl_mover *mover, pl_time *probation);

/* Where it looks for files: that of the start's. Borrowed, for its life. */
const char *pl_mover_folder(const struct pl_mover *mover);

/* Totals of this run. */
struct pl_mover_counts {
    uint64_t changes, failures;   /* of the graph, to another one; and those that came to nothing */
    uint64_t rollbacks, relapses; /* of the changes: back, by people; back, as a graph was not well */
};
void pl_mover_counts(struct pl_mover *mover, struct pl_mover_counts *counts);

#endif
