#include "runtime/overrides.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/live_option.h"
#include "runtime/node.h"

enum { ITEMS = 4, ITEMS_BEFORE = 3 /* when none lasted */ };

static void free_override(struct pl_override *override) {
    pl_free(override->option);
    pl_free(override->value);
    pl_free(override->graph);
    pl_free(override->lasting);
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

const struct pl_override *pl_overrides_find(const struct pl_overrides *overrides, const char *option) {
    unsigned i = find(overrides, option);
    return i < overrides->count ? &overrides->items[i] : NULL;
}

static enum pl_code put(struct pl_overrides *overrides, const char *option, const struct pl_live_change *change,
                        const char *lasting, struct pl_error **error) {
    struct pl_override new = {pl_strdup(option), pl_strdup(change->after), pl_strdup(change->graph),
                              lasting ? pl_strdup(lasting) : NULL};
    struct pl_override *grown = pl_realloc(overrides->items, (overrides->count + 1) * sizeof *grown);
    if (grown) overrides->items = grown;
    if (!grown || !new.option || !new.value || !new.graph || (lasting && !new.lasting)) {
        free_override(&new);
        return pl_error_set(error, PL_NO_MEMORY, "no memory to keep what is set");
    }
    drop(overrides, find(overrides, option));
    overrides->items[overrides->count++] = new;
    return PL_OK;
}

enum pl_code pl_overrides_note(struct pl_overrides *overrides, const char *option, const struct pl_live_change *change,
                               bool lasts, struct pl_error **error) {
    const struct pl_override *before = pl_overrides_find(overrides, option);
    bool as_graph = strcmp(change->after, change->graph) == 0;
    const char *lasting = lasts ? (as_graph ? NULL : change->after) : before ? before->lasting : NULL;
    overrides->changed = true;
    if (!as_graph || lasting) return put(overrides, option, change, lasting, error);
    if (before) drop(overrides, (unsigned)(before - overrides->items));
    return PL_OK;
}

static void pack_one(const struct pl_override *override, struct pl_pack *pack) {
    pl_pack_array(pack, ITEMS);
    pl_pack_str(pack, override->option);
    pl_pack_str(pack, override->value);
    pl_pack_str(pack, override->graph);
    if (override->lasting)
        pl_pack_str(pack, override->lasting);
    else
        pl_pack_nil(pack);
}

void pl_overrides_pack(const struct pl_overrides *overrides, struct pl_pack *pack) {
    pl_pack_array(pack, overrides->count);
    for (unsigned i = 0; i < overrides->count; i++)
        pack_one(&overrides->items[i], pack);
}

static bool unpack_text(struct pl_unpack *unpack, char text[PL_LIVE_OPTION_TEXT]) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length) || length >= PL_LIVE_OPTION_TEXT) return false;
    memcpy(text, at, length);
    text[length] = 0;
    return true;
}

struct texts {
    char option[PL_LIVE_OPTION_TEXT], value[PL_LIVE_OPTION_TEXT], graph[PL_LIVE_OPTION_TEXT],
        lasting[PL_LIVE_OPTION_TEXT];
    bool lasts;
};

/* nil, or the value; before there were two of them: does it last? */
static bool unpack_lasting(struct pl_unpack *unpack, struct texts *texts) {
    const uint8_t *at = unpack->at;
    texts->lasts = true;
    if (at < unpack->end && *at == 0xC0) {
        texts->lasts = false;
        return pl_unpack_skip(unpack);
    }
    if (at < unpack->end && (*at == 0xC2 || *at == 0xC3)) {
        memcpy(texts->lasting, texts->value, sizeof texts->lasting);
        return pl_unpack_bool(unpack, &texts->lasts);
    }
    return unpack_text(unpack, texts->lasting);
}

static bool unpack_one(struct pl_unpack *unpack, struct texts *texts) {
    uint32_t items;
    texts->lasts = false;
    if (!pl_unpack_array(unpack, &items) || items < ITEMS_BEFORE || items > ITEMS) return false;
    if (!unpack_text(unpack, texts->option) || !unpack_text(unpack, texts->value) || !unpack_text(unpack, texts->graph))
        return false;
    return items == ITEMS_BEFORE || unpack_lasting(unpack, texts);
}

bool pl_overrides_pack_lasting(struct pl_unpack *unpack, struct pl_pack *pack, bool *any) {
    struct pl_unpack first = *unpack;
    struct texts texts;
    uint32_t items, count = 0;
    bool good = pl_unpack_array(&first, &items);
    struct pl_unpack again = first;
    for (uint32_t i = 0; good && i < items; i++) {
        good = unpack_one(&first, &texts);
        count += texts.lasts;
    }
    *any = count > 0;
    pl_pack_array(pack, count);
    for (uint32_t i = 0; good && i < items; i++) {
        good = unpack_one(&again, &texts);
        if (good && texts.lasts)
            pack_one(&(struct pl_override){texts.option, texts.lasting, texts.graph, texts.lasting}, pack);
    }
    return good;
}

/* One that does not fit any more ends, which is said. */
static enum pl_code take(struct pl_node *node, const struct texts *texts, struct pl_error **error) {
    const char *option = texts->option, *value = texts->value, *graph = texts->graph;
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
    return put(&node->overrides, option, &change, texts->lasts ? texts->lasting : NULL, error);
}

enum pl_code pl_overrides_load(struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    uint32_t items;
    struct texts texts;
    bool good = pl_unpack_array(unpack, &items);
    enum pl_code code = PL_OK;
    for (uint32_t i = 0; good && !code && i < items; i++) {
        good = unpack_one(unpack, &texts);
        if (good) code = take(node, &texts, error);
    }
    return good ? code : pl_error_set(error, PL_CORRUPT, "what people have set is damaged");
}

enum pl_code pl_overrides_take_back(struct pl_node *node, struct pl_error **error) {
    struct pl_overrides *overrides = &node->overrides;
    struct pl_live_change change;
    enum pl_code code = PL_OK;
    for (unsigned i = overrides->count; i-- > 0 && !code;) {
        struct pl_override *override = &overrides->items[i];
        const char *to = override->lasting ? override->lasting : override->graph;
        char *value = override->lasting ? pl_strdup(to) : NULL;
        if (override->lasting && !value) return pl_error_set(error, PL_NO_MEMORY, "no memory for what lasts");
        code = pl_live_option_set(node, override->option, to, &change, error);
        overrides->changed = true;
        if (code || !value) {
            pl_free(value);
            if (!code) drop(overrides, i);
            continue;
        }
        pl_free(override->value);
        override->value = value;
    }
    return code;
}
