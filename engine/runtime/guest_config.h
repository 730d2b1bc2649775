/* guest_config.h: all that a process must know of the node it is to run, as one msgpack value.
 *
 * The engine writes it from the node's own config (node.h); the process reads it into one of its own, with a registry
 * of tags that follows the same rules.
 */
#ifndef POTLINE_GUEST_CONFIG_H
#define POTLINE_GUEST_CONFIG_H

#include "graph/option_pack.h"
#include "runtime/node.h"

struct pl_guest_config {
    struct pl_node_config node; /* `op` and `prototype` once the plugin is there: pl_guest_config_read does it */
    const char *plugin;         /* its file; "": the operator is built in */
    uint64_t epoch;             /* the one that begins */
    uint64_t wanted;            /* ports that somebody takes from, by bit */
    bool returns;               /* what comes while the operator is busy goes back */
    bool zones;                 /* the engine has a data folder */
    bool json;                  /* messages */
    uint32_t least;             /* enum pl_level */
    const struct pl_tag_rule *rules;
    uint32_t rule_count;
    const char *const *broadcast; /* ends in NULL; may be NULL */
    uint32_t tag_limit;
    struct pl_unpack kept; /* a map: key -> the value's bytes; read last */
    uint32_t kept_count;
    struct pl_option_memory memory; /* of what was read */
};

/* `options`: the node's, packed (graph/option_pack.h); `kept`: a map as above. */
void pl_guest_config_pack(struct pl_pack *pack, const struct pl_guest_config *config, const struct pl_pack *options,
                          const struct pl_pack *kept);

/* Opens the plugin and fills in the options. The bytes are borrowed. */
enum pl_code pl_guest_config_read(struct pl_guest_config *config, const void *bytes, size_t size,
                                  struct pl_error **error);
void pl_guest_config_fini(struct pl_guest_config *config);

#endif
