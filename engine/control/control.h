/* control.h: the control plane of a running engine: a thread that takes commands from people and programs.
 *
 *     shell --ipc / tcp--> ROUTER --> request --> command --> rows
 *
 * On the wire a message is one frame, a msgpack map.
 *     request  {id, words: [text...], session?: text, password?: text}; for a stream also {id, renew: true}, {id,
 * cancel: true} reply    {id, status: "ok" | "error" | "more", code?, error?, rows: [{column: value}...], cut, dropped}
 * A stream (tap) is any number of "more" and then one of the others; it ends by itself when it has not been renewed for
 * ten seconds.
 *
 * Who may open the ipc socket (0600) is an admin, unless a session says otherwise or `login` is wanted of everybody;
 * over tcp (CURVE) only `login` is
 * answered without a session. What changes something, and what was refused, is in the audit.
 *
 * Life: pl_control_new before the engine's start (it binds), pl_control_start, pl_control_close while the engine is
 * still whole, pl_engine_free, pl_control_free: calls that were under way come back in between.
 */
#ifndef POTLINE_CONTROL_H
#define POTLINE_CONTROL_H

#include "runtime/engine.h"

struct pl_control;
struct pl_carried;
struct pl_mover;

/* What `status` shows of the engine's standby. */
struct pl_control_standby {
    char peer[64]; /* where it is; "": there is none */
    bool in_sync;
    uint64_t generation, lag_writes, lag_bytes, alone, turned_away;
    double lag_s;
};

struct pl_control_options {
    struct pl_engine *engine;
    const char *endpoint;                /* tcp://... besides the socket in the data folder; NULL: none */
    const char *secret_key;              /* CURVE, of the tcp endpoint: 40 characters of Z85 */
    struct pl_mover *mover;              /* who changes the graph; NULL: nobody does */
    bool login;                          /* who comes by the socket signs in too; there has to be an admin */
    struct pl_carried *carried;          /* what holds while the run lasts (carried.h); NULL: nothing does */
    void (*stop)(void *arg, bool drain); /* from the control thread */
    void *stop_arg;
    void (*standby)(void *arg, struct pl_control_standby *view); /* the same; NULL: there can be none */
    void *standby_arg;
};

/* PL_OK with *control NULL: neither a data folder nor an endpoint to listen at. */
enum pl_code pl_control_new(const struct pl_control_options *options, struct pl_control **control,
                            struct pl_error **error);
enum pl_code pl_control_start(struct pl_control *control, struct pl_error **error);
void pl_control_close(struct pl_control *control); /* answers nobody any more; NULL is fine */
void pl_control_free(struct pl_control *control);  /* NULL is fine */

#define PL_CONTROL_SOCKET "control.sock" /* in the data folder */

#endif
