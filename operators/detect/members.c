/* members.c: which tags an asset's members are. */
#include <string.h>

#include "ensemble.h"

bool members_prepare(struct members *m, struct pl_tags *tags) {
    const uint32_t count = pl_tags_count(tags);
    if (count <= m->room) return true;
    const uint32_t room = count + count / 2 + 16, more = room - m->room;
    uint8_t *kind = pl_realloc(m->kind, room * sizeof *kind);
    if (kind) m->kind = kind;
    uint32_t *asset = kind ? pl_realloc(m->asset, room * sizeof *asset) : NULL;
    if (asset) m->asset = asset;
    struct members_of *of = asset ? pl_realloc(m->of, room * sizeof *of) : NULL;
    if (!of) return false;
    m->of = of;
    memset(m->kind + m->room, 0, more * sizeof *kind);
    memset(m->asset + m->room, 0, more * sizeof *asset);
    memset(m->of + m->room, 0, more * sizeof *of);
    m->room = room;
    return true;
}

void members_fini(struct members *m) {
    for (uint32_t i = 0; i < m->room; i++)
        pl_free(m->of[i].tag);
    pl_free(m->of);
    pl_free(m->asset);
    pl_free(m->kind);
    *m = (struct members){0};
}

static bool fits(const struct pl_strings *globs, const char *name) {
    for (uint32_t i = 0; i < globs->count; i++)
        if (pl_glob(globs->items[i], name)) return true;
    return false;
}

bool members_ask(struct ensemble *e, struct pl_tags *tags, uint32_t tag) {
    uint8_t *kind = &e->members.kind[tag];
    if (*kind == MEMBER_UNKNOWN) {
        const char *name = pl_tags_get(tags, tag)->name;
        const bool wanted = (!e->include.count || fits(&e->include, name)) && !fits(&e->exclude, name);
        *kind = !wanted ? MEMBER_IGNORED : fits(&e->scores, name) ? MEMBER_SCORE : MEMBER_SIGNAL;
    }
    return *kind != MEMBER_IGNORED;
}

/* ---- Names ---- */

static uint32_t parts_in(const char *name) {
    uint32_t parts = 1;
    for (; *name; name++)
        parts += *name == '.';
    return parts;
}

uint32_t members_parts(struct pl_tags *tags, uint32_t tag, bool score, uint32_t depth,
                       bool (*has_signals)(void *self, uint32_t asset), void *self) {
    const struct pl_tag *entry = pl_tags_get(tags, tag);
    const uint32_t all = parts_in(entry->name), own = entry->asset ? all - 1 : all;
    if (depth) return depth < own ? depth : own;
    uint32_t parts = own;
    for (uint32_t id = entry->asset; score && id; id = pl_tags_get(tags, id)->asset, parts--)
        if (has_signals(self, id)) return parts;
    return own;
}

uint32_t members_prefix(struct pl_tags *tags, uint32_t tag, uint32_t parts) {
    const char *name = pl_tags_get(tags, tag)->name, *end = name;
    for (; *end && (*end != '.' || --parts); end++)
        continue;
    return pl_tags_intern(tags, name, (size_t)(end - name));
}

/* ---- The list ---- */

bool members_put(struct members *m, uint32_t asset, uint32_t tag, uint32_t slot, bool score) {
    struct members_of *of = &m->of[asset];
    if (slot >= of->room) {
        const uint32_t room = slot + 1 + slot / 2;
        uint32_t *grown = pl_realloc(of->tag, room * sizeof *grown);
        if (!grown) return false;
        memset(grown + of->room, 0, (room - of->room) * sizeof *grown);
        of->tag = grown;
        of->room = room;
    }
    of->tag[slot] = tag;
    if (slot >= of->count) of->count = slot + 1;
    m->asset[tag] = asset;
    m->kind[tag] = score ? MEMBER_SCORE : MEMBER_SIGNAL;
    return true;
}

uint32_t members_about(const struct members *m, struct pl_tags *tags, uint32_t tag) {
    const uint32_t subject = pl_tags_get(tags, tag)->asset;
    return members_kind(m, tag) == MEMBER_SCORE && subject ? subject : tag;
}
