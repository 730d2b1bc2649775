/* explain_models.c: which models a row comes from, as its batch says (runtime/models.h), and which node each of them
 * was at work in. The same node may work with another version now. */
#include "explain.h"

#include <string.h>

static const char *own_of(const struct pl__explanation *e, unsigned node) {
    uint32_t model = e->again->trial.nodes ? e->again->trial.nodes[node].model : 0;
    return model ? pl_tags_get(e->tags, model)->name : "";
}

/* The node that says the same now; else one whose model has the same first word. -1: none. */
static int node_of(const struct pl__explanation *e, const char *part, size_t length) {
    const struct pl_graph *graph = e->section->graph.graph;
    size_t word = strcspn(part, " ;");
    int found = -1;
    for (unsigned i = 0; i < graph->node_count; i++) {
        const char *own = own_of(e, i);
        if (strlen(own) == length && memcmp(own, part, length) == 0) return (int)i;
        if (found < 0 && strcspn(own, " ") == word && strncmp(own, part, word) == 0) found = (int)i;
    }
    return found;
}

static json_t *one(const struct pl__explanation *e, const char *part, size_t length) {
    json_t *object = json_pack("{s:s%}", "model", part, length);
    int node = node_of(e, part, length);
    if (node < 0) return object;
    const char *now = own_of(e, (unsigned)node);
    json_object_set_new(object, "node", json_string(e->section->graph.graph->nodes[node].name));
    json_object_set_new(object, "now", json_string(now));
    return object;
}

void pl__explain_models(const struct pl__explanation *e, json_t *into) {
    json_t *list = json_array();
    const char *part = pl_tags_get(e->tags, e->found->batch->model)->name;
    for (size_t length; *part; part += length + (part[length] ? strlen("; ") : 0)) {
        const char *end = strstr(part, "; ");
        length = end ? (size_t)(end - part) : strlen(part);
        json_array_append_new(list, one(e, part, length));
    }
    json_object_set_new(into, "models", list);
}
