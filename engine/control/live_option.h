/* live_option.h: the options of a running node: shown, and the live ones set; both on the node's thread. */
#ifndef POTLINE_CONTROL_LIVE_OPTION_H
#define POTLINE_CONTROL_LIVE_OPTION_H

#include "runtime/call.h"

struct pl__set_args {
    const char *option; /* NODE.OPTION */
    const char *value;
};

enum pl_code pl__options_show(struct pl_call *call, struct pl_node *node, struct pl_error **error);
enum pl_code pl__option_set(struct pl_call *call, struct pl_node *node, struct pl_error **error);

#endif
