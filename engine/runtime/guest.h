/* guest.h: the process of an isolated node, seen from inside: one operator at work, far from gate, store and log.
 *
 *     potline node-process ENDPOINT PARENT NAME       as child.c starts it
 *
 *     link --> item --> operator --> EMIT ... --> DONE
 *
 * What the engine asks for besides (commits, commands) is answered between two items, also while the operator is
 * busy; pings also while it waits for the record of a set point. It works on while no more than CEILING bytes of what
 * it has emitted are not yet taken, so that a slow graph holds it up as an edge does; what one call emits beyond that
 * leaves all the same.
 *
 * It ends when it is told to, when the engine is gone (the kernel ends it, or nobody is at the other end), and it
 * leaves the signals of a terminal to the engine.
 */
#ifndef POTLINE_GUEST_H
#define POTLINE_GUEST_H

#include "runtime/call.h"

#define PL_GUEST_SUBCOMMAND "node-process"

enum { PL_GUEST_CEILING = 2 << 20 };

struct pl_guest_options {
    const char *endpoint;
    const char *parent; /* process id of the engine it ends with; "0": it survives */
    /* What `set` and `options` do (runtime/live_option.h). */
    enum pl_code (*set)(struct pl_call *call, struct pl_node *node, struct pl_error **error);
    enum pl_code (*options)(struct pl_call *call, struct pl_node *node, struct pl_error **error);
};

/* Until the end; the exit code. */
int pl_guest_run(const struct pl_guest_options *options);

#endif
