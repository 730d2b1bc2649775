#include "guest_config.h"

#include <string.h>

#include "batch/tags.h"
#include "graph/registry.h"

enum {
    ITEMS = 18,
    RULE_ITEMS = 6,
    FLAG_RECOVERS = 1,
    FLAG_LOSSES = 2,
    FLAG_RETURNS = 4,
    FLAG_JSON = 8,
    FLAG_ZONES = 16
};

/* ---- Writing ---- */

static void pack_text(struct pl_pack *pack, const char *text) {
    pl_pack_str(pack, text ? text : "");
}

static void pack_rules(struct pl_pack *pack, const struct pl_guest_config *config) {
    pl_pack_array(pack, config->rule_count);
    for (uint32_t i = 0; i < config->rule_count; i++) {
        const struct pl_tag_rule *rule = &config->rules[i];
        pl_pack_array(pack, RULE_ITEMS);
        pack_text(pack, rule->match);
        pack_text(pack, rule->unit);
        pl_pack_f64(pack, rule->low);
        pl_pack_f64(pack, rule->high);
        pl_strings_pack(pack, &rule->states);
        pack_text(pack, rule->description);
    }
}

static void pack_broadcast(struct pl_pack *pack, const char *const *broadcast) {
    uint32_t count = 0;
    while (broadcast && broadcast[count])
        count++;
    pl_pack_array(pack, count);
    for (uint32_t i = 0; i < count; i++)
        pl_pack_str(pack, broadcast[i]);
}

void pl_guest_config_pack(struct pl_pack *pack, const struct pl_guest_config *config, const struct pl_pack *options,
                          const struct pl_pack *kept) {
    const struct pl_node_config *node = &config->node;
    pl_pack_array(pack, ITEMS);
    pack_text(pack, config->plugin);
    pl_pack_str(pack, node->op->name);
    pl_pack_str(pack, node->name);
    pl_pack_uint(pack, node->partition);
    pl_pack_uint(pack, node->kind);
    pl_pack_uint(pack, node->key_depth);
    pl_pack_uint(pack, node->max_keys);
    pl_pack_uint(pack, (node->recovers ? FLAG_RECOVERS : 0) | (node->keeps_losses ? FLAG_LOSSES : 0) |
                           (config->returns ? FLAG_RETURNS : 0) | (config->json ? FLAG_JSON : 0) |
                           (config->zones ? FLAG_ZONES : 0));
    pl_pack_uint(pack, config->least);
    pl_pack_uint(pack, config->epoch);
    pl_pack_uint(pack, config->wanted);
    pl_pack_uint(pack, config->tag_limit);
    pack_rules(pack, config);
    pack_broadcast(pack, config->broadcast);
    pl_pack_uint(pack, node->op->instance_size);
    pl_pack_raw(pack, pl_pack_data(options), pl_pack_size(options));
    pl_pack_raw(pack, pl_pack_data(kept), pl_pack_size(kept));
    pl_pack_str(pack, "end");
}

/* ---- Reading ---- */

static bool read_number(struct pl_unpack *unpack, uint64_t most, uint64_t *value) {
    return pl_unpack_uint(unpack, value) && *value <= most;
}

static bool read_rule(struct pl_guest_config *config, struct pl_unpack *unpack, struct pl_tag_rule *rule) {
    uint32_t items;
    return pl_unpack_array(unpack, &items) && items == RULE_ITEMS &&
           (rule->match = pl_option_memory_text(&config->memory, unpack)) &&
           (rule->unit = pl_option_memory_text(&config->memory, unpack)) && pl_unpack_f64(unpack, &rule->low) &&
           pl_unpack_f64(unpack, &rule->high) && pl_strings_unpack(unpack, &rule->states, &config->memory) &&
           (rule->description = pl_option_memory_text(&config->memory, unpack));
}

static bool read_rules(struct pl_guest_config *config, struct pl_unpack *unpack) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > PL_LIST_MAX) return false;
    struct pl_tag_rule *rules = pl_option_memory_alloc(&config->memory, (count + 1) * sizeof *rules);
    if (!rules) return false;
    config->rules = rules;
    for (; config->rule_count < count; config->rule_count++)
        if (!read_rule(config, unpack, &rules[config->rule_count])) return false;
    return true;
}

static bool read_broadcast(struct pl_guest_config *config, struct pl_unpack *unpack) {
    struct pl_strings globs;
    if (!pl_strings_unpack(unpack, &globs, &config->memory)) return false;
    config->broadcast = globs.items; /* one more was allocated: it ends in NULL */
    return true;
}

static bool read_node(struct pl_guest_config *config, struct pl_unpack *unpack) {
    struct pl_node_config *node = &config->node;
    uint64_t partition, kind, depth, keys, flags, least, limit;
    if (!(node->name = pl_option_memory_text(&config->memory, unpack)) ||
        !read_number(unpack, UINT16_MAX, &partition) || !read_number(unpack, PL_KINDS, &kind) ||
        !read_number(unpack, UINT32_MAX, &depth) || !read_number(unpack, UINT32_MAX, &keys) ||
        !read_number(unpack, UINT32_MAX, &flags) || !read_number(unpack, PL_DEBUG, &least) ||
        !pl_unpack_uint(unpack, &config->epoch) || !pl_unpack_uint(unpack, &config->wanted) ||
        !read_number(unpack, UINT32_MAX, &limit))
        return false;
    node->partition = (unsigned)partition;
    node->kind = (enum pl_kind)kind;
    node->key_depth = (unsigned)depth;
    node->max_keys = (uint32_t)keys;
    node->recovers = flags & FLAG_RECOVERS;
    node->keeps_losses = flags & FLAG_LOSSES;
    config->returns = flags & FLAG_RETURNS;
    config->json = flags & FLAG_JSON;
    config->zones = flags & FLAG_ZONES;
    config->least = (uint32_t)least;
    config->tag_limit = (uint32_t)limit;
    return true;
}

static bool read_options(struct pl_guest_config *config, struct pl_unpack *unpack) {
    const struct pl_operator *op = config->node.op;
    uint64_t size;
    if (!pl_unpack_uint(unpack, &size) || size != op->instance_size) return false;
    void *self = pl_option_memory_alloc(&config->memory, op->instance_size);
    config->node.prototype = self;
    return self && pl_options_unpack(unpack, op->options, self, &config->memory);
}

static enum pl_code find_operator(struct pl_guest_config *config, struct pl_unpack *unpack, struct pl_error **error) {
    const char *name = NULL;
    config->plugin = pl_option_memory_text(&config->memory, unpack);
    if (config->plugin) name = pl_option_memory_text(&config->memory, unpack);
    if (!name) return pl_error_set(error, PL_CORRUPT, "what its process is to run cannot be read");
    if (strchr(config->plugin, '/')) pl_registry_load_one(config->plugin);
    config->node.op = pl_registry_find(name);
    if (config->node.op && config->node.op->inputs) return PL_OK;
    return pl_error_set(error, PL_UNKNOWN, "its process does not find operator %s in %s", name, config->plugin);
}

enum pl_code pl_guest_config_read(struct pl_guest_config *config, const void *bytes, size_t size,
                                  struct pl_error **error) {
    struct pl_unpack unpack;
    uint32_t items;
    *config = (struct pl_guest_config){0};
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_array(&unpack, &items) || items != ITEMS)
        return pl_error_set(error, PL_CORRUPT, "what its process is to run cannot be read");
    enum pl_code code = find_operator(config, &unpack, error);
    if (code) return code;
    bool read = read_node(config, &unpack) && read_rules(config, &unpack) && read_broadcast(config, &unpack) &&
                read_options(config, &unpack) && pl_unpack_map(&unpack, &config->kept_count);
    config->kept = unpack;
    return read ? PL_OK : pl_error_set(error, PL_CORRUPT, "the options of %s cannot be read", config->node.op->name);
}

void pl_guest_config_fini(struct pl_guest_config *config) {
    pl_option_memory_fini(&config->memory);
}
