/* kafka_lease.h: how long what the group has given to an engine is certainly its own, by its own clock.
 *
 * Brokers give a member's partitions to somebody else when they have not heard of it for `session`. So they are its own
 * for that long from the moment on at which it sent a heartbeat that was good. That one was is known when the next one
 * is answered: who is no member any more sends none. A process that was held up, a machine that was suspended, a link
 * that is cut: the lease runs out by itself, whatever else of the process knows of it yet.
 *
 * Threads: any.
 */
#ifndef POTLINE_LOG_KAFKA_LEASE_H
#define POTLINE_LOG_KAFKA_LEASE_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include <potline/time.h>

struct pl__kafka_lease {
    pl_time session;
    _Atomic int64_t until;      /* pl_clock_boottime; 0: nothing is ours */
    _Atomic int64_t beat, sync; /* when the last one was sent */
    _Atomic int64_t answered; /* the last heartbeat that has an answer was sent then; 0: none since the group changed */
    _Atomic int64_t joined;   /* when the group was asked what is ours, which it has said */
};

/* Has the handle that is made of `conf` keep it; it outlives the handle. */
void pl__kafka_lease_watch(struct pl__kafka_lease *lease, rd_kafka_conf_t *conf);

void pl__kafka_lease_give(struct pl__kafka_lease *lease); /* the group has given something */
void pl__kafka_lease_end(struct pl__kafka_lease *lease);  /* all of it is lost */

/* What the handle has sent, and had an answer to: for it, and for tests. `now`: pl_clock_boottime. */
void pl__kafka_lease_sent(struct pl__kafka_lease *lease, int16_t request, int64_t now);
void pl__kafka_lease_answered(struct pl__kafka_lease *lease, int16_t request);

enum { PL__KAFKA_HEARTBEAT = 12, PL__KAFKA_SYNC_GROUP = 14 };

#endif
