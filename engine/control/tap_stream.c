/* tap_stream.c: `tap`: rows that a node emits, as a stream of replies. */
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/expr.h>

#include "control/batch_row.h"
#include "control/control_impl.h"
#include "control/node_name.h"
#include "control/tap_where.h"
#include "runtime/tap.h"

#define LEASE_NS (UINT64_C(10) * 1000000000)

enum { ROWS_A_REPLY = 500, INSTANCES_MAX = 256, BATCHES_A_TURN = 8, ROWS_A_TICK = 5000 /* of who asks inside */ };

struct tap_args {
    const char *node, *tags, *where;
    int64_t rows;
};

struct tapped {
    struct pl_task *task;
    struct pl_tap *tap;
    bool attached;
};

struct pl_stream {
    struct tapped list[INSTANCES_MAX];
    unsigned count;
    unsigned port;
    enum pl_kind kind;
    const char *tags; /* of the arguments, which live as long */
    struct pl_where *where;
    int64_t left;   /* rows to go; -1: no end */
    unsigned shown; /* rows since the last tick */
    uint64_t renewed;
    bool stands; /* the asker knows that no row is missed from now on */
    bool ended;
};

/* ---- Rows ---- */

static bool fits(struct pl_stream *stream, const struct pl_batch *batch, const struct pl_tags *tags, uint32_t row) {
    const char *name = pl_tags_get(tags, pl_batch_keys(batch)[row])->name;
    if (stream->tags[0] && !pl_glob(stream->tags, name)) return false;
    return pl_where_holds(stream->where, batch, row);
}

/* ---- The stream ---- */

static uint64_t dropped(const struct pl_stream *stream) {
    uint64_t rows = 0;
    for (unsigned i = 0; i < stream->count; i++)
        if (stream->list[i].tap) rows += pl_tap_dropped(stream->list[i].tap);
    return rows;
}

static void send_rows(struct pl_request *request) {
    struct pl_call *reply = request->reply;
    if (reply->row_count == 0) return;
    pl__reply_send(request, "more", PL_OK, NULL, dropped(request->stream));
    pl_pack_reset(reply->rows);
    reply->row_count = 0;
}

static void show(struct pl_request *request, const struct pl_batch *batch) {
    struct pl_stream *stream = request->stream;
    const struct pl_tags *tags = pl_engine_tags(request->control->options.engine);
    for (uint32_t i = 0; i < batch->rows && stream->left != 0; i++) {
        if (!fits(stream, batch, tags, i)) continue;
        pl_batch_row_put(pl_request_row(request, pl_batch_row_pairs(batch)), batch, tags, i, request->ask != NULL);
        if (stream->left > 0) stream->left--;
        stream->shown++;
        if (request->reply->row_count >= ROWS_A_REPLY) send_rows(request);
    }
}

/* Told by a reply without rows. */
void pl__stream_stands(struct pl_request *request) {
    struct pl_stream *stream = request->stream;
    if (stream->stands || stream->ended) return;
    stream->stands = true;
    pl__reply_send(request, "more", PL_OK, NULL, dropped(stream));
}

void pl__stream_pump(struct pl_request *request) {
    struct pl_stream *stream = request->stream;
    if (stream->ended) return;
    if (request->ask && stream->shown >= ROWS_A_TICK) return; /* the tap drops what is too much, and counts it */
    bool more = false;
    for (unsigned i = 0; i < stream->count; i++) {
        struct pl_batch *batch = NULL;
        int taken = 0;
        for (; taken < BATCHES_A_TURN && stream->left != 0 && stream->list[i].tap; taken++) {
            if (!(batch = pl_tap_take(stream->list[i].tap))) break;
            show(request, batch);
            pl_batch_unref(batch);
        }
        more |= taken == BATCHES_A_TURN;
    }
    send_rows(request);
    if (more) uv_async_send(&request->control->async); /* others have their turn first */
    if (stream->left == 0) pl__stream_cancel(request, PL_OK, NULL);
}

static enum pl_code attach(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    struct pl_request *request = call->owner;
    struct pl_task *task = node->owner;
    (void)error;
    for (unsigned i = 0; i < request->stream->count; i++)
        if (request->stream->list[i].task == task) pl_tap_attach(&task->taps, request->stream->list[i].tap);
    return PL_OK;
}

static enum pl_code detach(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    struct pl_request *request = call->owner;
    struct pl_task *task = node->owner;
    (void)error;
    for (unsigned i = 0; i < request->stream->count; i++)
        if (request->stream->list[i].task == task) pl_tap_detach(&task->taps, request->stream->list[i].tap);
    return PL_OK;
}

/* A node that has ended emits nothing any more: there is nothing to detach from. */
void pl__stream_cancel(struct pl_request *request, enum pl_code code, const char *why) {
    struct pl_stream *stream = request->stream;
    struct pl_error *error = NULL;
    if (stream->ended) return;
    stream->ended = true;
    request->control->tap_count--;
    for (unsigned i = 0; i < stream->count; i++) {
        struct tapped *tapped = &stream->list[i];
        if (tapped->attached && pl_request_call(request, tapped->task, detach, NULL) == PL_NO_MEMORY)
            tapped->tap = NULL; /* still the node's: rather lost than freed under it */
    }
    if (why) pl_error_set(&error, code, "%s", why);
    pl_request_answer(request, code, &error);
}

void pl__stream_renew(struct pl_request *request) {
    request->stream->renewed = uv_hrtime();
}

void pl__stream_tick(struct pl_request *request, uint64_t now) {
    struct pl_stream *stream = request->stream;
    bool any = false;
    stream->shown = 0;
    if (request->ask && !pl__ask_left(request->ask)) stream->renewed = now;
    if (request->ask && pl__ask_left(request->ask)) stream->renewed = 0;
    for (unsigned i = 0; i < stream->count; i++)
        any |= atomic_load(&stream->list[i].task->state) < PL_TASK_ENDED;
    if (!any && !stream->ended) pl__stream_pump(request);
    if (!stream->ended && (!any || now - stream->renewed > LEASE_NS)) pl__stream_cancel(request, PL_OK, NULL);
}

bool pl__stream_over(const struct pl_request *request) {
    return !request->stream || request->stream->ended;
}

void pl__stream_free(struct pl_stream *stream) {
    if (!stream) return;
    for (unsigned i = 0; i < stream->count; i++) {
        pl_tap_free(stream->list[i].tap);
        pl_task_unref(stream->list[i].task);
    }
    pl_where_free(stream->where);
    pl_free(stream);
}

/* ---- The command ---- */

static void wake(void *arg) { /* on the node's thread */
    struct pl_control *control = arg;
    uv_async_send(&control->async);
}

/* NODE or NODE.PORT: the node and its output. */
static enum pl_code find_output(const struct pl_graph *graph, const char *text, unsigned *node, unsigned *port,
                                struct pl_error **error) {
    const char *dot = strchr(text, '.');
    size_t length = dot ? (size_t)(dot - text) : strlen(text);
    for (*node = 0; *node < graph->node_count; ++*node)
        if (strlen(graph->nodes[*node].name) == length && memcmp(graph->nodes[*node].name, text, length) == 0) break;
    if (*node == graph->node_count) return pl__no_such_node(graph, text, error);
    const struct pl_port *ports = graph->nodes[*node].op->outputs;
    if (!ports || !ports[0].name)
        return pl_error_set(error, PL_USAGE, "%.*s is a sink: tap what it takes from", (int)length, text);
    for (*port = 0; ports[*port].name; ++*port)
        if (!dot || strcmp(ports[*port].name, dot + 1) == 0) return PL_OK;
    return pl_error_set(error, PL_NOT_FOUND, "%.*s has no output \"%s\"; outputs lists them", (int)length, text,
                        dot + 1);
}

static enum pl_code begin(struct pl_request *request, unsigned node, struct pl_error **error) {
    struct pl_stream *stream = request->stream;
    struct pl_engine *engine = request->control->options.engine;
    for (unsigned i = 0; i < pl_engine_task_count(engine) && stream->count < INSTANCES_MAX; i++) {
        struct pl_task *task = pl_engine_task(engine, i);
        if (task->graph_node != &pl_engine_graph(engine)->nodes[node]) continue;
        struct pl_tap *tap = pl_tap_new(stream->port, wake, request->control);
        if (!tap) return pl_error_set(error, PL_NO_MEMORY, "no memory for a tap");
        stream->list[stream->count++] = (struct tapped){.task = pl_task_ref(task), .tap = tap};
    }
    bool any = false;
    for (unsigned i = 0; i < stream->count; i++)
        any |= stream->list[i].attached = pl_request_call(request, stream->list[i].task, attach, NULL) == PL_OK;
    return any ? PL_OK : pl_error_set(error, PL_UNAVAILABLE, "the node has ended");
}

static enum pl_code run_tap(struct pl_request *request, struct pl_error **error) {
    const struct tap_args *args = request->args;
    const struct pl_graph *graph = pl_engine_graph(request->control->options.engine);
    unsigned node = 0, port = 0;
    enum pl_code code = find_output(graph, args->node, &node, &port, error);
    if (code) return code;
    if (request->control->tap_count >= PL__TAPS_MAX)
        return pl_error_set(error, PL_LIMIT, "there are %d taps already", PL__TAPS_MAX);
    struct pl_stream *stream = request->stream = PL_NEW(struct pl_stream);
    if (!stream) return pl_error_set(error, PL_NO_MEMORY, "no memory for a tap");
    request->control->tap_count++;
    stream->port = port;
    stream->kind = graph->nodes[node].kinds_out[port];
    stream->tags = args->tags;
    stream->left = args->rows ? args->rows : -1;
    stream->renewed = uv_hrtime();
    code = pl_where_new(args->where, stream->kind, &stream->where, error);
    if (!code) code = begin(request, node, error);
    if (code) {
        stream->ended = true;
        request->control->tap_count--;
        return code;
    }
    pl_request_later(request);
    return PL_BUSY;
}

static const struct pl_option tap_args[] = {
    PL_OPT_STRING(struct tap_args, node, "node", NULL, PL_FIXED, "NODE or NODE.PORT: whose rows."),
    PL_OPT_STRING(struct tap_args, tags, "tags", "", PL_FIXED, "A pattern of tags."),
    PL_OPT_STRING(
        struct tap_args, where, "where", "", PL_FIXED,
        "A condition over the row's columns, as \"value > 4.8\"; of events also numbers of the body, as body.value."),
    PL_OPT_INT(struct tap_args, rows, "rows", "0", "0", NULL, PL_FIXED, "End after so many rows; 0: go on."),
    PL_OPT_END,
};

/* ---- What can be tapped ---- */

static void put_output(struct pl_request *request, const struct pl_graph_node *node, unsigned port) {
    char output[2 * PL_NAME_MAX + 2], columns[PL_WHERE_COLUMNS_TEXT];
    enum pl_kind kind = node->kinds_out[port];
    struct pl_pack *pack = pl_request_row(request, 4);
    snprintf(output, sizeof output, "%s.%s", node->name, node->op->outputs[port].name);
    pl_where_columns(kind, " ", columns);
    pl_pack_pair_str(pack, "output", output);
    pl_pack_pair_str(pack, "node", node->name);
    pl_pack_pair_str(pack, "kind", pl_kind_info[kind].name);
    pl_pack_pair_str(pack, "columns", columns);
}

static enum pl_code run_outputs(struct pl_request *request, struct pl_error **error) {
    const struct pl_graph *graph = pl_engine_graph(request->control->options.engine);
    (void)error;
    for (unsigned i = 0; i < graph->node_count; i++)
        for (unsigned p = 0; graph->nodes[i].op->outputs && graph->nodes[i].op->outputs[p].name; p++)
            put_output(request, &graph->nodes[i], p);
    return PL_OK;
}

const struct pl_control_command pl__commands_tap[] = {
    {.spec = {.name = "outputs",
              .doc = "What tap can show: the outputs of nodes, and the columns for its --where.",
              .roles = PL_MAY_SEE},
     .run = run_outputs},
    {.spec = {.name = "tap",
              .doc = "Shows the rows that a node emits, as they come.",
              .roles = PL_MAY_SEE,
              .args = tap_args,
              .args_size = sizeof(struct tap_args)},
     .run = run_tap},
    PL_CONTROL_COMMANDS_END,
};
