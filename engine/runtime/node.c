/* node.c: the life of an operator's instance, and the services of potline/operator.h. */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <potline/alloc.h>

#include "runtime/plant_time.h"
#include "runtime/table_impl.h"

enum { TIMERS_A_KEY = 4 };

static unsigned count_tables(const struct pl_operator *op) {
    unsigned n = 0;
    while (op->tables && op->tables[n].name)
        n++;
    return n;
}

static unsigned count_counters(const struct pl_operator *op) {
    unsigned n = 0;
    while (op->counters && op->counters[n].name)
        n++;
    return n;
}

static unsigned count_gauges(const struct pl_operator *op) {
    unsigned n = 0;
    while (op->gauges && op->gauges[n].name)
        n++;
    return n;
}

unsigned pl_node_numbers(const struct pl_operator *op) {
    return count_counters(op) + count_gauges(op);
}

enum pl_code pl_node_init(struct pl_node *node, const struct pl_node_config *config, const struct pl_node_host *host,
                          void *owner, struct pl_error **error) {
    const struct pl_operator *op = config->op;
    *node = (struct pl_node){.config = *config, .host = host, .owner = owner, .progress = PL_TIME_MIN, .epoch = 1};
    snprintf(node->label, sizeof node->label, "%s%s", config->beside ? "shadow/" : "", config->name);
    node->timers.limit = config->max_keys > UINT32_MAX / TIMERS_A_KEY ? UINT32_MAX : config->max_keys * TIMERS_A_KEY;
    node->self = pl_alloc(op->instance_size);
    node->counters = pl_alloc((pl_node_numbers(op) + 1) * sizeof *node->counters);
    node->tables = pl_alloc((count_tables(op) + 1) * sizeof *node->tables);
    node->source = pl_tags_intern(config->tags, config->name, strlen(config->name));
    if (!node->self || !node->counters || !node->tables || node->source == PL_NO_ID)
        return pl_error_set(error, PL_NO_MEMORY, "%s: no memory for the node", config->name);
    memcpy(node->self, config->prototype, op->instance_size);
    for (unsigned i = 0; i < count_gauges(op); i++)
        pl_gauge_set(node, i, NAN);
    for (unsigned n = count_tables(op); node->table_count < n; node->table_count++) {
        enum pl_code code = pl_table_init(&node->tables[node->table_count], &op->tables[node->table_count], node->self,
                                          config->max_keys, config->recovers);
        if (code) {
            pl_table_fini(&node->tables[node->table_count]);
            return pl_error_set(error, code, "%s: cannot make state table %s", config->name,
                                op->tables[node->table_count].name);
        }
    }
    return PL_OK;
}

void pl_node_fini(struct pl_node *node) {
    while (node->sync_count)
        close(node->sync[--node->sync_count]);
    for (unsigned i = 0; i < node->table_count; i++)
        pl_table_fini(&node->tables[i]);
    pl_timers_fini(&node->timers);
    pl_losses_fini(&node->losses);
    pl_overrides_fini(&node->overrides);
    pl_free(node->tables);
    pl_free(node->counters);
    pl_free(node->self);
    pl_free(node->failure);
    *node = (struct pl_node){0};
}

enum pl_code pl_node_open(struct pl_node *node, struct pl_error **error) {
    const struct pl_operator *op = node->config.op;
    node->state = PL_NODE_OPEN;
    if (!op->open) return PL_OK;
    struct pl_error *cause = NULL;
    enum pl_code code = op->open(node->self, node, &cause);
    if (code) {
        if (cause && error)
            *error = cause;
        else
            pl_error_free(&cause);
        if (error && !*error) pl_error_set(error, code, "%s could not be opened", op->name);
    }
    return code;
}

void pl_node_close(struct pl_node *node) {
    if (node->state == PL_NODE_OPEN && node->config.op->close) node->config.op->close(node->self, node);
    pl_pending(node, false); /* who has gone holds up no plant */
    node->state = PL_NODE_CLOSED;
}

/* ---- Driving ---- */

enum pl_flow pl_node_process(struct pl_node *node, unsigned input, struct pl_batch *batch) {
    node->received = batch->header->receive_time;
    node->sequence = batch->header->first_sequence;
    return node->config.op->process(node->self, node, input, batch);
}

enum pl_flow pl_node_produce(struct pl_node *node) {
    enum pl_flow flow = node->config.op->produce(node->self, node);
    if (PL_UNLIKELY(node->losses.count)) pl_losses_flush(node);
    return flow;
}

pl_time pl_node_watermark(struct pl_node *node, pl_time now) {
    const struct pl_operator *op = node->config.op;
    struct pl_timer timer;
    while (pl_timers_take_due(&node->timers, now, &timer))
        op->timer(node->self, node, timer.at, timer.id, timer.cookie);
    pl_time out = op->watermark ? op->watermark(node->self, node, now) : now;
    return out < now ? out : now;
}

void pl_node_stop(struct pl_node *node) {
    if (node->config.op->stop) node->config.op->stop(node->self, node);
    if (node->losses.count) pl_losses_flush(node);
}

void pl_node_commit(struct pl_node *node, uint64_t epoch) {
    if (node->config.op->commit) node->config.op->commit(node->self, node, epoch);
}

/* ---- State ---- */

/* What is not in tables is small and is saved whole. */
static void save_rest(struct pl_node *node, bool all, struct pl_buffer *out) {
    const struct pl_operator *op = node->config.op;
    bool overrides = node->overrides.changed || (all && node->overrides.count);
    if (!op->timer && !op->snapshot && !overrides) return;
    struct pl_pack *pack = pl_pack_new();
    if (!pack) {
        out->failed = true;
        return;
    }
    if (op->timer) {
        pl_timers_pack(&node->timers, node->config.tags, pack);
        pl_state_put_pack(out, PL_STATE_TIMERS, pack);
        pl_pack_reset(pack);
    }
    if (op->snapshot) {
        op->snapshot(node->self, node, pack);
        pl_state_put_pack(out, PL_STATE_SELF, pack);
        pl_pack_reset(pack);
    }
    if (overrides) {
        pl_overrides_pack(&node->overrides, pack);
        pl_state_put_pack(out, PL_STATE_OVERRIDES, pack);
        node->overrides.changed = false;
    }
    pl_pack_free(pack);
}

void pl_node_save(struct pl_node *node, struct pl_buffer *out) {
    for (unsigned i = 0; i < node->table_count; i++)
        pl_table_save(&node->tables[i], node->config.tags, out);
    save_rest(node, false, out);
}

void pl_node_save_all(struct pl_node *node, struct pl_buffer *out) {
    for (unsigned i = 0; i < node->table_count; i++)
        pl_table_save_all(&node->tables[i], node->config.tags, out);
    save_rest(node, true, out);
}

static enum pl_code load_table(struct pl_node *node, const struct pl_state_entry *entry, struct pl_error **error) {
    bool mine = false;
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < node->table_count && !mine && !code; i++)
        code = pl_table_load(&node->tables[i], node->config.tags, entry, &mine, error);
    if (mine || code) return code;
    return pl_error_set(error, PL_CONFLICT, "%s has no state table %.*s", node->config.op->name,
                        (int)strnlen(entry->key + 1, entry->key_size - 1), entry->key + 1);
}

static enum pl_code load_part(struct pl_node *node, const struct pl_state_entry *entry, struct pl_error **error) {
    const struct pl_operator *op = node->config.op;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    switch (entry->key[0]) {
    case PL_STATE_TABLE:
    case PL_STATE_RECORD: return load_table(node, entry, error);
    case PL_STATE_TIMERS: return pl_timers_unpack(&node->timers, node->config.tags, &unpack, error);
    case PL_STATE_OVERRIDES: return pl_overrides_load(node, &unpack, error);
    case PL_STATE_SELF: return op->restore ? op->restore(node->self, node, &unpack, error) : PL_OK;
    default: return PL_OK;
    }
}

enum pl_code pl_node_load(struct pl_node *node, const struct pl_state_entry *entry, struct pl_error **error) {
    enum pl_code code = load_part(node, entry, error);
    return code ? pl_error_set(error, code, "its state was not restored") : PL_OK;
}

/* ---- Services ---- */

const char *pl_node_name(const struct pl_node *node) {
    return node->config.name;
}

const char *pl_node_label(const struct pl_node *node) {
    return node->label;
}

unsigned pl_node_partition(const struct pl_node *node) {
    return node->config.partition;
}

struct pl_tags *pl_node_tags(const struct pl_node *node) {
    return node->config.tags;
}

struct uv_loop_s *pl_node_loop(const struct pl_node *node) {
    return node->config.loop;
}

struct pl_table *pl_node_table(struct pl_node *node, unsigned index) {
    return index < node->table_count ? &node->tables[index] : NULL;
}

enum pl_kind pl_node_kind(const struct pl_node *node) {
    return node->config.kind;
}

unsigned pl_node_key_depth(const struct pl_node *node) {
    return node->config.key_depth;
}

const struct pl_node_abroad *pl_node_abroad(const struct pl_node *node) {
    return node->host ? node->host->abroad : NULL; /* nobody drives one that is only read with */
}

struct pl_store *pl_node_store(const struct pl_node *node) {
    return node->config.store;
}

uint64_t pl_node_epoch(const struct pl_node *node) {
    return node->epoch;
}

pl_time pl_now(const struct pl_node *node) {
    return pl_clock_now(node->config.clock);
}

bool pl_plant_owns_time(const struct pl_node *node) {
    return node->config.clock && node->config.clock->kind == PL_CLOCK_PLANT;
}

void pl_plant_time(struct pl_node *node, pl_time now) {
    if (node->config.plant) pl_clock_set(node->config.plant->clock, now);
}

bool pl_answered(struct pl_node *node) {
    return !node->config.plant || !node->host->answered || node->host->answered(node);
}

void pl_pending(struct pl_node *node, bool pending) {
    if (node->pending == pending || !node->config.plant) return;
    node->pending = pending;
    node->config.plant->pending += pending ? 1u : -1u;
}

bool pl_may_act(const struct pl_node *node) {
    return !node->config.lease || pl_clock_boottime() < atomic_load(node->config.lease);
}

struct pl_batch *pl_node_batch(struct pl_node *node, enum pl_kind kind, uint32_t capacity, uint32_t heap) {
    struct pl_batch *batch = pl_batch_new(kind, capacity, heap);
    if (!batch) return NULL;
    batch->source = node->source;
    batch->model = node->models.all;
    batch->header->partition = (uint16_t)node->config.partition;
    batch->header->receive_time = node->received ? node->received : pl_now(node);
    batch->header->first_sequence = node->sequence;
    return batch;
}

enum pl_flow pl_emit(struct pl_node *node, unsigned port, struct pl_batch **batch) {
    struct pl_batch *b = *batch;
    *batch = NULL;
    if (!b) return PL_FLOW_FAIL;
    if (b->rows == 0) {
        pl_batch_unref(b);
        return PL_FLOW_OK;
    }
    return node->host->emit(node, port, b);
}

bool pl_wanted(const struct pl_node *node, unsigned port) {
    return node->host->wanted(node, port);
}

void pl_wake(struct pl_node *node) {
    node->host->wake(node);
}

void pl_busy(struct pl_node *node, bool busy) {
    bool was = node->busy;
    node->busy = busy;
    if (was && !busy) node->host->wake(node);
}

void pl_progress(struct pl_node *node, pl_time time) {
    if (time <= node->progress) return;
    node->progress = time;
    node->progressed = true;
}

void pl_reach(struct pl_node *node, bool reached) {
    bool was = atomic_load(&node->reach) > PL_REACH_NEVER;
    atomic_store(&node->reach, reached ? PL_REACH_THERE : was ? PL_REACH_LOST : PL_REACH_NEVER);
}

void pl_sync_with_state(struct pl_node *node, int fd) {
    if (!node->config.recovers || !node->epoch) return;
    int own = node->sync_count < PL_NODE_SYNC_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        pl_fail(node, "a file cannot be made safe with its state: %s",
                strerror(node->sync_count < PL_NODE_SYNC_MAX ? errno : EMFILE));
    else
        node->sync[node->sync_count++] = own;
}

bool pl_timer_at(struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie) {
    return pl_timers_add(&node->timers, (struct pl_timer){.at = at, .id = id, .cookie = cookie});
}

void pl_count(struct pl_node *node, unsigned index, uint64_t n) {
    uint64_t value = atomic_load_explicit(&node->counters[index], memory_order_relaxed);
    atomic_store_explicit(&node->counters[index], value + n, memory_order_relaxed);
}

uint64_t pl_node_counter(const struct pl_node *node, unsigned index) {
    return atomic_load_explicit(&node->counters[index], memory_order_relaxed);
}

void pl_gauge_set(struct pl_node *node, unsigned index, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&node->counters[count_counters(node->config.op) + index], bits, memory_order_relaxed);
}

double pl_node_gauge(const struct pl_node *node, unsigned index) {
    uint64_t bits = pl_node_counter(node, count_counters(node->config.op) + index);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

enum pl_flow pl_fail(struct pl_node *node, const char *format, ...) {
    if (node->failure) return PL_FLOW_FAIL;
    va_list args;
    va_start(args, format);
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    node->failure = pl_strdup(text);
    node->host->wake(node); /* it may be said outside of a call */
    return PL_FLOW_FAIL;
}

/* Ids are the same when the same input is processed again: a hash of all that the event says and of who says it. */
static uint64_t event_id(const struct pl_node *node, pl_time time, const char *kind, uint32_t asset, uint32_t tag,
                         const struct pl_pack *body) {
    const struct pl_tags *tags = node->config.tags;
    char text[3 * PL_NAME_MAX + 128];
    int length = snprintf(text, sizeof text, "%s %" PRId64 " %s %s %s", node->config.name, time, kind,
                          pl_tags_get(tags, asset)->name, pl_tags_get(tags, tag)->name);
    uint64_t id = XXH3_64bits(text, (size_t)length);
    return body ? XXH3_64bits_withSeed(pl_pack_data(body), pl_pack_size(body), id) : id;
}

enum pl_flow pl_emit_event(struct pl_node *node, unsigned port, pl_time time, const char *kind, uint16_t severity,
                           uint32_t asset, uint32_t tag, const struct pl_pack *body) {
    uint32_t size = body ? (uint32_t)pl_pack_size(body) : 0;
    uint32_t kind_id = pl_tags_intern(node->config.tags, kind, strlen(kind));
    if ((body && pl_pack_failed(body)) || kind_id == PL_NO_ID) return pl_fail(node, "no memory for an event");
    struct pl_batch *batch = pl_node_batch(node, PL_EVENTS, 1, size);
    if (!batch) return pl_fail(node, "no memory for an event");
    if (size) pl_batch_heap(batch, 0, pl_pack_data(body), size);
    batch->events.time[0] = time;
    batch->events.id[0] = event_id(node, time, kind, asset, tag, body);
    batch->events.kind[0] = kind_id;
    batch->events.severity[0] = severity;
    batch->events.asset[0] = asset;
    batch->events.tag[0] = tag;
    batch->events.end[0] = batch->heap_used[0];
    batch->rows = 1;
    return pl_emit(node, port, &batch);
}
