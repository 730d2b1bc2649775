/* set.c: options from the command line. */
#include "set.h"

#include <string.h>

#include <potline/text.h>

#include "settings.h"

struct setting {
    struct pl_yaml_context *yaml;
    struct pl_place place; /* "--set NODE.OPTION" */
};

static struct pl_yaml *make_value(const struct setting *setting, const char *text) {
    if (text[0] == '[' || text[0] == '{') return pl__yaml_parse_within(setting->yaml, text, setting->place);
    struct pl_yaml *value = pl__yaml_scalar(setting->yaml, text, setting->place);
    if (value) value->plain = false;
    return value;
}

/* Puts a child into a map, in place of one of that key. */
static void put_child(struct pl_yaml *map, struct pl_yaml *value) {
    struct pl_yaml *child = map->first;
    map->first = map->last = NULL;
    map->count = 0;
    for (struct pl_yaml *next; child; child = next) {
        next = child->next;
        child->next = NULL;
        if (strcmp(child->key, value->key) != 0) pl__yaml_add(map, child);
    }
    pl__yaml_add(map, value);
}

/* The map under a key, made where there is none ("true" is a group with nothing set). */
static struct pl_yaml *map_under(const struct setting *setting, struct pl_yaml *map, const char *key) {
    struct pl_yaml *child = pl__yaml_find(map, key);
    if (child && child->type == PL_YAML_MAP) return child;
    child = pl__yaml_new(setting->yaml, PL_YAML_MAP, setting->place);
    if (!child) return NULL;
    child->key = key;
    child->key_place = setting->place;
    put_child(map, child);
    return child;
}

static void put_at(const struct setting *setting, struct pl_yaml *map, char *path, struct pl_yaml *value) {
    char *dot;
    while (map && (dot = strchr(path, '.'))) {
        *dot = 0;
        map = map_under(setting, map, path);
        path = dot + 1;
    }
    if (!map) return;
    value->key = path;
    value->key_place = setting->place;
    put_child(map, value);
}

static bool is_graph_option(const char *name) {
    return pl__option_find(pl__graph_options, name) != NULL;
}

static void report_unknown(const struct setting *setting, const struct pl_source *source, const char *name) {
    char quoted[PL_QUOTE_MAX];
    const char **names = pl__arena_alloc(setting->yaml->arena, source->nodes->count * sizeof *names);
    size_t count = 0;
    for (const struct pl_yaml *node = source->nodes->first; names && node; node = node->next)
        names[count++] = node->key;
    const char *nearest = names ? pl_text_nearest(name, names, count) : NULL;
    pl__problem_at(setting->yaml->problems, setting->place, "there is no node or option of the graph %s%s%s%s",
                   pl__quote(quoted, name), nearest ? "; did you mean " : "", nearest ? nearest : "",
                   nearest ? "?" : "");
}

/* The value belongs where `path` leads to: an option of a node, or of the graph. */
static void put_option(const struct setting *setting, struct pl_source *source, char *path, struct pl_yaml *value) {
    struct pl_problems *problems = setting->yaml->problems;
    char *dot = strchr(path, '.');
    char *first = pl__arena_text(setting->yaml->arena, path, strcspn(path, "."));
    if (!first) return;
    struct pl_yaml *node = pl__yaml_find(source->nodes, first);
    if (node && dot && node->type == PL_YAML_MAP)
        put_at(setting, node, dot + 1, value);
    else if (node)
        pl__problem_at(problems, setting->place, "expected an option of %s, as in %s.OPTION=VALUE", first, first);
    else if (is_graph_option(first))
        put_at(setting, source->root, path, value);
    else
        report_unknown(setting, source, first);
}

void pl__set_apply(struct pl_yaml_context *yaml, struct pl_source *source, const char *set) {
    const char *equals = strchr(set, '=');
    size_t named = equals ? (size_t)(equals - set) : strlen(set); /* the value may be a secret */
    struct setting setting = {yaml, {.file = pl__arena_print(yaml->arena, "--set %.*s", (int)named, set)}};
    if (!setting.place.file) return;
    if (!equals || equals == set) {
        pl__problem_at(yaml->problems, setting.place, "expected NODE.OPTION=VALUE");
        return;
    }
    char *path = pl__arena_text(yaml->arena, set, (size_t)(equals - set));
    struct pl_yaml *value = path ? make_value(&setting, equals + 1) : NULL;
    if (value) put_option(&setting, source, path, value);
}

void pl__set_apply_map(struct pl_yaml_context *yaml, struct pl_source *source, const struct pl_yaml *map) {
    for (const struct pl_yaml *given = map ? map->first : NULL; given; given = given->next) {
        struct setting setting = {yaml, given->key_place};
        char *path = pl__arena_text(yaml->arena, given->key, strlen(given->key));
        struct pl_yaml *value = path ? pl__yaml_copy(yaml, given) : NULL;
        if (value) put_option(&setting, source, path, value);
    }
}

/* ---- Secrets among them ---- */

static bool holds_secret(const struct pl_option *row) {
    if (row->type == PL_TYPE_SECRET) return true;
    bool any = false;
    for (const struct pl_option *each = row->rows; each && each->name && !any; each++)
        any = holds_secret(each);
    return any;
}

/* Which of the rows leads to `path`; only the last part of it may be another one than a group. */
static const struct pl_option *row_at(const struct pl_option *rows, const char *path, size_t length) {
    for (;;) {
        const char *dot = memchr(path, '.', length);
        size_t named = dot ? (size_t)(dot - path) : length;
        const struct pl_option *row = rows;
        while (row && row->name && (strlen(row->name) != named || memcmp(row->name, path, named) != 0))
            row++;
        if (!row || !row->name || !dot) return row && row->name ? row : NULL;
        rows = row->rows;
        length -= named + 1;
        path = dot + 1;
    }
}

static bool is_secret(const struct pl_graph *graph, const char *path, size_t length) {
    const char *dot = memchr(path, '.', length);
    size_t named = dot ? (size_t)(dot - path) : length;
    const struct pl_option *row = row_at(pl__graph_options, path, length);
    for (unsigned i = 0; dot && !row && i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        if (strlen(node->name) == named && memcmp(node->name, path, named) == 0)
            row = row_at(node->op->options, dot + 1, length - named - 1);
    }
    return row && holds_secret(row);
}

bool pl_graph_set_secret(const struct pl_graph *graph, const char **set, size_t *named) {
    for (const char *const *each = graph->set; each && *each; each++) {
        *set = *each;
        *named = strcspn(*each, "=");
        if (is_secret(graph, *set, *named)) return true;
    }
    return false;
}
