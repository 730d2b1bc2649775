/* child.h: a process that the engine starts and watches: a link to it, its standard error, its heartbeat, its death.
 *
 *     pl_child_start --> the process connects --> frames ... --> pl_child_quit --> it closes in good order, and ends
 *                              |                    |
 *                              no sign for `hang`   it exits, is killed, or talks nonsense
 *                                     |-----> SIGKILL --+--> gone(why): which signal, and the last lines it wrote
 *
 * It is this binary, with an internal subcommand, or a program that is none of ours (program_start.h). A process is
 * hung when nothing was heard of it for `hang` although it was asked twice: one that was itself not run meanwhile (a
 * suspended machine) does not blame the other.
 *
 * Whether it outlives the engine is said in one place, `survives`. One that does not dies with the thread that started
 * it, however that ends.
 *
 * Threads: that of the loop. `frame` and `gone` are called on it, from pl_child_receive and from callbacks of the loop;
 * `gone` once a start, behind the last frame that had arrived.
 */
#ifndef POTLINE_CHILD_H
#define POTLINE_CHILD_H

#include <uv.h>

#include <potline/program.h>

#include "runtime/link.h"

enum { PL_CHILD_WHY = 1600, PL_CHILD_PATIENCE_MS = 3000 };

struct pl_child_options {
    void *zmq;
    uv_loop_t *loop;
    const char *subcommand;
    const struct pl_program *program; /* instead; borrowed */
    const char *name;                 /* for `ps`, and for what is said of it */
    pl_time hang;                     /* 0: never */
    bool survives;
    void (*ready)(void *owner); /* something can be received: call pl_child_receive soon */
    bool (*frame)(void *owner, const struct pl_frame *frame); /* false: nonsense */
    /* That it wrote on standard error; a message of ours is whole, as pl_diag made it. */
    void (*line)(void *owner, const char *text, bool message);
    void (*gone)(void *owner, const char *why);
    void *owner;
};

enum pl_child_state { PL_CHILD_NONE, PL_CHILD_STARTING, PL_CHILD_UP, PL_CHILD_QUITTING, PL_CHILD_DYING };

struct pl_child {
    struct pl_child_options options;
    enum pl_child_state state;
    unsigned generation; /* how many there have been */
    struct pl_link *link;
    struct pl_child_handles *handles; /* of this process; they outlive it by a turn of the loop */
    uint64_t started, heard;          /* loop time, ms */
    unsigned asked;                   /* pings since something was heard */
    int pid;
    char reason[256]; /* why we have killed it; "": we have not */
    char lines[1024]; /* the last it wrote */
    bool sent;        /* receive is to be called again */
    bool farewell;    /* it has said that it is closed */
    bool nonsense;    /* it was ended for what it said */
};

void pl_child_init(struct pl_child *child, const struct pl_child_options *options);

/* A new process; the one before is gone. */
enum pl_code pl_child_start(struct pl_child *child, struct pl_error **error);

/* False: it takes nothing any more; its death is told by `gone`. */
bool pl_child_send(struct pl_child *child, const struct pl_frame *frame);

/* Calls `frame` for what is there. Behind it the loop may sleep, unless it has to be called again: more is there, or
 * something was sent since. */
void pl_child_receive(struct pl_child *child);
bool pl_child_receive_one(struct pl_child *child); /* false: nothing more is there */

void pl_child_quit(struct pl_child *child);                     /* in good order, or by SIGKILL after PATIENCE */
void pl_child_kill(struct pl_child *child, const char *reason); /* "it hangs: ..." */

bool pl_child_is_up(const struct pl_child *child);

/* When the loop has ended: no process of it is left. */
void pl_child_fini(struct pl_child *child);

#endif
