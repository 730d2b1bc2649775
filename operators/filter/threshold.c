/* threshold.c: limits on values, as events when a limit is crossed and when it is kept again.
 *
 *     value   ------ above -------------+======+-----------      raised when the value has been beyond the limit for
 *             ------ above - hysteresis |      |                 `for`; cleared when it is back by the hysteresis
 *                    normal   pending   raised    normal
 *
 * A value holds until the next one comes, so a rule with `for` is also raised by the watermark. An event's time is when
 * the condition was met, not when a row showed it; its id is a hash of node, rule, tag, kind and time, so a replay
 * gives the same ids.
 */
#include <math.h>
#include <potline/potline.h>
#include <string.h>

#include "rules.h"

enum { EVENT_ROWS = 64, EVENT_HEAP = 32 << 10 };
enum { COUNT_RAISED, COUNT_CLEARED, COUNT_IGNORED, COUNT_REFUSED };
enum { TABLE_ALARMS };

enum side { SIDE_NONE, SIDE_HIGH, SIDE_LOW };

struct alarm {
    pl_time since; /* the value is beyond the limit since then */
    pl_time last;  /* newest row seen */
    double value;
    uint8_t side;
    uint8_t raised;
    uint8_t reserved[6];
};

struct threshold {
    struct pl_list list;
    uint32_t column;
    uint32_t quality;

    struct rules rules;
    int value_column;
    int quality_column;
    struct pl_batch *out; /* being filled */
    struct pl_pack *body;
    uint64_t ignored;
    uint64_t refused;
};

static const char *const column_names[] = {"value", "mean", "min", "max", "stddev", "first", "last", NULL};
static const char *const quality_names[] = {"good", "uncertain", "any", NULL};
static const char *const kind_names[] = {
    [SIDE_NONE] = "threshold.cleared", [SIDE_HIGH] = "threshold.high", [SIDE_LOW] = "threshold.low"};

static const struct pl_option rule_options[] = {
    PL_OPT_STRING(struct rule, name, "name", "", PL_FIXED, "Names the rule in its events."),
    PL_OPT_STRINGS(struct rule, tags, "tags", "[\"*\"]", PL_FIXED, "Globs of the tags it is for."),
    PL_OPT_NUMBER(struct rule, above, "above", ".nan", NULL, NULL, PL_FIXED, "Raised when the value is greater."),
    PL_OPT_NUMBER(struct rule, below, "below", ".nan", NULL, NULL, PL_FIXED, "Raised when the value is less."),
    PL_OPT_NUMBER(struct rule, hysteresis, "hysteresis", "0", "0", NULL, PL_FIXED,
                  "How far the value must come back before the alarm is cleared."),
    PL_OPT_DURATION(struct rule, lasting, "for", "0s", "0s", "30d", PL_FIXED,
                    "How long the value must be beyond the limit before the alarm is raised."),
    PL_OPT_INT(struct rule, severity, "severity", "500", "1", "1000", PL_FIXED,
               "1-333 low, 334-666 medium, 667-1000 high."),
    PL_OPT_STRING(struct rule, message, "message", "", PL_FIXED, "Text for people, in the body of the events."),
    PL_OPT_END,
};

static const struct pl_option threshold_options[] = {
    PL_OPT_LIST(struct threshold, list, "rules", NULL, struct rule, rule_options, PL_FIXED,
                "The rules: a list, or a CSV file with a header."),
    PL_OPT_CHOICE(struct threshold, column, "column", "value", column_names, PL_FIXED,
                  "What is compared: of samples their value; of windows an aggregate (`value` is the mean)."),
    PL_OPT_CHOICE(struct threshold, quality, "quality", "uncertain", quality_names, PL_FIXED,
                  "The worst severity that is looked at; rows that are worse change nothing."),
    PL_OPT_END,
};

static const struct pl_table_def threshold_tables[] = {
    [TABLE_ALARMS] = {.name = "alarms",
                      .version = 1,
                      .record_size = sizeof(struct alarm),
                      .doc = "By tag and rule, from the first time a limit is crossed."},
    {.name = NULL},
};

static void threshold_check(void *self, struct pl_check *check) {
    const struct threshold *t = self;
    const struct rule *rules = t->list.items;
    for (uint32_t i = 0; i < t->list.count; i++) {
        char option[64];
        snprintf(option, sizeof option, "rules[%u]", i);
        if (isnan(rules[i].above) && isnan(rules[i].below))
            pl_check_error(check, option, "a rule needs a limit: above, below or both");
        if (rules[i].above - rules[i].hysteresis < rules[i].below + rules[i].hysteresis)
            pl_check_error(check, option, "no value is normal: above and below leave no room for the hysteresis");
    }
}

static int column_named(const struct pl_kind_info *info, const char *name) {
    for (int i = 0; i < info->columns; i++) {
        if (strcmp(info->column[i].name, name) == 0) return i;
    }
    return -1;
}

static enum pl_code threshold_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct threshold *t = self;
    enum pl_kind kind = pl_node_kind(node);
    const char *column = kind == PL_WINDOWS && t->column == 0 ? "mean" : column_names[t->column];
    t->value_column = column_named(&pl_kind_info[kind], column);
    t->quality_column = column_named(&pl_kind_info[kind], "quality");
    if (t->value_column < 0)
        return pl_error_set(error, PL_USAGE, "threshold: %s have no column %s", pl_kind_info[kind].name, column);
    t->body = pl_pack_new();
    if (!t->body || !rules_init(&t->rules, pl_node_tags(node), &t->list))
        return pl_error_set(error, PL_NO_MEMORY, "threshold: no memory for %u rules", t->list.count);
    return PL_OK;
}

static void threshold_close(void *self, struct pl_node *node) {
    (void)node;
    struct threshold *t = self;
    rules_fini(&t->rules);
    pl_pack_free(t->body);
    t->body = NULL;
    pl_batch_unref(t->out);
    t->out = NULL;
}

/* ---- Events ---- */

static bool flush(struct threshold *t, struct pl_node *node) {
    return !t->out || pl_emit(node, 0, &t->out) != PL_FLOW_FAIL;
}

static uint64_t event_id(const struct pl_node *node, const struct rule *rule, int64_t key, const char *tag,
                         const char *kind, pl_time time) {
    uint64_t hash = rules_hash(RULES_HASH_START, pl_node_name(node), strlen(pl_node_name(node)) + 1);
    hash = rules_hash(hash, rule->name, strlen(rule->name) + 1);
    hash = rules_hash(hash, &key, sizeof key);
    hash = rules_hash(hash, tag, strlen(tag) + 1);
    hash = rules_hash(hash, kind, strlen(kind) + 1);
    hash = rules_hash(hash, &time, sizeof time);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

static void write_body(struct threshold *t, const struct rule *rule, const struct alarm *alarm, double value) {
    pl_pack_reset(t->body);
    pl_pack_map(t->body, 5);
    pl_pack_pair_str(t->body, "rule", rule->name);
    pl_pack_pair_str(t->body, "side", alarm->side == SIDE_HIGH ? "high" : "low");
    pl_pack_pair_f64(t->body, "value", value);
    pl_pack_pair_f64(t->body, "limit", alarm->side == SIDE_HIGH ? rule->above : rule->below);
    pl_pack_pair_str(t->body, "message", rule->message);
}

/* Room for one more event with the body at hand. */
static struct pl_batch *event_batch(struct threshold *t, struct pl_node *node, uint32_t body) {
    bool full = t->out && (t->out->rows == t->out->capacity || body > t->out->heap_capacity[0] - t->out->heap_used[0]);
    if (full && !flush(t, node)) return NULL;
    if (!t->out) t->out = pl_node_batch(node, PL_EVENTS, EVENT_ROWS, body > EVENT_HEAP ? body : EVENT_HEAP);
    return t->out;
}

static bool tell(struct threshold *t, struct pl_node *node, uint32_t tag, int64_t key, const struct rule *rule,
                 const struct alarm *alarm, enum side kind, pl_time time, double value) {
    write_body(t, rule, alarm, value);
    uint32_t size = (uint32_t)pl_pack_size(t->body);
    uint32_t kind_id = pl_tags_intern(pl_node_tags(node), kind_names[kind], strlen(kind_names[kind]));
    struct pl_batch *out = pl_pack_failed(t->body) || kind_id == PL_NO_ID ? NULL : event_batch(t, node, size);
    if (!out || !pl_batch_heap(out, 0, pl_pack_data(t->body), size)) return false;
    const struct pl_tag *entry = pl_tags_get(pl_node_tags(node), tag);
    uint32_t i = out->rows++;
    out->events.time[i] = time;
    out->events.id[i] = event_id(node, rule, key, entry->name, kind_names[kind], time);
    out->events.kind[i] = kind_id;
    out->events.severity[i] = (uint16_t)rule->severity;
    out->events.asset[i] = entry->asset;
    out->events.tag[i] = tag;
    out->events.end[i] = out->heap_used[0];
    pl_count(node, kind == SIDE_NONE ? COUNT_CLEARED : COUNT_RAISED, 1);
    return true;
}

/* ---- Rules ---- */

static enum side side_of(const struct rule *rule, double value) {
    if (value > rule->above) return SIDE_HIGH;
    if (value < rule->below) return SIDE_LOW;
    return SIDE_NONE;
}

/* The value is back from the side it was on, by the hysteresis. */
static bool is_back(const struct rule *rule, enum side side, double value) {
    return side == SIDE_HIGH ? value <= rule->above - rule->hysteresis : value >= rule->below + rule->hysteresis;
}

static pl_time due_at(const struct rule *rule, const struct alarm *alarm) {
    return alarm->since > PL_TIME_MAX - rule->lasting ? PL_TIME_MAX : alarm->since + rule->lasting;
}

struct alarm_place {
    uint32_t tag;
    int64_t key;
    const struct rule *rule;
    struct alarm *alarm;
};

static bool raise(struct threshold *t, struct pl_node *node, const struct alarm_place *p) {
    p->alarm->raised = 1;
    return tell(t, node, p->tag, p->key, p->rule, p->alarm, (enum side)p->alarm->side, due_at(p->rule, p->alarm),
                p->alarm->value);
}

static bool clear(struct threshold *t, struct pl_node *node, const struct alarm_place *p, pl_time time, double value) {
    bool good = !p->alarm->raised || tell(t, node, p->tag, p->key, p->rule, p->alarm, SIDE_NONE, time, value);
    p->alarm->raised = 0;
    p->alarm->side = SIDE_NONE;
    return good;
}

static bool begin(struct threshold *t, struct pl_node *node, const struct alarm_place *p, enum side side,
                  pl_time time) {
    p->alarm->side = (uint8_t)side;
    p->alarm->since = time;
    if (p->rule->lasting == 0) return raise(t, node, p);
    /* Without room for the timer the next row still raises it. */
    pl_timer_at(node, due_at(p->rule, p->alarm), p->tag, (uint64_t)p->key);
    return true;
}

/* One value for one rule. */
static bool step(struct threshold *t, struct pl_node *node, const struct alarm_place *p, pl_time time, double value) {
    struct alarm *alarm = p->alarm;
    bool good = true;
    bool pending = alarm->side && !alarm->raised;
    if (pending && due_at(p->rule, alarm) <= time) good = raise(t, node, p);
    enum side side = side_of(p->rule, value);
    bool over = alarm->raised ? is_back(p->rule, (enum side)alarm->side, value) : alarm->side && side != alarm->side;
    if (good && over) good = clear(t, node, p, time, value);
    alarm->last = time;
    alarm->value = value;
    if (good && side && !alarm->side) good = begin(t, node, p, side, time);
    return good;
}

static bool apply(struct threshold *t, struct pl_node *node, uint32_t tag, uint32_t index, pl_time time, double value) {
    struct pl_table *alarms = pl_node_table(node, TABLE_ALARMS);
    const struct rule *rule = &t->rules.rule[index];
    int64_t key = t->rules.key[index];
    const struct alarm *known = pl_table_first(alarms, tag) ? pl_table_find(alarms, tag, key) : NULL;
    if (!known && side_of(rule, value) == SIDE_NONE) return true;
    if (known && time < known->last) {
        t->ignored++;
        return true;
    }
    struct alarm_place place = {.tag = tag, .key = key, .rule = rule, .alarm = pl_table_get(alarms, tag, key)};
    if (place.alarm) return step(t, node, &place, time, value);
    t->refused++;
    return true;
}

static bool take_rows(struct threshold *t, struct pl_node *node, const struct pl_batch *batch) {
    static const uint16_t refused[] = {PL_Q_SEVERITY, PL_Q_BAD, 0};
    const uint16_t worse = refused[t->quality];
    const pl_time *time = pl_batch_times(batch);
    const uint32_t *tag = pl_batch_keys(batch);
    const double *value = batch->column[t->value_column];
    const uint16_t *quality = batch->column[t->quality_column];
    bool good = rules_prepare(&t->rules);
    for (uint32_t i = 0; good && i < batch->rows; i++) {
        const struct rules_of *of = &t->rules.of[tag[i]];
        if (!of->known) good = rules_ask(&t->rules, tag[i]);
        if (!good || of->count == 0) continue;
        if ((quality[i] & (worse | PL_Q_PROVISIONAL)) || isnan(value[i])) {
            t->ignored++;
            continue;
        }
        for (uint32_t k = 0; good && k < of->count; k++)
            good = apply(t, node, tag[i], t->rules.pool[of->first + k], time[i], value[i]);
    }
    return good;
}

static enum pl_flow threshold_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct threshold *t = self;
    t->ignored = t->refused = 0;
    bool good = take_rows(t, node, batch) && flush(t, node);
    pl_batch_unref(batch);
    if (t->ignored) pl_count(node, COUNT_IGNORED, t->ignored);
    if (t->refused) pl_count(node, COUNT_REFUSED, t->refused);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for events");
}

static void threshold_timer(void *self, struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie) {
    struct threshold *t = self;
    struct pl_table *alarms = pl_node_table(node, TABLE_ALARMS);
    int64_t key = (int64_t)cookie;
    bool good = rules_prepare(&t->rules) && (t->rules.of[id].known || rules_ask(&t->rules, id));
    const struct rule *rule = good ? rules_keyed(&t->rules, id, key) : NULL;
    const struct alarm *known = rule ? pl_table_find(alarms, id, key) : NULL;
    if (known && known->side && !known->raised && due_at(rule, known) == at) {
        struct alarm_place place = {.tag = id, .key = key, .rule = rule, .alarm = pl_table_get(alarms, id, key)};
        good = place.alarm && raise(t, node, &place) && flush(t, node);
    }
    if (!good) pl_fail(node, "no memory for events");
}

extern const struct pl_operator filter_threshold;
const struct pl_operator filter_threshold = {
    PL_OPERATOR("threshold", "Tells as events when values cross limits and when they are back."),
    .doc =
        "Each rule watches the tags that its globs name. Crossing a limit gives one event threshold.high or "
        "threshold.low, coming back by the hysteresis one threshold.cleared; between them there is none. With `for`, "
        "the value must stay beyond the limit so long (event time); a value holds until the next one. The body is a "
        "map of rule, side, value, limit and message. Rows that are older than one already seen of the tag, "
        "provisional windows and rows worse than `quality` change nothing.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS), .doc = "Values."}),
    .outputs = PL_PORTS(
        {.name = "out", .kinds = PL_SET(PL_EVENTS), .doc = "threshold.high, threshold.low, threshold.cleared."}),
    .options = threshold_options,
    .counters = PL_COUNTERS([COUNT_RAISED] = {"raised", "events", "Limits crossed."},
                            [COUNT_CLEARED] = {"cleared", "events", "Limits kept again."},
                            [COUNT_IGNORED] = {"ignored", "rows",
                                               "Values that were missing, too bad, provisional or out of order."},
                            [COUNT_REFUSED] = {"refused", "rows", "Values for which there was no room for a state."}),
    .tables = threshold_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct threshold),
    .check = threshold_check,
    .open = threshold_open,
    .process = threshold_process,
    .timer = threshold_timer,
    .close = threshold_close,
};
