/* outbox.h: messages on their way out of a socket: a topic and a batch each.
 *
 * A message that the socket does not take now is kept, and everything behind it, so that the order holds. How many
 * there may be is the caller's concern: it stops making messages while some wait.
 */
#ifndef POTLINE_ZMQ_OUTBOX_H
#define POTLINE_ZMQ_OUTBOX_H

#include <potline/potline.h>

struct pl__outgoing;

struct pl__outbox {
    void *socket;
    bool lossy;         /* a PUB socket: a subscriber that is too slow misses messages, the others do not wait */
    uint64_t overflows; /* times that a subscriber's queue was found full */
    struct pl__outgoing *first, **last;
    uint32_t waiting;
};

void pl__outbox_init(struct pl__outbox *outbox, void *socket, bool lossy);
void pl__outbox_fini(struct pl__outbox *outbox); /* drops what waits; a zeroed one is fine */

/* Sends a copy of the bytes, now or when the socket takes it. */
enum pl_code pl__outbox_put(struct pl__outbox *outbox, const char *topic, const void *bytes, size_t size);

/* Sends what waits, as far as the socket takes it. */
enum pl_code pl__outbox_flush(struct pl__outbox *outbox);

#endif
