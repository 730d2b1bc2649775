/* desk.h: a client, its loop, and what came back: for the tests of the client. */
#ifndef MODBUS_TESTING_DESK_H
#define MODBUS_TESTING_DESK_H

#include <uv.h>

#include "../client.h"

struct reply {
    unsigned times; /* that it came: must end as 1 */
    unsigned place; /* 1: the first of all replies */
    enum pl_modbus_status status;
    uint8_t exception;
    uint16_t count;
    uint8_t data[256];
    struct desk *desk;
};

struct desk {
    uv_loop_t loop;
    uv_timer_t patience;
    bool impatient;
    struct pl_modbus_client *client;
    unsigned ups, downs, replies;
    char why[128]; /* the last time it went down */
};

/* A client of 127.0.0.1:port with a backoff of 5 to 50 ms. */
void desk_open(struct desk *desk, uint16_t port, unsigned in_flight, pl_time timeout);
void desk_open_host(struct desk *desk, const char *host, uint16_t port, unsigned in_flight, pl_time timeout);
void desk_close(struct desk *desk); /* frees the client and runs the loop to its end */

/* Runs the loop until `condition` holds; fails the test after half a minute. */
#define desk_until(desk, condition)                                                                                    \
    do {                                                                                                               \
        desk_patience(desk);                                                                                           \
        while (!(condition)) {                                                                                         \
            uv_run(&(desk)->loop, UV_RUN_ONCE);                                                                        \
            if ((desk)->impatient) fail_msg("not in half a minute: %s", #condition);                                   \
        }                                                                                                              \
    } while (0)
void desk_patience(struct desk *desk);

/* Submits; false when the client refuses. */
bool desk_submit(struct desk *desk, struct reply *reply, struct pl_modbus_call call);

/* Waits for the connection, submits, waits for the reply. */
void desk_ask(struct desk *desk, struct reply *reply, struct pl_modbus_call call);

uint64_t desk_count(const struct desk *desk, enum pl_modbus_count count);

#endif
