/* health.h: whether a running engine is well: does it answer, and is it ready to take rows?
 *
 *     pl_engine_pulse(engine);               // the owner's thread, now and then
 *     pl_health_look(engine, &health);       // any thread, while the engine is there
 *     if (!health.alive) ...                 // a thread of it owes a sign of life for too long
 *     if (health.count) ...                  // it is not ready, and why
 *
 * Nodes whose operator may block (PL_OP_BLOCKING) are not asked for signs of life: they have a thread each, on which
 * they may well be at work for a minute.
 */
#ifndef POTLINE_HEALTH_H
#define POTLINE_HEALTH_H

#include "runtime/engine.h"

enum { PL_HEALTH_REASONS = 16, PL_HEALTH_TEXT = 160 };

#define PL_HEALTH_PATIENCE (10 * PL_SECOND) /* a thread that is silent for longer does not work any more */

struct pl_health {
    bool alive;
    pl_time silence;    /* for how long the most silent thread has owed an answer */
    const char *thread; /* its name; NULL: none owes any */
    unsigned count;     /* of what follows; more than PL_HEALTH_REASONS are not told */
    struct pl_health_reason {
        const char *what;          /* "node_failed", "disk_full", ... */
        const char *node;          /* "": not about a node. Borrowed from the graph */
        char text[PL_HEALTH_TEXT]; /* for people */
    } reasons[PL_HEALTH_REASONS];
};

/* Between pl_engine_start and pl_engine_free, on the thread that calls these. */
void pl_engine_pulse(struct pl_engine *engine);

void pl_health_look(struct pl_engine *engine, struct pl_health *health);

void pl_health_add(struct pl_health *health, const char *what, const char *node, const char *format, ...)
    PL_PRINTF(4, 5);

#endif
