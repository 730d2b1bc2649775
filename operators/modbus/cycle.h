/* cycle.h: one poll of everything in the map, as many requests under way as the client has room for.
 *
 * A cycle always ends, and every point has a quality then: answered, or stale. A device that is down ends it at once. A
 * unit that does not answer costs one deadline, not one for each of its ranges: it is asked for its first range only,
 * and for the rest when it has answered that.
 *
 * Thread: the node's. Cycles do not overlap.
 */
#ifndef MODBUS_CYCLE_H
#define MODBUS_CYCLE_H

#include "client.h"
#include "points.h"
#include "report.h"

struct pl__cycle {
    struct pl_node *node;
    struct pl_modbus_client *client;
    struct pl__points *points;
    struct pl__report *report;
    pl_time stale_after;
    void (*finished)(void *user); /* from a callback of the loop, or from pl__cycle_begin */
    void *user;

    bool running;
    bool fixed; /* all rows carry `time`; else the time of their answer */
    pl_time time;
    uint32_t next; /* range */
    uint32_t under_way;
    uint32_t lost;    /* ranges that were not answered at all */
    uint64_t missing; /* totals: values that were not finite, rows that went on stale */
    uint64_t stale;
};

void pl__cycle_begin(struct pl__cycle *cycle, bool fixed, pl_time time);

/* The client's link has changed. */
void pl__cycle_go_on(struct pl__cycle *cycle);

#endif
