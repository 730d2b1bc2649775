/* trial_input.c: what a case is fed: rows, a CSV file of rows, and what a source reads from a file or a data folder. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <potline/text.h>

#include "file.h"
#include "graph/registry.h"
#include "records.h"
#include "trial_impl.h"

struct bronze_options {
    const char *bronze, *from, *to;
};

const struct pl_option pl__trial_bronze_options[] = {
    PL_OPT_FILE(struct bronze_options, bronze, "bronze", NULL, PL_FIXED,
                "A data folder: the rows of its bronze zone, each for the source that has recorded it."),
    PL_OPT_STRING(struct bronze_options, from, "from", "", PL_FIXED, "The first time that is fed."),
    PL_OPT_STRING(struct bronze_options, to, "to", "", PL_FIXED, "The first time that is not fed any more."),
    PL_OPT_END,
};

/* ---- Feeds ---- */

/* Where no row says it: the only feed, or the only one that is a first output. */
static int default_feed(const struct pl_trial_graph *graph) {
    int found = -1;
    if (graph->feed_count == 1) return 0;
    for (unsigned i = 0; i < graph->feed_count; i++) {
        if (graph->feeds[i].port) continue;
        if (found >= 0) return -1;
        found = (int)i;
    }
    return found;
}

static void list_feeds(const struct pl_trial_graph *graph, char *text, size_t room) {
    size_t used = 0;
    *text = 0;
    for (unsigned i = 0; i < graph->feed_count && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", graph->feeds[i].name);
}

static bool find_feed(struct pl_trial_reading *reading, const struct pl_yaml *entry, unsigned *feed) {
    const struct pl_trial_graph *graph = reading->graph;
    const struct pl_yaml *source = pl__yaml_find(entry, "source");
    char all[512];
    list_feeds(graph, all, sizeof all);
    if (!source) {
        int only = default_feed(graph);
        if (only < 0) pl__problem(reading->yaml->problems, entry, "source is missing: one of %s", *all ? all : "none");
        *feed = (unsigned)only;
        return only >= 0;
    }
    if (source->type != PL_YAML_SCALAR) {
        pl__problem(reading->yaml->problems, source, "source is one of %s", all);
        return false;
    }
    const char **names = pl__arena_alloc(reading->yaml->arena, (graph->feed_count + 1) * sizeof *names);
    for (unsigned i = 0; names && i < graph->feed_count; i++) {
        names[i] = graph->feeds[i].name;
        *feed = i;
        if (strcmp(names[i], source->text) == 0) return true;
    }
    const char *what = pl__arena_print(reading->yaml->arena, "rows come through %s, not through", all);
    if (names && what) pl__trial_unknown(reading, source->place, what, source->text, names, graph->feed_count);
    return false;
}

/* ---- Files ---- */

static bool is_file(const struct pl_yaml *entry, const char *key) {
    return entry->type == PL_YAML_MAP && pl__yaml_find(entry, key);
}

static bool reads_files(const struct pl_operator *op) {
    const struct pl_option *path = pl__option_find(op->options, "path");
    bool known = strcmp(op->name, "source.csv") == 0 || strcmp(op->name, "source.ndjson") == 0;
    return known && path && path->type == PL_TYPE_STRINGS;
}

/* The graph's own source, but for the file that it reads. */
static bool take_source(struct pl_trial_reading *reading, const struct pl_graph_node *node,
                        struct pl_trial_input *made) {
    const struct pl_option *path = pl__option_find(node->op->options, "path");
    char *prototype = pl__arena_alloc(reading->yaml->arena, node->op->instance_size);
    const char **items = pl__arena_alloc(reading->yaml->arena, sizeof *items);
    if (!prototype || !items || !node->prototype) return false;
    memcpy(prototype, node->prototype, node->op->instance_size);
    *items = made->path;
    *(struct pl_strings *)(void *)(prototype + path->offset) = (struct pl_strings){.items = items, .count = 1};
    made->op = node->op;
    made->prototype = prototype;
    return true;
}

/* Another one, by the options that stand here. */
static bool make_source(struct pl_trial_reading *reading, struct pl_yaml *entry, const char *key,
                        struct pl_trial_input *made) {
    const char *const others[] = {key, "source", NULL};
    struct pl_yaml *path = pl__yaml_scalar(reading->yaml, made->path, entry->place);
    void *prototype = pl__arena_alloc(reading->yaml->arena, made->op->instance_size);
    if (!prototype || !path) return false;
    path->plain = false;
    path->key = "path";
    path->key_place = entry->place;
    pl__yaml_add(entry, path);
    struct pl_options_reader reader = {.yaml = reading->yaml, .map = entry, .others = others};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = made->op->options, .self = prototype};
    pl__options_read(&reader);
    pl__options_check(&reader, made->op->check, prototype);
    made->prototype = prototype;
    return !reader.failed;
}

static bool is_value(struct pl_trial_reading *reading, const struct pl_yaml *value, const char *what) {
    if (value->type == PL_YAML_SCALAR && !value->any && !pl__yaml_null(value)) return true;
    if (!value->any) pl__problem(reading->yaml->problems, value, "%s", what);
    return false;
}

/* `csv: FILE`: as the graph's source reads it where that is one of CSV files, or by options that stand beside it. */
static bool read_file(struct pl_trial_reading *reading, struct pl_yaml *entry, const char *key, const char *op,
                      struct pl_trial_input *made) {
    const struct pl_yaml *file = pl__yaml_find(entry, key);
    unsigned own = 1 + (pl__yaml_find(entry, "source") != NULL);
    made->type = PL_TRIAL_READ;
    made->op = pl_registry_find(op);
    if (!made->op) {
        pl__problem(reading->yaml->problems, entry, "there is no operator %s that could read this file", op);
        return false;
    }
    if (!is_value(reading, file, "expected the path of a file") || !find_feed(reading, entry, &made->feed))
        return false;
    const struct pl_trial_feed *feed = &reading->graph->feeds[made->feed];
    const struct pl_graph_node *node = &reading->graph->graph->nodes[feed->node];
    made->path = pl__file_beside(reading->yaml->arena, file->place.file, file->text);
    if (!made->path) return false;
    if (access(made->path, R_OK) != 0) {
        pl__problem(reading->yaml->problems, file, "%s: %s", made->path, strerror(errno));
        return false;
    }
    if (entry->count == own && node->op == made->op && reads_files(node->op)) return take_source(reading, node, made);
    return make_source(reading, entry, key, made);
}

/* `text: |`: the lines of such a file, for the graph's source. */
static bool read_text(struct pl_trial_reading *reading, struct pl_yaml *entry, struct pl_trial_input *made) {
    const struct pl_yaml *text = pl__yaml_find(entry, "text");
    static const char *const names[] = {"text", "source"};
    made->type = PL_TRIAL_READ;
    if (!is_value(reading, text, "expected the lines of a file") || !find_feed(reading, entry, &made->feed))
        return false;
    for (const struct pl_yaml *value = entry->first; value; value = value->next)
        if (strcmp(value->key, "text") != 0 && strcmp(value->key, "source") != 0) {
            pl__trial_unknown(reading, value->key_place, "beside text there is no", value->key, names, 2);
            return false;
        }
    const struct pl_trial_feed *feed = &reading->graph->feeds[made->feed];
    const struct pl_graph_node *node = &reading->graph->graph->nodes[feed->node];
    made->text = text->text;
    made->path = "";
    if (reads_files(node->op)) return take_source(reading, node, made);
    pl__problem(reading->yaml->problems, text, "text is for a source.csv or source.ndjson; %s is a %s", feed->name,
                node->op->name);
    return false;
}

static bool read_bronze(struct pl_trial_reading *reading, struct pl_yaml *entry, struct pl_trial_input *made) {
    struct bronze_options options = {0};
    struct pl_options_reader reader = {.yaml = reading->yaml, .map = entry};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__trial_bronze_options, .self = &options};
    pl__options_read(&reader);
    const struct pl_yaml *from = pl__yaml_find(entry, "from"), *to = pl__yaml_find(entry, "to");
    made->type = PL_TRIAL_BRONZE;
    made->path = options.bronze;
    made->from = PL_TIME_MIN;
    made->to = PL_TIME_MAX;
    bool good = !reader.failed;
    if (from) good = pl__trial_time(reading, from, &made->from) && good;
    if (to) good = pl__trial_time(reading, to, &made->to) && good;
    return good;
}

/* ---- Commands ---- */

struct command_options {
    const char *command, *node, *time;
};

const struct pl_option pl__trial_command_options[] = {
    PL_OPT_STRING(struct command_options, command, "command", NULL, PL_FIXED,
                  "What somebody does then, like alarms ack; the rest of the entry are its arguments."),
    PL_OPT_STRING(struct command_options, node, "node", NULL, PL_FIXED, "The node that it is about."),
    PL_OPT_STRING(struct command_options, time, "time", NULL, PL_FIXED, "When."),
    PL_OPT_END,
};

static const struct pl_command *find_command(struct pl_trial_reading *reading, const struct pl_yaml *entry,
                                             const struct command_options *options, unsigned node) {
    const struct pl_operator *op = reading->graph->graph->nodes[node].op;
    size_t count = 0;
    for (const struct pl_command *c = op->commands; c && c->name; c++, count++)
        if (strcmp(c->name, options->command) == 0) return c;
    const char **names = pl__arena_alloc(reading->yaml->arena, (count + 1) * sizeof *names);
    const char *what = pl__arena_print(reading->yaml->arena, "%s has no command", options->node);
    for (size_t i = 0; names && i < count; i++)
        names[i] = op->commands[i].name;
    if (names && what)
        pl__trial_unknown(reading, pl__yaml_find(entry, "command")->place, what, options->command, names, count);
    return NULL;
}

static bool find_node(struct pl_trial_reading *reading, const struct pl_yaml *entry, const char *name, unsigned *node) {
    const struct pl_yaml *at = pl__yaml_find(entry, "node");
    struct pl_yaml place = {.place = at->place};
    unsigned port;
    if (!pl__trial_port(reading, &place, name, node, &port)) return false;
    if (reading->graph->runs[*node]) return true;
    pl__problem(reading->yaml->problems, at, "%s does not run in this test", name);
    return false;
}

/* { time: 30s, node: alarms, command: alarms ack, alarm: hot@pot1.voltage, reason: seen } */
static bool read_command(struct pl_trial_reading *reading, struct pl_yaml *entry, struct pl_trial_input *made) {
    static const char *const own[] = {"command", "node", "time", NULL};
    struct command_options options = {0};
    struct pl_yaml *keys = pl__yaml_new(reading->yaml, PL_YAML_MAP, entry->place);
    for (unsigned i = 0; keys && own[i]; i++) {
        const struct pl_yaml *value = pl__yaml_find(entry, own[i]);
        struct pl_yaml *copy = value ? pl__yaml_copy(reading->yaml, value) : NULL;
        if (copy) pl__yaml_add(keys, copy);
    }
    if (!keys) return false;
    struct pl_options_reader reader = {.yaml = reading->yaml, .map = keys};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__trial_command_options, .self = &options};
    pl__options_read(&reader);
    made->type = PL_TRIAL_COMMAND;
    if (reader.failed || !pl__trial_time(reading, pl__yaml_find(entry, "time"), &made->from)) return false;
    if (!find_node(reading, entry, options.node, &made->node)) return false;
    made->command = find_command(reading, entry, &options, made->node);
    void *args = made->command ? pl__arena_alloc(reading->yaml->arena, made->command->args_size + 1) : NULL;
    if (!args) return false;
    struct pl_options_reader arguments = {
        .yaml = reading->yaml, .subject = options.command, .map = entry, .others = own};
    arguments.tables[arguments.table_count++] = (struct pl_option_table){.rows = made->command->args, .self = args};
    pl__options_read(&arguments);
    made->args = args;
    return !arguments.failed;
}

/* ---- Entries ---- */

static bool read_entry(struct pl_trial_reading *reading, struct pl_yaml *entry, struct pl_trial_input *made) {
    made->place = entry->place;
    if (is_file(entry, "command")) return read_command(reading, entry, made);
    if (is_file(entry, "bronze")) return read_bronze(reading, entry, made);
    if (is_file(entry, "csv")) return read_file(reading, entry, "csv", "source.csv", made);
    if (is_file(entry, "text")) return read_text(reading, entry, made);
    if (is_file(entry, "ndjson")) return read_file(reading, entry, "ndjson", "source.ndjson", made);
    if (entry->type != PL_YAML_MAP || entry->any) {
        if (!entry->any)
            pl__problem(reading->yaml->problems, entry,
                        "an entry of input is a row, like { time: 0s, tag: pot1.voltage, value: 4.2 }, or rows of a "
                        "file, like { csv: FILE }");
        return false;
    }
    unsigned feed;
    if (!find_feed(reading, entry, &feed)) return false;
    bool good = pl__trial_row(reading, entry, reading->graph->feeds[feed].kind, true, &made->row);
    made->row.feed = feed;
    return good;
}

void pl__trial_inputs(struct pl_trial_reading *reading, struct pl_yaml *input, struct pl_trial_case *made) {
    char quoted[PL_QUOTE_MAX];
    uint64_t rows = 0;
    if (!input->any && input->type == PL_YAML_SCALAR && !pl__yaml_null(input)) {
        const char *path = input->text, *reason = pl__records_read(reading->yaml, input);
        if (reason) pl__problem(reading->yaml->problems, input, "input %s: %s", pl__quote(quoted, path), reason);
    }
    if (input->any) return;
    if (input->type != PL_YAML_LIST) {
        pl__problem(reading->yaml->problems, input, "input is a list of rows, or the path of a CSV file of rows");
        return;
    }
    made->inputs = pl__arena_alloc(reading->yaml->arena, input->count * sizeof *made->inputs);
    if (!made->inputs) return;
    for (struct pl_yaml *entry = input->first; entry; entry = entry->next) {
        struct pl_trial_input *one = &made->inputs[made->input_count];
        if (read_entry(reading, entry, one)) made->input_count++;
        rows += one->row.times;
    }
    if (rows > PL_TRIAL_ROWS_MAX) pl__problem(reading->yaml->problems, input, "more than 5,000,000 rows in a case");
}
