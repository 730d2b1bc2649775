#include "runtime/models.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include <potline/text.h>

#include "graph/hash.h"
#include "graph/registry.h"
#include "runtime/node.h"

static const char between[] = "; ";
enum { BETWEEN = sizeof between - 1 };

/* Is the part [at, at + length) one of those of `text`? */
static bool has_part(const char *text, const char *at, size_t length) {
    for (const char *part = text; *part;) {
        const char *end = strstr(part, between);
        size_t size = end ? (size_t)(end - part) : strlen(part);
        if (size == length && memcmp(part, at, length) == 0) return true;
        part += size + (end ? BETWEEN : 0);
    }
    return false;
}

uint32_t pl_models_join(struct pl_tags *tags, uint32_t one, uint32_t other) {
    if (one == other || !other) return one;
    if (!one) return other;
    char text[PL_NAME_MAX + 1];
    size_t size = (size_t)snprintf(text, sizeof text, "%s", pl_tags_get(tags, one)->name);
    for (const char *part = pl_tags_get(tags, other)->name; *part;) {
        const char *end = strstr(part, between);
        size_t length = end ? (size_t)(end - part) : strlen(part);
        if (!has_part(text, part, length) && size + BETWEEN + length <= PL_NAME_MAX)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s", between, (int)length, part);
        part += length + (end ? BETWEEN : 0);
    }
    uint32_t id = pl_tags_intern(tags, text, size);
    return id == PL_NO_ID ? one : id;
}

static void settle(struct pl_node *node, uint32_t own) {
    struct pl_models *models = &node->models;
    atomic_store_explicit(&models->own, own, memory_order_relaxed);
    models->all = pl_models_join(node->config.tags, own, models->from);
}

void pl_models_from(struct pl_node *node, uint32_t model) {
    if (node->models.from == model) return;
    node->models.from = model;
    settle(node, atomic_load_explicit(&node->models.own, memory_order_relaxed));
}

void pl_models_stamp(struct pl_node *node, struct pl_batch *batch) {
    uint32_t own = atomic_load_explicit(&node->models.own, memory_order_relaxed);
    if (batch->model && batch->model != own) settle(node, batch->model);
    batch->model = node->models.all;
}

/* ---- What an operator says ---- */

static uint64_t hash_options(const struct pl_node *node) {
    uint64_t hash = 0;
    for (const struct pl_option *row = node->config.op->options; row && row->name; row++) {
        uint64_t pair[2] = {hash, pl__graph_option_hash(row, node->self)};
        hash = XXH3_64bits(pair, sizeof pair);
    }
    return hash;
}

static void say(struct pl_node *node, const char *parameters) {
    char text[2 * PL_MODEL_TEXT + PL_NAME_MAX];
    const struct pl_models *models = &node->models;
    int length = snprintf(text, sizeof text, "%s%s%s%s%s", models->name, *models->version ? " " : "", models->version,
                          *parameters ? " " : "", parameters);
    size_t size = length > PL_NAME_MAX ? pl_text_cut(text, PL_NAME_MAX) : (size_t)length;
    uint32_t own = pl_tags_intern(node->config.tags, text, size);
    settle(node, own == PL_NO_ID ? 0 : own);
}

void pl_models_renew(struct pl_node *node) {
    char parameters[16 + 1];
    if (!node->models.by_options) return;
    snprintf(parameters, sizeof parameters, "%016" PRIx64, hash_options(node));
    say(node, parameters);
}

void pl_node_model(struct pl_node *node, const char *name, const char *version, const char *parameters) {
    struct pl_models *models = &node->models;
    if (!name) name = node->config.op->name;
    if (!version) version = pl_registry_version(node->config.op);
    pl_text_copy(models->name, sizeof models->name, name, strlen(name));
    pl_text_copy(models->version, sizeof models->version, version, strlen(version));
    models->by_options = !parameters;
    if (parameters)
        say(node, parameters);
    else
        pl_models_renew(node);
}

const char *pl_node_model_name(const struct pl_node *node) {
    uint32_t own = atomic_load_explicit(&node->models.own, memory_order_relaxed);
    return own ? pl_tags_get(node->config.tags, own)->name : "";
}
