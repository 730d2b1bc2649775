/* live.c: the newest sample of each signal that somebody looks at. */
#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "guard.h"

enum { NOT_LOOKED = 0, IGNORED = 1, FIRST = 2 };

static bool is_override(const struct guard *s, const char *name) {
    for (uint32_t i = 0; i < s->override_signals.count; i++)
        if (pl_glob(s->override_signals.items[i], name)) return true;
    return false;
}

static struct live *add(struct guard *s, uint32_t tag, bool overrides) {
    if (s->live_count == s->live_space) {
        uint32_t space = s->live_space ? 2 * s->live_space : 64;
        struct live *grown = pl_realloc(s->lives, space * sizeof *grown);
        if (!grown) return NULL;
        s->lives = grown;
        s->live_space = space;
    }
    if (!map_set(&s->live_of, &s->live_room, tag, s->live_count + FIRST)) return NULL;
    struct live *live = &s->lives[s->live_count++];
    *live = (struct live){.value = NAN, .time = PL_TIME_MIN, .quality = PL_Q_BAD, .tag = tag, .overrides = overrides};
    return live;
}

const struct live *live_watch(struct guard *s, uint32_t tag) {
    uint32_t at = map_get(s->live_of, s->live_room, tag);
    if (at >= FIRST) return &s->lives[at - FIRST];
    struct live *live = add(s, tag, is_override(s, pl_tags_get(pl_node_tags(s->node), tag)->name));
    if (!live) s->failed = true;
    return live;
}

/* NULL: nobody will ever look at it. */
static struct live *classify(struct guard *s, uint32_t tag) {
    uint32_t at = map_get(s->live_of, s->live_room, tag);
    if (PL_LIKELY(at >= FIRST)) return &s->lives[at - FIRST];
    if (PL_LIKELY(at == IGNORED)) return NULL;
    const char *name = pl_tags_get(pl_node_tags(s->node), tag)->name;
    bool overrides = is_override(s, name), wanted = overrides || limit_of(s, name) || interlock_names(s, name);
    struct live *live = wanted ? add(s, tag, overrides) : NULL;
    if (wanted ? !live : !map_set(&s->live_of, &s->live_room, tag, IGNORED)) s->failed = true;
    return live;
}

static const char *scope_of(const struct guard *s, const struct live *live) {
    const struct pl_tags *tags = pl_node_tags(s->node);
    const struct pl_tag *tag = pl_tags_get(tags, live->tag);
    return tag->asset ? pl_tags_get(tags, tag->asset)->name : "ALL";
}

/* A switch that is on engages, whatever its quality; one that is not heard of says nothing. It is latched: that it goes
 * off again changes nothing. */
static void take_switch(struct guard *s, struct live *live) {
    bool on = live->value != 0 && !isnan(live->value);
    if (on && (!live->on || !override_of(s, scope_of(s, live)))) {
        live->on = true;
        override_engage_unasked(s, scope_of(s, live), "switch", pl_tags_get(pl_node_tags(s->node), live->tag)->name);
    }
    if (!isnan(live->value)) live->on = on;
}

/* A sample from the future does not keep out those that follow it. */
static bool is_newer(const struct guard *s, const struct live *live, pl_time time, pl_time clock) {
    return time >= live->time || live->time > clock + s->fresh;
}

void live_take(struct guard *s, const struct pl_batch *batch) {
    const struct pl_samples *in = &batch->samples;
    pl_time clock = pl_now(s->node), taken = machine_now();
    for (uint32_t row = 0; row < batch->rows; row++) {
        struct live *live = classify(s, in->tag[row]);
        if (!live || !is_newer(s, live, in->time[row], clock)) continue;
        live->value = in->value[row];
        live->time = in->time[row];
        live->taken = taken;
        live->quality = in->quality[row];
        live->sequence = batch->header->first_sequence + row;
        live->partition = batch->header->partition;
        if (live->overrides) take_switch(s, live);
    }
}

bool live_is_good(const struct guard *s, const struct live *live, pl_time now) {
    if (live->time == PL_TIME_MIN || !isfinite(live->value) || pl_quality_bad(live->quality)) return false;
    return live->time >= now - s->fresh && live->time <= now + s->fresh && !is_overdue(s, live->taken);
}

bool live_overrides(const struct guard *s, const char *scope) {
    for (uint32_t i = 0; i < s->live_count; i++)
        if (s->lives[i].overrides && s->lives[i].on &&
            (scope_covers(scope_of(s, &s->lives[i]), scope) || scope_covers(scope, scope_of(s, &s->lives[i]))))
            return true;
    return false;
}
