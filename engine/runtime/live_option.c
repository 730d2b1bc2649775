#include "runtime/live_option.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "graph/options.h"
#include "graph/settings.h"
#include "runtime/node.h"

enum { PATH_TEXT = 128, VALUE_TEXT = PL_LIVE_OPTION_TEXT, HOLDS_TEXT = VALUE_TEXT + 80 };

/* ---- Values as text ---- */

static void put_set(char *text, const struct pl_option *row, uint32_t bits) {
    size_t used = (size_t)snprintf(text, VALUE_TEXT, "[");
    for (unsigned i = 0; row->choices[i] && used < VALUE_TEXT - 2; i++)
        if (bits & 1u << i)
            used += (size_t)snprintf(text + used, VALUE_TEXT - used, "%s%s", used > 1 ? ", " : "", row->choices[i]);
    if (used < VALUE_TEXT - 1) snprintf(text + used, VALUE_TEXT - used, "]");
}

/* As it is written, in the unit in which it is a whole number, if there is one that says exactly this. */
static char *put_rate(char *text, double value) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"/s", 1}, {"/min", 60}, {"/h", 3600}, {"/d", 86400}};
    if (value == 0) return stpcpy(text, "0");
    for (size_t i = 0; i < PL_COUNT_OF(units); i++) {
        double again, count = round(value * units[i].seconds);
        char *end = stpcpy(pl_text_put_f64(text, count), units[i].name);
        if (count > 0 && pl_text_rate(text, (size_t)(end - text), &again) && again == value) return end;
    }
    return stpcpy(pl_text_put_f64(text, value), "/s");
}

static void put_value(char text[VALUE_TEXT], const struct pl_option *row, const void *self) {
    const void *field = (const char *)self + row->offset;
    char *end = text;
    switch (row->type) {
    case PL_TYPE_BOOL:
    case PL_TYPE_GROUP: end += snprintf(text, VALUE_TEXT, "%s", *(const bool *)field ? "true" : "false"); break;
    case PL_TYPE_INT:
    case PL_TYPE_SIZE: end = pl_text_put_int(text, *(const int64_t *)field); break;
    case PL_TYPE_RATE: end = put_rate(text, *(const double *)field); break;
    case PL_TYPE_NUMBER: end = pl_text_put_f64(text, *(const double *)field); break;
    case PL_TYPE_DURATION: end = pl_text_put_duration(text, *(const pl_time *)field); break;
    case PL_TYPE_TIME: end = pl_text_put_time(text, *(const pl_time *)field); break;
    case PL_TYPE_CHOICE: snprintf(text, VALUE_TEXT, "%s", row->choices[*(const uint32_t *)field]); return;
    case PL_TYPE_SET: put_set(text, row, *(const uint32_t *)field); return;
    case PL_TYPE_SECRET: snprintf(text, VALUE_TEXT, "(secret)"); return;
    case PL_TYPE_STRING:
    case PL_TYPE_PATH:
    case PL_TYPE_FILE: snprintf(text, VALUE_TEXT, "%s", *(const char *const *)field); return;
    default: snprintf(text, VALUE_TEXT, "(list)"); return;
    }
    *end = 0;
}

/* ---- options ---- */

/* What people have made of it: "" nothing, else whether it holds for this run alone. */
static void put_set_state(char text[VALUE_TEXT], const struct pl_override *override) {
    const char *lasting = override ? override->lasting : NULL;
    if (!override)
        *text = 0;
    else if (!lasting)
        snprintf(text, VALUE_TEXT, "set");
    else if (strcmp(lasting, override->value) == 0)
        snprintf(text, VALUE_TEXT, "persisted");
    else
        snprintf(text, VALUE_TEXT, "set; persisted: %s", lasting);
}

static void show_rows(struct pl_call *call, const struct pl_option *rows, const char *before,
                      const struct pl_node *node) {
    static const char *const when[] = {
        [PL_FIXED] = "fixed", [PL_LIVE] = "live", [PL_STATE] = "state", [PL_CARRIED] = "carried"};
    for (const struct pl_option *row = rows; row && row->name; row++) {
        char path[PATH_TEXT], value[VALUE_TEXT], set[VALUE_TEXT];
        snprintf(path, sizeof path, "%s%s%s", before, before[0] ? "." : "", row->name);
        put_value(value, row, node->self);
        put_set_state(set, pl_overrides_find(&node->overrides, path));
        struct pl_pack *pack = pl_reply_row(call, 6);
        pl_pack_pair_str(pack, "option", path);
        pl_pack_pair_str(pack, "value", value);
        pl_pack_pair_str(pack, "default", row->fallback ? row->fallback : "(required)");
        pl_pack_pair_str(pack, "when", when[row->when]);
        pl_pack_pair_str(pack, "set", set);
        pl_pack_pair_str(pack, "doc", row->doc);
        bool given = row->type == PL_TYPE_GROUP && *(const bool *)((const char *)node->self + row->offset);
        if (given) show_rows(call, row->rows, path, node);
    }
}

enum pl_code pl_live_options_show(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    (void)error;
    show_rows(call, node->config.op->options, "", node);
    return PL_OK;
}

/* ---- set ---- */

static enum pl_code is_fixed(const char *node, const char *path, struct pl_error **error) {
    return pl_error_set(
        error, PL_USAGE,
        "%s.%s is fixed while the node runs: change it in the graph file, then `graph apply FILE` takes "
        "it over while the engine runs",
        node, path);
}

/* What every node has beside the options of its operator: rate, on_full. */
static bool is_setting(const struct pl_operator *op, const char *name) {
    const struct pl_option *more = !op->inputs   ? pl__source_options
                                   : op->outputs ? pl__inner_options
                                                 : pl__sink_options;
    return pl__option_find(pl__node_options, name) || pl__option_find(more, name);
}

static enum pl_code unknown(const struct pl_node *node, const struct pl_option *rows, const char *name,
                            struct pl_error **error) {
    const char *names[256];
    size_t count = 0;
    if (rows == node->config.op->options && is_setting(node->config.op, name))
        return is_fixed(node->config.name, name, error);
    for (const struct pl_option *row = rows; row && row->name && count < PL_COUNT_OF(names); row++)
        names[count++] = row->name;
    const char *nearest = pl_text_nearest(name, names, count);
    char list[PATH_TEXT + 32];
    snprintf(list, sizeof list, "options %s shows them", node->config.name);
    return pl_error_set(error, PL_NOT_FOUND, "%s (%s) has no option \"%s\"; %s%s%s", node->config.name,
                        node->config.op->name, name, nearest ? "did you mean " : "", nearest ? nearest : list,
                        nearest ? "?" : "");
}

/* The row at a path like spike.k. */
static enum pl_code find(const struct pl_node *node, const struct pl_option *rows, const char *path,
                         const struct pl_option **found, struct pl_error **error) {
    char name[PATH_TEXT];
    size_t length = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    *found = pl__option_find(rows, name);
    if (!*found) return unknown(node, rows, name, error);
    if (!path[length]) return PL_OK;
    if ((*found)->type != PL_TYPE_GROUP) return pl_error_set(error, PL_USAGE, "%s has no options of its own", name);
    return find(node, (*found)->rows, path + length + 1, found, error);
}

/* Read into a copy, held against the operator's own rules there, and only then put where the operator sees it. Live
 * options are numbers, choices and the like: none owns memory. */
static enum pl_code put_into(struct pl_node *node, const struct pl_option *row, const char *path, const char *value,
                             void *copy, struct pl_error **error) {
    const struct pl_operator *op = node->config.op;
    struct pl_option only[2] = {*row, PL_OPT_END};
    only[0].name = path; /* as it was written, for messages */
    struct pl_operator shape = {.name = op->name, .options = only, .check = op->check};
    struct pl_argument argument = {path, value};
    struct pl_options_owner *owner = NULL;
    memcpy(copy, node->self, op->instance_size);
    enum pl_code code = pl_arguments_check(&shape, &argument, 1, copy, &owner, error);
    pl_options_free(owner);
    if (code) return code;
    size_t size = row->type == PL_TYPE_BOOL ? sizeof(bool) : pl__option_kind(row->type)->size;
    memcpy((char *)node->self + row->offset, (char *)copy + row->offset, size);
    if (op->changed) op->changed(node->self, node, row);
    pl_models_renew(node);
    return PL_OK;
}

static bool may_be_set(const struct pl_option *row) {
    switch (row->type) {
    case PL_TYPE_BOOL:
    case PL_TYPE_INT:
    case PL_TYPE_NUMBER:
    case PL_TYPE_DURATION:
    case PL_TYPE_SIZE:
    case PL_TYPE_RATE:
    case PL_TYPE_TIME:
    case PL_TYPE_CHOICE:
    case PL_TYPE_SET: return row->when == PL_LIVE;
    default: return false;
    }
}

enum pl_code pl_live_option_set(struct pl_node *node, const char *path, const char *value,
                                struct pl_live_change *change, struct pl_error **error) {
    char whole[PL_NAME_MAX + PATH_TEXT];
    const struct pl_option *row;
    enum pl_code code = find(node, node->config.op->options, path, &row, error);
    if (code) return code;
    snprintf(whole, sizeof whole, "%s.%s", node->config.name, path);
    if (!may_be_set(row)) return is_fixed(node->config.name, path, error);
    void *copy = pl_alloc(node->config.op->instance_size);
    if (!copy) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    put_value(change->graph, row, node->config.prototype);
    put_value(change->before, row, node->self);
    code = put_into(node, row, whole, value, copy, error);
    pl_free(copy);
    if (!code) put_value(change->after, row, node->self);
    return code;
}

bool pl_live_option_given(const struct pl_node *node, const char *path, char text[PL_LIVE_OPTION_TEXT]) {
    const struct pl_option *row;
    if (find(node, node->config.op->options, path, &row, NULL)) return false;
    put_value(text, row, node->config.prototype);
    return true;
}

/* For how long, and what comes behind that. */
static void put_holds(char text[HOLDS_TEXT], const struct pl_override *override) {
    const char *lasting = override ? override->lasting : NULL;
    if (!override)
        snprintf(text, HOLDS_TEXT, "as the graph file says");
    else if (!lasting)
        snprintf(text, HOLDS_TEXT, "until this run ends; then %s again, as the graph file says", override->graph);
    else if (strcmp(lasting, override->value) == 0)
        snprintf(text, HOLDS_TEXT, "persisted: in the next runs too, until the graph file says something else");
    else
        snprintf(text, HOLDS_TEXT, "until this run ends; then %s again, which is persisted", lasting);
}

enum pl_code pl_live_option_call(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    const struct pl_set_args *args = call->args;
    const char *path = strchr(args->option, '.') + 1;
    struct pl_live_change change;
    enum pl_code code = pl_live_option_set(node, path, args->value, &change, error);
    if (!code) code = pl_overrides_note(&node->overrides, path, &change, args->persist, error);
    if (code || node->config.partition != 0) return code;
    char holds[HOLDS_TEXT];
    put_holds(holds, pl_overrides_find(&node->overrides, path));
    struct pl_pack *pack = pl_reply_row(call, 4);
    pl_pack_pair_str(pack, "option", args->option);
    pl_pack_pair_str(pack, "from", change.before);
    pl_pack_pair_str(pack, "to", change.after);
    pl_pack_pair_str(pack, "holds", holds);
    pl_call_changed(call, args->option, change.before, change.after);
    return PL_OK;
}
