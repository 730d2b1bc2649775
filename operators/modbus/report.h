/* report.h: what the people of the plant are told: one event when something begins to fail, one when it is well again.
 *
 *     modbus.connected      the device answers for the first time, or again
 *     modbus.disconnected   the connection is lost, or cannot be made                      { endpoint, why }
 *     modbus.timeout        a unit has not answered by the deadline, though connected      { endpoint, unit, ... }
 *     modbus.exception      the device refuses a range                                     { endpoint, unit, ...,
 * exception } modbus.recovered      the unit answers again, or the range is no longer refused
 *
 * A connection counts once something has been answered over it, so a device that accepts and hangs up for ever is one
 * event, not two a second. The log of messages has a line when a connection goes down and one when it is up again.
 * Events wait in a ring of PL__EVENTS_MAX until the node may emit; past it they are counted and left out. Thread: the
 * node's.
 */
#ifndef MODBUS_REPORT_H
#define MODBUS_REPORT_H

#include <potline/diag.h>
#include <potline/operator.h>

#include "pdu.h"

enum { PL__EVENTS_MAX = 64 };

struct pl__unit;

struct pl__event {
    const char *kind;
    const char *why; /* constant, or NULL */
    uint16_t severity;
    uint8_t exception;
    bool about_call;
    struct pl_modbus_call call;
    uint32_t tag;
    pl_time time;
};

struct pl__report {
    struct pl_node *node;
    const char *endpoint; /* borrowed */
    bool up, down;        /* neither: nothing known yet */
    /* A device that does not answer must not hide another that does not either: each has places of its own. */
    struct pl_diag_site warned, informed;
    struct pl_pack *body;
    uint32_t first, count;
    uint64_t left_out;
    struct pl__event ring[PL__EVENTS_MAX];
};

enum pl_code pl__report_init(struct pl__report *report, struct pl_node *node, const char *endpoint,
                             struct pl_error **error);
void pl__report_fini(struct pl__report *report);

void pl__report_down(struct pl__report *report, pl_time time, const char *why);

/* A request as the events name it. */
struct pl__subject {
    const struct pl_modbus_call *call;
    uint32_t tag;          /* the first that the request serves, or 0 */
    struct pl__unit *unit; /* what is known of its unit, and the exception it last gave (0: none): brought up to date */
    uint8_t *exception;
};

void pl__report_outcome(struct pl__report *report, pl_time time, const struct pl__subject *subject,
                        const struct pl_modbus_answer *answer);

/* Sends what waits out of `port`. PL_FLOW_WAIT when nothing did. */
enum pl_flow pl__report_emit(struct pl__report *report, unsigned port);

#endif
