/* isolation.h: a task whose operator works in a process of its own.
 *
 *     gate, backlog --> [ under way: at most 16, 2 MiB ] ==link==> process: operator
 *     outputs, taps, checkpoint <-- what comes of each, in order <==link==
 *
 * Everything of a task but its operator stays in the engine: inputs are merged and held here, rows go out from here,
 * and what a process knows at a barrier comes back and is saved here. So a process needs no store, and to the rest of
 * the graph an isolated node is one that answers a little later. Nothing behind a barrier is given before it is done.
 *
 * With a backlog one item is under way at a time, and one that finds the operator busy comes back: so a barrier waits
 * for no peer here either.
 *
 * When the process is gone, `died` says what is to become of the task:
 *     PL_DIED_WAITS   the engine goes back to its last epoch (engine.h): nothing happens here any more
 *     PL_DIED_AGAIN   there are no epochs: another process begins afresh, the rows that were under way are lost
 *     PL_DIED_FAILS   the node has failed
 *
 * The process may be a program that is none of ours (potline/program.h): the same, but for what it is told first
 * (isolation_program.c), and that a record at which it dies three times is left out and goes into the zone dead.
 *
 * What comes from the process is checked before it is used: it cannot do more than spoil its own rows and state.
 */
#ifndef POTLINE_ISOLATION_H
#define POTLINE_ISOLATION_H

#include "runtime/child.h"
#include "runtime/guest.h"
#include "runtime/task.h"

enum pl_died { PL_DIED_WAITS, PL_DIED_AGAIN, PL_DIED_FAILS };

struct pl_task_death {
    const char *why;
    const uint64_t *records; /* under way, as deaths.h wants them */
    unsigned count;
    const struct pl_batch *first; /* of these, borrowed; NULL: there were none */
    uint64_t done;                /* items, in all of its processes */
    bool nonsense;                /* it was ended for what it said */
    /* from whom is asked: */
    pl_time delay;  /* AGAIN: before that */
    char text[512]; /* FAILS: why */
};

struct pl_isolation_options {
    void *zmq;
    pl_time hang;
    const struct pl_graph *graph; /* for the rules of its tags */
    const char *const *broadcast;
    bool careful; /* one at a time, until it has got past what was under way at its last death */
    /* On the task's thread. */
    enum pl_died (*died)(void *engine, struct pl_task *task, struct pl_task_death *death);
    void (*passed)(void *engine, struct pl_task *task, uint64_t record); /* while careful; false from then on: */
    bool (*still_careful)(void *engine, struct pl_task *task);
    bool (*skips)(void *engine, struct pl_task *task, uint64_t record); /* it has been given up */
};

struct pl_isolation;

/* Behind pl_task_init. */
enum pl_code pl_isolation_new(struct pl_task *task, const struct pl_isolation_options *options,
                              struct pl_error **error);
void pl_isolation_free(struct pl_isolation *isolation); /* NULL is fine */
/* Behind its finish, on the task's thread: its process has ended. */
bool pl_isolation_is_over(const struct pl_isolation *isolation);

/* Any thread: its process, 0: there is none; how many there have been; rows that went down with one. */
struct pl_isolation_stats {
    int pid;
    unsigned generation;
    uint64_t lost_rows;
};
void pl_isolation_stats(const struct pl_isolation *isolation, struct pl_isolation_stats *stats);

/* On the task's thread: what its process cannot do goes into the zone dead: with the epoch at hand (`epoch`), or
 * whatever becomes of it. */
void pl_isolation_bury(struct pl_task *task, const struct pl_batch *batch, const char *why, bool epoch);

/* What a record is known by (deaths.h). */
uint64_t pl_isolation_record(const struct pl_batch *batch, unsigned port);

/* ---- For task.c ---- */

enum pl_code pl__isolation_start(struct pl_task *task, struct pl_error **error);
void pl__isolation_finish(struct pl_task *task);

/* It takes another item now; `busy`: while its operator does not. */
bool pl__isolation_takes(const struct pl_task *task, bool busy);
void pl__isolation_give(struct pl_task *task, unsigned port, const struct pl_item *item); /* takes its batch */

/* All that has come. True: something was sent since, so that it has to be called again before the task sleeps. */
void pl__isolation_receive(struct pl_task *task);
bool pl__isolation_sent(const struct pl_task *task);

void pl__isolation_commit(struct pl_task *task, uint64_t epoch);
void pl__isolation_calls(struct pl_task *task);

/* What the process has brought for the barrier at hand. */
void pl__isolation_save(struct pl_task *task, struct pl_buffer *out);

#endif
