/* hash.c: feeds settings, tags and nodes to one hash, each value behind its length or of a fixed size. */
#include "hash.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* its state on the stack */
#include <xxhash.h>

#include "options.h"
#include "settings.h"

/* How the path of a file counts. */
enum paths {
    AS_IT_IS,
    BESIDE, /* as seen from `folder`: from wherever the graph was loaded, it is the same */
    REAL,   /* by the file itself, for two graphs of different folders */
};

struct hashing {
    XXH3_state_t state;
    enum paths paths;
    const char *folder;
    size_t length; /* of it, with the slash; 0: there is none */
};

static void begin(struct hashing *hash, enum paths paths) {
    XXH3_64bits_reset(&hash->state);
    hash->paths = paths;
    hash->folder = "";
    hash->length = 0;
}

static uint64_t end(const struct hashing *hash) {
    return XXH3_64bits_digest(&hash->state);
}

static void feed(struct hashing *hash, const void *bytes, size_t size) {
    if (size) XXH3_64bits_update(&hash->state, bytes, size);
}

static void feed_number(struct hashing *hash, uint64_t number) {
    feed(hash, &number, sizeof number);
}

static void feed_text(struct hashing *hash, const char *text) {
    size_t length = text ? strlen(text) : 0;
    feed_number(hash, length);
    feed(hash, text, length);
}

static void feed_path(struct hashing *hash, const char *path) {
    char *real = hash->paths == REAL && path ? realpath(path, NULL) : NULL;
    bool below = hash->paths == BESIDE && path && strncmp(path, hash->folder, hash->length) == 0;
    feed_text(hash, real ? real : below ? path + hash->length : path);
    free(real);
}

static void feed_paths(struct hashing *hash, const struct pl_strings *paths) {
    feed_number(hash, paths->count);
    for (uint32_t i = 0; i < paths->count; i++)
        feed_path(hash, paths->items[i]);
}

static void feed_strings(struct hashing *hash, const struct pl_strings *strings) {
    feed_number(hash, strings->count);
    for (uint32_t i = 0; i < strings->count; i++)
        feed_text(hash, strings->items[i]);
}

static double real_at(const void *field) {
    double value;
    memcpy(&value, field, sizeof value);
    return value;
}

static void feed_real(struct hashing *hash, double value) {
    if (value == 0) value = 0; /* -0 is 0 */
    feed(hash, &value, sizeof value);
}

static void feed_rows(struct hashing *hash, const struct pl_option *rows, const void *self);

static void feed_list(struct hashing *hash, const struct pl_option *row, const struct pl_list *list) {
    feed_number(hash, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        feed_rows(hash, row->rows, (const char *)list->items + i * row->item_size);
}

static void feed_row(struct hashing *hash, const struct pl_option *row, const void *self) {
    const char *field = (const char *)self + row->offset;
    feed_text(hash, row->name);
    switch (row->type) {
    case PL_TYPE_GROUP:
        feed_number(hash, *(const bool *)field);
        if (*(const bool *)field) feed_rows(hash, row->rows, self);
        break;
    case PL_TYPE_BOOL: feed_number(hash, *(const bool *)field); break;
    case PL_TYPE_STRING:
    case PL_TYPE_PATH: feed_text(hash, *(const char *const *)field); break;
    case PL_TYPE_FILE: feed_path(hash, *(const char *const *)field); break;
    case PL_TYPE_FILES: feed_paths(hash, (const struct pl_strings *)field); break;
    case PL_TYPE_STRINGS: feed_strings(hash, (const struct pl_strings *)field); break;
    case PL_TYPE_PAIRS:
    case PL_TYPE_LIST: feed_list(hash, pl__option_as_list(row), (const struct pl_list *)field); break;
    case PL_TYPE_NUMBER:
    case PL_TYPE_RATE: feed_real(hash, real_at(field)); break;
    case PL_TYPE_CHOICE:
    case PL_TYPE_SET: feed_number(hash, *(const uint32_t *)field); break;
    case PL_TYPE_INT:
    case PL_TYPE_DURATION:
    case PL_TYPE_SIZE:
    case PL_TYPE_TIME: feed_number(hash, (uint64_t) * (const int64_t *)field); break;
    case PL_TYPE_SECRET:
    case PL_TYPE_END: break;
    }
}

static bool is_for_people(const char *name) {
    return strcmp(name, "doc") == 0 || strcmp(name, "description") == 0;
}

static void feed_rows(struct hashing *hash, const struct pl_option *rows, const void *self) {
    for (; rows && rows->name; rows++)
        if (!is_for_people(rows->name)) feed_row(hash, rows, self);
}

enum meaning {
    OF_NOW,
    WITH_CARRIED,  /* of before there were any that are carried over */
    WITHOUT_PATHS, /* of before a place in a file held for its path only */
};

static bool is_meant(const struct pl_option *row, enum meaning meaning) {
    if (row->when == PL_CARRIED) return meaning == WITH_CARRIED;
    return row->when == PL_STATE && (meaning == OF_NOW || row->type != PL_TYPE_PATH);
}

static void feed_state_rows(struct hashing *hash, const struct pl_option *rows, const void *self,
                            enum meaning meaning) {
    for (; rows && rows->name; rows++) {
        if (is_meant(rows, meaning))
            feed_row(hash, rows, self);
        else if (rows->type == PL_TYPE_GROUP && *(const bool *)((const char *)self + rows->offset))
            feed_state_rows(hash, rows->rows, self, meaning);
    }
}

static uint64_t state_hash(const struct pl_graph_node *node, enum meaning meaning) {
    struct hashing hash;
    begin(&hash, AS_IT_IS);
    feed_state_rows(&hash, node->op->options, node->prototype, meaning);
    return end(&hash);
}

uint64_t pl_graph_state_hash(const struct pl_graph_node *node) {
    return state_hash(node, OF_NOW);
}

bool pl_graph_state_fits(const struct pl_graph_node *node, uint64_t kept) {
    return kept == state_hash(node, OF_NOW) || kept == state_hash(node, WITH_CARRIED) ||
           kept == state_hash(node, WITHOUT_PATHS);
}

/* What a hash of the meaning leaves out. */
static void feed_secrets(struct hashing *hash, const struct pl_option *rows, const void *self) {
    for (; rows && rows->name; rows++) {
        const char *field = (const char *)self + rows->offset;
        if (rows->type == PL_TYPE_SECRET) {
            feed_text(hash, *(const char *const *)field);
        } else if (rows->type == PL_TYPE_GROUP) {
            feed_secrets(hash, rows->rows, self);
        } else if (rows->type == PL_TYPE_LIST) {
            const struct pl_list *list = (const struct pl_list *)(const void *)field;
            for (uint32_t i = 0; i < list->count; i++)
                feed_secrets(hash, rows->rows, (const char *)list->items + i * rows->item_size);
        }
    }
}

uint64_t pl__graph_option_hash(const struct pl_option *row, const void *self) {
    struct pl_option only[2] = {*row, {.name = NULL}};
    struct hashing hash;
    begin(&hash, REAL);
    feed_row(&hash, row, self);
    feed_secrets(&hash, only, self);
    return end(&hash);
}

static void feed_tags(struct hashing *hash, const struct pl_graph *graph) {
    feed_number(hash, graph->tag_rule_count);
    for (unsigned i = 0; i < graph->tag_rule_count; i++) {
        const struct pl_tag_rule *rule = &graph->tag_rules[i];
        feed_text(hash, rule->match);
        feed_text(hash, rule->unit);
        feed_real(hash, rule->low);
        feed_real(hash, rule->high);
        feed_strings(hash, &rule->states);
    }
}

uint64_t pl__graph_tags_hash(const struct pl_graph *graph) {
    struct hashing hash;
    begin(&hash, AS_IT_IS);
    feed_tags(&hash, graph);
    return end(&hash);
}

static void feed_node(struct hashing *hash, const struct pl_graph *graph, const struct pl_graph_node *node) {
    feed_text(hash, node->name);
    feed_text(hash, node->op->name);
    feed_rows(hash, node->op->options, node->prototype);
    feed_number(hash, node->settings.on_full);
    feed_number(hash, (uint64_t)node->settings.queue_batches);
    feed_number(hash, (uint64_t)node->settings.queue_bytes);
    feed_number(hash, (uint64_t)node->settings.disorder);
    feed_number(hash, (uint64_t)node->settings.idle);
    feed_real(hash, node->settings.rate);
    feed_number(hash, node->input_count);
    for (unsigned i = 0; i < node->input_count; i++) {
        feed_text(hash, graph->nodes[node->inputs[i].from].name);
        feed_number(hash, node->inputs[i].from_port);
        feed_number(hash, node->inputs[i].to_port);
    }
}

static int by_name(const void *left, const void *right) {
    const struct pl_graph_node *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

uint64_t pl__graph_hash(const struct pl_graph *graph, const struct pl_graph_node **room) {
    struct hashing hash;
    const char *slash = graph->path ? strrchr(graph->path, '/') : NULL;
    begin(&hash, BESIDE);
    hash.folder = graph->path;
    hash.length = slash ? (size_t)(slash - graph->path) + 1 : 0;
    feed_number(&hash, PL_GRAPH_VERSION);
    feed_rows(&hash, pl__graph_options, &graph->settings);
    feed_tags(&hash, graph);
    for (unsigned i = 0; i < graph->node_count; i++)
        room[i] = &graph->nodes[i];
    qsort(room, graph->node_count, sizeof *room, by_name);
    for (unsigned i = 0; i < graph->node_count; i++)
        feed_node(&hash, graph, room[i]);
    return end(&hash);
}
