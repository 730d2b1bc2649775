/* tap.h: a look at what a node emits: batches are shared with a looker-on, who never holds up the node.
 *
 *     control thread                              node's thread
 *     pl_tap_new; a call runs pl_tap_attach  -->  each batch emitted: queued, or counted as dropped when the queue is
 * full wake(arg); pl_tap_take ...             <-- a call runs pl_tap_detach; pl_tap_free
 *
 * A node without a tap pays one comparison a batch.
 */
#ifndef POTLINE_TAP_H
#define POTLINE_TAP_H

#include <potline/batch.h>

struct pl_tap;

enum { PL_TAP_BATCHES = 64 };

/* `wake` is called on the node's thread when the queue was empty. NULL without memory. */
struct pl_tap *pl_tap_new(unsigned port, void (*wake)(void *arg), void *arg);
void pl_tap_free(struct pl_tap *tap); /* detached; NULL is fine */

/* On the node's thread. */
void pl_tap_attach(struct pl_tap **list, struct pl_tap *tap);
void pl_tap_detach(struct pl_tap **list, struct pl_tap *tap);
void pl_tap_offer(struct pl_tap *list, unsigned port, struct pl_batch *batch); /* borrows the batch */

/* The oldest batch, owned by the caller; NULL: none. One thread. */
struct pl_batch *pl_tap_take(struct pl_tap *tap);
uint64_t pl_tap_dropped(struct pl_tap *tap); /* rows */

#endif
