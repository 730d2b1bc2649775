/* waiting.h: a thread that waits for a peer, with an end to each wait, is none that hangs.
 *
 *     struct pl_waiting waiting = {0};            // beside the thread
 *     pl_waiting_here(&waiting);                  // on it, once
 *     pl_waiting_begin();                         // around a call that a peer may hold up
 *     ...
 *     pl_waiting_end();
 *     if (silent && !pl_waiting_is(&waiting)) ... // whoever watches: it hangs
 *
 * Threads without a mark may call begin and end, too. Only what ends by itself, after its time at most, may stand
 * between the two: else a thread that hangs would pass for one that waits.
 */
#ifndef POTLINE_BASE_WAITING_H
#define POTLINE_BASE_WAITING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pl_waiting {
    _Atomic bool waits;
    _Atomic int64_t ended; /* pl_clock_monotonic: of the last wait; 0: there was none */
};

void pl_waiting_here(struct pl_waiting *mark); /* this thread's from now on; NULL: none any more */
void pl_waiting_begin(void);                   /* these nest */
void pl_waiting_end(void);

bool pl_waiting_is(const struct pl_waiting *mark);      /* any thread */
int64_t pl_waiting_last(const struct pl_waiting *mark); /* any thread: `ended` */

#endif
