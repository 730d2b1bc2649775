#include "desk.h"

#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_first.h"

static void on_link(void *user, bool up, const char *why) {
    struct desk *desk = user;
    desk->ups += up;
    desk->downs += !up;
    if (!up) snprintf(desk->why, sizeof desk->why, "%s", why);
}

static void on_patience(uv_timer_t *timer) {
    struct desk *desk = timer->data;
    desk->impatient = true;
}

void desk_patience(struct desk *desk) {
    uv_update_time(&desk->loop);
    uv_timer_start(&desk->patience, on_patience, 30000, 0);
}

void desk_open_host(struct desk *desk, const char *host, uint16_t port, unsigned in_flight, pl_time timeout) {
    *desk = (struct desk){0};
    struct pl_modbus_options options = {
        .host = host,
        .port = port,
        .in_flight = in_flight,
        .timeout = timeout,
        .backoff = 5 * PL_MILLISECOND,
        .backoff_max = 50 * PL_MILLISECOND,
        .link = on_link,
        .user = desk,
    };
    assert_int_equal(uv_loop_init(&desk->loop), 0);
    assert_int_equal(uv_timer_init(&desk->loop, &desk->patience), 0);
    desk->patience.data = desk;
    desk->client = pl_modbus_client_new(&desk->loop, &options, NULL);
    assert_non_null(desk->client);
}

void desk_open(struct desk *desk, uint16_t port, unsigned in_flight, pl_time timeout) {
    desk_open_host(desk, "127.0.0.1", port, in_flight, timeout);
}

void desk_close(struct desk *desk) {
    pl_modbus_client_free(desk->client);
    uv_close((uv_handle_t *)&desk->patience, NULL);
    uv_run(&desk->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&desk->loop), 0);
}

static void on_done(void *user, const struct pl_modbus_answer *answer) {
    struct reply *reply = user;
    reply->times++;
    reply->place = ++reply->desk->replies;
    reply->status = answer->status;
    reply->exception = answer->exception;
    reply->count = answer->count;
    if (answer->size) memcpy(reply->data, answer->data, answer->size);
}

bool desk_submit(struct desk *desk, struct reply *reply, struct pl_modbus_call call) {
    memset(reply, 0, sizeof *reply);
    reply->desk = desk;
    return pl_modbus_client_submit(desk->client, &call, on_done, reply);
}

void desk_ask(struct desk *desk, struct reply *reply, struct pl_modbus_call call) {
    desk_until(desk, pl_modbus_client_room(desk->client) > 0);
    assert_true(desk_submit(desk, reply, call));
    desk_until(desk, reply->times > 0);
}

uint64_t desk_count(const struct desk *desk, enum pl_modbus_count count) {
    return pl_modbus_client_count(desk->client, count);
}
