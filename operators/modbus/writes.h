/* writes.h: set points on their way to the device, one for each target at a time, each to a definite end.
 *
 *     taken --> device in manual? --> look --> write --> read back --> VERIFIED
 *                     |                 |        ^           |
 *                  REFUSED           RENEWED     +-- retry --+--> FAILED       any time: EXPIRED, SUPERSEDED, WITHDRAWN
 *
 * Before anything is written the device's own manual switch is asked and the register is read: one that holds already
 * what was verified there last is left alone. What was written is read back; only a value that is found there is
 * verified. A write without an answer may have arrived, so it is looked for before it is repeated. Nothing is written
 * from the set point's expiry on, nor past its deadline.
 *
 * A newer set point of a target takes the place of the one that waits; one whose value is NaN withdraws what has not
 * been written yet. So there are two for each target at most, however many come.
 *
 * In front of the first write of a value `begin` is called, behind its end `ended`: the audit has a record of a write
 * even when the process dies between.
 *
 * Thread: the loop's. Nothing is allocated after pl__writes_init.
 */
#ifndef MODBUS_WRITES_H
#define MODBUS_WRITES_H

#include <uv.h>

#include "client.h"
#include "targets.h"

enum { PL__REASON_MAX = 352 }; /* of a guard: why, and by what it was judged */

enum pl__outcome {
    PL__VERIFIED,
    PL__RENEWED, /* it is there already */
    PL__REFUSED, /* the device is in manual, or will not have it */
    PL__FAILED,
    PL__EXPIRED,
    PL__SUPERSEDED,
    PL__WITHDRAWN,
    PL__OUTCOMES
};

struct pl__order {
    pl_time time, received, expiry;
    pl_time ends; /* the same as `expiry` by the monotonic clock: whatever is done to the other one */
    uint64_t id, token;
    uint64_t sequence;      /* its place in the log, of this partition; UINT64_MAX: it has none */
    uint32_t origin, model; /* names; model 0: none was said */
    uint16_t partition;
    double value;
    char reason[PL__REASON_MAX];
};

/* How an order has ended. `own`: it was the one at work, so what the slot says is about it. */
struct pl__ending {
    const struct pl__order *order;
    enum pl__outcome outcome;
    const char *why; /* a constant */
    bool own;
};

enum pl__write_phase { PL__IDLE, PL__ASK, PL__LOOK, PL__WRITE, PL__CHECK };

struct pl__slot {
    struct pl__writes *writes;
    const struct pl__target *target;
    struct pl__order order, next;
    bool has_next;
    uint8_t phase;    /* enum pl__write_phase: what is to be asked now, or is under way */
    bool under_way;   /* a request */
    bool queued;      /* for room */
    bool stop;        /* withdrawn while a write was under way: it is not repeated */
    bool begun;       /* `begin` has been called */
    bool written;     /* a write of this order has left */
    bool manual;      /* the device's switch, when it was last asked */
    uint8_t attempts; /* writes */
    uint8_t exception;
    const char *why;       /* of the last trouble, a constant */
    pl_time deadline, due; /* monotonic: to be given up; not before */
    double found;          /* last read; NaN: never */
    double old;            /* in front of the write */
    double verified;       /* the last value that was; NaN: none */
    pl_time verified_at;
    pl_time latency;
    uint64_t renewals, failures;
    uint8_t last;   /* enum pl__outcome */
    bool any;       /* `last` means something */
    uint32_t place; /* in `active` */
    uint16_t registers[PL__TARGET_REGISTERS];
};

struct pl__writes_options {
    pl_time deadline; /* from taking to verified */
    unsigned retries;
    pl_time backoff, backoff_max;
    pl_time (*now)(void *user);                             /* the engine's clock */
    void (*begin)(void *user, const struct pl__slot *slot); /* its first write is about to leave */
    void (*ended)(void *user, const struct pl__slot *slot, const struct pl__ending *ending);
    void (*first)(void *user); /* in front of each request: what is more urgent may take the room */
    void (*manual)(void *user, const struct pl__slot *slot); /* the device's switch has changed */
    void *user;
};

struct pl__writes {
    struct pl__writes_options options;
    struct pl_modbus_client *client;
    const struct pl__targets *targets;
    struct pl__slot *slot; /* of each target */
    uint32_t *queue;       /* slots that want room: a ring of all */
    uint32_t first, count;
    uint32_t *active; /* slots that have an order */
    uint32_t active_count;
    uint64_t sent, read; /* writes, reads */
    uv_timer_t timer;
    bool timer_open;
};

enum pl_code pl__writes_init(struct pl__writes *writes, const struct pl__writes_options *options,
                             const struct pl__targets *targets, uv_loop_t *loop, struct pl_error **error);

/* None of its callbacks is called any more; the client is gone already. */
void pl__writes_fini(struct pl__writes *writes);

/* A set point for target `index`, which is looked after from now on. */
void pl__writes_take(struct pl__writes *writes, uint32_t index, const struct pl__order *order);

/* There may be room. */
void pl__writes_go_on(struct pl__writes *writes);

/* All that waits is withdrawn, but for what is under way. */
void pl__writes_withdraw(struct pl__writes *writes);

#endif
