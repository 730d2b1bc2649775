/* source.c: source.modbus. The pieces are elsewhere: the map (points.h), one poll (cycle.h), when (schedule.h), events
 * (report.h), a plant that owns time (lockstep.h). Callbacks of the loop only fill the points and the ring of events
 * and wake the node; everything is emitted from `produce`. */
#include <potline/plugin.h>
#include <stdio.h>
#include <uv.h>

#include "cycle.h"
#include "lockstep.h"
#include "schedule.h"

enum { BATCH_ROWS = 4096, PORT_SAMPLES = 0, PORT_EVENTS = 1 };

/* Own counters follow those of the client. */
enum count { COUNT_POLLS = PL_MODBUS_COUNTS, COUNT_OVERRUNS, COUNT_STALE, COUNT_MISSING, COUNT_EVENTS, COUNTS };

enum time_choice { TIME_ANSWER, TIME_SCHEDULE };

/* Polls of a longer absence are not counted but for its end. */
static const pl_time ABSENCE_MAX = 31 * PL_DAY;

struct source {
    const char *endpoint;
    int64_t unit;
    pl_time poll;
    bool align;
    struct pl_list registers;
    uint32_t words, bytes; /* 0 big, 1 little */
    int64_t gap, max_registers, max_bits;
    int64_t in_flight;
    pl_time timeout, backoff, backoff_max, stale_after;
    uint32_t time; /* enum time_choice */
    bool clock_given;
    struct pl__clock_options clock;

    struct pl_node *node;
    uv_timer_t timer; /* the next poll; in lockstep the next question */
    bool timer_open;
    struct pl_modbus_client *client;
    struct pl__points points;
    struct pl__report report;
    struct pl__schedule schedule;
    struct pl__cycle cycle;
    struct pl__lockstep lockstep;
    bool ready;       /* a cycle has finished and is not all emitted */
    bool unanswered;  /* a step of the plant has been emitted */
    uint32_t emitted; /* points of it */
    pl_time progress; /* behind its newest row */
    uint64_t polls, overruns;
    pl_time slot;   /* of the cycle at hand; 0: none has begun */
    pl_time polled; /* of the last one whose rows went out; 0: none has */
    uint64_t counted[COUNTS];
    bool stopping;
};

/* ---- Options as the parts want them ---- */

static struct pl__map_options map_options(const struct source *source) {
    return (struct pl__map_options){
        .rows = source->registers.items,
        .count = source->registers.count,
        .unit = (uint8_t)source->unit,
        .order = {source->words == 1, source->bytes == 1},
        .limits = {(unsigned)source->max_registers, (unsigned)source->max_bits, (unsigned)source->gap},
    };
}

/* Unless told otherwise, a device that does not answer shall not make the next poll late. */
static pl_time deadline(const struct source *source) {
    if (source->timeout > 0) return source->timeout;
    pl_time most = source->poll / 5 * 4;
    return source->clock_given || most > PL_SECOND ? PL_SECOND : most;
}

static void source_check(void *self, struct pl_check *check) {
    const struct source *source = self;
    char host[PL_MODBUS_HOST_MAX + 1];
    uint16_t port;
    if (!pl_modbus_endpoint_parse(source->endpoint, host, &port))
        pl_check_error(check, "endpoint", "host:port is wanted, found '%s'", source->endpoint);
    if (source->backoff > source->backoff_max) pl_check_error(check, "backoff", "is longer than backoff_max");
    if (source->timeout > source->poll && !source->clock_given)
        pl_check_warning(check, "timeout", "is longer than poll: while the device is silent, polls will be left out");
    struct pl__map_options map = map_options(source);
    pl__map_check(&map, check);
    if (!source->clock_given) return;
    pl__clock_check(&source->clock, check);
    if (pl_check_given(check, "align"))
        pl_check_error(check, "align", "there is no schedule where the plant owns time");
    if (pl_check_given(check, "time")) pl_check_error(check, "time", "rows carry the plant's time where it owns time");
}

/* ---- What the loop calls ---- */

static void count_to(struct source *source, unsigned index, uint64_t total) {
    pl_count(source->node, index, total - source->counted[index]);
    source->counted[index] = total;
}

static void counters_update(struct source *source) {
    for (unsigned i = 0; source->client && i < PL_MODBUS_COUNTS; i++)
        count_to(source, i, pl_modbus_client_count(source->client, (enum pl_modbus_count)i));
    count_to(source, COUNT_POLLS, source->polls);
    count_to(source, COUNT_OVERRUNS, source->overruns);
    count_to(source, COUNT_STALE, source->cycle.stale);
    count_to(source, COUNT_MISSING, source->cycle.missing);
    count_to(source, COUNT_EVENTS, source->report.left_out);
}

/* Both clocks at the same moment: read again when the thread was set aside in between. */
static int64_t clocks_read(const struct source *source, pl_time *now) {
    for (int attempt = 0;; attempt++) {
        uint64_t monotonic = uv_hrtime();
        *now = pl_now(source->node);
        if (attempt == 3 || uv_hrtime() - monotonic < 100 * PL_MICROSECOND) return (int64_t)monotonic;
    }
}

static void on_timer(uv_timer_t *timer);

static void timer_arm(struct source *source, pl_time wait) {
    uint64_t milliseconds = wait > 0 ? (uint64_t)(wait + PL_MILLISECOND - 1) / PL_MILLISECOND : 0;
    uv_timer_start(&source->timer, on_timer, milliseconds, 0);
}

static void on_finished(void *user) {
    struct source *source = user;
    source->polls++;
    if (source->clock_given && !pl__lockstep_polled(&source->lockstep)) return;
    source->ready = true;
    source->emitted = 0;
    /* The next poll gives newer rows only: those of this one need not wait for it at a merge. */
    source->progress = (source->cycle.fixed ? source->cycle.time : pl_now(source->node)) + 1;
    pl_wake(source->node);
}

/* Polls that were due and not made, of every tag. */
static void lose_polls(struct source *source, pl_time near, uint64_t polls, const char *cause) {
    for (uint32_t i = 0; i < source->points.count; i++)
        pl_lost(source->node, PL_LOSS_MISSING, source->points.tag[i], near, polls, cause);
}

static void on_slot(struct source *source) {
    pl_time now, stamp = source->schedule.stamp;
    int64_t monotonic = clocks_read(source, &now);
    uint64_t left_out = pl__schedule_next(&source->schedule, monotonic, now);
    bool busy = source->cycle.running || source->ready, may = pl_may_act(source->node);
    if (left_out + busy) lose_polls(source, stamp, left_out + busy, "overrun");
    source->overruns += left_out + busy;
    if (!busy && !may) lose_polls(source, stamp, 1, "not_owned");
    if (!busy && may) {
        source->slot = stamp;
        pl__cycle_begin(&source->cycle, source->time == TIME_SCHEDULE, stamp);
    }
    counters_update(source);
}

static void on_timer(uv_timer_t *timer) {
    struct source *source = timer->data;
    if (source->clock_given) {
        pl__lockstep_go_on(&source->lockstep);
        return;
    }
    if ((int64_t)uv_hrtime() >= source->schedule.due) on_slot(source);
    timer_arm(source, source->schedule.due - (int64_t)uv_hrtime());
}

static void schedule_start(struct source *source) {
    pl_time now;
    int64_t monotonic = clocks_read(source, &now);
    pl__schedule_start(&source->schedule, source->poll, source->align, monotonic, now);
    timer_arm(source, source->schedule.due - monotonic);
}

static void on_retry(void *user, pl_time after) {
    timer_arm(user, after);
}

static void on_link(void *user, bool up, const char *why) {
    struct source *source = user;
    pl_time now = pl_now(source->node);
    if (!up) pl__report_down(&source->report, source->lockstep.started ? source->lockstep.time : now, why);
    pl__cycle_go_on(&source->cycle);
    if (up && source->clock_given) pl__lockstep_link_up(&source->lockstep);
}

static bool on_request(void *user) {
    return pl_may_act(((struct source *)user)->node);
}

/* ---- Life cycle ---- */

static void parts_connect(struct source *source) {
    source->cycle = (struct pl__cycle){
        .node = source->node,
        .client = source->client,
        .points = &source->points,
        .report = &source->report,
        .stale_after = source->stale_after,
        .finished = on_finished,
        .user = source,
    };
    if (!source->clock_given) return;
    source->lockstep.cycle = &source->cycle;
    source->lockstep.order = map_options(source).order;
    source->lockstep.retry = on_retry;
    source->lockstep.user = source;
    pl__lockstep_init(&source->lockstep, &source->clock, (uint8_t)source->unit, source->poll);
}

static enum pl_code client_open(struct source *source, struct pl_error **error) {
    char host[PL_MODBUS_HOST_MAX + 1];
    struct pl_modbus_options options = {
        .host = host,
        .in_flight = (unsigned)source->in_flight,
        .timeout = deadline(source),
        .backoff = source->backoff,
        .backoff_max = source->backoff_max,
        .link = on_link,
        .may = on_request,
        .user = source,
    };
    if (!pl_modbus_endpoint_parse(source->endpoint, host, &options.port))
        return pl_error_set(error, PL_SYNTAX, "host:port is wanted, found '%s'", source->endpoint);
    source->client = pl_modbus_client_new(pl_node_loop(source->node), &options, error);
    return source->client ? PL_OK : PL_NO_MEMORY;
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *source = self;
    source->node = node;
    struct pl__map_options map = map_options(source);
    enum pl_code code = pl__points_init(&source->points, &map, pl_node_tags(node), error);
    if (!code) code = pl__report_init(&source->report, node, source->endpoint, error);
    if (!code) code = client_open(source, error);
    if (code) return code;
    parts_connect(source);
    int status = uv_timer_init(pl_node_loop(node), &source->timer);
    if (status) return pl_error_set(error, PL_UNAVAILABLE, "a timer: %s", uv_strerror(status));
    source->timer.data = source;
    source->timer_open = true;
    if (!source->clock_given) schedule_start(source);
    return PL_OK;
}

static void disconnect(struct source *source) {
    if (source->timer_open) uv_timer_stop(&source->timer);
    pl_modbus_client_free(source->client);
    source->client = NULL;
    source->cycle.running = false;
}

static void source_changed(void *self, struct pl_node *node, const struct pl_option *option) {
    struct source *source = self;
    (void)node;
    (void)option;
    source->cycle.stale_after = source->stale_after;
    if (source->client) pl_modbus_client_set_timeout(source->client, deadline(source));
    if (!source->clock_given && source->client && source->poll != source->schedule.period) schedule_start(source);
}

static void source_close(void *self, struct pl_node *node) {
    struct source *source = self;
    (void)node;
    disconnect(source);
    if (source->timer_open) uv_close((uv_handle_t *)&source->timer, NULL);
    source->timer_open = false;
    pl__report_fini(&source->report);
    pl__points_fini(&source->points);
}

/* ---- Data ---- */

static enum pl_flow emit_samples(struct source *source, struct pl_node *node) {
    uint32_t left = source->points.count - source->emitted;
    if (source->clock_given) pl_plant_time(node, source->lockstep.time);
    struct pl_batch *batch = pl_node_batch(node, PL_SAMPLES, left < BATCH_ROWS ? left : BATCH_ROWS, 0);
    if (!batch) return pl_fail(node, "no memory for a batch of samples");
    source->emitted = pl__points_fill(&source->points, source->emitted, batch);
    enum pl_flow flow = pl_emit(node, PORT_SAMPLES, &batch);
    if (source->emitted < source->points.count) return flow;
    source->ready = false;
    source->polled = source->slot;
    pl_progress(node, source->progress);
    source->unanswered = source->clock_given;
    return flow;
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    struct source *source = self;
    if (!source->stopping) counters_update(source);
    enum pl_flow flow = pl__report_emit(&source->report, PORT_EVENTS);
    if (flow != PL_FLOW_WAIT) return flow;
    if (source->ready) return emit_samples(source, node);
    if (source->unanswered && source->client && pl_answered(node)) {
        source->unanswered = false;
        pl__lockstep_emitted(&source->lockstep);
    }
    return source->stopping ? PL_FLOW_END : PL_FLOW_WAIT;
}

/* ---- State: the last poll that went out, so that the next run knows which were due while nobody ran ---- */

static void source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    pl_pack_int(pack, ((const struct source *)self)->polled);
}

/* The slots between the last poll and the next one, hour by hour. */
static enum pl_code source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                   struct pl_error **error) {
    struct source *source = self;
    pl_time last, next = source->schedule.stamp, period = source->poll;
    (void)node;
    if (!pl_unpack_int(unpack, &last)) return pl_error_set(error, PL_CORRUPT, "not the time of a poll");
    if (source->clock_given || !last || last > next) return PL_OK;
    source->polled = last;
    if (next - last > ABSENCE_MAX) last = next - ABSENCE_MAX;
    for (pl_time at = last + period; at < next - period / 2;) {
        pl_time hour_end = at - at % PL_HOUR + PL_HOUR,
                end = hour_end < next - period / 2 ? hour_end : next - period / 2;
        uint64_t polls = (uint64_t)((end - at + period - 1) / period);
        lose_polls(source, at, polls, "not_running");
        at += (pl_time)polls * period;
    }
    return PL_OK;
}

/* What was polled goes out, for nobody asks for it any more. A step of a plant that waits is not taken by halves: it is
 * there for the next run. */
static void source_stop(void *self, struct pl_node *node) {
    struct source *source = self;
    counters_update(source);
    disconnect(source);
    source->stopping = true;
    if (source->clock_given) source->ready = source->unanswered = false;
    while (source_produce(self, node) == PL_FLOW_OK)
        ;
}

/* ---- Descriptor ---- */

static const char *const table_names[] = {"holding", "input", "coil", "discrete", NULL};
static const char *const register_table_names[] = {"holding", "input", NULL};
static const char *const row_order_names[] = {"node", "big", "little", NULL};
static const char *const order_names[] = {"big", "little", NULL};
static const char *const time_names[] = {"answer", "schedule", NULL};

static const struct pl_option register_options[] = {
    PL_OPT_STRING(struct pl__register, tag, "tag", NULL, PL_FIXED, "The tag that the value belongs to."),
    PL_OPT_INT(struct pl__register, address, "address", NULL, "0", "65535", PL_FIXED,
               "0-based address of the first register, or of the coil."),
    PL_OPT_CHOICE(struct pl__register, table, "table", "holding", table_names, PL_FIXED, "Where the address counts."),
    PL_OPT_CHOICE(struct pl__register, type, "type", "uint16", pl_modbus_type_names, PL_FIXED,
                  "What the registers hold; coils and discrete inputs are always bool."),
    PL_OPT_INT(struct pl__register, bit, "bit", "-1", "-1", "15", PL_FIXED,
               "Of a bool in a register: its bit, 0 the lowest; -1: true when the register is not 0."),
    PL_OPT_CHOICE(struct pl__register, words, "words", "node", row_order_names, PL_FIXED,
                  "Order of the registers of a longer value, or as the node says."),
    PL_OPT_CHOICE(struct pl__register, bytes, "bytes", "node", row_order_names, PL_FIXED,
                  "Order of the bytes in a register, or as the node says."),
    PL_OPT_NUMBER(struct pl__register, scale, "scale", "1", NULL, NULL, PL_FIXED, "value = raw * scale + offset"),
    PL_OPT_NUMBER(struct pl__register, offset, "offset", "0", NULL, NULL, PL_FIXED, "value = raw * scale + offset"),
    PL_OPT_INT(struct pl__register, unit, "unit", "-1", "-1", "255", PL_FIXED, "Unit id; -1: the node's."),
    PL_OPT_STRING(struct pl__register, description, "description", "", PL_FIXED, "For people."),
    PL_OPT_END,
};

static const struct pl_option clock_options[] = {
    PL_OPT_CHOICE(struct source, clock.table, "table", "holding", register_table_names, PL_FIXED,
                  "Where time and step are read."),
    PL_OPT_INT(struct source, clock.time, "time", NULL, "0", "65532", PL_FIXED,
               "Address of the plant's time: uint64, ns since 1970, 4 registers."),
    PL_OPT_INT(struct source, clock.step, "step", NULL, "0", "65534", PL_FIXED,
               "Address of the step's number: uint32, 2 registers."),
    PL_OPT_INT(struct source, clock.acknowledge, "acknowledge", NULL, "0", "65534", PL_FIXED,
               "Address of the 2 holding registers that take the number of the step that was taken."),
    PL_OPT_INT(struct source, clock.unit, "unit", "-1", "-1", "255", PL_FIXED, "Unit id; -1: the node's."),
    PL_OPT_END,
};

static const struct pl_option source_options[] = {
    PL_OPT_STRING(struct source, endpoint, "endpoint", NULL, PL_FIXED, "host:port of the device; port 502 if none."),
    PL_OPT_INT(struct source, unit, "unit", "1", "0", "255", PL_FIXED, "Unit id of rows that name none."),
    PL_OPT_DURATION(struct source, poll, "poll", "1s", "1ms", "1d", PL_LIVE, "Time from one poll to the next."),
    PL_OPT_BOOL(struct source, align, "align", "false", PL_FIXED, "Poll at multiples of `poll` of the clock."),
    PL_OPT_LIST(struct source, registers, "registers", NULL, struct pl__register, register_options, PL_FIXED,
                "The register map: a list, or a CSV file with a header."),
    PL_OPT_CHOICE(struct source, words, "words", "big", order_names, PL_FIXED,
                  "Order of the registers of a longer value, where a row does not say."),
    PL_OPT_CHOICE(struct source, bytes, "bytes", "big", order_names, PL_FIXED,
                  "Order of the bytes in a register, where a row does not say."),
    PL_OPT_INT(struct source, gap, "gap", "0", "0", "124", PL_FIXED,
               "Registers (or bits) that nobody wants and that may be read along to save a request."),
    PL_OPT_INT(struct source, max_registers, "max_registers", "125", "1", "125", PL_FIXED,
               "Registers in one request at most."),
    PL_OPT_INT(struct source, max_bits, "max_bits", "2000", "1", "2000", PL_FIXED, "Bits in one request at most."),
    PL_OPT_INT(struct source, in_flight, "in_flight", "4", "1", "16", PL_FIXED,
               "Requests under way at once; 1 for a device that takes them one by one."),
    PL_OPT_DURATION(struct source, timeout, "timeout", "0s", "0s", "1m", PL_LIVE,
                    "Deadline of a request and of an attempt to connect; 0s: four fifths of `poll`, at most 1s."),
    PL_OPT_DURATION(struct source, backoff, "backoff", "100ms", "1ms", "1h", PL_FIXED,
                    "Wait before the second attempt to connect; doubles with every further one."),
    PL_OPT_DURATION(struct source, backoff_max, "backoff_max", "10s", "1ms", "1d", PL_FIXED,
                    "The longest wait between attempts to connect."),
    PL_OPT_DURATION(struct source, stale_after, "stale_after", "10s", "0s", "1d", PL_LIVE,
                    "How long a last value is uncertain while there is no new one; bad from then on."),
    PL_OPT_CHOICE(struct source, time, "time", "answer", time_names, PL_FIXED,
                  "What time rows carry: of their answer, or of the poll by schedule."),
    PL_OPT_GROUP(struct source, clock_given, "clock", "false", clock_options, PL_FIXED,
                 "The device is a plant that owns time: one poll for each of its steps."),
    PL_OPT_END,
};

#define COUNTER_ROW(id, name_, unit_, doc_) {.name = (name_), .unit = (unit_), .doc = (doc_)},

const struct pl_operator pl__source_modbus = {
    PL_OPERATOR("source.modbus", "Polls a device by Modbus TCP."),
    .doc =
        "One node has one connection to one device and polls its register map on an absolute schedule; a poll gives\n"
        "every tag one row. While the device does not answer, its last values go on as uncertain and stale, later as\n"
        "bad, on the same schedule, and one event says so; it is reconnected with growing waits and nothing else in\n"
        "the graph waits for it.",
    .guarantee =
        "What the device held while nobody polled is not seen. A poll that was emitted is in the log before it "
        "is processed.",
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "One row a tag and poll."},
                        {.name = "events",
                         .kinds = PL_SET(PL_EVENTS),
                         .doc = "modbus.connected, .disconnected, .timeout, .exception, .recovered."}),
    .options = source_options,
    .counters =
        PL_COUNTERS(PL_MODBUS_COUNT_MAP(COUNTER_ROW){.name = "polls", .unit = "polls", .doc = "Polls that have ended."},
                    {.name = "overruns", .unit = "polls", .doc = "Polls left out because one was still going on."},
                    {.name = "stale", .unit = "rows", .doc = "Rows without an answer: the last value goes on."},
                    {.name = "missing", .unit = "rows", .doc = "Values that were no finite number."},
                    {.name = "events_left_out", .unit = "events", .doc = "Events beyond the ring of events."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_OWNS_TIME,
    .instance_size = sizeof(struct source),
    .check = source_check,
    .open = source_open,
    .produce = source_produce,
    .snapshot = source_snapshot,
    .restore = source_restore,
    .changed = source_changed,
    .stop = source_stop,
    .close = source_close,
};
