#include "program_brief.h"

#include "runtime/program_wire.h"

enum { ITEMS = 16 };

static void put_pairs(struct pl_pack *pack, const char *key, const struct pl_list *list) {
    const struct pl_pair *pairs = list->items;
    pl_pack_str(pack, key);
    pl_pack_map(pack, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        pl_pack_pair_str(pack, pairs[i].name, pairs[i].value);
}

static void put_kind(struct pl_pack *pack, const char *key, bool any, enum pl_kind kind) {
    pl_pack_str(pack, key);
    if (any)
        pl_pack_str(pack, pl_kind_info[kind].name);
    else
        pl_pack_nil(pack);
}

static const char *role_of(const struct pl_operator *op) {
    return !op->inputs ? "source" : op->outputs ? "operator" : "sink";
}

void pl_program_brief_pack(struct pl_pack *pack, const struct pl_program_brief *brief) {
    const struct pl_node_config *node = brief->node;
    const struct pl_operator *op = node->op;
    pl_pack_map(pack, ITEMS);
    pl_pack_pair_str(pack, "type", "config");
    pl_pack_pair_int(pack, "protocol", PL_PROGRAM_PROTOCOL);
    pl_pack_pair_str(pack, "node", node->name);
    pl_pack_pair_str(pack, "role", role_of(op));
    pl_pack_pair_int(pack, "partition", node->partition);
    pl_pack_pair_int(pack, "partitions", brief->partitions);
    pl_pack_pair_str(pack, "format", pl_program_formats[brief->program->format]);
    put_kind(pack, "takes", op->inputs, node->kind);
    put_kind(pack, "gives", op->outputs, brief->gives);
    put_pairs(pack, "options", &brief->program->options);
    pl_pack_pair_int(pack, "epoch", (int64_t)brief->epoch);
    pl_pack_str(pack, "recovers");
    pl_pack_bool(pack, node->recovers);
    pl_pack_pair_int(pack, "hang", brief->hang);
    pl_pack_pair_int(pack, "ahead", PL_PROGRAM_CEILING);
    pl_pack_pair_int(pack, "longest", PL_PROGRAM_MESSAGE_MAX);
    pl_pack_str(pack, "position");
    if (brief->position)
        pl_pack_raw(pack, brief->position, brief->position_size);
    else
        pl_pack_nil(pack);
}
