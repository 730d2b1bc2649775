#include "runtime/overrides.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/live_option.h"
#include "runtime/node.h"

static void free_override(struct pl_override *override) {
    pl_free(override->option);
    pl_free(override->value);
    pl_free(override->graph);
}

void pl_overrides_fini(struct pl_overrides *overrides) {
    while (overrides->count)
        free_override(&overrides->items[--overrides->count]);
    pl_free(overrides->items);
    *overrides = (struct pl_overrides){0};
}

static unsigned find(const struct pl_overrides *overrides, const char *option) {
    unsigned i = 0;
    while (i < overrides->count && strcmp(overrides->items[i].option, option) != 0)
        i++;
    return i;
}

static void drop(struct pl_overrides *overrides, unsigned i) {
    if (i == overrides->count) return;
    free_override(&overrides->items[i]);
    overrides->items[i] = overrides->items[--overrides->count];
}

enum pl_code pl_overrides_note(struct pl_overrides *overrides, const char *option, const struct pl_live_change *change,
                               struct pl_error **error) {
    overrides->changed = true;
    if (strcmp(change->after, change->graph) == 0) {
        drop(overrides, find(overrides, option));
        return PL_OK;
    }
    struct pl_override new = {pl_strdup(option), pl_strdup(change->after), pl_strdup(change->graph)};
    struct pl_override *grown = pl_realloc(overrides->items, (overrides->count + 1) * sizeof *grown);
    if (grown) overrides->items = grown;
    if (!grown || !new.option || !new.value || !new.graph) {
        free_override(&new);
        return pl_error_set(error, PL_NO_MEMORY, "no memory to keep what is set");
    }
    drop(overrides, find(overrides, option));
    overrides->items[overrides->count++] = new;
    return PL_OK;
}

void pl_overrides_pack(const struct pl_overrides *overrides, struct pl_pack *pack) {
    pl_pack_array(pack, overrides->count);
    for (unsigned i = 0; i < overrides->count; i++) {
        pl_pack_array(pack, 3);
        pl_pack_str(pack, overrides->items[i].option);
        pl_pack_str(pack, overrides->items[i].value);
        pl_pack_str(pack, overrides->items[i].graph);
    }
}

static bool unpack_text(struct pl_unpack *unpack, char text[PL_LIVE_OPTION_TEXT]) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length) || length >= PL_LIVE_OPTION_TEXT) return false;
    memcpy(text, at, length);
    text[length] = 0;
    return true;
}

/* One that does not fit any more ends, which is said. */
static enum pl_code take(struct pl_node *node, const char *option, const char *value, const char *graph,
                         struct pl_error **error) {
    struct pl_live_change change;
    struct pl_error *reason = NULL;
    enum pl_code code = pl_live_option_set(node, option, value, &change, &reason);
    bool differs = !code && strcmp(change.graph, graph) != 0;
    if (differs) code = pl_live_option_set(node, option, change.graph, &change, &reason);
    node->overrides.changed = true;
    if (differs || code) {
        pl_node_diag(node, PL_WARN, "%s had been set to %s, which ends here: %s", option, value,
                     reason ? reason->text : "the graph file has another value now");
        pl_error_free(&reason);
        return PL_OK;
    }
    pl_node_diag(node, PL_INFO, "%s is %s, as it was set; the graph file says %s", option, value, graph);
    return pl_overrides_note(&node->overrides, option, &change, error);
}

enum pl_code pl_overrides_load(struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    uint32_t items, parts;
    char option[PL_LIVE_OPTION_TEXT], value[PL_LIVE_OPTION_TEXT], graph[PL_LIVE_OPTION_TEXT];
    bool good = pl_unpack_array(unpack, &items);
    enum pl_code code = PL_OK;
    for (uint32_t i = 0; good && !code && i < items; i++) {
        good = pl_unpack_array(unpack, &parts) && parts == 3 && unpack_text(unpack, option) &&
               unpack_text(unpack, value) && unpack_text(unpack, graph);
        if (good) code = take(node, option, value, graph, error);
    }
    return good ? code : pl_error_set(error, PL_CORRUPT, "what people have set is damaged");
}
