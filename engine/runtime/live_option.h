/* live_option.h: the options of a running node: shown, and the live ones set; both on the node's thread.
 */
#ifndef POTLINE_LIVE_OPTION_H
#define POTLINE_LIVE_OPTION_H

#include "runtime/call.h"

enum { PL_LIVE_OPTION_TEXT = 400 };

/* Values as text: what the graph file says, what was in force, and what is now. */
struct pl_live_change {
    char graph[PL_LIVE_OPTION_TEXT], before[PL_LIVE_OPTION_TEXT], after[PL_LIVE_OPTION_TEXT];
};

/* `path` as in spike.k, `value` as in a graph file; refused like there. */
enum pl_code pl_live_option_set(struct pl_node *node, const char *path, const char *value,
                                struct pl_live_change *change, struct pl_error **error);

/* What the graph file says. False: there is no such option. Any thread. */
bool pl_live_option_given(const struct pl_node *node, const char *path, char text[PL_LIVE_OPTION_TEXT]);

/* Calls: of `options`, and of `set`. */
struct pl_set_args {
    const char *option; /* NODE.OPTION */
    const char *value;
    bool persist; /* beyond the run's orderly end, too */
};
enum pl_code pl_live_options_show(struct pl_call *call, struct pl_node *node, struct pl_error **error);
enum pl_code pl_live_option_call(struct pl_call *call, struct pl_node *node, struct pl_error **error);

#endif
