#include "base/waiting.h"

#include <stddef.h>

#include "base/clock.h"

static _Thread_local struct pl_waiting *here;
static _Thread_local unsigned depth;

void pl_waiting_here(struct pl_waiting *mark) {
    here = mark;
    depth = 0;
}

void pl_waiting_begin(void) {
    if (here && depth++ == 0) atomic_store(&here->waits, true);
}

void pl_waiting_end(void) {
    if (!here || --depth) return;
    atomic_store(&here->ended, pl_clock_monotonic());
    atomic_store(&here->waits, false);
}

bool pl_waiting_is(const struct pl_waiting *mark) {
    return atomic_load(&mark->waits);
}

int64_t pl_waiting_last(const struct pl_waiting *mark) {
    return atomic_load(&mark->ended);
}
