#include "control/node_name.h"

#include <potline/alloc.h>
#include <potline/text.h>

enum pl_code pl__no_such_node(const struct pl_graph *graph, const char *name, struct pl_error **error) {
    const char **names = pl_alloc((graph->node_count + 1) * sizeof *names);
    for (unsigned i = 0; names && i < graph->node_count; i++)
        names[i] = graph->nodes[i].name;
    const char *nearest = names ? pl_text_nearest(name, names, graph->node_count) : NULL;
    enum pl_code code =
        pl_error_set(error, PL_NOT_FOUND, "there is no node \"%s\"; %s%s%s", name, nearest ? "did you mean " : "",
                     nearest ? nearest : "nodes lists them", nearest ? "?" : "");
    pl_free(names);
    return code;
}
