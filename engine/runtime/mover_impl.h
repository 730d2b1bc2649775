/* mover_impl.h: what the files of the mover share: mover.c has its thread, mover_graph.c finds the graph that is asked
 * for, mover_move.c goes there, mover_group.c does with all of a group, mover_probation.c watches over it,
 * mover_answer.c says what becomes of it. */
#ifndef POTLINE_MOVER_IMPL_H
#define POTLINE_MOVER_IMPL_H

#include <limits.h>
#include <pthread.h>

#include "runtime/group_graph.h"
#include "runtime/health.h"
#include "runtime/mover.h"
#include "runtime/shadow.h"

enum { PL__MOVER_WHAT = 400, PL__ILLS = 1024 };

/* What is asked, with texts of its own. */
struct pl__wish {
    struct pl_mover_wish said;
    char *path;
    char **names; /* of reset and of restart, each ends in NULL */
    char how[32], user[PL_CALL_USER_MAX];
};

/* What is not well, by hashes of what and where. */
struct pl__ills {
    uint64_t of[PL__ILLS];
    unsigned count;
};

struct pl_mover {
    struct pl_mover_options options;
    char *path, *folder; /* of the file of the start */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct pl_engine *engine; /* NULL: there is none */
    struct pl__wish *wish;    /* to be done, or under way */
    bool busy;                /* the thread is at work with the engine */
    bool closing;
    struct pl_shadow *shadow; /* the last one; NULL: there has been none */
    bool shadow_runs;
    bool begun; /* an engine has been there */
    struct pl_mover_counts counts;
    uint64_t number;               /* of the graph that runs, in the history */
    char now_path[PATH_MAX];       /* its file */
    int64_t probation;             /* until then, of the monotonic clock; 0: there is none */
    pl_time span;                  /* as long as it is */
    int64_t attached;              /* when the engine came, by the same clock */
    int64_t ill;                   /* since when; 0: it is well */
    struct pl__ills allowed;       /* of before the move: it may have these */
    const struct pl_graph *before; /* to go back to, held; NULL: nothing is on probation */
    char before_path[PATH_MAX];
    const struct pl_graph *failed; /* held; with the next */
    struct {
        struct pl_cluster *cluster; /* NULL: there is no group */
        void (*renew)(void *arg);
        void *renew_arg;
        bool heard;      /* something may have been said; with the lock, like the next */
        uint64_t number; /* of what has been said: that this engine runs, or has refused */
        bool lenient;    /* state of another graph may be left */
        bool agreed;     /* this engine runs it */
        struct pl__ills allowed;
        struct pl_group_graph entered; /* by the next engine; to be noted when it is there. Number 0: none */
        const struct pl_graph *from;   /* held; NULL: nothing has run here before */
        uint64_t said;                 /* the last number that was said here */
        struct {
            const struct pl_graph *graph; /* held; NULL: none. With the lock */
            char path[PATH_MAX], why[PL__MOVER_WHAT];
            uint64_t number;
            int64_t at;
        } owed; /* was said to go back to, and is not heard yet */
    } group;
    char relapsed[PL__MOVER_WHAT]; /* why a node's failure has brought it back, to be noted by the next engine; "": it
                                      has not */
};

/* ---- mover_graph.c ---- */

/* The graph of a wish, held for the caller, and its file. */
enum pl_code pl__mover_find(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph **graph,
                            char path[PATH_MAX], struct pl_error **error);

/* The first of the problems as an error, all of them in the log. */
enum pl_code pl__mover_first_problem(const struct pl_problem *problems, unsigned count, enum pl_code code,
                                     const char *path, struct pl_error **error);

/* ---- mover_move.c ---- */

struct pl_change_options pl__mover_options(const struct pl__wish *wish, const struct pl_graph *graph);
void pl__mover_outlive(struct pl_error **error); /* the graph that it is about, which goes */

enum pl_code pl__mover_carry_out(struct pl_mover *mover, const struct pl__wish *wish, struct pl_error **error);
/* `graph` runs now, behind an epoch: for the history. `wish` may be NULL. */
struct pl__mover_step {
    const struct pl_graph *graph;
    const char *path;
    const struct pl__wish *wish;
    const char *how, *what;
    uint64_t epoch;
};
void pl__mover_note(struct pl_mover *mover, struct pl_engine *engine, const struct pl__mover_step *step);
void pl__mover_journal(struct pl_engine *engine, const char *action, const struct pl_graph *from,
                       const struct pl_graph *to, const char *path, const char *outcome, const char *detail);

/* ---- mover_group.c ---- */

void pl__mover_hear(void *mover); /* any thread */
/* To all of the group; returns when it holds. */
enum pl_code pl__mover_say(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph *to,
                           const char *path, const struct pl_change_plan *plan, struct pl_error **error);
void pl__mover_say_back(struct pl_mover *mover, const struct pl_graph *before, const char *path, const char *why);
void pl__mover_say_again(struct pl_mover *mover); /* what is owed */
void pl__mover_follow(struct pl_mover *mover);
void pl__mover_note_entered(struct pl_mover *mover, struct pl_engine *engine);

/* ---- mover_shadow.c ---- */

enum pl_code pl__mover_shadow(struct pl_mover *mover, const struct pl__wish *wish, struct pl_error **error);
void pl__mover_end_shadow(struct pl_mover *mover); /* if one runs */
void pl__mover_look_after_shadow(struct pl_mover *mover);

/* ---- mover_probation.c ---- */

/* All that is not well now; in `text` (may be NULL) the first that is not among `allowed` (may be NULL). True: there is
 * such. */
bool pl__mover_look(struct pl_engine *engine, const struct pl__ills *allowed, struct pl__ills *found,
                    char text[PL__MOVER_WHAT]);
/* Of sources: which do not reach what they read from, and which give rows so steadily that none in `span` would tell.
 */
void pl__mover_note_sources(struct pl_engine *engine, pl_time span, struct pl__ills *found);
/* The engine is to go back to `before` when the graph is not well; `span` 0: it is not. */
void pl__mover_begin_probation(struct pl_mover *mover, const struct pl_graph *before, const char *path, pl_time span,
                               const struct pl__ills *allowed);
void pl__mover_end_probation(struct pl_mover *mover);
void pl__mover_watch(struct pl_mover *mover);
/* By a look at `now` of a probation that ends at `end`: what has not lasted yet is waited for, also past that. *since:
 * ill from then on; 0: it is well. */
enum pl__verdict { PL__UNDECIDED, PL__NOT_WELL, PL__STOOD };
enum pl__verdict pl__mover_judge(bool ill, int64_t *since, int64_t now, int64_t end);

/* ---- mover_answer.c: rows of a call, which may be NULL ---- */

void pl__mover_put_planned(struct pl_call *call, const struct pl_change_node *node);
/* In a group: what goes by this change goes from the changelog; "" when nothing does. */
void pl__mover_say_gone(const struct pl_change_plan *plan, char *text, size_t room);
void pl__mover_put_plan(struct pl_call *call, const struct pl_change_plan *plan);
int64_t pl__mover_seconds(pl_time left); /* as people are told: of what is not over, at least one */
unsigned pl__mover_losses(const struct pl_change_plan *plan); /* nodes of which what they know would go */
void pl__mover_put_expected(struct pl_mover *mover, struct pl_call *call, const struct pl_change_plan *plan);
void pl__mover_put_result(struct pl_call *call, const struct pl_change_result *result, pl_time probation);
void pl__mover_put_row(struct pl_call *call, const char *node, const char *op, const char *what, const char *state,
                       const char *why);
void pl__mover_summarize(const struct pl_change_plan *plan, char text[PL__MOVER_WHAT]);

#endif
