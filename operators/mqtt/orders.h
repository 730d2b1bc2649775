/* orders.h: set points on their way to whoever is behind a broker, one for each tag at a time, each to a definite end.
 *
 *     waits --> sent --> (read back) --> verified
 *                 \--> delivered: nobody says what became of it, and nothing is read back
 *                  \--> failed, by its deadline; expired, superseded, withdrawn before it has left
 *
 * The owner sends (`send`) and tells what it hears: pl_orders_answered (the broker has it), pl_orders_seen (a value of
 * that tag was read). What had left on a connection that broke is sent once more while it holds. Every end is an event,
 * and in the audit with what had left. Thread: the node's.
 */
#ifndef MQTT_ORDERS_H
#define MQTT_ORDERS_H

#include <uv.h>

#include <potline/operator.h>

enum { PL_ORDERS_MAX = 4096, PL_ORDER_REASON_MAX = 256 };

#define PL_ORDER_OUTCOMES(XX)                                                                                          \
    XX(VERIFIED, "verified", "setpoint.verified", 100, "Set points that were sent and read back.")                     \
    XX(DELIVERED, "delivered", "setpoint.delivered", 100, "Set points that the broker has; nothing is read back.")     \
    XX(FAILED, "failed", "setpoint.failed", 700, "Set points that were not confirmed in time.")                        \
    XX(EXPIRED, "expired", "setpoint.expired", 400, "Set points that expired before they had left.")                   \
    XX(SUPERSEDED, "superseded", "setpoint.superseded", 200, "Set points whose place a newer one took.")               \
    XX(WITHDRAWN, "withdrawn", "setpoint.withdrawn", 200, "Set points taken back before they had left.")               \
    XX(UNMAPPED, "unmapped", "setpoint.unmapped", 600, "Set points of tags that have no place here.")

enum pl_order_outcome {
#define PL_ORDER_ENUM(id, name, kind, severity, doc) PL_ORDER_##id,
    PL_ORDER_OUTCOMES(PL_ORDER_ENUM)
#undef PL_ORDER_ENUM
        PL_ORDER_OUTCOME_COUNT
};

/* The node's counters begin with these. */
#define PL_ORDER_COUNTER(id, name_, kind, severity, doc_) {.name = (name_), .unit = "set points", .doc = (doc_)},

struct pl_order {
    pl_time time, received, expiry;
    pl_time ends; /* the same as `expiry` by the monotonic clock */
    uint64_t id, token, sequence;
    uint32_t origin, model, tag; /* model 0: none was said */
    uint16_t partition;
    double value;
    char reason[PL_ORDER_REASON_MAX];
};

enum pl_order_phase { PL_ORDER_IDLE, PL_ORDER_WAITS, PL_ORDER_SENT, PL_ORDER_LOOKS };

struct pl_order_slot {
    uint32_t tag;
    uint8_t phase;
    uint8_t last; /* enum pl_order_outcome */
    bool any;     /* `last` means something */
    bool noted;   /* that it leaves */
    struct pl_order order;
    int message; /* under way */
    unsigned sends;
    pl_time deadline; /* monotonic */
    pl_time due;      /* monotonic: not sent again before */
    double found;     /* last read back since it was sent; NaN: nothing */
    double old;       /* what was read before it was sent */
    double live;      /* last read */
    pl_time latency;
};

struct pl_orders_setup {
    pl_time deadline;
    bool reads_back;
    double tolerance;
    bool (*has)(void *user, uint32_t tag); /* a place for this tag */
    /* Sends an order; the id that pl_orders_answered gets. -1: not now. */
    int (*send)(void *user, const struct pl_order *order, pl_time left);
    void *user;
};

struct pl_orders {
    struct pl_node *node;
    struct pl_orders_setup setup;
    struct pl_pack *body;
    struct pl_order_slot *slot;
    unsigned count;
    uv_timer_t timer;
    bool timer_open;
};

enum pl_code pl_orders_init(struct pl_orders *orders, struct pl_node *node, const struct pl_orders_setup *setup,
                            struct pl_error **error);
void pl_orders_fini(struct pl_orders *orders); /* of a zeroed one too */

/* A row of set points: sent, or what it does to the one before. */
void pl_orders_take(struct pl_orders *orders, const struct pl_batch *batch, uint32_t row);
void pl_orders_answered(struct pl_orders *orders, int message);
void pl_orders_seen(struct pl_orders *orders, uint32_t tag, double value);
void pl_orders_up(struct pl_orders *orders);
void pl_orders_down(struct pl_orders *orders);
void pl_orders_withdraw(struct pl_orders *orders); /* all that has not left */

/* The command `setpoints list`; `orders_of` is how it finds them in an instance. */
void pl_orders_list(const struct pl_orders *orders, const char *tags, const char *place, struct pl_call *call);

struct pl_orders_list_args {
    const char *tag;
};
extern const struct pl_option pl_orders_list_options[];

#endif
