/* section.c: which nodes are copied for each partition (keyed), and which run once (global).
 *
 * Sources stand before the log, which deals their rows out to the partitions: behind them a node may be either. From
 * the global section no way leads back into the keyed one, as its rows are of the plant, not of one partition.
 */
#include "draft.h"

/* The first input that comes from the global section; NULL: none does. */
static const struct pl_draft_input *global_input(const struct pl_draft_node *node) {
    for (unsigned i = 0; i < node->input_count; i++) {
        const struct pl_draft_node *from = node->inputs[i].from;
        if (from->op && from->op->inputs && from->global) return &node->inputs[i];
    }
    return NULL;
}

static void place_node(const struct pl_draft *draft, struct pl_draft_node *node) {
    const struct pl_draft_input *input = global_input(node);
    node->global = node->op->scope == PL_GLOBAL || (node->op->scope == PL_EITHER && (input || !node->op->inputs));
    if (node->op->scope != PL_KEYED || !input) return;
    pl__draft_problem(
        draft, node, input->at, ".from",
        "%s works on each partition by itself, but %s (%s) runs once for the whole plant and what it gives "
        "belongs to no partition; put this node before it",
        node->op->name, input->from->name, input->from->op->name);
}

void pl__draft_sections(struct pl_draft *draft) {
    for (unsigned i = 0; i < draft->ordered_count; i++)
        if (draft->ordered[i]->op) place_node(draft, draft->ordered[i]);
}
