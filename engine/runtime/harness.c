/* harness.c: potline/harness.h: a node whose host keeps what it emits. */
#include <potline/harness.h>

#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "runtime/call.h"
#include "runtime/node.h"
#include "store/store.h"

enum { RULES_MAX = 64, KEYS_MAX = 1000000, PORTS_MAX = 32 };

struct output {
    struct pl_batch **batches;
    uint32_t from, count, capacity;
};

struct pl_harness {
    struct pl_node node;
    const struct pl_operator *op;
    enum pl_kind kind;
    void *prototype;
    struct pl_options_owner *options;
    struct pl_tags *tags;
    struct pl_tag_rule rules[RULES_MAX];
    unsigned rule_count;
    struct pl_clock clock;
    struct pl_store *store; /* NULL: no data folder */
    uv_loop_t loop;
    uv_timer_t patience;
    bool woken;
    bool opened;
    enum pl_code open_code; /* of the one attempt */
    struct output outputs[PORTS_MAX];
};

static enum pl_flow capture(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct pl_harness *h = node->owner;
    struct output *out = &h->outputs[port];
    if (out->count == out->capacity) {
        uint32_t capacity = out->capacity ? out->capacity * 2 : 16;
        struct pl_batch **grown = pl_realloc(out->batches, capacity * sizeof *grown);
        if (!grown) {
            pl_batch_unref(batch);
            return pl_fail(node, "no memory to keep an output");
        }
        out->batches = grown;
        out->capacity = capacity;
    }
    out->batches[out->count++] = batch;
    return PL_FLOW_OK;
}

static bool wanted(const struct pl_node *node, unsigned port) {
    (void)node;
    (void)port;
    return true;
}

static void wake(struct pl_node *node) {
    struct pl_harness *h = node->owner;
    h->woken = true;
    uv_stop(&h->loop);
}

static const struct pl_node_host harness_host = {.emit = capture, .wanted = wanted, .wake = wake};

/* The node is opened at its first use, so that a test can declare tags before. */
static enum pl_code harness_open(struct pl_harness *h, struct pl_error **error) {
    if (h->opened) return h->open_code;
    h->opened = true;
    h->open_code = PL_NO_MEMORY;
    struct pl_tags_options options = {.rules = h->rules, .rule_count = h->rule_count};
    h->tags = pl_tags_new(&options);
    if (!h->tags) return pl_error_set(error, PL_NO_MEMORY, "no memory for the tags");
    struct pl_node_config config = {
        .op = h->op,
        .name = "node",
        .prototype = h->prototype,
        .kind = h->kind,
        .key_depth = 1,
        .max_keys = KEYS_MAX,
        .tags = h->tags,
        .clock = &h->clock,
        .loop = &h->loop,
        .store = h->store,
    };
    h->open_code = pl_node_init(&h->node, &config, &harness_host, h, error);
    if (!h->open_code) h->open_code = pl_node_open(&h->node, error);
    return h->open_code;
}

struct pl_harness *pl_harness_of(const struct pl_operator *op, const char *options, enum pl_kind kind,
                                 struct pl_error **error) {
    struct pl_harness *h = PL_NEW(struct pl_harness);
    if (!h) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for a harness");
        return NULL;
    }
    h->op = op;
    h->kind = kind;
    uv_loop_init(&h->loop);
    uv_timer_init(&h->loop, &h->patience);
    pl_clock_init(&h->clock, PL_CLOCK_WALL, 0);
    h->prototype = pl_alloc(op->instance_size);
    if (!h->prototype) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for a harness");
    } else if (pl_options_parse(op, options ? options : "", h->prototype, &h->options, error) == PL_OK) {
        return h;
    }
    pl_harness_free(h);
    return NULL;
}

struct pl_harness *pl_harness_new(const char *op, const char *options, enum pl_kind kind, struct pl_error **error) {
    pl_registry_load();
    const struct pl_operator *found = pl_registry_find(op);
    if (!found) {
        pl_error_set(error, PL_UNKNOWN, "no operator %s", op);
        return NULL;
    }
    return pl_harness_of(found, options, kind, error);
}

void pl_harness_free(struct pl_harness *h) {
    if (!h) return;
    if (h->node.self) pl_node_close(&h->node);
    uv_close((uv_handle_t *)&h->patience, NULL);
    while (uv_run(&h->loop, UV_RUN_DEFAULT)) /* a wake-up outside of the loop has it stop once before it begins */
        ;
    uv_loop_close(&h->loop);
    for (unsigned port = 0; port < PORTS_MAX; port++) {
        for (struct pl_batch *batch; (batch = pl_harness_pull(h, port));)
            pl_batch_unref(batch);
        pl_free(h->outputs[port].batches);
    }
    pl_node_fini(&h->node);
    pl_options_free(h->options);
    pl_free(h->prototype);
    pl_store_close(h->store);
    pl_tags_free(h->tags);
    pl_free(h);
}

void pl_harness_data(struct pl_harness *h, const char *path) {
    struct pl_error *error = NULL;
    if (pl_store_open(path, &(struct pl_store_options){0}, &h->store, &error)) pl_error_print(stderr, error);
    pl_error_free(&error);
}

void pl_harness_declare(struct pl_harness *h, const char *match, double low, double high) {
    if (h->rule_count < RULES_MAX)
        h->rules[h->rule_count++] = (struct pl_tag_rule){.match = match, .unit = "", .low = low, .high = high};
}

struct pl_tags *pl_harness_tags(struct pl_harness *h) {
    harness_open(h, NULL);
    return h->tags;
}

uint32_t pl_harness_tag(struct pl_harness *h, const char *name) {
    return pl_tags_intern(pl_harness_tags(h), name, strlen(name));
}

void *pl_harness_self(struct pl_harness *h) {
    harness_open(h, NULL);
    return h->node.self;
}

static bool ready(struct pl_harness *h) {
    struct pl_error *error = NULL;
    if (harness_open(h, &error) && !h->node.failure) {
        char *text = pl_error_text(error);
        if (h->node.self) pl_fail(&h->node, "%s", text ? text : "no memory");
        pl_free(text);
    }
    pl_error_free(&error);
    return !h->open_code && !h->node.failure && h->node.state == PL_NODE_OPEN;
}

void pl_harness_turn(struct pl_harness *h) {
    if (ready(h)) uv_run(&h->loop, UV_RUN_NOWAIT);
}

/* As in the runtime, a node that is busy is given nothing. */
static void wait_while_busy(struct pl_harness *h) {
    while (h->node.busy && uv_run(&h->loop, UV_RUN_ONCE))
        ;
}

enum pl_flow pl_harness_push(struct pl_harness *h, unsigned input, struct pl_batch *batch) {
    if (ready(h)) wait_while_busy(h);
    if (ready(h)) return pl_node_process(&h->node, input, batch);
    pl_batch_unref(batch);
    return PL_FLOW_FAIL;
}

pl_time pl_harness_watermark(struct pl_harness *h, pl_time now) {
    return ready(h) ? pl_node_watermark(&h->node, now) : PL_TIME_MIN;
}

void pl_harness_end(struct pl_harness *h) {
    if (!ready(h)) return;
    pl_node_watermark(&h->node, PL_TIME_MAX);
    pl_node_stop(&h->node);
    wait_while_busy(h);
}

static void patience_ends(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

enum pl_flow pl_harness_produce(struct pl_harness *h, pl_time wait) {
    if (!ready(h)) return PL_FLOW_FAIL;
    uint64_t until = uv_hrtime() + (uint64_t)wait;
    for (;;) {
        h->woken = false;
        uv_run(&h->loop, UV_RUN_NOWAIT);
        enum pl_flow flow = pl_node_produce(&h->node);
        uint64_t now = uv_hrtime();
        if (flow != PL_FLOW_WAIT || now >= until) return flow;
        if (h->woken) continue;
        uv_update_time(&h->loop);
        uv_timer_start(&h->patience, patience_ends, (until - now) / 1000000 + 1, 0);
        uv_run(&h->loop, UV_RUN_DEFAULT);
        uv_timer_stop(&h->patience);
    }
}

void pl_harness_clock(struct pl_harness *h, pl_time now) {
    if (h->clock.kind == PL_CLOCK_WALL)
        pl_clock_init(&h->clock, PL_CLOCK_LOG, now);
    else
        pl_clock_set(&h->clock, now);
}

struct pl_batch *pl_harness_pull(struct pl_harness *h, unsigned port) {
    if (port >= PORTS_MAX) return NULL;
    struct output *out = &h->outputs[port];
    if (out->from == out->count) {
        out->from = out->count = 0;
        return NULL;
    }
    return out->batches[out->from++];
}

uint64_t pl_harness_counter(const struct pl_harness *h, const char *name) {
    for (unsigned i = 0; h->op->counters && h->op->counters[i].name; i++)
        if (strcmp(h->op->counters[i].name, name) == 0) return h->node.counters ? pl_node_counter(&h->node, i) : 0;
    return UINT64_MAX; /* no such counter: no test can take this for a count */
}

const char *pl_harness_failure(const struct pl_harness *h) {
    return h->node.failure;
}

/* ---- Commands ---- */

static const struct pl_command *command_named(const struct pl_operator *op, const char *name) {
    for (const struct pl_command *c = op->commands; c && c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static char *rows_as_json(const struct pl_call *call) {
    struct pl_pack *all = pl_pack_new();
    if (!all) return NULL;
    pl_pack_array(all, call->row_count);
    pl_pack_raw(all, pl_pack_data(call->rows), pl_pack_size(call->rows));
    char *json = pl_pack_json(pl_pack_data(all), pl_pack_size(all));
    pl_pack_free(all);
    return json;
}

enum pl_code pl_harness_command(struct pl_harness *h, const char *command, const char *args, char **reply,
                                struct pl_error **error) {
    *reply = NULL;
    const struct pl_command *found = command_named(h->op, command);
    if (!found) return pl_error_set(error, PL_UNKNOWN, "%s has no command %s", h->op->name, command);
    if (!ready(h)) return pl_error_set(error, PL_UNAVAILABLE, "%s", h->node.failure ? h->node.failure : "not open");
    struct pl_operator shape = {.name = found->name, .options = found->args}; /* what pl_options_parse looks at */
    struct pl_options_owner *owner = NULL;
    struct pl_call *call = pl_call_new();
    void *filled = pl_alloc(found->args_size + 1);
    enum pl_code code = call && filled ? pl_options_parse(&shape, args, filled, &owner, error)
                                       : pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    if (!code) {
        call->run = pl_call_run_command;
        call->command = found;
        call->args = filled;
        call->role = PL_ROLE_ADMIN;
        snprintf(call->user, sizeof call->user, "test");
        pl_call_carry_out(call, &h->node);
        code = call->code;
        if (error && call->error) {
            *error = call->error;
            call->error = NULL;
        }
        *reply = rows_as_json(call);
    }
    pl_options_free(owner);
    pl_free(filled);
    pl_call_free(call);
    return code;
}

void *pl_harness_snapshot(struct pl_harness *h, size_t *size) {
    struct pl_pack *pack = ready(h) ? pl_pack_new() : NULL;
    if (!pack) return NULL;
    pl_node_snapshot(&h->node, pack);
    *size = pl_pack_size(pack);
    void *bytes = pl_pack_failed(pack) ? NULL : pl_alloc(*size);
    if (bytes) memcpy(bytes, pl_pack_data(pack), *size);
    pl_pack_free(pack);
    return bytes;
}

enum pl_code pl_harness_restore(struct pl_harness *h, const void *bytes, size_t size, struct pl_error **error) {
    if (!ready(h)) return pl_error_set(error, PL_UNAVAILABLE, "%s", h->node.failure ? h->node.failure : "not open");
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes, size);
    return pl_node_restore(&h->node, &unpack, error);
}
