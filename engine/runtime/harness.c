/* harness.c: potline/harness.h: a node whose host keeps what it emits. */
#include <potline/harness.h>

#include <math.h>
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

/* What an engine would have stored: the entries of all snapshots, one behind the other in order of their keys. */
struct stored {
    struct pl_state_entry entry; /* points into `bytes` */
    char *bytes;
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
    _Atomic int64_t lease;
    uv_loop_t loop;
    uv_timer_t patience;
    bool woken;
    bool opened;
    bool forgets;
    uint32_t names;         /* 0: as many as a registry takes by itself */
    enum pl_code open_code; /* of the one attempt */
    struct output outputs[PORTS_MAX];
    struct stored *stored;
    uint32_t stored_count;
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
    struct pl_tags_options options = {.rules = h->rules, .rule_count = h->rule_count, .limit = h->names};
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
        .lease = &h->lease,
        .recovers = !h->forgets,
        .keeps_losses = !h->op->inputs,
    };
    h->open_code = pl_node_init(&h->node, &config, &harness_host, h, error);
    if (h->forgets) h->node.epoch = 0;
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
    h->lease = INT64_MAX;
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
    for (uint32_t i = 0; i < h->stored_count; i++)
        pl_free(h->stored[i].bytes);
    pl_free(h->stored);
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

void pl_harness_names(struct pl_harness *h, uint32_t most) {
    h->names = most;
}

void pl_harness_forgets(struct pl_harness *h) {
    h->forgets = true;
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

_Static_assert((int)PL_HARNESS_LETTERS == (int)PL_PORT_LETTERS && (int)PL_HARNESS_LETTERS < (int)PORTS_MAX, "one port");

enum pl_code pl_harness_inject(struct pl_harness *h, const void *bytes, size_t size, struct pl_error **error) {
    if (!ready(h)) return pl_error_set(error, PL_UNAVAILABLE, "%s", h->node.failure ? h->node.failure : "not open");
    if (!h->op->inject) return pl_error_set(error, PL_USAGE, "%s takes nothing again", h->op->name);
    return h->op->inject(h->node.self, &h->node, bytes, size, error);
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

void pl_harness_owns(struct pl_harness *h, bool owns) {
    atomic_store(&h->lease, owns ? INT64_MAX : 0);
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

double pl_harness_gauge(const struct pl_harness *h, const char *name) {
    for (unsigned i = 0; h->op->gauges && h->op->gauges[i].name; i++)
        if (strcmp(h->op->gauges[i].name, name) == 0) return h->node.counters ? pl_node_gauge(&h->node, i) : NAN;
    return NAN;
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

/* ---- State ---- */

static int compare_keys(const struct pl_state_entry *a, const struct pl_state_entry *b) {
    uint32_t common = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order = memcmp(a->key, b->key, common);
    return order ? order : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

static bool set_entry(struct stored *stored, const struct pl_state_entry *entry) {
    char *bytes = pl_alloc(entry->key_size + entry->value_size + 1);
    if (!bytes) return false;
    memcpy(bytes, entry->key, entry->key_size);
    memcpy(bytes + entry->key_size, entry->value, entry->value_size);
    pl_free(stored->bytes);
    *stored = (struct stored){.entry = *entry, .bytes = bytes};
    stored->entry.key = bytes;
    stored->entry.value = bytes + entry->key_size;
    return true;
}

static bool store_entry(struct pl_harness *h, const struct pl_state_entry *entry) {
    uint32_t low = 0, high = h->stored_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_keys(&h->stored[middle].entry, entry) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < h->stored_count && compare_keys(&h->stored[low].entry, entry) == 0;
    struct stored *at = h->stored ? h->stored + low : NULL;
    if (!entry->value) {
        if (!there) return true;
        pl_free(at->bytes);
        memmove(at, at + 1, (--h->stored_count - low) * sizeof *at);
        return true;
    }
    if (there) return set_entry(at, entry);
    struct stored made = {0}, *grown = pl_realloc(h->stored, (h->stored_count + 1) * sizeof *grown);
    if (!grown) return false;
    h->stored = grown;
    if (!set_entry(&made, entry)) return false;
    memmove(grown + low + 1, grown + low, (h->stored_count++ - low) * sizeof *grown);
    grown[low] = made;
    return true;
}

static bool store_changes(struct pl_harness *h) {
    struct pl_buffer changes;
    pl_buffer_init(&changes, SIZE_MAX / 2);
    pl_node_save(&h->node, &changes);
    const char *at = changes.data, *end = at + changes.size;
    bool good = !pl_buffer_failed(&changes);
    for (struct pl_state_entry entry; good && pl_state_next(&at, end, &entry);)
        good = store_entry(h, &entry);
    pl_buffer_fini(&changes);
    return good;
}

/* A record that was changed through a pointer of pl_table_find or an earlier epoch is in the table, and not among the
 * changes. */
static bool nothing_is_missing(struct pl_harness *h, const struct pl_buffer *all) {
    const char *at = all->data, *end = at + all->size;
    uint32_t count = 0;
    for (struct pl_state_entry entry; pl_state_next(&at, end, &entry); count++) {
        const struct stored *stored = NULL;
        for (uint32_t i = 0; i < h->stored_count && !stored; i++)
            if (compare_keys(&h->stored[i].entry, &entry) == 0) stored = &h->stored[i];
        if (!stored || stored->entry.value_size != entry.value_size ||
            memcmp(stored->entry.value, entry.value, entry.value_size) != 0) {
            pl_fail(&h->node, "state: a change of %s was not marked", entry.key + 1);
            return false;
        }
    }
    if (count != h->stored_count) pl_fail(&h->node, "state: a record that was dropped is still among the changes");
    return count == h->stored_count;
}

void *pl_harness_snapshot(struct pl_harness *h, size_t *size) {
    struct pl_buffer all;
    if (!ready(h)) return NULL;
    pl_buffer_init(&all, SIZE_MAX / 2);
    bool good = store_changes(h);
    pl_node_save_all(&h->node, &all);
    *size = all.size;
    good = good && !pl_buffer_failed(&all) && nothing_is_missing(h, &all);
    void *bytes = good ? pl_buffer_take(&all) : NULL;
    pl_buffer_fini(&all);
    if (!h->forgets) h->node.epoch++;
    return bytes;
}

void pl_harness_commit(struct pl_harness *h) {
    if (ready(h) && h->node.epoch > 1) pl_node_commit(&h->node, h->node.epoch - 1);
}

void pl_harness_durable(struct pl_harness *h) {
    const struct pl_operator *op = h->op;
    if (!ready(h) || !op->durable) return;
    struct pl_pack *pack = pl_pack_new();
    struct pl_unpack position;
    if (pack) op->snapshot(h->node.self, &h->node, pack);
    if (!pack || pl_pack_failed(pack)) {
        pl_pack_free(pack);
        return;
    }
    pl_unpack_init(&position, pl_pack_data(pack), pl_pack_size(pack));
    op->durable(h->node.self, &h->node, &position);
    pl_pack_free(pack);
}

static enum pl_code load_stored(struct pl_harness *h, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (uint32_t i = 0; i < h->stored_count && !code; i++)
        code = pl_node_load(&h->node, &h->stored[i].entry, error);
    return code;
}

enum pl_code pl_harness_restore(struct pl_harness *h, const void *bytes, size_t size, struct pl_error **error) {
    if (!ready(h)) return pl_error_set(error, PL_UNAVAILABLE, "%s", h->node.failure ? h->node.failure : "not open");
    const char *at = bytes, *end = at + size;
    for (struct pl_state_entry entry; pl_state_next(&at, end, &entry);)
        if (!store_entry(h, &entry)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a snapshot");
    return at == end ? load_stored(h, error) : pl_error_set(error, PL_CORRUPT, "not a snapshot");
}
