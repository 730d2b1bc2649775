#include "cycle.h"

static pl_time cycle_time(const struct pl__cycle *cycle) {
    return cycle->fixed ? cycle->time : pl_now(cycle->node);
}

static void range_stale(struct pl__cycle *cycle, struct pl__range *range) {
    range->state = PL__RANGE_DONE;
    cycle->stale += range->count;
    pl__points_stale(cycle->points, range, cycle_time(cycle), cycle->stale_after);
}

static void answered(void *user, const struct pl_modbus_answer *answer) {
    struct pl__range *range = user;
    struct pl__cycle *cycle = range->owner;
    struct pl__unit *unit = &cycle->points->unit[range->unit];
    pl_time time = cycle_time(cycle);
    cycle->under_way--;
    struct pl__subject subject = {&range->call, cycle->points->tag[range->first], unit, &range->exception};
    pl__report_outcome(cycle->report, time, &subject, answer);
    if (answer->status == PL_MODBUS_OK) {
        range->state = PL__RANGE_DONE;
        cycle->missing += pl__points_take(cycle->points, range, answer->data, time);
    } else {
        cycle->lost += answer->status != PL_MODBUS_EXCEPTION;
        range_stale(cycle, range);
    }
    pl__cycle_go_on(cycle);
}

/* Submits ranges in order until the client is full. */
static void send_on(struct pl__cycle *cycle) {
    for (; cycle->next < cycle->points->range_count; cycle->next++) {
        struct pl__range *range = &cycle->points->range[cycle->next];
        struct pl__unit *unit = &cycle->points->unit[range->unit];
        if (range->state != PL__RANGE_IDLE) continue;
        if (unit->silent && unit->asked) {
            range->state = PL__RANGE_SKIPPED;
            continue;
        }
        if (!pl_modbus_client_submit(cycle->client, &range->call, answered, range)) return;
        unit->asked = true;
        range->state = PL__RANGE_SENT;
        range->owner = cycle;
        cycle->under_way++;
    }
}

/* Ranges that were left out because their unit was silent, and it is not any more. */
static bool take_up_skipped(struct pl__cycle *cycle) {
    bool any = false;
    for (uint32_t r = 0; r < cycle->points->range_count; r++) {
        struct pl__range *range = &cycle->points->range[r];
        if (range->state != PL__RANGE_SKIPPED || cycle->points->unit[range->unit].silent) continue;
        range->state = PL__RANGE_IDLE;
        any = true;
    }
    if (any) cycle->next = 0;
    return any;
}

static void finish(struct pl__cycle *cycle) {
    for (uint32_t r = 0; r < cycle->points->range_count; r++) {
        struct pl__range *range = &cycle->points->range[r];
        if (range->state == PL__RANGE_DONE) continue;
        cycle->lost++;
        range_stale(cycle, range);
    }
    cycle->running = false;
    cycle->finished(cycle->user);
}

void pl__cycle_go_on(struct pl__cycle *cycle) {
    if (!cycle->running) return;
    do {
        send_on(cycle);
        if (cycle->under_way > 0) return;
        bool unsent = cycle->next < cycle->points->range_count;
        if (unsent && pl_modbus_client_link(cycle->client) == PL_MODBUS_COMING) return;
    } while (pl_modbus_client_link(cycle->client) == PL_MODBUS_UP && take_up_skipped(cycle));
    finish(cycle);
}

void pl__cycle_begin(struct pl__cycle *cycle, bool fixed, pl_time time) {
    cycle->running = true;
    cycle->fixed = fixed;
    cycle->time = time;
    cycle->next = cycle->under_way = cycle->lost = 0;
    for (uint32_t r = 0; r < cycle->points->range_count; r++)
        cycle->points->range[r].state = PL__RANGE_IDLE;
    for (uint32_t u = 0; u < cycle->points->unit_count; u++)
        cycle->points->unit[u].asked = false;
    pl__cycle_go_on(cycle);
}
