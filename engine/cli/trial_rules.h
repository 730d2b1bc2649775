/* trial_rules.h: which rules of a node were asked, and which spoke. */
#ifndef POTLINE_CLI_TRIAL_RULES_H
#define POTLINE_CLI_TRIAL_RULES_H

#include "runtime/node.h"
#include "trial_run.h"

/* Adds the rules of a node that has rules. */
enum pl_code pl__trial_rules_take(struct pl__trial_result *result, unsigned index, struct pl_node *node,
                                  struct pl_error **error);

#endif
