#include "timers.h"

#include <potline/alloc.h>

void pl_timers_fini(struct pl_timers *timers) {
    pl_free(timers->heap);
    *timers = (struct pl_timers){0};
}

static bool before(const struct pl_timer *a, const struct pl_timer *b) {
    if (a->at != b->at) return a->at < b->at;
    if (a->id != b->id) return a->id < b->id;
    return a->cookie < b->cookie;
}

static void swap(struct pl_timer *a, struct pl_timer *b) {
    struct pl_timer t = *a;
    *a = *b;
    *b = t;
}

bool pl_timers_add(struct pl_timers *timers, struct pl_timer timer) {
    if (timers->count == timers->limit) return false;
    if (timers->count == timers->capacity) {
        uint32_t capacity = timers->capacity ? timers->capacity * 2 : 64;
        struct pl_timer *grown = pl_realloc(timers->heap, capacity * sizeof *grown);
        if (!grown) return false;
        timers->heap = grown;
        timers->capacity = capacity;
    }
    uint32_t i = timers->count++;
    timers->heap[i] = timer;
    for (; i && before(&timers->heap[i], &timers->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&timers->heap[i], &timers->heap[(i - 1) / 2]);
    return true;
}

bool pl_timers_take_due(struct pl_timers *timers, pl_time now, struct pl_timer *timer) {
    if (timers->count == 0 || timers->heap[0].at > now) return false;
    *timer = timers->heap[0];
    timers->heap[0] = timers->heap[--timers->count];
    for (uint32_t i = 0;;) {
        uint32_t least = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < timers->count; child++)
            if (before(&timers->heap[child], &timers->heap[least])) least = child;
        if (least == i) return true;
        swap(&timers->heap[i], &timers->heap[least]);
        i = least;
    }
}

void pl_timers_pack(const struct pl_timers *timers, const struct pl_tags *tags, struct pl_pack *pack) {
    pl_pack_array(pack, timers->count * 3);
    for (uint32_t i = 0; i < timers->count; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, timers->heap[i].id);
        pl_pack_int(pack, timers->heap[i].at);
        pl_pack_strn(pack, tag->name, tag->length);
        pl_pack_uint(pack, timers->heap[i].cookie);
    }
}

enum pl_code pl_timers_unpack(struct pl_timers *timers, struct pl_tags *tags, struct pl_unpack *unpack,
                              struct pl_error **error) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count % 3) return pl_error_set(error, PL_CORRUPT, "timers: not a list");
    for (uint32_t i = 0; i < count; i += 3) {
        struct pl_timer timer;
        const char *name;
        size_t length;
        if (!pl_unpack_int(unpack, &timer.at) || !pl_unpack_str(unpack, &name, &length) ||
            !pl_unpack_uint(unpack, &timer.cookie))
            return pl_error_set(error, PL_CORRUPT, "timers: timer %u is damaged", i / 3);
        timer.id = length ? pl_tags_intern(tags, name, length) : 0;
        if (timer.id == PL_NO_ID || !pl_timers_add(timers, timer))
            return pl_error_set(error, PL_LIMIT, "timers: no room for timer %u", i / 3);
    }
    return PL_OK;
}
