/* What the process of an isolated node may say: refused, or rows of a kind that its port gives, with names that there
 * are, and state that is whole.
 *
 * The first byte: 1 it has begun already, 2 a batch is given to it, 4 a watermark, 8 a barrier, 16 the end, 32 a call,
 * 64 it is a program that is none of ours; 64 and 32 one that takes set points to the field, as that of the OPC UA
 * gateway does. Then frames, or messages of a program: two bytes of length, the frame. */
#include <stdlib.h>
#include <string.h>

#include "batch/batch_impl.h"
#include "expect.h"
#include "graph/registry.h"
#include "runtime/engine_impl.h"
#include "runtime/isolation_impl.h"
#include "runtime/program_wire.h"

enum { BEGUN = 1, BATCH = 2, WATERMARK = 4, BARRIER = 8, END = 16, CALL = 32, PROGRAM = 64, HEAD = 2 };

struct any {
    int64_t number;
};

static enum pl_flow produce(void *self, struct pl_node *node) {
    (void)self;
    (void)node;
    return PL_FLOW_END;
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)node;
    (void)input;
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

static const struct pl_operator source = {
    PL_OPERATOR("fuzz.source", "Rows."),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .instance_size = sizeof(struct any),
    .produce = produce,
};

static const struct pl_operator node = {
    PL_OPERATOR("fuzz.node", "Works elsewhere."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_SAME, ""}, {"told", PL_SET(PL_EVENTS), PL_PORT_FIXED, ""}),
    .counters = PL_COUNTERS({"a", "rows", ""}, {"b", "rows", ""}),
    .tables = PL_TABLES({.name = "t", .version = 1, .record_size = 8, .doc = ""}),
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct any),
    .process = process,
};

struct program {
    struct pl_program program;
};

static const struct pl_option program_options[] = {PL_PROGRAM_OPTIONS(struct program), PL_OPT_END};

static const struct pl_operator program = {
    PL_OPERATOR("fuzz.program", "Works elsewhere, in a way of its own."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_SAME, ""}, {"told", PL_SET(PL_EVENTS), PL_PORT_FIXED, ""}),
    .options = program_options,
    .scope = PL_GLOBAL,
    .flags = PL_OP_PROGRAM,
    .instance_size = sizeof(struct program),
    .process = process,
};

static const struct pl_operator guard = {
    PL_OPERATOR("fuzz.guard", "Set points."),
    .outputs = PL_PORTS({"out", PL_SET(PL_SETPOINTS), PL_PORT_FIXED, ""}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_GUARD,
    .instance_size = sizeof(struct any),
    .produce = produce,
};

static const struct pl_operator way = {
    PL_OPERATOR("fuzz.way", "Takes them to the field."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SETPOINTS), PL_PORT_FIXED, ""}),
    .outputs = PL_PORTS({"out", PL_SET(PL_EVENTS), PL_PORT_FIXED, ""}, {"told", PL_SET(PL_EVENTS), PL_PORT_FIXED, ""}),
    .options = program_options,
    .scope = PL_GLOBAL,
    .flags = PL_OP_PROGRAM | PL_OP_FIELD | PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct program),
    .process = process,
};

static const struct pl_operator sink = {
    PL_OPERATOR("fuzz.sink", "Takes them."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES) | PL_SET(PL_EVENTS), PL_PORT_FIXED, ""},
                       {"told", PL_SET(PL_EVENTS), PL_PORT_FIXED, ""}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct any),
    .process = process,
};

static const char text[] = "potline: 1\nname: fuzz\nlog: { kind: none }\nqueue: { batches: 4 }\nnodes:\n"
                           "  in: { op: %s }\n  node: { op: %s, from: in, isolate: process }\n"
                           "  out: { op: fuzz.sink, from: { in: node, told: node.told } }\n";

enum kind { OURS, WORKS, WAY, KINDS };

static enum kind kind_of(uint8_t what) {
    return !(what & PROGRAM) ? OURS : what & CALL ? WAY : WORKS;
}

static const struct pl_graph *make_graph(const char *source_op, const char *op) {
    struct pl_graph *graph = NULL;
    struct pl_problem *problems;
    unsigned count;
    char all[sizeof text + 96];
    int length = snprintf(all, sizeof all, text, source_op, op);
    EXPECT(!pl_graph_parse(all, (size_t)length, "fuzz.yaml", &(struct pl_graph_options){0}, &graph, &problems, &count));
    pl_problems_free(problems, count);
    return graph;
}

static const struct pl_graph *the_graph(enum kind kind) {
    static const struct pl_graph *graphs[KINDS];
    if (!graphs[0]) {
        EXPECT(pl_registry_add(&source) && pl_registry_add(&node) && pl_registry_add(&program) &&
               pl_registry_add(&guard) && pl_registry_add(&way) && pl_registry_add(&sink));
        graphs[OURS] = make_graph("fuzz.source", "fuzz.node");
        graphs[WORKS] = make_graph("fuzz.source", "fuzz.program, command: none");
        graphs[WAY] = make_graph("fuzz.guard", "fuzz.way, command: none");
    }
    return graphs[kind];
}

/* ---- What the engine has said to it ---- */

static void say(struct pl_isolation *is, enum pl_frame_type type) {
    struct pl_frame frame = {.type = (uint8_t)type};
    EXPECT(pl__isolation_take(is, &frame));
}

static enum pl_code never(struct pl_call *call, struct pl_node *on, struct pl_error **error) {
    (void)call;
    (void)on;
    (void)error;
    abort();
}

static void came_back(struct pl_call *call) {
    EXPECT(call->row_count <= PL_REPLY_ROWS_MAX && strlen(call->object) < PL_CALL_TEXT);
    EXPECT(!call->code == !call->error);
    pl_call_free(call);
}

static void ask(struct pl_isolation *is) {
    struct pl_call *call = pl_call_new();
    EXPECT(call);
    call->run = never;
    call->where = PL_CALL_OPTIONS;
    call->done = came_back;
    call->number = ++is->call_number;
    call->next = is->calls;
    is->calls = call;
}

static struct pl_batch *row_of(bool setpoint) {
    struct pl_batch *batch = pl_batch_new(setpoint ? PL_SETPOINTS : PL_SAMPLES, 1, 8);
    EXPECT(batch);
    if (setpoint) {
        batch->setpoints.time[0] = 1;
        batch->setpoints.id[0] = 7;
        batch->setpoints.tag[0] = batch->setpoints.origin[0] = 0;
        batch->setpoints.value[0] = batch->setpoints.lower[0] = batch->setpoints.upper[0] = 1;
        batch->setpoints.expiry[0] = PL_TIME_MAX;
        batch->setpoints.token[0] = 1;
        EXPECT(pl_batch_heap(batch, 0, "why", 3));
        batch->setpoints.end[0] = batch->heap_used[0];
    } else {
        batch->samples.time[0] = 1;
        batch->samples.tag[0] = 0;
        batch->samples.value[0] = 1;
        batch->samples.quality[0] = 0;
    }
    batch->rows = 1;
    pl_batch_seal(batch);
    return batch;
}

static void give(struct pl_task *task, uint8_t what) {
    struct pl_item item = {.type = PL_ITEM_BATCH};
    if (what & BATCH) {
        item.batch = row_of(kind_of(what) == WAY);
        pl__isolation_give(task, 0, &item);
    }
    if (what & WATERMARK) pl__isolation_give(task, 0, &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = 5});
    if (what & BARRIER) pl__isolation_give(task, 0, &(struct pl_item){.type = PL_ITEM_BARRIER, .epoch = 1});
    if (what & END) pl__isolation_give(task, 0, &(struct pl_item){.type = PL_ITEM_END});
}

/* ---- What has become of it ---- */

static void expect_sound(const struct pl_tags *tags, const struct pl_batch *batch, bool events) {
    EXPECT(batch->kind == (events ? PL_EVENTS : PL_SAMPLES));
    EXPECT(batch->rows > 0 && batch->rows <= batch->capacity);
    EXPECT(batch->header->partition == 0 && batch->source < pl_tags_count(tags));
    for (uint32_t i = 0; i < batch->rows; i++)
        EXPECT(pl_batch_keys(batch)[i] < pl_tags_count(tags));
}

static void take_all(struct pl_engine *engine, enum kind kind, pl_time *watermark) {
    struct pl_task *out = pl_engine_task(engine, 2);
    struct pl_item item;
    unsigned port;
    while (pl_gate_take(out->gate, &item, &port)) {
        if (item.type == PL_ITEM_WATERMARK) {
            EXPECT(item.time >= *watermark);
            *watermark = item.time;
        }
        if (item.type != PL_ITEM_BATCH) continue;
        expect_sound(pl_engine_tags(engine), item.batch, port || kind == WAY);
        pl_batch_unref(item.batch);
    }
}

/* What a frame says is inside of what it was read from, and state is one whole entry of a program's. */
static bool read_message(struct pl_program_wire *wire, const uint8_t *bytes, size_t size, struct pl_frame *frame) {
    struct pl_state_entry entry;
    if (!pl_program_wire_read(wire, bytes, size, frame)) {
        EXPECT(*wire->problem);
        return false;
    }
    EXPECT(frame->type > PL_FRAME_NONE && frame->type < PL_FRAME_TYPES && frame->port < 64);
    EXPECT(frame->size <= PL_PROGRAM_MESSAGE_MAX && frame->place_size <= PL_PROGRAM_PLACE_MAX);
    if (frame->place) {
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, frame->place, frame->place_size);
        EXPECT(pl_unpack_skip(&unpack) && unpack.at == unpack.end);
    }
    if (frame->type == PL_FRAME_STATE) {
        const char *at = frame->body, *end = at + frame->size;
        EXPECT(pl_state_next(&at, end, &entry) && at == end && entry.key[0] == PL_STATE_PROGRAM);
        EXPECT(entry.key_size > 1 && entry.key_size <= 1 + PL_PROGRAM_KEY_MAX);
        EXPECT(entry.value_size <= PL_PROGRAM_VALUE_MAX);
    }
    return true;
}

static bool take_frame(struct pl_engine *engine, struct pl_program_wire *wire, const uint8_t *bytes, size_t size) {
    struct pl_task *task = pl_engine_task(engine, 1);
    struct pl_frame frame;
    uint8_t *exact = malloc(size ? size : 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    bool read = wire ? read_message(wire, exact, size, &frame) : pl_frame_read(exact, size, false, &frame);
    bool taken = read && pl__isolation_take(task->isolation, &frame);
    free(exact);
    return taken && task->state != PL_TASK_ENDED;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct pl_engine *engine;
    pl_time watermark = PL_TIME_MIN;
    if (!size) return 0;
    struct pl_program_wire wire;
    enum kind kind = kind_of(*bytes);
    bool of_program = kind != OURS;
    EXPECT(!of_program || pl_program_wire_init(&wire));
    EXPECT(!pl_engine_new(the_graph(kind), &(struct pl_engine_options){0}, &engine, NULL));
    struct pl_task *task = pl_engine_task(engine, 1);
    task->node.config.recovers = true;
    if (*bytes & BEGUN) {
        say(task->isolation, PL_FRAME_HELLO);
        say(task->isolation, PL_FRAME_READY);
    }
    give(task, *bytes);
    if (*bytes & CALL && !of_program) ask(task->isolation);
    const uint8_t *at = bytes + 1, *end = bytes + size;
    while (end - at >= HEAD) {
        size_t length = (size_t)at[0] | (size_t)at[1] << 8, left = (size_t)(end - at) - HEAD;
        if (length > left) length = left;
        if (!take_frame(engine, of_program ? &wire : NULL, at + HEAD, length)) break;
        at += HEAD + length;
        take_all(engine, kind, &watermark);
    }
    pl__isolation_drop_calls(task->isolation, "over");
    pl_engine_free(engine);
    if (of_program) pl_program_wire_fini(&wire);
    return 0;
}
