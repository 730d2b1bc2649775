/* trial_rules.h: which rules of a node were asked, and which spoke. */
#ifndef POTLINE_CLI_TRIAL_RULES_H
#define POTLINE_CLI_TRIAL_RULES_H

#include "runtime/node.h"

/* A rule of a node that has some (its command `rules list`). */
struct pl__trial_rule {
    char *name, *place, *on; /* place: "lua/noise.lua:5"; on: "samples" */
    unsigned node;
    uint64_t evaluated, raised, errors;
    bool disabled;
};

struct pl__trial_rules {
    struct pl__trial_rule *list;
    unsigned count;
};

/* Adds the rules of a node that has rules, as those of node `index`; pl__trial_rules_fini ends them in any case. */
enum pl_code pl__trial_rules_take(struct pl__trial_rules *rules, unsigned index, struct pl_node *node,
                                  struct pl_error **error);
void pl__trial_rules_fini(struct pl__trial_rules *rules);

#endif
