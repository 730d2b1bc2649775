#include "rates.h"

#include <potline/alloc.h>

bool rate_init(struct rate_watch *watch, uint32_t limit, uint32_t end, pl_time window) {
    *watch = (struct rate_watch){.window = window, .limit = limit, .end = end};
    if (limit) watch->times = pl_alloc(((size_t)limit + 1) * sizeof *watch->times);
    return !limit || watch->times;
}

void rate_fini(struct rate_watch *watch) {
    pl_free(watch->times);
    *watch = (struct rate_watch){0};
}

/* The n-th newest, from 1. */
static pl_time newest(const struct rate_watch *watch, uint32_t n) {
    uint32_t size = watch->limit + 1;
    return watch->times[(watch->next + size - n) % size];
}

static pl_time later(pl_time time, pl_time window) {
    return time > PL_TIME_MAX - window ? PL_TIME_MAX : time + window;
}

static void push(struct rate_watch *watch, pl_time time) {
    watch->times[watch->next] = time;
    watch->next = (watch->next + 1) % (watch->limit + 1);
    if (watch->used <= watch->limit) watch->used++;
}

bool rate_add(struct rate_watch *watch, pl_time time) {
    if (!watch->limit) return false;
    if (watch->used && time < newest(watch, 1)) time = newest(watch, 1);
    push(watch, time);
    watch->count++;
    bool many = watch->used > watch->limit && later(newest(watch, watch->limit + 1), watch->window) > time;
    if (!many || watch->over) return false;
    watch->over = true;
    watch->since = time;
    watch->count = watch->used;
    return true;
}

pl_time rate_ends(const struct rate_watch *watch) {
    return later(newest(watch, watch->end), watch->window);
}

bool rate_settle(struct rate_watch *watch, pl_time now) {
    if (!watch->over || rate_ends(watch) > now) return false;
    watch->over = false;
    return true;
}

void rate_pack(const struct rate_watch *watch, struct pl_pack *pack) {
    pl_pack_array(pack, 3 + watch->used);
    pl_pack_bool(pack, watch->over);
    pl_pack_int(pack, watch->since);
    pl_pack_uint(pack, watch->count);
    for (uint32_t n = watch->used; n > 0; n--)
        pl_pack_int(pack, newest(watch, n));
}

bool rate_unpack(struct rate_watch *watch, struct pl_unpack *unpack) {
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items < 3) return false;
    if (!pl_unpack_bool(unpack, &watch->over) || !pl_unpack_int(unpack, &watch->since) ||
        !pl_unpack_uint(unpack, &watch->count))
        return false;
    watch->next = watch->used = 0;
    for (uint32_t i = 3; i < items; i++) {
        int64_t time;
        if (!pl_unpack_int(unpack, &time)) return false;
        if (watch->limit) push(watch, time);
    }
    if (!watch->limit || watch->used < watch->end) watch->over = false;
    return true;
}
