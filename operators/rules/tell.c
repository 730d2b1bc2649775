/* tell.c: events. Their ids are a hash of node, rule, tag, kind, time and numbers, so that a replay gives the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "node.h"

enum { EVENT_ROWS = 256, EVENT_HEAP = 64 << 10, MESSAGE_MAX = 1024, SEVERITY_DISABLED = 700 };

static const char *const kind_names[] = {
    [TELL_RAISED] = "rule.raised", [TELL_CLEARED] = "rule.cleared", [TELL_MATCHED] = "rule.matched"};
static const char disabled_kind[] = "rule.disabled";

/* ---- Messages ---- */

static double number_of(const struct rule *rule, struct arg arg, const double *input, const double *memory) {
    switch (arg.kind) {
    case ARG_INPUT: return input[arg.index];
    case ARG_PARAM: return rule->param[arg.index].value;
    default: return memory[arg.index];
    }
}

static size_t put_value(char *at, size_t room, const struct rule *rule, const struct piece *piece,
                        const struct pl_tag *tag, const char *asset, const double *input, const double *memory) {
    int length;
    if (piece->arg.kind == ARG_TAG || piece->arg.kind == ARG_ASSET) {
        length = snprintf(at, room, "%s", piece->arg.kind == ARG_TAG ? tag->name : asset);
    } else {
        double number = number_of(rule, piece->arg, input, memory);
        length = piece->decimals < 0 ? snprintf(at, room, "%.6g", number)
                                     : snprintf(at, room, "%.*f", piece->decimals, number);
    }
    return length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

static void render(char *message, const struct pl_node *node, const struct rule *rule, uint32_t tag,
                   const double *input, const double *memory) {
    const struct pl_tag *entry = pl_tags_get(pl_node_tags(node), tag);
    const char *asset = pl_tags_get(pl_node_tags(node), entry->asset)->name;
    size_t used = 0;
    message[0] = 0;
    for (uint32_t i = 0; i < rule->pieces; i++) {
        const struct piece *piece = &rule->piece[i];
        int length = snprintf(message + used, MESSAGE_MAX - used, "%s", piece->text);
        used += length < 0 ? 0 : (size_t)length;
        if (used >= MESSAGE_MAX - 1) return;
        if (piece->value)
            used += put_value(message + used, MESSAGE_MAX - used, rule, piece, entry, asset, input, memory);
    }
}

/* ---- Rows of events ---- */

bool rules__flush(struct rules *rules, struct pl_node *node) {
    return !rules->out || pl_emit(node, 0, &rules->out) != PL_FLOW_FAIL;
}

static bool add_event(struct rules *rules, struct pl_node *node, uint64_t id, const char *kind, uint16_t severity,
                      uint32_t tag, pl_time time) {
    uint32_t size = (uint32_t)pl_pack_size(rules->body);
    struct pl_tags *tags = pl_node_tags(node);
    uint32_t kind_id = pl_tags_intern(tags, kind, strlen(kind));
    if (pl_pack_failed(rules->body) || kind_id == PL_NO_ID) return false;
    struct pl_batch *out = rules->out;
    bool full = out && (out->rows == out->capacity || size > out->heap_capacity[0] - out->heap_used[0]);
    if (full && !rules__flush(rules, node)) return false;
    if (!rules->out) rules->out = pl_node_batch(node, PL_EVENTS, EVENT_ROWS, size > EVENT_HEAP ? size : EVENT_HEAP);
    out = rules->out;
    if (!out || !pl_batch_heap(out, 0, pl_pack_data(rules->body), size)) return false;
    uint32_t i = out->rows++;
    out->events.time[i] = time;
    out->events.id[i] = id;
    out->events.kind[i] = kind_id;
    out->events.severity[i] = severity;
    out->events.asset[i] = pl_tags_get(tags, tag)->asset;
    out->events.tag[i] = tag;
    out->events.end[i] = out->heap_used[0];
    return true;
}

static uint64_t event_id(const struct pl_node *node, const struct rule *rule, const char *tag, const char *kind,
                         pl_time time, const double *input) {
    uint64_t hash = hash_text(HASH_START, pl_node_name(node));
    hash = hash_text(hash, rule->name);
    hash = hash_text(hash, tag);
    hash = hash_text(hash, kind);
    hash = hash_bytes(hash, &time, sizeof time);
    return hash_end(input ? hash_bytes(hash, input, rule->inputs * sizeof *input) : hash);
}

/* ---- Bodies ---- */

/* The alarm list shows `value` and `limit`: where nothing is called so, the first number and the first parameter. */
static uint32_t find_input(const struct rule *rule, const char *name) {
    for (uint32_t i = 0; i < rule->inputs; i++)
        if (strcmp(rule->input[i].name, name) == 0) return i;
    return 0;
}

static void write_body(struct pl_pack *body, const struct rule *rule, const double *input, const char *message,
                       const char *reason) {
    int named = rule_param(rule, "limit");
    uint32_t value = find_input(rule, "value"), limit = named < 0 ? 0 : (uint32_t)named;
    bool value_twice = rule->inputs && strcmp(rule->input[value].name, "value") != 0;
    bool limit_twice = rule->params && named < 0;
    pl_pack_reset(body);
    pl_pack_map(body, 2 + (reason != NULL) + rule->inputs + value_twice + rule->params + limit_twice);
    pl_pack_pair_str(body, "rule", rule->name);
    if (rule->inputs) pl_pack_pair_f64(body, "value", input[value]);
    if (rule->params) pl_pack_pair_f64(body, "limit", rule->param[limit].value);
    for (uint32_t i = 0; i < rule->inputs; i++)
        if (value_twice || i != value) pl_pack_pair_f64(body, rule->input[i].name, input[i]);
    for (uint32_t i = 0; i < rule->params; i++)
        if (limit_twice || i != limit) pl_pack_pair_f64(body, rule->param[i].name, rule->param[i].value);
    if (reason) pl_pack_pair_str(body, "reason", reason);
    pl_pack_pair_str(body, "message", message);
}

bool rules__tell(struct rules *rules, struct pl_node *node, const struct rule *rule, uint32_t tag, enum telling kind,
                 pl_time time, const double *input, const double *memory, const char *reason) {
    char message[MESSAGE_MAX];
    const char *name = pl_tags_get(pl_node_tags(node), tag)->name;
    render(message, node, rule, tag, input, memory);
    write_body(rules->body, rule, input, message, reason);
    uint64_t id = event_id(node, rule, name, kind_names[kind], time, input);
    return add_event(rules, node, id, kind_names[kind], rule->severity, tag, time);
}

bool rules__tell_disabled(const struct row *row, const struct rule *rule) {
    char place[512], message[MESSAGE_MAX];
    struct pl_pack *body = row->rules->body;
    snprintf(place, sizeof place, "%s:%d", rule->file, rule->line);
    snprintf(message, sizeof message, "rule %s has been disabled: %s", rule->name, rule->error);
    pl_pack_reset(body);
    pl_pack_map(body, 4);
    pl_pack_pair_str(body, "rule", rule->name);
    pl_pack_pair_str(body, "reason", rule->error);
    pl_pack_pair_str(body, "file", place);
    pl_pack_pair_str(body, "message", message);
    const char *name = pl_tags_get(pl_node_tags(row->node), row->tag)->name;
    uint64_t id = event_id(row->node, rule, name, disabled_kind, row->time, NULL);
    return add_event(row->rules, row->node, id, disabled_kind, SEVERITY_DISABLED, row->tag, row->time);
}

/* ---- Ends that no row brings ---- */

static bool clear_one(struct rules *rules, struct pl_node *node, const struct rule *rule, struct pl_record *record,
                      const char *reason) {
    struct state *state = pl_table_get(pl_node_table(node, TABLE_STATES), record->id, record->sub);
    if (!state) return true;
    bool raised = state->phase >= PHASE_RAISED;
    state->phase = PHASE_IDLE;
    if (!raised) return true;
    rules->counted[COUNT_CLEARED]++;
    return rules__tell(rules, node, rule, record->id, TELL_CLEARED, state->last, state->input, state->memory, reason);
}

/* `only` NULL: of all rules that are no more; their records go as well. */
bool rules__clear_all(struct rules *rules, struct pl_node *node, const struct rule *only, const char *reason) {
    struct pl_table *states = pl_node_table(node, TABLE_STATES), *standings = pl_node_table(node, TABLE_STANDINGS);
    bool good = true;
    for (struct pl_record *record = pl_table_next(states, NULL), *next; good && record; record = next) {
        next = pl_table_next(states, record);
        if (only ? record->sub != only->key : rules__keyed(rules->set, record->sub) != NULL) continue;
        struct rule gone = {.severity = 1};
        const struct standing *standing = only ? NULL : pl_table_find(standings, 0, record->sub);
        if (standing) memcpy(gone.name, standing->name, sizeof gone.name);
        good = clear_one(rules, node, only ? only : &gone, record, reason);
        if (!only) pl_table_drop(states, record->id, record->sub);
    }
    return good;
}
