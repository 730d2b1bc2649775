/* recurrent_heard.c: a node that judges nothing, or not with all that its model asks for, says so once. */
#include <stdio.h>
#include <string.h>

#include "recurrent_node.h"

enum { ROWS_WAITED = 10000, SHOWN = 3 };

void heard_untrained(struct recurrent *r, const struct pl_node *node) {
    if (r->untrained_said) return;
    r->untrained_said = true;
    pl_node_diag(node, PL_WARN,
                 "there is no model in %s to judge by: rows are only counted until `potline train` has made one",
                 r->o.model);
}

static bool has_come(const struct recurrent *r, uint32_t signal) {
    for (uint32_t tag = 0; tag < r->slots; tag++)
        if (r->slot[tag] == signal + FIRST_SLOT) return true;
    return false;
}

static void say_missing(struct recurrent *r, const struct pl_node *node) {
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    const uint32_t signals = r->loaded[ROLE_ACTIVE].there ? model->network.shape.signals : 0;
    char names[SHOWN * (PL_NAME_MAX + 2) + 1] = "";
    size_t length = 0;
    uint32_t missing = 0;
    if (r->missing_said) return;
    r->missing_said = signals > 0;
    for (uint32_t s = 0; s < signals; s++) {
        if (has_come(r, s) || missing++ >= SHOWN) continue;
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%.*s", length ? ", " : "", PL_NAME_MAX,
                                   model->input[s]);
    }
    if (missing)
        pl_node_diag(node, PL_WARN, "%u of the %u inputs of its model have not come: %s%s", (unsigned)missing,
                     (unsigned)signals, names, missing > SHOWN ? ", ..." : "");
}

void heard_inputs(struct recurrent *r, const struct pl_node *node, bool end) {
    if (r->heard.any && (end || r->heard.rows >= ROWS_WAITED)) say_missing(r, node);
}
