/* worker.h: a thread with a libuv loop that runs tasks.
 *
 * A task is whatever has a `run`: a node, the intake. It runs when something has marked it ready: an edge that has
 * items, room on an output, the operator's own wake. Ready tasks run in rounds, the one furthest downstream first, so
 * that a batch goes through the whole chain while it is in the cache and before the next one is made; a source runs at
 * most once a round, so that no source starves another. Between rounds the loop looks at sockets and timers; with
 * nothing ready it sleeps.
 */
#ifndef POTLINE_WORKER_H
#define POTLINE_WORKER_H

#include <potline/error.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pl_worker;
struct pl_edge;

struct pl_runnable {
    struct pl_worker *worker;
    unsigned rank;                        /* place among the worker's tasks: higher is further downstream */
    void (*start)(struct pl_runnable *);  /* on the worker's thread, before anything runs */
    void (*run)(struct pl_runnable *);    /* does some work; marks itself ready when there is more */
    void (*finish)(struct pl_runnable *); /* on the worker's thread, once, at the end */
    struct pl_runnable *next_poked;       /* worker's */
    bool started;                         /* the same */
    /* Of one that was buried: is it done with (NULL: at once)? And the loop has let go of all that it had. */
    bool (*settled)(const struct pl_runnable *);
    void (*release)(struct pl_runnable *);
    struct pl_runnable *next_buried;
    _Atomic bool poked;
};

enum pl_code pl_worker_new(const char *name, struct pl_worker **worker, struct pl_error **error);
void pl_worker_free(struct pl_worker *worker); /* after join; NULL is fine */

/* Before the start. Tasks are added upstream first: the order is the rank. */
enum pl_code pl_worker_add(struct pl_worker *worker, struct pl_runnable *task, struct pl_error **error);
/* The task is marked ready when the edge has something to receive. */
enum pl_code pl_worker_watch(struct pl_worker *worker, struct pl_edge *edge, struct pl_runnable *task,
                             struct pl_error **error);

/* Before the start: `still` is called, on its thread, whenever nothing is ready and none of its edges holds anything;
 * it may make something ready. Only of a worker that is alone, as what others do is not looked at. */
void pl_worker_when_still(struct pl_worker *worker, void (*still)(void *arg), void *arg);

enum pl_code pl_worker_start(struct pl_worker *worker, struct pl_error **error); /* starts every task, then runs */
void pl_worker_stop(struct pl_worker *worker);                                   /* any thread: finish tasks and end */
void pl_worker_join(struct pl_worker *worker);

/* ---- While it runs, from another thread: its tasks and edges are changed while it stands still ----
 *
 *     pl_worker_halt(worker, timeout)      it stands between two rounds, within about the time of one
 *     pl_worker_do(worker, what, arg)      on its thread, which the caller waits for
 *     pl_worker_clear, _add, _watch, _unwatch
 *     pl_worker_resume(worker)             tasks that are new are started, all are looked at
 */
bool pl_worker_halt(struct pl_worker *worker,
                    int64_t timeout); /* false: it is at work on something long, and goes on */
void pl_worker_do(struct pl_worker *worker, void (*what)(void *arg), void *arg);
void pl_worker_clear(struct pl_worker *worker); /* it has no tasks; who has poked it is forgotten */
void pl_worker_unwatch(struct pl_worker *worker, struct pl_edge *edge);
/* One that has been finished; its `release` is called once the loop has let go of its handles. */
void pl_worker_bury(struct pl_worker *worker, struct pl_runnable *task);
void pl_worker_resume(struct pl_worker *worker);

/* Any thread, while it runs: asks it for a sign of life; and for how long it has owed one (ns; 0: it does not). */
void pl_worker_ask(struct pl_worker *worker);
uint64_t pl_worker_silence(const struct pl_worker *worker);
const char *pl_worker_name(const struct pl_worker *worker);

uv_loop_t *pl_worker_loop(struct pl_worker *worker);
bool pl_worker_here(const struct pl_worker *worker); /* is this the worker's thread */

void pl_ready(struct pl_runnable *task); /* on the worker's thread */
void pl_poke(struct pl_runnable *task);  /* the same from any thread */

#endif
