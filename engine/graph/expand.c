/* expand.c: writes templates out. */
#include "expand.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES_MAX = 8, DIGITS_MAX = 9 };

struct values {
    const char *name;
    const struct pl_yaml *place; /* of the variable in the foreach */
    const char **items;
    uint32_t count;
    bool used;
};

struct template {
    const struct pl_expansion *expansion;
    struct pl_yaml *body; /* the map with `foreach` in it */
    struct values variables[VARIABLES_MAX];
    unsigned variable_count;
    struct pl_yaml *into; /* the copies go to the end of this */
    bool repeated;        /* the next copy is not the first */
    bool checked;
};

static void expand_value(const struct pl_expansion *expansion, struct pl_yaml *value, const struct pl_variable *scope);

/* ---- The values of a variable ---- */

static bool add_item(struct pl_yaml_context *yaml, struct values *values, const struct pl_yaml *at, const char *text) {
    if (values->count == PL_FOREACH_MAX) {
        pl__problem(yaml->problems, at, "more than 100,000 values in a foreach");
        return false;
    }
    if ((values->count & (values->count - 1)) == 0) { /* full at every power of two */
        const char **grown = pl__arena_alloc(yaml->arena, (values->count ? values->count * 2 : 1) * sizeof *grown);
        if (!grown) return false;
        if (values->count) memcpy(grown, values->items, values->count * sizeof *grown);
        values->items = grown;
    }
    values->items[values->count++] = text;
    return text != NULL;
}

/* "01..20": true when it is a range, whose ends and width it then gives. */
static bool is_range(const char *text, long *first, long *last, int *width) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || strncmp(text + digits, "..", 2) != 0) return false;
    const char *end = text + digits + 2;
    size_t more = strspn(end, "0123456789");
    if (more == 0 || more > DIGITS_MAX || end[more]) return false;
    *first = strtol(text, NULL, 10);
    *last = strtol(end, NULL, 10);
    *width = text[0] == '0' && digits > 1 ? (int)digits : 0;
    return true;
}

static bool add_scalar(struct pl_yaml_context *yaml, struct values *values, const struct pl_yaml *scalar) {
    long first, last;
    int width;
    char quoted[PL_QUOTE_MAX];
    if (scalar->type != PL_YAML_SCALAR || pl__yaml_null(scalar)) {
        pl__problem(yaml->problems, scalar, "a value of foreach is a text or a range like 01..20");
        return false;
    }
    if (scalar->any) return false;
    if (!is_range(scalar->text, &first, &last, &width)) return add_item(yaml, values, scalar, scalar->text);
    if (first > last) {
        pl__problem(yaml->problems, scalar, "%s counts down; write the lower end first",
                    pl__quote(quoted, scalar->text));
        return false;
    }
    for (long i = first; i <= last; i++)
        if (!add_item(yaml, values, scalar, pl__arena_print(yaml->arena, "%0*ld", width, i))) return false;
    return true;
}

static bool read_values(struct pl_yaml_context *yaml, struct values *values, const struct pl_yaml *value) {
    bool good = true;
    if (value->type == PL_YAML_LIST)
        for (const struct pl_yaml *item = value->first; item && good; item = item->next)
            good = add_scalar(yaml, values, item);
    else
        good = add_scalar(yaml, values, value);
    if (good && values->count == 0) {
        pl__problem(yaml->problems, value, "foreach has no values for {%s}", values->name);
        good = false;
    }
    return good;
}

static bool is_variable_name(const char *name) {
    if (!((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z')) || strlen(name) > PL_VARIABLE_MAX)
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == 0;
}

static bool read_foreach(struct template *template, const struct pl_yaml *foreach) {
    struct pl_yaml_context *yaml = template->expansion->yaml;
    char quoted[PL_QUOTE_MAX];
    uint64_t copies = 1;
    if (foreach->type != PL_YAML_MAP || foreach->count == 0 || foreach->count > VARIABLES_MAX) {
        if (!foreach->any)
            pl__problem(yaml->problems, foreach,
                        "foreach is a map of 1 to 8 variables and their values, like { pot: 01..20 }");
        return false;
    }
    for (const struct pl_yaml *value = foreach->first; value; value = value->next) {
        struct values *values = &template->variables[template->variable_count++];
        *values = (struct values){.name = value->key, .place = value};
        if (!is_variable_name(value->key)) {
            pl__problem_at(yaml->problems, value->key_place,
                           "%s is no name for a variable; letters, digits and '_' are", pl__quote(quoted, value->key));
            return false;
        }
        if (!read_values(yaml, values, value)) return false;
        copies *= values->count;
        if (copies > PL_FOREACH_MAX) {
            pl__problem(yaml->problems, foreach, "foreach would make more than 100,000 copies");
            return false;
        }
    }
    return true;
}

/* ---- Copies ---- */

static void mark_repeated(struct pl_yaml *value) {
    value->repeated = true;
    for (struct pl_yaml *child = value->first; child; child = child->next)
        mark_repeated(child);
}

/* After the first copy it is known which variables are used. Another one is reported, and counts as a single value. */
static void check_used(struct template *template) {
    for (unsigned i = 0; i < template->variable_count; i++) {
        struct values *values = &template->variables[i];
        if (values->used) continue;
        pl__problem_at(template->expansion->yaml->problems, values->place->key_place,
                       "{%s} is used nowhere in what this foreach repeats", values->name);
        values->count = 1;
    }
}

static bool make_copies(struct template *template, unsigned index, const struct pl_variable *scope) {
    const struct pl_expansion *expansion = template->expansion;
    if (index == template->variable_count) {
        struct pl_yaml *made = pl__yaml_copy(expansion->yaml, template->body);
        if (!made) return false;
        if (template->repeated) mark_repeated(made);
        if (made->key) pl__substitute_key(expansion, made, scope);
        expand_value(expansion, made, scope);
        pl__yaml_add(template->into, made);
        if (!template->checked) check_used(template);
        template->checked = template->repeated = true;
        return true;
    }
    struct values *values = &template->variables[index];
    for (uint32_t i = 0; i < values->count; i++) {
        struct pl_variable variable = {values->name, values->items[i], &values->used, scope};
        if (!make_copies(template, index + 1, &variable)) return false;
    }
    return true;
}

static void remove_child(struct pl_yaml *map, const struct pl_yaml *gone) {
    struct pl_yaml *child = map->first;
    map->first = map->last = NULL;
    map->count = 0;
    for (struct pl_yaml *next; child; child = next) {
        next = child->next;
        child->next = NULL;
        if (child != gone) pl__yaml_add(map, child);
    }
}

static void expand_template(const struct pl_expansion *expansion, struct pl_yaml *body, struct pl_yaml *into,
                            const struct pl_variable *scope) {
    struct template template = {.expansion = expansion, .body = body, .into = into, .repeated = body->repeated};
    struct pl_yaml *foreach = pl__yaml_find(body, "foreach");
    expand_value(expansion, foreach, scope);
    remove_child(body, foreach);
    if (!read_foreach(&template, foreach) || !make_copies(&template, 0, scope)) *expansion->lost = true;
}

/* ---- Trees ---- */

/* Templates are entries of lists and nodes. */
static bool holds_templates(const struct pl_yaml *parent) {
    return parent->type == PL_YAML_LIST || (parent->key && strcmp(parent->key, "nodes") == 0);
}

static void expand_children(const struct pl_expansion *expansion, struct pl_yaml *parent,
                            const struct pl_variable *scope) {
    bool templates = holds_templates(parent), expanded = false;
    struct pl_yaml *child = parent->first;
    parent->first = parent->last = NULL;
    parent->count = 0;
    for (struct pl_yaml *next; child; child = next) {
        next = child->next;
        child->next = NULL;
        if (templates && pl__yaml_find(child, "foreach")) {
            expand_template(expansion, child, parent, scope);
            expanded = true;
            continue;
        }
        if (child->key) pl__substitute_key(expansion, child, scope);
        expand_value(expansion, child, scope);
        pl__yaml_add(parent, child);
    }
    if (expanded && parent->type == PL_YAML_MAP) pl__yaml_check_keys(expansion->yaml, parent);
}

static void expand_value(const struct pl_expansion *expansion, struct pl_yaml *value, const struct pl_variable *scope) {
    if (value->type == PL_YAML_SCALAR)
        pl__substitute(expansion, value, scope);
    else
        expand_children(expansion, value, scope);
}

void pl__expand(const struct pl_expansion *expansion, struct pl_yaml *tree) {
    expand_value(expansion, tree, NULL);
}
