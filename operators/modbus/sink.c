/* sink.c: sink.modbus: options, life cycle, descriptor. What may be written is in targets.h, how in writes.h, signs of
 * life in beats.h, what is told of it in results.h. */
#include <potline/plugin.h>
#include <stdio.h>
#include <string.h>

#include "results.h"

/* ---- Options as the parts want them ---- */

static struct pl__targets_options targets_options(const struct pl__sink *sink) {
    return (struct pl__targets_options){
        .rows = sink->registers.items,
        .count = sink->registers.count,
        .unit = (uint8_t)sink->unit,
        .order = {sink->words == 1, sink->bytes == 1},
    };
}

static void sink_check(void *self, struct pl_check *check) {
    const struct pl__sink *sink = self;
    char host[PL_MODBUS_HOST_MAX + 1];
    uint16_t port;
    struct pl__targets_options targets = targets_options(sink);
    if (!pl_modbus_endpoint_parse(sink->endpoint, host, &port))
        pl_check_error(check, "endpoint", "host:port is wanted, found '%s'", sink->endpoint);
    pl__targets_check(&targets, check);
    if (sink->timeout > sink->deadline)
        pl_check_error(check, "timeout", "a request may not take longer than a set point (deadline)");
    if (sink->backoff > sink->backoff_max) pl_check_error(check, "backoff", "it is longer than backoff_max");
    pl__beats_check(sink->heartbeats.items, sink->heartbeats.count, &targets, check);
    if (*sink->pulse && sink->heartbeats.count == 0)
        pl_check_error(check, "pulse", "there are no heartbeats that it could keep up");
}

/* ---- Callbacks of the parts ---- */

static pl_time on_now(void *user) {
    return pl_now(((const struct pl__sink *)user)->node);
}

static void on_first(void *user) {
    struct pl__sink *sink = user;
    pl__beats_go_on(&sink->beats);
    pl_pending(sink->node, sink->writes.active_count > 0);
}

static void on_link(void *user, bool up, const char *why) {
    struct pl__sink *sink = user;
    pl_reach(sink->node, up);
    pl__results_link(sink, up, why);
    if (up) pl__writes_go_on(&sink->writes);
}

static bool on_request(void *user) {
    return pl_may_act(((const struct pl__sink *)user)->node);
}

static void on_silent(void *user, bool silent) {
    pl__results_silent(user, silent);
}

/* ---- Life cycle ---- */

static enum pl_code client_open(struct pl__sink *sink, struct pl_error **error) {
    char host[PL_MODBUS_HOST_MAX + 1];
    struct pl_modbus_options options = {
        .host = host,
        .in_flight = (unsigned)sink->in_flight,
        .timeout = sink->timeout,
        .backoff = sink->backoff,
        .backoff_max = sink->backoff_max,
        .link = on_link,
        .may = on_request,
        .user = sink,
    };
    if (!pl_modbus_endpoint_parse(sink->endpoint, host, &options.port))
        return pl_error_set(error, PL_SYNTAX, "host:port is wanted, found '%s'", sink->endpoint);
    sink->client = pl_modbus_client_new(pl_node_loop(sink->node), &options, error);
    return sink->client ? PL_OK : PL_NO_MEMORY;
}

static enum pl_code writes_open(struct pl__sink *sink, struct pl_error **error) {
    struct pl__writes_options options = {
        .deadline = sink->deadline,
        .retries = (unsigned)sink->retries,
        .backoff = sink->backoff,
        .backoff_max = sink->backoff_max,
        .now = on_now,
        .begin = pl__results_begin,
        .ended = pl__results_ended,
        .manual = pl__results_manual,
        .first = on_first,
        .user = sink,
    };
    return pl__writes_init(&sink->writes, &options, &sink->targets, pl_node_loop(sink->node), error);
}

static enum pl_code beats_open(struct pl__sink *sink, struct pl_error **error) {
    sink->beats.changed = on_silent;
    sink->beats.user = sink;
    sink->beats.pulsed = *sink->pulse != 0;
    sink->beats.silent = sink->beats.pulsed; /* nothing was heard yet, and nothing is said of it */
    return pl__beats_init(&sink->beats, sink->heartbeats.items, sink->heartbeats.count, (uint8_t)sink->unit,
                          sink->heartbeat, pl_node_loop(sink->node), error);
}

static enum pl_code pulse_open(struct pl__sink *sink, struct pl_error **error) {
    if (*sink->pulse) sink->pulse_tag = pl_tags_intern(pl_node_tags(sink->node), sink->pulse, strlen(sink->pulse));
    if (sink->pulse_tag == PL_NO_ID) return pl_error_set(error, PL_LIMIT, "'%s' cannot be a tag", sink->pulse);
    return PL_OK;
}

/* Heartbeats are by the machine's clock, for a device that has the same time. */
static enum pl_code time_check(const struct pl__sink *sink, struct pl_error **error) {
    if (!pl_plant_owns_time(sink->node) || sink->heartbeats.count == 0) return PL_OK;
    return pl_error_set(error, PL_USAGE,
                        "a plant that owns time (clock: plant) stands still between heartbeats; leave them out");
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct pl__sink *sink = self;
    struct pl__targets_options targets = targets_options(sink);
    sink->node = node;
    pl_reach(node, false);
    sink->body = pl_pack_new();
    if (!sink->body) return pl_error_set(error, PL_NO_MEMORY, "no memory for what is told");
    enum pl_code code = pl__targets_init(&sink->targets, &targets, pl_node_tags(node), error);
    if (!code) code = writes_open(sink, error);
    if (!code) code = beats_open(sink, error);
    if (!code) code = pulse_open(sink, error);
    if (!code) code = time_check(sink, error);
    if (!code) code = client_open(sink, error);
    sink->writes.client = sink->beats.client = sink->client;
    return code;
}

static void sink_stop(void *self, struct pl_node *node) {
    struct pl__sink *sink = self;
    (void)node;
    if (!sink->client) return;
    pl__writes_withdraw(&sink->writes);
    pl__results_count(sink);
}

static void sink_close(void *self, struct pl_node *node) {
    struct pl__sink *sink = self;
    (void)node;
    pl_modbus_client_free(sink->client);
    sink->client = NULL;
    pl__beats_fini(&sink->beats);
    pl__writes_fini(&sink->writes);
    pl__targets_fini(&sink->targets);
    pl_pack_free(sink->body);
    sink->body = NULL;
}

/* ---- Data ---- */

static struct pl__order order_of(const struct pl_batch *batch, uint32_t row, pl_time now) {
    const struct pl_setpoints *s = &batch->setpoints;
    uint32_t length;
    const char *reason = pl_batch_heap_row(batch, 0, row, &length);
    pl_time left = s->expiry[row] > now ? s->expiry[row] - now : 0, steady = (pl_time)uv_hrtime();
    struct pl__order order = {
        .time = s->time[row],
        .received = batch->header->receive_time,
        .expiry = s->expiry[row],
        .ends = left > PL_TIME_MAX - steady ? PL_TIME_MAX : steady + left,
        .id = s->id[row],
        .token = s->token[row],
        .sequence = batch->header->first_sequence + row,
        .origin = s->origin[row],
        .model = batch->model,
        .partition = batch->header->partition,
        .value = s->value[row],
    };
    pl_text_copy(order.reason, sizeof order.reason, reason, length);
    return order;
}

/* One that comes late holds for what is left of it, and a clock that was set back makes none longer. */
static void take_pulse(struct pl__sink *sink, pl_time time, pl_time expiry, pl_time now) {
    pl_time from = now > time ? now : time;
    if (expiry > from) pl__beats_pulse(&sink->beats, expiry - from);
}

static void take(struct pl__sink *sink, const struct pl_batch *batch, uint32_t row) {
    uint32_t tag = batch->setpoints.tag[row];
    pl_time now = pl_now(sink->node);
    if (sink->pulse_tag && tag == sink->pulse_tag) {
        take_pulse(sink, batch->setpoints.time[row], batch->setpoints.expiry[row], now);
        return;
    }
    struct pl__order order = order_of(batch, row, now);
    int64_t index = pl__targets_find(&sink->targets, tag);
    if (index >= 0)
        pl__writes_take(&sink->writes, (uint32_t)index, &order);
    else
        pl__results_unmapped(sink, tag, &order);
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct pl__sink *sink = self;
    (void)node;
    (void)input;
    for (uint32_t row = 0; row < batch->rows; row++)
        take(sink, batch, row);
    pl_batch_unref(batch);
    pl__results_count(sink);
    pl_pending(sink->node, sink->writes.active_count > 0);
    return PL_FLOW_OK;
}

static void sink_changed(void *self, struct pl_node *node, const struct pl_option *option) {
    struct pl__sink *sink = self;
    (void)node;
    (void)option;
    sink->writes.options.deadline = sink->deadline;
    sink->writes.options.retries = (unsigned)sink->retries;
    if (sink->client) pl_modbus_client_set_timeout(sink->client, sink->timeout);
}

/* ---- Descriptor ---- */

static const char *const table_names[] = {"holding", "coil", NULL};
static const char *const manual_tables[] = {"holding", "input", "coil", "discrete", NULL};
static const char *const row_order_names[] = {"node", "big", "little", NULL};
static const char *const order_names[] = {"big", "little", NULL};

#define ROW struct pl__target_row
static const struct pl_option target_options[] = {
    PL_OPT_STRING(ROW, tag, "tag", NULL, PL_FIXED, "The set point that is written there."),
    PL_OPT_INT(ROW, address, "address", NULL, "0", "65535", PL_FIXED, "0-based address of the register or coil."),
    PL_OPT_CHOICE(ROW, coil, "table", "holding", table_names, PL_FIXED, "Where the address counts."),
    PL_OPT_CHOICE(ROW, type, "type", "uint16", pl_modbus_type_names, PL_FIXED,
                  "What the registers hold; a coil is always bool."),
    PL_OPT_CHOICE(ROW, words, "words", "node", row_order_names, PL_FIXED,
                  "Order of the registers of a longer value, or as the node says."),
    PL_OPT_CHOICE(ROW, bytes, "bytes", "node", row_order_names, PL_FIXED,
                  "Order of the bytes in a register, or as the node says."),
    PL_OPT_NUMBER(ROW, scale, "scale", "1", NULL, NULL, PL_FIXED, "value = raw * scale + offset"),
    PL_OPT_NUMBER(ROW, offset, "offset", "0", NULL, NULL, PL_FIXED, "value = raw * scale + offset"),
    PL_OPT_NUMBER(ROW, tolerance, "tolerance", "0", "0", NULL, PL_FIXED,
                  "How far what is read back may be from what was written."),
    PL_OPT_INT(ROW, unit, "unit", "-1", "-1", "255", PL_FIXED, "Unit id; -1: the node's."),
    PL_OPT_INT(ROW, manual, "manual", "-1", "-1", "65535", PL_FIXED,
               "Address of the device's own switch, not 0 in manual; -1: it has none."),
    PL_OPT_CHOICE(ROW, manual_table, "manual_table", "holding", manual_tables, PL_FIXED, "Where that address counts."),
    PL_OPT_INT(ROW, manual_bit, "manual_bit", "-1", "-1", "15", PL_FIXED,
               "Its bit in a register, 0 the lowest; -1: all of it."),
    PL_OPT_STRING(ROW, description, "description", "", PL_FIXED, "For people."),
    PL_OPT_END,
};

static const struct pl_option beat_options[] = {
    PL_OPT_INT(struct pl__beat_row, address, "address", NULL, "0", "65535", PL_FIXED, "A holding register."),
    PL_OPT_INT(struct pl__beat_row, unit, "unit", "-1", "-1", "255", PL_FIXED, "Unit id; -1: the node's."),
    PL_OPT_END,
};

#define SINK struct pl__sink
static const struct pl_option sink_options[] = {
    PL_OPT_STRING(SINK, endpoint, "endpoint", NULL, PL_FIXED, "host:port of the device; port 502 if none."),
    PL_OPT_INT(SINK, unit, "unit", "1", "0", "255", PL_FIXED, "Unit id of rows that name none."),
    PL_OPT_LIST(SINK, registers, "registers", NULL, ROW, target_options, PL_FIXED,
                "What may be written: a list, or a CSV file with a header."),
    PL_OPT_CHOICE(SINK, words, "words", "big", order_names, PL_FIXED,
                  "Order of the registers of a longer value, where a row does not say."),
    PL_OPT_CHOICE(SINK, bytes, "bytes", "big", order_names, PL_FIXED,
                  "Order of the bytes in a register, where a row does not say."),
    PL_OPT_BOOL(SINK, others, "others", "false", PL_FIXED,
                "Set points of other tags are the business of other sinks, and nothing is said of them."),
    PL_OPT_DURATION(SINK, deadline, "deadline", "2s", "10ms", "10m", PL_LIVE,
                    "Time for a set point to be verified; past it, it has failed."),
    PL_OPT_INT(SINK, retries, "retries", "3", "0", "100", PL_LIVE, "Writes of one set point behind the first."),
    PL_OPT_DURATION(SINK, timeout, "timeout", "500ms", "1ms", "1m", PL_LIVE,
                    "Deadline of one request, and of an attempt to connect."),
    PL_OPT_DURATION(SINK, backoff, "backoff", "20ms", "1ms", "1m", PL_FIXED,
                    "Wait before something is tried again; doubles with every write."),
    PL_OPT_DURATION(SINK, backoff_max, "backoff_max", "1s", "1ms", "1h", PL_FIXED, "The longest such wait."),
    PL_OPT_INT(SINK, in_flight, "in_flight", "4", "1", "16", PL_FIXED,
               "Requests under way at once; 1 for a device that takes them one by one."),
    PL_OPT_LIST(SINK, heartbeats, "heartbeats", "[]", struct pl__beat_row, beat_options, PL_FIXED,
                "Registers that get a new number again and again, for the device's watchdogs."),
    PL_OPT_DURATION(SINK, heartbeat, "heartbeat", "1s", "10ms", "1h", PL_FIXED, "How often."),
    PL_OPT_STRING(SINK, pulse, "pulse", "", PL_FIXED,
                  "Heartbeats only while set points of this tag come, as a guard gives them: they stop when it does."),
    PL_OPT_END,
};

#define COUNTER_ROW(id, name_, unit_, doc_) {.name = (name_), .unit = (unit_), .doc = (doc_)},
static const struct pl_counter sink_counters[] = {PL_MODBUS_COUNT_MAP(COUNTER_ROW)
                                                      PL__SINK_COUNT_MAP(COUNTER_ROW){.name = NULL}};

const struct pl_operator pl__sink_modbus = {
    PL_OPERATOR("sink.modbus", "Writes set points to a device by Modbus TCP and reads each one back."),
    .doc =
        "Before a write the device's own manual switch is asked; what was written is read back, and only a value that\n"
        "is found there is verified. A write without an answer is looked for before it is repeated; nothing is\n"
        "written from the expiry of a set point on. The newest set point of a tag counts: an older one that still\n"
        "waits is superseded. One whose value is NaN withdraws what has not been written.\n\n"
        "Every set point has an end, told as an event: setpoint.verified, .refused, .failed, .expired, .superseded,\n"
        ".withdrawn or .unmapped; one that is only renewed is counted. A write is in the audit before it leaves, and\n"
        "how it ended behind it, with `isolate: process` too. `setpoints list` shows what stands at each tag.",
    .guarantee = "A set point is verified or its event says why not; what had left when the process died is in the "
                 "audit as sent, and from the next start on as not known. None is written after its expiry.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SETPOINTS), .doc = "Set points that a guard has let pass."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_EVENTS), .doc = "How each set point ended; the connection."}),
    .options = sink_options,
    .counters = sink_counters,
    .scope = PL_GLOBAL,
    .flags = PL_OP_FIELD | PL_OP_ANY_ORDER | PL_OP_BLOCKING,
    .instance_size = sizeof(struct pl__sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .changed = sink_changed,
    .stop = sink_stop,
    .close = sink_close,
    .commands = pl__sink_commands,
};
