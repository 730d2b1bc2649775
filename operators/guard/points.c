/* points.c: what is known of the tag of a set point. */
#include <potline/alloc.h>
#include <string.h>

#include "guard.h"

enum { NOT_LOOKED = 0, NONE = 1, FIRST = 2 };

uint32_t map_get(const uint32_t *map, uint32_t room, uint32_t id) {
    return id < room ? map[id] : 0;
}

bool map_set(uint32_t **map, uint32_t *room, uint32_t id, uint32_t value) {
    if (id >= *room) {
        uint32_t wanted = id + id / 2 + 64;
        uint32_t *grown = pl_realloc(*map, wanted * sizeof *grown);
        if (!grown) return false;
        memset(grown + *room, 0, (wanted - *room) * sizeof *grown);
        *map = grown;
        *room = wanted;
    }
    (*map)[id] = value;
    return true;
}

const struct limit *limit_of(const struct guard *s, const char *name) {
    const struct limit *rows = s->limits.items;
    for (uint32_t i = 0; i < s->limits.count; i++)
        if (pl_glob(rows[i].tags, name)) return &rows[i];
    return NULL;
}

struct point *point_get(struct guard *s, uint32_t tag) {
    uint32_t at = map_get(s->point_of, s->point_room, tag);
    if (at >= FIRST) return &s->points[at - FIRST];
    if (at == NONE) return NULL;
    const struct pl_tag *entry = pl_tags_get(pl_node_tags(s->node), tag);
    const struct limit *limit = limit_of(s, entry->name);
    bool fits = limit && s->point_count < (uint32_t)s->max_points;
    uint32_t index = limit ? s->point_count + FIRST : NONE;
    if (limit && !fits) return NULL; /* there may be room after a restart, not now */
    if (!map_set(&s->point_of, &s->point_room, tag, index)) {
        s->failed = true;
        return NULL;
    }
    if (!limit) return NULL;
    struct point *point = &s->points[s->point_count++];
    *point = (struct point){.tag = tag,
                            .asset = entry->asset,
                            .limit = limit,
                            .sent = __builtin_nan(""),
                            .approved = __builtin_nan(""),
                            .advised = __builtin_nan("")};
    return point;
}

const char *point_name(const struct guard *s, const struct point *point) {
    return pl_tags_get(pl_node_tags(s->node), point->tag)->name;
}
