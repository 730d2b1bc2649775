#include "limits.h"

#include <float.h>
#include <math.h>
#include <potline/alloc.h>

void limits_fini(struct limits *limits) {
    pl_free(limits->limit);
    pl_free(limits->chosen);
    *limits = (struct limits){0};
}

static bool grow(struct limits *limits, uint32_t count) {
    uint32_t room = count + count / 2 + 64;
    struct limit *limit = pl_realloc(limits->limit, room * sizeof *limit);
    if (limit) limits->limit = limit;
    uint8_t *chosen = limit ? pl_realloc(limits->chosen, room) : NULL;
    if (!chosen) return false;
    limits->chosen = chosen;
    limits->room = room;
    return true;
}

static bool any_fits(const struct pl_strings *globs, const char *name) {
    for (uint32_t i = 0; i < globs->count; i++) {
        if (pl_glob(globs->items[i], name)) return true;
    }
    return false;
}

static struct limit limit_of(const struct limits *limits, const struct pl_tag *tag) {
    struct limit limit = {.low = -DBL_MAX, .high = DBL_MAX};
    if (!limits->range) return limit;
    limit.low = fmax(limit.low, isnan(limits->low) ? tag->low : limits->low);
    limit.high = fmin(limit.high, isnan(limits->high) ? tag->high : limits->high);
    return limit;
}

bool limits_prepare(struct limits *limits) {
    uint32_t count = pl_tags_count(limits->tags);
    if (count > limits->room && !grow(limits, count)) return false;
    for (uint32_t id = limits->count; id < count; id++) {
        const struct pl_tag *tag = pl_tags_get(limits->tags, id);
        bool chosen =
            (!limits->include.count || any_fits(&limits->include, tag->name)) && !any_fits(&limits->exclude, tag->name);
        limits->chosen[id] = chosen;
        limits->limit[id] = chosen ? limit_of(limits, tag) : (struct limit){.low = -INFINITY, .high = INFINITY};
    }
    limits->count = count;
    return true;
}
