/* yaml.h: a YAML document as a tree in which every value knows where it stands.
 *
 *     { size: 10s, aggregates: [count, mean] }
 *
 *     MAP -> first: SCALAR key "size" text "10s"
 *              next: LIST key "aggregates" -> first: SCALAR "count" -> next: SCALAR "mean"
 *
 * Values have no types of their own: "10", "true" and "null" are texts until the option that they are for says what it
 * is. What graph files do not need is refused (aliases, tags, several documents, keys that are not texts), and so is a
 * key given twice. Depth, size and number of values are bounded. Bytes that are no UTF-8, and NULs, are syntax errors.
 */
#ifndef POTLINE_GRAPH_YAML_H
#define POTLINE_GRAPH_YAML_H

#include "arena.h"
#include "problems.h"

struct pl_file_log;

enum {
    PL_YAML_DEPTH_MAX = 32,
    PL_YAML_VALUES_MAX = 1000000,
};

enum pl_yaml_type { PL_YAML_SCALAR, PL_YAML_LIST, PL_YAML_MAP };

struct pl_yaml {
    enum pl_yaml_type type;
    bool plain;     /* a scalar without quotes: empty, ~ and null are no value */
    bool any;       /* stands for any valid value: something about it has been reported already */
    bool repeated;  /* belongs to a copy that foreach made, not to the first */
    uint32_t count; /* children */
    struct pl_place place;
    const char *text; /* of a scalar; ends in 0 and holds none */
    const char *key;  /* in a map; else NULL */
    struct pl_place key_place;
    struct pl_yaml *first, *last; /* children */
    struct pl_yaml *next;
};

/* Where trees live and what they may take. */
struct pl_yaml_context {
    struct pl_arena *arena;
    struct pl_problems *problems;
    uint32_t values;           /* made so far */
    struct pl_file_log *files; /* that are read; NULL: nobody wants to know */
};

/* The tree of a text, all of it in the arena; `file` is for places and must live as long. NULL after a syntax error,
 * which has been reported, for an empty document, reported too, and without memory (pl__arena_code). */
struct pl_yaml *pl__yaml_parse(struct pl_yaml_context *context, const char *text, size_t length, const char *file);

/* The same of a text inside something else (a field of a table, a default): all its values stand at `place`. */
struct pl_yaml *pl__yaml_parse_within(struct pl_yaml_context *context, const char *text, struct pl_place place);

struct pl_yaml *pl__yaml_scalar(struct pl_yaml_context *context, const char *text, struct pl_place place);
struct pl_yaml *pl__yaml_new(struct pl_yaml_context *context, enum pl_yaml_type type, struct pl_place place);
void pl__yaml_add(struct pl_yaml *parent, struct pl_yaml *child);

/* With all that is in it; its texts are shared. NULL when there would be too many values, or without memory. */
struct pl_yaml *pl__yaml_copy(struct pl_yaml_context *context, const struct pl_yaml *from);

struct pl_yaml *pl__yaml_find(const struct pl_yaml *map, const char *key);
bool pl__yaml_null(const struct pl_yaml *value); /* a scalar that says nothing */

/* Reports the keys of a map that are there twice, with both places, and takes the later ones out. */
void pl__yaml_check_keys(struct pl_yaml_context *context, struct pl_yaml *map);

#endif
