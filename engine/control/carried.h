/* carried.h: what people have told a running engine that holds while the run lasts: options that were set, nodes that
 * are paused. When the engine is made anew within the run (engine.h: fallen) it is told again.
 *
 * Threads: the control plane's while the engine runs; apply before its start.
 */
#ifndef POTLINE_CONTROL_CARRIED_H
#define POTLINE_CONTROL_CARRIED_H

#include "runtime/engine.h"

struct pl_carried {
    struct pl_carried_item *items; /* zeroed: empty */
};

void pl_carried_fini(struct pl_carried *carried);

/* The last one of an option counts. NULL is fine. */
void pl_carried_set(struct pl_carried *carried, const char *option, const char *value, bool persist); /* NODE.OPTION */
void pl_carried_pause(struct pl_carried *carried, const char *node, bool paused);

void pl_carried_apply(const struct pl_carried *carried, struct pl_engine *engine);

#endif
