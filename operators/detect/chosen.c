/* chosen.c: which tags a detector looks at. */
#include <string.h>

#include "chosen.h"

bool chosen_prepare(uint8_t **chosen, uint32_t *room, struct pl_tags *tags) {
    const uint32_t count = pl_tags_count(tags);
    if (count <= *room) return true;
    uint8_t *grown = pl_realloc(*chosen, count + count / 2);
    if (!grown) return false;
    memset(grown + *room, 0, count + count / 2 - *room);
    *chosen = grown;
    *room = count + count / 2;
    return true;
}

static bool fits(const struct pl_strings *globs, const char *name) {
    for (uint32_t i = 0; i < globs->count; i++)
        if (pl_glob(globs->items[i], name)) return true;
    return false;
}

/* Rows behind which it is no beginning any more. */
enum { HEARD_SAID_AT = 10000 };

static void say_unheard(struct heard *h, const struct pl_node *node) {
    if (h->any || h->said) return;
    struct pl_diag_site fresh = {0}; /* every node is to be heard, though they say the same */
    pl_diag_write(&fresh, node, PL_WARN,
                  "none of its %llu rows is of a tag to judge: look at `include`, `exclude` and `from`",
                  (unsigned long long)h->rows);
    h->said = true;
}

void heard_rows(struct heard *h, const struct pl_node *node, uint32_t rows, bool any) {
    h->rows += rows;
    h->any |= any;
    if (h->rows >= HEARD_SAID_AT) say_unheard(h, node);
}

void heard_end(struct heard *h, const struct pl_node *node) {
    if (h->rows) say_unheard(h, node);
}

bool chosen_ask(uint8_t *chosen, struct pl_tags *tags, uint32_t tag, const struct pl_strings *include,
                const struct pl_strings *exclude) {
    if (!chosen[tag]) {
        const char *name = pl_tags_get(tags, tag)->name;
        chosen[tag] = (!include->count || fits(include, name)) && !fits(exclude, name) ? 2 : 1;
    }
    return chosen[tag] == 2;
}
