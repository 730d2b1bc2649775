/* rules.c: the operator `rules`: plant engineers' Lua rules over samples, windows, events and set points. */
#include <math.h>
#include <string.h>

#include "node.h"

static const char *const quality_names[] = {"good", "uncertain", "any", NULL};

static const struct pl_option override_options[] = {
    PL_OPT_STRING(struct override, rule, "rule", NULL, PL_FIXED, "Whose parameter."),
    PL_OPT_STRING(struct override, param, "name", NULL, PL_FIXED, "Name of the parameter."),
    PL_OPT_NUMBER(struct override, value, "value", NULL, NULL, NULL, PL_FIXED, "Its value here."),
    PL_OPT_END,
};

static const struct pl_option rules_options[] = {
    PL_OPT_FILES(struct rules, scripts, "scripts", NULL, PL_FIXED,
                 "Lua files of rules; a folder stands for every *.lua in it, a pattern for what it fits."),
    PL_OPT_LIST(struct rules, params, "params", "[]", struct override, override_options, PL_FIXED,
                "Values of the rules' parameters in this graph: a list, or a CSV file with a header."),
    PL_OPT_SIZE(struct rules, memory, "memory", "4MiB", "256KiB", "1GiB", PL_FIXED, "What one rule may hold."),
    PL_OPT_INT(struct rules, budget, "budget", "100000", "1000", "1000000000", PL_FIXED,
               "Instructions that one call of a rule may take; in the long run a fiftieth of it a row."),
    PL_OPT_INT(struct rules, strikes, "strikes", "3", "1", "1000", PL_FIXED,
               "A rule that fails so many times in a row is disabled."),
    PL_OPT_CHOICE(struct rules, quality, "quality", "uncertain", quality_names, PL_FIXED,
                  "The worst severity that is looked at, unless a rule takes any."),
    PL_OPT_BOOL(struct rules, watch, "watch", "false", PL_FIXED, "Read files again when they change."),
    PL_OPT_END,
};

/* Off in one of them is off in all. */
static void merge_standing(void *record, const void *other) {
    struct standing *standing = record;
    const struct standing *more = other;
    if (more->credit < standing->credit) standing->credit = more->credit;
    if (more->strikes > standing->strikes) standing->strikes = more->strikes;
    if (more->disabled) standing->disabled = more->disabled;
}

/* Each partition has decided the same. */
static void merge_decision(void *record, const void *other) {
    (void)record;
    (void)other;
}

static const struct pl_table_def rules_tables[] = {
    [TABLE_STATES] = {.name = "states",
                      .version = 1,
                      .record_size = sizeof(struct state),
                      .doc = "By tag and rule: pending or raised since when, and the rule's memory."},
    [TABLE_SIGNALS] = {.name = "signals",
                       .version = 1,
                       .record_size = sizeof(struct signal),
                       .doc = "Newest values of the signals that rules read beside their own tag's."},
    [TABLE_STANDINGS] = {.name = "standings",
                         .version = 2,
                         .record_size = sizeof(struct standing),
                         .doc = "By rule: failures in a row, disabled or not.",
                         .merge = merge_standing},
    [TABLE_DECISIONS] = {.name = "decisions",
                         .version = 1,
                         .record_size = sizeof(struct decision),
                         .doc = "What people have set, and which rules they have switched off.",
                         .merge = merge_decision},
    {.name = NULL},
};

/* ---- Check ---- */

static void refuse_script(void *user, uint32_t script, struct pl_place place, const char *text) {
    char option[32];
    snprintf(option, sizeof option, "scripts[%u]", script);
    if (place.line)
        pl_check_error_at(user, option, place, "%s", text);
    else
        pl_check_error(user, option, "%s%s%s", place.file ? place.file : "", place.file ? ": " : "", text);
}

static void check_override(const struct ruleset *set, const struct override *override, uint32_t index,
                           struct pl_check *check) {
    const char *names[RULES_MAX];
    char option[32];
    snprintf(option, sizeof option, "params[%u]", index);
    const struct rule *rule = rules__named(set, override->rule);
    uint32_t count = 0;
    for (uint32_t i = 0; i < (rule ? rule->params : set->count); i++)
        names[count++] = rule ? rule->param[i].name : set->rule[i]->name;
    int param = rule ? rule_param(rule, override->param) : -1;
    if (param < 0) {
        const char *nearest = pl_text_nearest(rule ? override->param : override->rule, names, count);
        pl_check_error(check, option, "%s %s%s%s%s%s", rule ? rule->name : "no rule", rule ? "has no parameter " : "",
                       rule ? override->param : override->rule, nearest ? "; did you mean " : "",
                       nearest ? nearest : "", nearest ? "?" : "");
        return;
    }
    const struct param *p = &rule->param[param];
    if (!(override->value >= p->low && override->value <= p->high))
        pl_check_error(check, option, "%s.%s: %g is not from %g to %g", rule->name, p->name, override->value, p->low,
                       p->high);
}

static void rules_check(void *self, struct pl_check *check) {
    const struct rules *rules = self;
    struct ruleset *set = rules__load(rules, false, refuse_script, check);
    if (set && set->count == 0) pl_check_warning(check, "scripts", "there is no rule in these files");
    for (uint32_t i = 0; set && i < rules->params.count; i++)
        check_override(set, (const struct override *)rules->params.items + i, i, check);
    rules__unload(set);
}

/* ---- Life cycle ---- */

static enum pl_code rules_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct rules *rules = self;
    struct pl_error *problem = NULL;
    rules->body = pl_pack_new();
    rules->set = rules->body ? rules__load(rules, true, rules__keep_problem, &problem) : NULL;
    if (!rules->set) {
        if (!problem) return pl_error_set(error, PL_NO_MEMORY, "rules: no memory");
        enum pl_code code = problem->code;
        if (error)
            *error = problem;
        else
            pl_error_free(&problem);
        return code;
    }
    rules->sweep = true;
    rules__say_files(rules, node);
    enum pl_code code = rules__apply_values(rules, rules->set, node, error);
    if (code || !rules->watch) return code;
    rules->watcher = rules__watch_new(rules, node, error);
    return rules->watcher ? PL_OK : PL_IO;
}

static void rules_close(void *self, struct pl_node *node) {
    (void)node;
    struct rules *rules = self;
    rules__watch_free(rules->watcher);
    rules__unload(rules->set);
    rules__forget_subjects(&rules->subjects);
    pl_pack_free(rules->body);
    pl_batch_unref(rules->out);
    pl_free(rules->scratch);
    rules->watcher = NULL;
    rules->set = NULL;
    rules->body = NULL;
    rules->out = NULL;
    rules->scratch = NULL;
}

/* ---- Data ---- */

/* What is due before any row: standings of a restored run, and what rules that are gone have left raised. */
static bool catch_up(struct rules *rules, struct pl_node *node) {
    rules__attach(rules, node);
    if (PL_LIKELY(!rules->sweep)) return true;
    rules->sweep = false;
    return rules__clear_all(rules, node, NULL, "the rule is gone");
}

static void keep_signal(const struct row *row) {
    static const uint16_t worse[] = {PL_Q_SEVERITY, PL_Q_BAD, 0};
    if (row->batch->kind > PL_WINDOWS || row->quality & (worse[row->rules->quality] | PL_Q_PROVISIONAL)) return;
    const double *values = row->batch->kind == PL_SAMPLES ? row->batch->samples.value : row->batch->windows.mean;
    if (isnan(values[row->index])) return;
    struct pl_table *signals = pl_node_table(row->node, TABLE_SIGNALS);
    const struct signal *known = pl_table_find(signals, row->tag, 0);
    if (known && known->time > row->time) return;
    struct signal *signal = pl_table_get(signals, row->tag, 0);
    if (signal) *signal = (struct signal){.time = row->time, .value = values[row->index]};
}

static bool take_row(const struct row *row, const struct subject *subject) {
    struct rules *rules = row->rules;
    if (subject->signal) keep_signal(row);
    for (uint32_t i = 0; i < subject->count; i++) {
        const struct concern *concern = &rules->subjects.pool[subject->first + i];
        struct rule *rule = rules->set->rule[concern->rule];
        if (rule->on != (enum pl_kind)row->batch->kind || rule->off || rule->disabled) continue;
        if (!rules__apply(row, rule, concern)) return false;
    }
    return true;
}

/* An event without a tag is its asset's. */
static uint32_t key_of(const struct pl_batch *batch, uint32_t i) {
    bool tagged = batch->kind == PL_EVENTS && batch->events.tag[i];
    return tagged ? batch->events.tag[i] : pl_batch_keys(batch)[i];
}

static bool take_rows(struct rules *rules, struct pl_node *node, const struct pl_batch *batch) {
    const pl_time *time = pl_batch_times(batch);
    const uint16_t *quality = batch->kind == PL_SAMPLES   ? batch->samples.quality
                              : batch->kind == PL_WINDOWS ? batch->windows.quality
                                                          : NULL;
    bool good = catch_up(rules, node) && rules__prepare_subjects(rules, node) && rules__evaluate_columns(rules, batch);
    for (uint32_t i = 0; good && i < batch->rows; i++) {
        uint32_t tag = key_of(batch, i);
        struct row row = {.rules = rules, .node = node, .batch = batch, .index = i, .tag = tag, .time = time[i]};
        row.quality = quality ? quality[i] : PL_Q_GOOD;
        struct subject *subject = &rules->subjects.of[tag];
        if (PL_UNLIKELY(!subject->known)) {
            good = rules__ask(rules, node, tag);
            subject = &rules->subjects.of[tag];
        }
        good = good && take_row(&row, subject);
    }
    return good && rules__flush(rules, node);
}

static void tell_counts(struct rules *rules, struct pl_node *node) {
    for (unsigned i = 0; i < COUNTS; i++) {
        if (rules->counted[i]) pl_count(node, i, rules->counted[i]);
        rules->counted[i] = 0;
    }
}

static enum pl_flow rules_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct rules *rules = self;
    bool good = take_rows(rules, node, batch);
    pl_batch_unref(batch);
    tell_counts(rules, node);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for rules or their events");
}

static void rules_timer(void *self, struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie) {
    struct rules *rules = self;
    bool good = catch_up(rules, node);
    struct rule *rule = rules__keyed(rules->set, (int64_t)cookie);
    struct pl_table *states = pl_node_table(node, TABLE_STATES);
    const struct state *known = rule && !rule->off && !rule->disabled ? pl_table_find(states, id, rule->key) : NULL;
    bool waits = known && (known->phase == PHASE_PENDING || known->phase == PHASE_RELEASING);
    if (good && waits && rules__due(rule, known) == at) {
        struct state *state = pl_table_get(states, id, rule->key);
        good = state && rules__pass_time(rules, node, rule, id, state, at);
    }
    good = rules__flush(rules, node) && good;
    tell_counts(rules, node);
    if (!good) pl_fail(node, "no memory for events");
}

extern const struct pl_operator rules_rules;
const struct pl_operator rules_rules = {
    PL_OPERATOR("rules", "Runs plant engineers' Lua rules over rows, and tells as events what they find."),
    .doc =
        "Each rule names the tags it is for and a condition: a Lua function of the row's numbers, of thresholds that "
        "people may change while it runs and of up to eight numbers kept for each tag, or the text of an expression, "
        "which is evaluated a column at a time without Lua. A condition that becomes true (for `hold`) gives one event "
        "rule.raised, its end (for `release`) one rule.cleared; a rule with `each` gives rule.matched for every row. "
        "The body is a map of rule, value, limit, the other numbers by name, and message. A rule runs by itself in a "
        "sandbox with limits of memory and instructions; one that fails `strikes` times in a row is disabled alone "
        "(rule.disabled). What people set or switch off survives the death of the process, and holds for all that is "
        "read again from the log since the last checkpoint. Rows older than one seen of the tag, provisional windows, "
        "rows worse than `quality` and rows "
        "in which a number that the rule names is missing change nothing.",
    .inputs = PL_PORTS({.name = "in",
                        .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS) | PL_SET(PL_SETPOINTS) | PL_SET(PL_EVENTS),
                        .doc = "What the rules are about; each rule says which kind of rows it is on."}),
    .outputs = PL_PORTS(
        {.name = "out", .kinds = PL_SET(PL_EVENTS), .doc = "rule.raised, rule.cleared, rule.matched, rule.disabled."}),
    .options = rules_options,
    .counters =
        PL_COUNTERS([COUNT_EVALUATED] = {"evaluated", "rows", "Rows put to a rule."},
                    [COUNT_RAISED] = {"raised", "events", "Conditions that began to hold."},
                    [COUNT_CLEARED] = {"cleared", "events", "Conditions that ended."},
                    [COUNT_MATCHED] = {"matched", "events", "Rows that a rule for each row fitted."},
                    [COUNT_ERRORS] = {"errors", "rows", "Rows on which a rule failed."},
                    [COUNT_DISABLED] = {"disabled", "rules", "Rules disabled because they failed too often."},
                    [COUNT_IGNORED] = {"ignored", "rows",
                                       "Rows not put to a rule: too bad, provisional, out of order, incomplete."},
                    [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room for a state."}),
    .tables = rules_tables,
    .scope = PL_KEYED,
    .flags = PL_OP_BLOCKING | PL_OP_MIXED,
    .instance_size = sizeof(struct rules),
    .check = rules_check,
    .open = rules_open,
    .process = rules_process,
    .timer = rules_timer,
    .commit = rules__commit,
    .close = rules_close,
    .commands = rules__commands,
};

PL_PLUGIN(rules, "1.0", &rules_rules)
