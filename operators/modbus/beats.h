/* beats.h: signs of life for the device's watchdogs: a register of each, written with a new number again and again.
 *
 * A sign of life is as honest as who gives it: with a pulse (pl__beats_pulse) the registers are written while the last
 * one holds, so that they stop when whoever decides on set points has died, though the connection lives. Beats take
 * the next room that there is, in front of set points. Thread: the loop's.
 */
#ifndef MODBUS_BEATS_H
#define MODBUS_BEATS_H

#include <uv.h>

#include "client.h"
#include "targets.h"

/* One row of the option `heartbeats`. */
struct pl__beat_row {
    int64_t address;
    int64_t unit; /* -1: the node's */
};

struct pl__beat {
    struct pl__beats *beats;
    uint16_t address, value;
    uint8_t unit;
    bool due, under_way;
};

struct pl__beats {
    struct pl_modbus_client *client;
    struct pl__beat *beat;
    uint32_t count;
    bool pulsed;   /* they need a pulse */
    bool silent;   /* and there is none */
    pl_time until; /* the pulse holds; monotonic */
    void (*changed)(void *user, bool silent);
    void *user;
    uint64_t sent, failed;
    uv_timer_t timer;
    bool timer_open;
};

/* Reports heartbeats that would be written over a set point, a device's own switch, or each other. */
void pl__beats_check(const struct pl__beat_row *rows, uint32_t count, const struct pl__targets_options *targets,
                     struct pl_check *check);

/* `beats` has its callbacks, user and `pulsed` set. */
enum pl_code pl__beats_init(struct pl__beats *beats, const struct pl__beat_row *rows, uint32_t count, uint8_t unit,
                            pl_time period, uv_loop_t *loop, struct pl_error **error);
void pl__beats_fini(struct pl__beats *beats);

void pl__beats_pulse(struct pl__beats *beats, pl_time lasts);
void pl__beats_go_on(struct pl__beats *beats); /* there may be room */

#endif
