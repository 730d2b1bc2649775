/* call.h: something that another thread wants done to a node, between two of its batches.
 *
 *     caller's thread                          node's thread
 *     pl_call_new, pl_task_call(task, call) -> call->run(call, node) -> call->done(call)
 *
 * The caller owns the call again in `done`, which is called on the node's thread, once, also for a node that has ended
 * (with PL_UNAVAILABLE). What it brings back is rows, and an error.
 */
#ifndef POTLINE_CALL_H
#define POTLINE_CALL_H

#include <potline/command.h>
#include <potline/operator.h>

enum { PL_CALL_TEXT = 512, PL_CALL_USER_MAX = 64, PL_REPLY_ROWS_MAX = 100000, PL_REPLY_BYTES_MAX = 32 << 20 };

/* What `run` does, for a node that works in a process of its own: there it is done by the same function. */
enum pl_call_where {
    PL_CALL_HERE, /* something of the engine's, as a tap: it does not touch the operator */
    PL_CALL_COMMAND,
    PL_CALL_SET,     /* `args` are a pl_call_texts: option, value, and whether it lasts */
    PL_CALL_OPTIONS, /* there are no arguments */
};

struct pl_call_texts {
    const char *text[2];
    bool flag;
};

struct pl_call {
    /* Set by the caller: */
    enum pl_code (*run)(struct pl_call *call, struct pl_node *node, struct pl_error **error);
    void (*done)(struct pl_call *call);
    void *owner;
    enum pl_call_where where;
    uint64_t number;                  /* while it is under way in another process */
    const struct pl_command *command; /* of pl_call_run_command */
    const void *args;                 /* borrowed until `done` */
    char user[PL_CALL_USER_MAX];
    enum pl_role role;
    struct pl_task *task; /* of a change (pl_intake_change): whose */

    /* What came of it: */
    enum pl_code code;
    struct pl_error *error;
    struct pl_pack *rows;
    uint32_t row_count;
    uint64_t epoch; /* of a change: it is kept when this one is complete */
    bool cut;       /* there were more rows than a reply takes */
    char object[PL_CALL_TEXT], from[PL_CALL_TEXT], to[PL_CALL_TEXT];

    struct pl_pack *surplus; /* where rows past the limit go */
    struct pl_call *next;    /* the queue's */
};

struct pl_call *pl_call_new(void);       /* NULL without memory */
void pl_call_free(struct pl_call *call); /* NULL is fine */

/* A `run`: the operator's command, with `args`. */
enum pl_code pl_call_run_command(struct pl_call *call, struct pl_node *node, struct pl_error **error);

/* Runs it now and fills in what came of it, without `done`; on the node's thread. */
void pl_call_carry_out(struct pl_call *call, struct pl_node *node);

/* ---- A queue of calls: any thread puts, one takes ---- */

struct pl_calls {
    struct pl_call *_Atomic top;
};

/* False when the queue has been closed; the call is the caller's still. */
bool pl_calls_put(struct pl_calls *calls, struct pl_call *call);
bool pl_calls_wait(const struct pl_calls *calls);                /* are there any? */
void pl_calls_run(struct pl_calls *calls, struct pl_node *node); /* all that wait, in order; `done` of each */
struct pl_call *pl_calls_take(struct pl_calls *calls);           /* the same as a list, for its owner to handle */
void pl_calls_close(struct pl_calls *calls);                     /* `done` with PL_UNAVAILABLE for all that wait */

#endif
