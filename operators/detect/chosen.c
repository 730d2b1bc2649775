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

bool chosen_ask(uint8_t *chosen, struct pl_tags *tags, uint32_t tag, const struct pl_strings *include,
                const struct pl_strings *exclude) {
    if (!chosen[tag]) {
        const char *name = pl_tags_get(tags, tag)->name;
        chosen[tag] = (!include->count || fits(include, name)) && !fits(exclude, name) ? 2 : 1;
    }
    return chosen[tag] == 2;
}
