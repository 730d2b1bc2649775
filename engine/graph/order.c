/* order.c: every node behind those it takes from, or the circle that makes this impossible. */
#include <string.h>

#include "base/buffer.h"
#include "draft.h"

enum { CIRCLE_TEXT = 600 };

/* `node` takes from `from`, which the walk has come from: data would run in a circle. */
static void report_circle(const struct pl_draft *draft, const struct pl_draft_node *node,
                          const struct pl_draft_input *input) {
    struct pl_buffer text;
    pl_buffer_init(&text, CIRCLE_TEXT);
    pl_buffer_puts(&text, input->from->name);
    for (const struct pl_draft_node *at = node; at && at != input->from; at = at->walk_back)
        pl_buffer_printf(&text, " -> %s", at->name);
    pl_buffer_printf(&text, " -> %s", input->from->name);
    bool long_one = pl_buffer_failed(&text);
    pl__draft_problem(draft, node, input->at, ".from",
                      "nodes take from each other in a circle (%.*s%s); what is to come back is read by a source",
                      (int)text.size, text.size ? text.data : "", long_one ? " ..." : "");
    pl_buffer_fini(&text);
}

/* Depth first towards the sources, without recursion: a graph may be one long chain. */
static void walk_from(struct pl_draft *draft, struct pl_draft_node *node) {
    node->walk = PL_DRAFT_OPEN;
    for (;;) {
        if (node->walked == node->input_count) {
            node->walk = PL_DRAFT_DONE;
            draft->ordered[draft->ordered_count++] = node;
            if (!node->walk_back) return;
            node = node->walk_back;
            continue;
        }
        const struct pl_draft_input *input = &node->inputs[node->walked++];
        if (input->from->walk == PL_DRAFT_OPEN) report_circle(draft, node, input);
        if (input->from->walk != PL_DRAFT_NEW) continue;
        input->from->walk = PL_DRAFT_OPEN;
        input->from->walk_back = node;
        node = input->from;
    }
}

void pl__draft_order(struct pl_draft *draft) {
    for (unsigned i = 0; i < draft->count; i++)
        if (draft->nodes[i].walk == PL_DRAFT_NEW) walk_from(draft, &draft->nodes[i]);
}
