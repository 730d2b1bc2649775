/* carry.c: what rules remember, when their files are read again and name other variables: those that go on under their
 * name keep their values, new ones begin with their initial value. */
#include <stdio.h>
#include <string.h>

#include "node.h"

static int place_of(const struct rule *rule, const char *name) {
    for (uint32_t i = 0; i < rule->memories; i++)
        if (strcmp(rule->memory[i], name) == 0) return (int)i;
    return -1;
}

static void carry_state(const struct rule *from, const struct rule *to, struct state *state) {
    double memory[RULE_PARTS_MAX];
    memcpy(memory, to->initial, sizeof memory);
    for (uint32_t i = 0; i < to->memories; i++) {
        int old = place_of(from, to->memory[i]);
        if (old >= 0) memory[i] = state->memory[old];
    }
    memcpy(state->memory, memory, sizeof memory);
    state->memory_layout = to->memory_layout;
}

/* The names of `of` that `other` does not have, behind each other. */
static bool put_names(const struct rule *of, const struct rule *other, char *text, size_t room) {
    size_t used = 0;
    *text = 0;
    for (uint32_t i = 0; i < of->memories && used < room; i++)
        if (place_of(other, of->memory[i]) < 0)
            used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "", of->memory[i]);
    return used > 0;
}

static void tell(struct pl_node *node, const struct rule *from, const struct rule *to) {
    char anew[RULE_PARTS_MAX * (RULE_NAME_MAX + 2)], gone[RULE_PARTS_MAX * (RULE_NAME_MAX + 2)];
    bool some_anew = put_names(to, from, anew, sizeof anew), some_gone = put_names(from, to, gone, sizeof gone);
    if (!some_anew && !some_gone) return; /* another order */
    struct pl_diag_site every = {0};      /* rules are not many: each is told */
    pl_diag_write(&every, node, PL_INFO, "rule %s: of its memory%s%s%s%s%s; the rest goes on", to->name,
                  some_anew ? " begins anew: " : "", anew, some_anew && some_gone ? "," : "",
                  some_gone ? " is forgotten: " : "", gone);
}

void rules__carry_memory(struct pl_node *node, const struct rule *from, const struct rule *to) {
    struct pl_table *states = pl_node_table(node, TABLE_STATES);
    if (from->memory_layout == to->memory_layout) return;
    for (struct pl_record *r = pl_table_next(states, NULL); r; r = pl_table_next(states, r)) {
        const struct state *old = pl_record_data(r);
        if (r->sub != to->key || !old->begun || old->memory_layout != from->memory_layout) continue;
        struct state *state = pl_table_get(states, r->id, r->sub);
        if (state) carry_state(from, to, state);
    }
    tell(node, from, to);
}
