/* schema.c: JSON Schema (draft 7, what editors know) of graph files and of test files.
 *
 * It describes YAML values, so a text option also takes what YAML reads as a number, and everything also takes a text
 * with ${NAME} or {variable} in it. `potline check` says more than any schema can.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "graph/registry.h"
#include "json.h"
#include "options.h"
#include "settings.h"
#include "trial_impl.h"

static json_t *schema_of(const struct pl_option *row);

/* ---- Small schemas ---- */

static json_t *refer(const char *definition) {
    char target[160];
    snprintf(target, sizeof target, "#/definitions/%s", definition);
    return pl__json_with_text(json_object(), "$ref", target);
}

static json_t *of_type(const char *type) {
    return pl__json_with_text(json_object(), "type", type);
}

static json_t *pattern(const char *expression) {
    return pl__json_with_text(of_type("string"), "pattern", expression);
}

/* Either of them (NULL for a missing third one). */
static json_t *any_of(json_t *a, json_t *b, json_t *c) {
    json_t *list = pl__json_append(pl__json_append(json_array(), a), b);
    if (c) list = pl__json_append(list, c);
    return pl__json_with(json_object(), "anyOf", list);
}

static json_t *list_of(json_t *items) {
    return pl__json_with(of_type("array"), "items", items);
}

static json_t *words(const char *const *choices) {
    json_t *list = json_array();
    for (; *choices; choices++)
        list = pl__json_append(list, json_string(*choices));
    return pl__json_with(json_object(), "enum", list);
}

/* ---- Options ---- */

static json_t *with_bound(json_t *schema, const char *key, const struct pl_option *row, const char *bound) {
    union pl_option_number number;
    const struct pl_option_kind *kind = pl__option_kind(row->type);
    if (!bound || !kind->parse(bound, &number)) return schema;
    return pl__json_with(schema, key, kind->real ? json_real(number.real) : json_integer(number.integer));
}

static json_t *bounded(const struct pl_option *row, const char *type) {
    json_t *schema = with_bound(of_type(type), "minimum", row, row->low);
    return with_bound(schema, "maximum", row, row->high);
}

static json_t *with_options(json_t *properties, const struct pl_option *rows) {
    for (; rows && rows->name; rows++)
        if (!json_object_get(properties, rows->name))
            properties = pl__json_with(properties, rows->name, schema_of(rows));
    return properties;
}

static json_t *required_of(json_t *list, const struct pl_option *rows) {
    for (; rows && rows->name; rows++)
        if (!rows->fallback && rows->type != PL_TYPE_GROUP) list = pl__json_append(list, json_string(rows->name));
    return list;
}

/* A map by one table; entries of lists may repeat themselves by foreach. */
static json_t *map_of(const struct pl_option *rows, bool entry) {
    json_t *properties = with_options(json_object(), rows);
    if (entry) properties = pl__json_with(properties, "foreach", refer("foreach"));
    json_t *schema = pl__json_with(of_type("object"), "properties", properties);
    json_t *required = required_of(json_array(), rows);
    if (json_array_size(required) || !required)
        schema = pl__json_with(schema, "required", required);
    else
        json_decref(required);
    return pl__json_with(schema, "additionalProperties", json_false());
}

static json_t *value_schema(const struct pl_option *row) {
    switch (row->type) {
    case PL_TYPE_BOOL: return any_of(of_type("boolean"), refer("variable"), NULL);
    case PL_TYPE_INT: return any_of(bounded(row, "integer"), pattern("^0x[0-9a-fA-F]+$"), refer("variable"));
    case PL_TYPE_NUMBER: return any_of(bounded(row, "number"), pattern("^[+-]?\\.(inf|nan)$"), refer("variable"));
    case PL_TYPE_STRING:
    case PL_TYPE_PATH:
    case PL_TYPE_FILE:
    case PL_TYPE_SECRET: return refer("text");
    case PL_TYPE_DURATION: return refer("duration");
    case PL_TYPE_SIZE: return refer("size");
    case PL_TYPE_RATE: return refer("rate");
    case PL_TYPE_TIME: return of_type("string");
    case PL_TYPE_CHOICE: return any_of(words(row->choices), refer("variable"), NULL);
    case PL_TYPE_SET: return any_of(words(row->choices), list_of(words(row->choices)), refer("variable"));
    case PL_TYPE_FILES:
    case PL_TYPE_STRINGS: return any_of(refer("text"), list_of(refer("text")), NULL);
    case PL_TYPE_PAIRS: return pl__json_with(of_type("object"), "additionalProperties", refer("text"));
    case PL_TYPE_GROUP: return any_of(map_of(row->rows, false), of_type("boolean"), refer("variable"));
    case PL_TYPE_LIST: return any_of(list_of(map_of(row->rows, true)), of_type("string"), NULL);
    case PL_TYPE_END: break;
    }
    return json_object();
}

/* What editors show beside the name: the sentence, and what no other key of the schema says. */
static json_t *schema_of(const struct pl_option *row) {
    char text[2048], range[PL_RANGE_TEXT];
    bool unit = row->type == PL_TYPE_DURATION || row->type == PL_TYPE_SIZE || row->type == PL_TYPE_RATE;
    pl__range_text(range, row);
    snprintf(text, sizeof text, "%s%s%s%s%s%s", row->doc, unit && *range ? " Range: " : "", unit ? range : "",
             unit && *range ? "." : "", row->fallback && *row->fallback ? " Default: " : "",
             row->fallback && *row->fallback ? row->fallback : "");
    return pl__json_with_text(value_schema(row), "description", text);
}

/* ---- Nodes ---- */

static json_t *from_schema(const struct pl_operator *op) {
    json_t *named = json_object();
    for (const struct pl_port *port = op->inputs; port->name; port++)
        named = pl__json_with(named, port->name, any_of(of_type("string"), list_of(of_type("string")), NULL));
    json_t *map = pl__json_with(of_type("object"), "properties", named);
    map = pl__json_with(map, "additionalProperties", json_false());
    json_t *schema = any_of(of_type("string"), list_of(of_type("string")), map);
    return pl__json_with_text(schema, "description", "The nodes this one takes from: node or node.output.");
}

static json_t *operator_schema(const struct pl_operator *op) {
    json_t *properties = pl__json_with(json_object(), "op", json_true());
    properties = pl__json_with(properties, "foreach", refer("foreach"));
    if (op->inputs) properties = pl__json_with(properties, "from", from_schema(op));
    properties = with_options(properties, op->options);
    properties = with_options(properties, pl__node_options);
    if (!op->inputs) properties = with_options(properties, pl__source_options);
    if (!op->outputs) properties = with_options(properties, pl__sink_options);
    if (op->inputs) properties = with_options(properties, pl__inner_options);
    json_t *required = pl__json_append(json_array(), json_string("op"));
    if (op->inputs) required = pl__json_append(required, json_string("from"));
    json_t *schema = pl__json_with_text(of_type("object"), "description", op->summary);
    schema = pl__json_with(schema, "properties", properties);
    schema = pl__json_with(schema, "required", required_of(required, op->options));
    return pl__json_with(schema, "additionalProperties", json_false());
}

/* {if: the operator is this one, then: its schema} */
static json_t *operator_case(const struct pl_operator *op) {
    json_t *is_it = pl__json_with_text(json_object(), "const", op->name);
    json_t *test = pl__json_with(json_object(), "properties", pl__json_with(json_object(), "op", is_it));
    test = pl__json_with(test, "required", pl__json_append(json_array(), json_string("op")));
    char name[128];
    snprintf(name, sizeof name, "op-%s", op->name);
    json_t *choice = pl__json_with(json_object(), "if", test);
    return pl__json_with(choice, "then", refer(name));
}

static json_t *node_schema(void) {
    json_t *names = json_array(), *cases = json_array();
    for (unsigned i = 0; i < pl_registry_count(); i++) {
        names = pl__json_append(names, json_string(pl_registry_get(i)->name));
        cases = pl__json_append(cases, operator_case(pl_registry_get(i)));
    }
    json_t *op = pl__json_with(json_object(), "enum", names);
    op = any_of(op, refer("variable"), NULL);
    op = pl__json_with_text(op, "description", "The operator: what the node does (potline inspect lists them).");
    json_t *schema = pl__json_with(of_type("object"), "properties", pl__json_with(json_object(), "op", op));
    schema = pl__json_with(schema, "required", pl__json_append(json_array(), json_string("op")));
    return pl__json_with(schema, "allOf", cases);
}

/* ---- The file ---- */

static json_t *foreach_schema(void) {
    json_t *value = any_of(refer("text"), list_of(refer("text")), NULL);
    json_t *schema = pl__json_with(of_type("object"), "additionalProperties", value);
    return pl__json_with_text(
        schema, "description",
        "Writes this out once for every value: { pot: 01..20 } replaces {pot} in names and values.");
}

/* What both kinds of file have. */
static json_t *value_definitions(void) {
    json_t *text = pl__json_append(pl__json_append(json_array(), json_string("string")), json_string("number"));
    text = pl__json_append(text, json_string("boolean"));
    json_t *all = pl__json_with(json_object(), "text", pl__json_with(json_object(), "type", text));
    all = pl__json_with(all, "variable", pattern("\\$\\{[A-Za-z_]|\\{[A-Za-z]"));
    all = pl__json_with(all, "duration",
                        any_of(pattern("^(0|-?([0-9]+(\\.[0-9]+)?(d|h|m|s|ms|us|ns))+)$"),
                               pl__json_with(json_object(), "const", json_integer(0)), refer("variable")));
    all = pl__json_with(all, "size",
                        any_of(pattern("^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB|[kK]B|MB|GB|TB)?$"), of_type("integer"),
                               refer("variable")));
    all = pl__json_with(all, "rate",
                        any_of(pattern("^(0|[0-9]+(\\.[0-9]+)?(e[0-9]+)?/(s|m|min|h|d))$"),
                               pl__json_with(json_object(), "const", json_integer(0)), refer("variable")));
    return pl__json_with(all, "foreach", foreach_schema());
}

static json_t *definitions(void) {
    json_t *all = pl__json_with(value_definitions(), "node", node_schema());
    for (unsigned i = 0; i < pl_registry_count(); i++) {
        char name[128];
        snprintf(name, sizeof name, "op-%s", pl_registry_get(i)->name);
        all = pl__json_with(all, name, operator_schema(pl_registry_get(i)));
    }
    return all;
}

static json_t *nodes_schema(void) {
    json_t *schema = pl__json_with(of_type("object"), "additionalProperties", refer("node"));
    return pl__json_with_text(schema, "description", "The nodes by name.");
}

static json_t *tags_schema(void) {
    json_t *schema = any_of(list_of(map_of(pl__tag_options, true)), of_type("string"), NULL);
    return pl__json_with_text(schema, "description", "What is known about tags: rules, or the path of a CSV file.");
}

static json_t *groups_schema(void) {
    json_t *properties = pl__json_with(json_object(), "foreach", refer("foreach"));
    properties = pl__json_with(properties, "nodes", nodes_schema());
    properties = pl__json_with(properties, "tags", tags_schema());
    json_t *group = pl__json_with(of_type("object"), "properties", properties);
    json_t *schema = list_of(pl__json_with(group, "additionalProperties", json_false()));
    return pl__json_with_text(schema, "description", "Nodes and tags that repeat themselves together.");
}

bool pl_catalog_schema(FILE *out) {
    json_t *version = pl__json_with(json_object(), "const", json_integer(PL_GRAPH_VERSION));
    json_t *properties = pl__json_with(json_object(), "potline", version);
    properties = with_options(properties, pl__graph_options);
    properties = pl__json_with(properties, "include", any_of(of_type("string"), list_of(of_type("string")), NULL));
    properties = pl__json_with(properties, "tags", tags_schema());
    properties = pl__json_with(properties, "nodes", nodes_schema());
    properties = pl__json_with(properties, "groups", groups_schema());
    json_t *required = pl__json_append(pl__json_append(json_array(), json_string("potline")), json_string("name"));
    json_t *schema = pl__json_with_text(json_object(), "$schema", "http://json-schema.org/draft-07/schema#");
    schema = pl__json_with_text(schema, "title", "Potline graph file");
    schema = pl__json_with_text(schema, "$comment", "Generated by tools/generate; not to be edited.");
    schema = pl__json_with_text(schema, "type", "object");
    schema = pl__json_with(schema, "properties", properties);
    schema = pl__json_with(schema, "required", required);
    schema = pl__json_with(schema, "additionalProperties", json_false());
    return pl__json_print(pl__json_with(schema, "definitions", definitions()), out);
}

/* ---- Test files ---- */

/* A row of any kind: which columns its kind has, `potline test` says. */
static json_t *row_schema(bool input) {
    static const char *const others[] = {"every", "until", "reason"};
    json_t *properties = json_object();
    for (unsigned kind = 0; kind < PL_KINDS; kind++)
        for (unsigned i = 0; i < pl_kind_info[kind].columns; i++)
            properties = pl__json_with(properties, pl_kind_info[kind].column[i].name, refer("text"));
    for (unsigned i = 0; i < PL_COUNT_OF(others); i++)
        properties = pl__json_with(properties, others[i], refer("text"));
    if (input) properties = pl__json_with(properties, "source", of_type("string"));
    properties = pl__json_with(properties, "foreach", refer("foreach"));
    properties = pl__json_with(properties, "body", of_type("object"));
    json_t *schema = pl__json_with(of_type("object"), "properties", properties);
    return pl__json_with(schema, "additionalProperties", json_false());
}

/* Rows of a file: `key` names it, the rest are options of what reads it, or none. */
static json_t *file_schema(const char *key, const char *op) {
    const struct pl_operator *reader = op ? pl_registry_find(op) : NULL;
    json_t *properties = pl__json_with(json_object(), key, of_type("string"));
    properties = pl__json_with(properties, "source", of_type("string"));
    if (reader) properties = with_options(properties, reader->options);
    json_t *schema = pl__json_with(of_type("object"), "properties", properties);
    schema = pl__json_with(schema, "required", pl__json_append(json_array(), json_string(key)));
    return pl__json_with(schema, "additionalProperties", json_false());
}

static json_t *command_schema(void) {
    json_t *schema =
        pl__json_with(of_type("object"), "properties", with_options(json_object(), pl__trial_command_options));
    return pl__json_with(schema, "required", required_of(json_array(), pl__trial_command_options));
}

static json_t *input_schema(void) {
    json_t *files =
        any_of(file_schema("csv", "source.csv"), file_schema("ndjson", "source.ndjson"), file_schema("text", NULL));
    json_t *entry =
        any_of(row_schema(true), any_of(files, command_schema(), NULL), map_of(pl__trial_bronze_options, true));
    json_t *schema = any_of(list_of(entry), of_type("string"), NULL);
    return pl__json_with_text(
        schema, "description",
        "Rows, and rows of files, that come in the graph's sources' place; or a CSV file of rows.");
}

static json_t *rows_schema(const char *doc) {
    json_t *schema = any_of(list_of(refer("row")), of_type("string"), NULL);
    return pl__json_with_text(schema, "description", doc);
}

static json_t *expectation_schema(void) {
    json_t *properties = with_options(json_object(), pl__trial_expect_options);
    properties = pl__json_with(properties, "of", of_type("string"));
    properties = pl__json_with(properties, "rows", rows_schema("These rows and no others; or a CSV file of them."));
    properties = pl__json_with(properties, "contains", rows_schema("These rows, among others."));
    json_t *map = pl__json_with(of_type("object"), "properties", properties);
    map = pl__json_with(map, "additionalProperties", json_false());
    return any_of(map, list_of(refer("row")), of_type("string"));
}

static json_t *expect_schema(void) {
    json_t *map = pl__json_with(of_type("object"), "additionalProperties", refer("expectation"));
    json_t *schema = any_of(map, list_of(refer("expectation")), NULL);
    return pl__json_with_text(schema, "description", "What comes out, by nodes: NODE or NODE.OUTPUT, or a sink.");
}

static json_t *with_set_and_env(json_t *properties) {
    json_t *texts = pl__json_with(of_type("object"), "additionalProperties", refer("text"));
    json_t *env = pl__json_with_text(texts, "description", "Variables for ${NAME} in the graph.");
    json_t *set = pl__json_with_text(of_type("object"), "description", "Other values: { NODE.OPTION: VALUE }.");
    return pl__json_with(pl__json_with(properties, "set", set), "env", env);
}

static json_t *case_schema(void) {
    json_t *properties = with_set_and_env(with_options(json_object(), pl__trial_case_options));
    properties = pl__json_with(properties, "foreach", refer("foreach"));
    properties = pl__json_with(properties, "input", input_schema());
    properties = pl__json_with(properties, "expect", expect_schema());
    json_t *required = pl__json_append(pl__json_append(json_array(), json_string("name")), json_string("expect"));
    json_t *schema = pl__json_with(of_type("object"), "properties", properties);
    schema = pl__json_with(schema, "required", required);
    return pl__json_with(schema, "additionalProperties", json_false());
}

bool pl_catalog_test_schema(FILE *out) {
    json_t *version = pl__json_with(json_object(), "const", json_integer(PL_GRAPH_VERSION));
    json_t *properties = pl__json_with(json_object(), "potline", version);
    properties = with_set_and_env(with_options(properties, pl__trial_file_options));
    properties = pl__json_with(properties, "cases", list_of(case_schema()));
    json_t *required = pl__json_append(pl__json_append(json_array(), json_string("potline")), json_string("cases"));
    json_t *all = pl__json_with(value_definitions(), "row", row_schema(false));
    json_t *schema = pl__json_with_text(json_object(), "$schema", "http://json-schema.org/draft-07/schema#");
    schema = pl__json_with_text(schema, "title", "Potline test file");
    schema = pl__json_with_text(schema, "$comment", "Generated by tools/generate; not to be edited.");
    schema = pl__json_with_text(schema, "type", "object");
    schema = pl__json_with(schema, "properties", properties);
    schema = pl__json_with(schema, "required", required);
    schema = pl__json_with(schema, "additionalProperties", json_false());
    return pl__json_print(pl__json_with(schema, "definitions", pl__json_with(all, "expectation", expectation_schema())),
                          out);
}
