#include "match.h"

#include <potline/alloc.h>
#include <string.h>

void match_init(struct match *match, struct pl_tags *tags, struct pl_strings include, struct pl_strings exclude) {
    *match = (struct match){.tags = tags, .include = include, .exclude = exclude};
}

void match_fini(struct match *match) {
    pl_free(match->verdict);
    *match = (struct match){0};
}

bool match_prepare(struct match *match) {
    uint32_t count = pl_tags_count(match->tags);
    if (count <= match->room) return true;
    uint32_t room = count + count / 2;
    uint8_t *grown = pl_realloc(match->verdict, room);
    if (!grown) return false;
    memset(grown + match->room, 0, room - match->room);
    match->verdict = grown;
    match->room = room;
    return true;
}

static bool any_fits(const struct pl_strings *globs, const char *name) {
    for (uint32_t i = 0; i < globs->count; i++) {
        if (pl_glob(globs->items[i], name)) return true;
    }
    return false;
}

bool match_ask(struct match *match, uint32_t id) {
    const char *name = pl_tags_get(match->tags, id)->name;
    bool fits = (!match->include.count || any_fits(&match->include, name)) && !any_fits(&match->exclude, name);
    match->verdict[id] = (uint8_t)(1 + fits);
    return fits;
}
