/* catalog.c: the catalogue of operators as JSON. */
#include "catalog.h"

#include <string.h>

#include "draft.h"
#include "graph/registry.h"
#include "json.h"
#include "options.h"
#include "settings.h"

/* ---- Words ---- */

const struct pl_flag_text pl__flag_texts[] = {
    {PL_OP_BLOCKING, "blocking", "Has a thread of its own; nothing else waits for it."},
    {PL_OP_ANY_ORDER, "any_order", "Takes its inputs as they come, not merged by event time."},
    {PL_OP_BY_SOURCE, "by_source", "Looks at who made a row: rows of several nodes do not become one batch."},
    {PL_OP_PROGRAM, "program", "A program in any language does its work, in a process of its own."},
    {PL_OP_MIXED, "mixed", "One input takes several kinds at once."},
    {PL_OP_REPLAYABLE, "replayable", "Can wait: it is held back when the graph is slower (max_lag)."},
    {PL_OP_OUTSIDE, "outside", "Has an outside peer: what it cannot take waits in its own backlog (on_full: spill)."},
    {PL_OP_LOSSY, "lossy", "Is for lookers-on: a full edge into it drops (on_full)."},
    {PL_OP_FIELD, "field", "Writes to the field: set points for it must come from a guard."},
    {PL_OP_GUARD, "guard", "Decides which set points may go to the field."},
    {PL_OP_OWNS_TIME, "owns_time", "Can have a simulated plant's time, as the graph's clock (clock: plant)."},
    {PL_OP_RECOMPUTES, "recomputes", "May answer differently for the same input: its outputs are recorded."},
    {0, NULL, NULL},
};

const char *pl__when_text(enum pl_option_when when) {
    return when == PL_LIVE ? "live" : when == PL_STATE ? "state" : when == PL_CARRIED ? "carried" : "fixed";
}

const char *pl__scope_text(enum pl_scope scope) {
    return scope == PL_KEYED ? "keyed" : scope == PL_GLOBAL ? "global" : "either";
}

const char *pl__scope_doc(const struct pl_operator *op) {
    if (!op->inputs) return "a source, in front of the log";
    switch (op->scope) {
    case PL_KEYED: return "works on each partition by itself";
    case PL_GLOBAL: return "runs once for the plant";
    case PL_EITHER: break;
    }
    return "on each partition by itself behind such nodes, else once";
}

const char *pl__gives_text(const struct pl_port *port) {
    switch (port->gives) {
    case PL_PORT_SAME: return "the kind it gets";
    case PL_PORT_OPTION: return "the kind that option `kind` names";
    case PL_PORT_FIXED: break;
    }
    return NULL;
}

const char *pl__plugin_name(const struct pl_operator *op) {
    const char *file = pl_registry_plugin(op), *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

const char *pl__range_text(char buffer[PL_RANGE_TEXT], const struct pl_option *row) {
    size_t used = 0;
    buffer[0] = 0;
    for (unsigned i = 0; row->choices && row->choices[i]; i++) {
        int n = snprintf(buffer + used, PL_RANGE_TEXT - used, "%s%s", i ? ", " : "", row->choices[i]);
        if (n > 0 && (size_t)n < PL_RANGE_TEXT - used) used += (size_t)n;
    }
    if (row->low && row->high)
        snprintf(buffer, PL_RANGE_TEXT, "%s to %s", row->low, row->high);
    else if (row->low)
        snprintf(buffer, PL_RANGE_TEXT, "%s or more", row->low);
    else if (row->high)
        snprintf(buffer, PL_RANGE_TEXT, "%s or less", row->high);
    return buffer;
}

/* ---- JSON ---- */

static json_t *json_kinds(unsigned set) {
    json_t *list = json_array();
    for (unsigned kind = 0; kind < PL_KINDS; kind++)
        if (set & PL_SET(kind)) list = pl__json_append(list, json_string(pl_kind_info[kind].name));
    return list;
}

static json_t *json_ports(const struct pl_port *ports, bool outputs) {
    static const char *const gives[] = {
        [PL_PORT_FIXED] = "fixed", [PL_PORT_SAME] = "same", [PL_PORT_OPTION] = "option"};
    json_t *list = json_array();
    for (; ports && ports->name; ports++) {
        json_t *port = pl__json_with_text(json_object(), "name", ports->name);
        port = pl__json_with(port, "kinds", json_kinds(ports->kinds));
        if (outputs) port = pl__json_with_text(port, "gives", gives[ports->gives]);
        list = pl__json_append(list, pl__json_with_text(port, "doc", ports->doc));
    }
    return list;
}

static json_t *json_texts(const char *const *texts) {
    json_t *list = json_array();
    for (; *texts; texts++)
        list = pl__json_append(list, json_string(*texts));
    return list;
}

static json_t *json_options(const struct pl_option *rows) {
    json_t *list = json_array();
    for (; rows && rows->name; rows++) {
        json_t *row = pl__json_with_text(json_object(), "name", rows->name);
        row = pl__json_with_text(row, "type", pl__option_kind(rows->type)->name);
        row = pl__json_with_text(row, "default", rows->fallback);
        row = pl__json_with_text(row, "low", rows->low);
        row = pl__json_with_text(row, "high", rows->high);
        if (rows->choices) row = pl__json_with(row, "choices", json_texts(rows->choices));
        row = pl__json_with_text(row, "when", pl__when_text(rows->when));
        row = pl__json_with_text(row, "doc", rows->doc);
        if (rows->rows) row = pl__json_with(row, "options", json_options(rows->rows));
        list = pl__json_append(list, row);
    }
    return list;
}

static json_t *json_counters(const struct pl_counter *counters) {
    json_t *list = json_array();
    for (; counters && counters->name; counters++) {
        json_t *counter = pl__json_with_text(json_object(), "name", counters->name);
        counter = pl__json_with_text(counter, "unit", counters->unit);
        list = pl__json_append(list, pl__json_with_text(counter, "doc", counters->doc));
    }
    return list;
}

static json_t *json_gauges(const struct pl_gauge *gauges) {
    json_t *list = json_array();
    for (; gauges && gauges->name; gauges++) {
        json_t *gauge = pl__json_with_text(json_object(), "name", gauges->name);
        gauge = pl__json_with_text(gauge, "unit", gauges->unit);
        list = pl__json_append(list, pl__json_with_text(gauge, "doc", gauges->doc));
    }
    return list;
}

static json_t *json_tables(const struct pl_table_def *tables) {
    json_t *list = json_array();
    for (; tables && tables->name; tables++) {
        json_t *table = pl__json_with_text(json_object(), "name", tables->name);
        table = pl__json_with(table, "version", json_integer(tables->version));
        list = pl__json_append(list, pl__json_with_text(table, "doc", tables->doc));
    }
    return list;
}

static json_t *json_flags(unsigned flags) {
    json_t *list = json_array();
    for (const struct pl_flag_text *text = pl__flag_texts; text->name; text++)
        if (flags & text->flag) list = pl__json_append(list, json_string(text->name));
    return list;
}

static json_t *json_operator(const struct pl_operator *op) {
    json_t *object = pl__json_with_text(json_object(), "name", op->name);
    object = pl__json_with_text(object, "summary", op->summary);
    object = pl__json_with_text(object, "doc", op->doc);
    object = pl__json_with_text(object, "guarantee", op->guarantee);
    object = pl__json_with_text(object, "plugin", pl__plugin_name(op));
    object = pl__json_with_text(object, "scope", pl__scope_text(op->scope));
    object = pl__json_with(object, "flags", json_flags(op->flags));
    object = pl__json_with(object, "inputs", json_ports(op->inputs, false));
    object = pl__json_with(object, "outputs", json_ports(op->outputs, true));
    object = pl__json_with(object, "options", json_options(op->options));
    object = pl__json_with(object, "counters", json_counters(op->counters));
    object = pl__json_with(object, "gauges", json_gauges(op->gauges));
    return pl__json_with(object, "tables", json_tables(op->tables));
}

static json_t *json_all(void) {
    json_t *operators = json_array();
    for (unsigned i = 0; i < pl_registry_count(); i++)
        operators = pl__json_append(operators, json_operator(pl_registry_get(i)));
    json_t *object = pl__json_with_text(json_object(), "generated", "by tools/generate; not to be edited");
    object = pl__json_with(object, "graph", json_options(pl__graph_options));
    object = pl__json_with(object, "tags", json_options(pl__tag_options));
    object = pl__json_with(object, "nodes", json_options(pl__node_options));
    object = pl__json_with(object, "sources", json_options(pl__source_options));
    object = pl__json_with(object, "sinks", json_options(pl__sink_options));
    object = pl__json_with(object, "inner", json_options(pl__inner_options));
    return pl__json_with(object, "operators", operators);
}

bool pl_catalog_json(const struct pl_operator *op, FILE *out) {
    return pl__json_print(op ? json_operator(op) : json_all(), out);
}
