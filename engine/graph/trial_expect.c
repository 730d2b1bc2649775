/* trial_expect.c: what a case expects of an output. */
#include <string.h>

#include "trial_impl.h"

struct expectation_options {
    bool none, any_order;
    int64_t count, least, most;
    const char *where, *each;
    struct pl_strings tags, kinds;
    double absolute, relative;
};

const struct pl_option pl__trial_expect_options[] = {
    PL_OPT_BOOL(struct expectation_options, none, "none", "false", PL_FIXED, "No row at all."),
    PL_OPT_INT(struct expectation_options, count, "count", "-1", "-1", NULL, PL_FIXED, "So many rows."),
    PL_OPT_INT(struct expectation_options, least, "at_least", "-1", "-1", NULL, PL_FIXED, "So many rows or more."),
    PL_OPT_INT(struct expectation_options, most, "at_most", "-1", "-1", NULL, PL_FIXED, "So many rows or fewer."),
    PL_OPT_STRING(struct expectation_options, each, "each", "", PL_FIXED,
                  "An expression that holds for every row, like value > 0 and quality == good."),
    PL_OPT_STRING(struct expectation_options, where, "where", "", PL_FIXED,
                  "Only rows for which this expression holds are looked at."),
    PL_OPT_STRINGS(struct expectation_options, tags, "tags", "[]", PL_FIXED,
                   "Only rows of tags that one of these patterns fits."),
    PL_OPT_STRINGS(struct expectation_options, kinds, "kinds", "[]", PL_FIXED,
                   "Only events of these kinds (patterns), like rule.raised."),
    PL_OPT_BOOL(struct expectation_options, any_order, "any_order", "false", PL_FIXED,
                "The rows may come in another order."),
    PL_OPT_NUMBER(struct expectation_options, absolute, "abs", "0", "0", NULL, PL_FIXED,
                  "How far a number may be from what is expected."),
    PL_OPT_NUMBER(struct expectation_options, relative, "rel", "1e-9", "0", "1", PL_FIXED,
                  "The same as a part of what is expected; the larger of the two counts."),
    PL_OPT_END,
};

const char *const pl__trial_expect_keys[] = {"of", "rows", "contains", NULL};

static bool find_output(struct pl_trial_reading *reading, const struct pl_yaml *at, const char *name,
                        struct pl_trial_expectation *made) {
    made->name = name;
    if (!pl__trial_port(reading, at, name, &made->node, &made->port)) return false;
    const struct pl_graph_node *node = &reading->graph->graph->nodes[made->node];
    made->sink = pl__is_outlet(node->op);
    made->kind = made->sink ? node->kind_in : node->kinds_out[made->port];
    if (made->sink || reading->graph->runs[made->node]) return true;
    pl__problem_at(reading->yaml->problems, at->key ? at->key_place : at->place,
                   "%s does not run in this test: rows are fed in its place", node->name);
    return false;
}

static bool check_expression(struct pl_trial_reading *reading, const struct pl_yaml *map, const char *key,
                             const char *text, enum pl_kind kind) {
    struct pl_trial_scope scope = {.kind = kind};
    const struct pl_yaml *at = pl__yaml_find(map, key);
    return !*text || pl__trial_expression(reading, at ? at : map, text, &scope);
}

static void take_options(const struct expectation_options *options, struct pl_trial_expectation *made) {
    made->none = options->none;
    made->any_order = options->any_order;
    made->count = options->count;
    made->least = options->least;
    made->most = options->most;
    made->where = options->where;
    made->each = options->each;
    made->tags = options->tags;
    made->kinds = options->kinds;
    made->absolute = options->absolute;
    made->relative = options->relative;
}

static bool says_something(const struct pl_trial_expectation *made) {
    return made->none || made->rows_given || made->contains_given || made->count >= 0 || made->least >= 0 ||
           made->most >= 0 || *made->each;
}

static bool read_map(struct pl_trial_reading *reading, struct pl_yaml *map, struct pl_trial_expectation *made) {
    struct expectation_options options = {0};
    struct pl_options_reader reader = {
        .yaml = reading->yaml, .subject = made->name, .map = map, .others = pl__trial_expect_keys};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__trial_expect_options, .self = &options};
    pl__options_read(&reader);
    if (reader.failed) return false;
    take_options(&options, made);
    struct pl_yaml *rows = pl__yaml_find(map, "rows"), *contains = pl__yaml_find(map, "contains");
    made->rows_given = rows != NULL;
    made->contains_given = contains != NULL && !rows;
    if (rows && contains)
        pl__problem(reading->yaml->problems, contains, "either rows (these and no others) or contains (among others)");
    else if (rows || contains)
        pl__trial_rows(reading, rows ? rows : contains, made->kind, &made->rows);
    if (!says_something(made))
        pl__problem(reading->yaml->problems, map,
                    "%s: nothing is expected; say rows, contains, none, count, at_least, at_most or each", made->name);
    if (made->kinds.count && made->kind != PL_EVENTS)
        pl__problem(reading->yaml->problems, pl__yaml_find(map, "kinds"), "only events have kinds; %s gives %s",
                    made->name, pl_kind_info[made->kind].name);
    return check_expression(reading, map, "where", made->where, made->kind) &&
           check_expression(reading, map, "each", made->each, made->kind);
}

/* `win: none`, `win: FILE`, `win: [rows]`, `win: { ... }` */
static bool read_one(struct pl_trial_reading *reading, struct pl_yaml *value, const char *name,
                     struct pl_trial_expectation *made) {
    *made = (struct pl_trial_expectation){.place = value->key ? value->key_place : value->place,
                                          .count = -1,
                                          .least = -1,
                                          .most = -1,
                                          .each = "",
                                          .where = "",
                                          .relative = 1e-9};
    if (value->any || !find_output(reading, value, name, made)) return false;
    if (value->type == PL_YAML_MAP) return read_map(reading, value, made);
    if (value->type == PL_YAML_SCALAR && strcmp(value->text, "none") == 0) {
        made->none = true;
        return true;
    }
    made->rows_given = true;
    pl__trial_rows(reading, value, made->kind, &made->rows);
    return true;
}

static const char *name_of(struct pl_trial_reading *reading, const struct pl_yaml *item) {
    const struct pl_yaml *of = item->type == PL_YAML_MAP ? pl__yaml_find(item, "of") : NULL;
    if (of && of->type == PL_YAML_SCALAR) return of->text;
    pl__problem(reading->yaml->problems, item,
                "an entry of a list of expectations says of which node: "
                "{ of: clean, count: 3 }");
    return NULL;
}

void pl__trial_expectations(struct pl_trial_reading *reading, struct pl_yaml *expect, struct pl_trial_case *made) {
    if (expect->any) return;
    if (expect->type == PL_YAML_SCALAR || !expect->count) {
        pl__problem(reading->yaml->problems, expect,
                    "expect is a map of nodes and what comes out of them, like "
                    "win: [ { end: 10s, tag: pot1.voltage, count: 2 } ]");
        return;
    }
    made->expectations = pl__arena_alloc(reading->yaml->arena, expect->count * sizeof *made->expectations);
    if (!made->expectations) return;
    for (struct pl_yaml *value = expect->first; value; value = value->next) {
        const char *name = value->key ? value->key : name_of(reading, value);
        if (name && read_one(reading, value, name, &made->expectations[made->expectation_count]))
            made->expectation_count++;
    }
}
