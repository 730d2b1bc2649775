/* lockstep.h: polling a simulated plant that owns time, one poll for each of its steps.
 *
 *     read time and step ──> poll everything ──> samples emitted ──> write the step as acknowledged ──┐
 *          ^                                                                                          │
 *          └────────────────────── the plant makes its next step <────────────────────────────────────┘
 *
 * So a step is taken exactly once, whatever happens in between: a poll that lost an answer is done again before
 * anything is emitted (the plant waits), and after a broken connection the same time and step are acknowledged again,
 * not emitted again. While the plant has not yet moved on it is asked again after 1 ms, 2 ms, 4 ms ... up to `poll`.
 *
 * Thread: the node's.
 */
#ifndef MODBUS_LOCKSTEP_H
#define MODBUS_LOCKSTEP_H

#include "cycle.h"

/* The group `clock` of the source's options. */
struct pl__clock_options {
    uint32_t table; /* PL__HOLDING or PL__INPUT */
    int64_t time, step, acknowledge;
    int64_t unit; /* -1: the node's */
};

enum pl__lockstep_phase {
    PL__LOCKSTEP_IDLE,   /* until the link is up, or the timer has run */
    PL__LOCKSTEP_ASKING, /* for time and step */
    PL__LOCKSTEP_POLLING,
    PL__LOCKSTEP_EMITTING,
    PL__LOCKSTEP_ACKNOWLEDGING,
};

struct pl__lockstep {
    struct pl__cycle *cycle;
    struct pl_modbus_order order;
    struct pl_modbus_call read;
    unsigned time_at, step_at; /* within what is read */
    uint16_t acknowledge_at;
    void (*retry)(void *user, pl_time after); /* asks for pl__lockstep_go_on later */
    void *user;

    enum pl__lockstep_phase phase;
    pl_time time; /* of the step at hand */
    uint32_t step;
    bool emitted;      /* the step at hand */
    bool acknowledged; /* and the plant knows, over this connection */
    bool started;      /* there has been a step */
    pl_time wait, wait_max;
    struct pl__unit unit;
    uint8_t read_exception, write_exception;
    uint16_t words[2];
};

/* What the options say together, as far as the option table cannot. */
void pl__clock_check(const struct pl__clock_options *options, struct pl_check *check);

/* `node_unit` is the unit where the options name none. */
void pl__lockstep_init(struct pl__lockstep *lockstep, const struct pl__clock_options *options, uint8_t node_unit,
                       pl_time wait_max);

void pl__lockstep_link_up(struct pl__lockstep *lockstep);
void pl__lockstep_go_on(struct pl__lockstep *lockstep);

/* The cycle has finished. True when its rows are to be emitted; pl__lockstep_emitted follows then. */
bool pl__lockstep_polled(struct pl__lockstep *lockstep);
void pl__lockstep_emitted(struct pl__lockstep *lockstep);

#endif
