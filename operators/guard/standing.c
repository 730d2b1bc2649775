/* standing.c: a plant's clock that stands still, in a graph with `clock: plant`.
 *
 * The loader takes such a graph for a simulator on this machine alone, but an address is only a text: what answers
 * there may be the far end of a tunnel. So nothing that has passed holds for longer than lease_max by the machine's
 * clock, too, nothing is decided by a signal that is older than that, and the override file is looked at by a timer. A
 * simulator is faster than that by far, and notices nothing.
 */
#include "guard.h"

pl_time machine_now(void) {
    return (pl_time)uv_hrtime();
}

bool is_overdue(const struct guard *s, pl_time since) {
    return s->plant && machine_now() - since >= s->lease_max;
}
