#include "waiting.h"

#include <uv.h>

#include "later.h"

enum { LINGER_TICK = 50 /* ms */ };

static bool is_done(const struct pl_mqtt_waiting *w) {
    return w->queue.taken == w->queue.first;
}

static void settle(struct pl_mqtt_waiting *w) {
    bool ending = w->ending && !w->given_up && !is_done(w);
    pl_busy(w->node, ending || w->queue.bytes >= w->hold);
}

bool pl_mqtt_waiting_put(struct pl_mqtt_waiting *w, struct pl_batch *batch) {
    if (!pl_held_put(&w->queue, batch)) {
        pl_fail(w->node, "no memory for rows that wait");
        return false;
    }
    pl_held_seal_all(&w->queue);
    settle(w);
    return true;
}

void pl_mqtt_waiting_soon(struct pl_mqtt_waiting *w) {
    pl_later_in(w->soon, 0);
}

void pl_mqtt_waiting_drop(struct pl_mqtt_waiting *w, uint64_t until) {
    pl_held_drop(&w->queue, until);
    settle(w);
}

bool pl_mqtt_waiting_any(const struct pl_mqtt_waiting *w) {
    return w->next < w->queue.taken;
}

/* ---- The end ---- */

void pl_mqtt_waiting_watermark(struct pl_mqtt_waiting *w, pl_time now) {
    w->at_end |= now == PL_TIME_MAX;
}

static void end_over(void *user) {
    struct pl_mqtt_waiting *w = user;
    if (is_done(w)) return;
    if (uv_hrtime() < w->end_at) {
        pl_later_in(w->last, LINGER_TICK);
        return;
    }
    unsigned long long rows = w->queue.taken - w->queue.first;
    w->given_up = true;
    if (w->at_end || !pl_node_epoch(w->node))
        pl_fail(w->node, "%llu rows could not be sent in time: the other side is away, or slow", rows);
    else
        pl_node_diag(w->node, PL_WARN, "%llu rows wait for the next run: the other side is away, or slow", rows);
    settle(w);
}

void pl_mqtt_waiting_stop(struct pl_mqtt_waiting *w) {
    if (w->ending) return;
    w->ending = true;
    w->end_at = uv_hrtime() + (uint64_t)w->linger;
    w->pump(w->user);
    settle(w);
    if (!is_done(w)) pl_later_in(w->last, LINGER_TICK);
}

/* ---- State ---- */

void pl_mqtt_waiting_save(const struct pl_mqtt_waiting *w, struct pl_pack *pack) {
    struct pl_error *error = NULL;
    pl_pack_array(pack, PL_HELD_ITEMS);
    if (pl_held_save(&w->queue, w->codec, pack, &error))
        pl_fail(w->node, "rows that wait cannot be saved: %s", error ? error->text : "no memory");
    pl_error_free(&error);
}

enum pl_code pl_mqtt_waiting_load(struct pl_mqtt_waiting *w, struct pl_unpack *unpack, struct pl_error **error) {
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items != PL_HELD_ITEMS)
        return pl_error_set(error, PL_CORRUPT, "not the rows that a sink holds");
    enum pl_code code = pl_held_load(&w->queue, w->codec, pl_node_kind(w->node), unpack, error);
    w->next = w->queue.first;
    return code;
}

/* ---- Life ---- */

static void pump(void *user) {
    struct pl_mqtt_waiting *w = user;
    w->pump(w->user);
}

enum pl_code pl_mqtt_waiting_init(struct pl_mqtt_waiting *w, struct pl_node *node, void (*pumps)(void *user),
                                  void *user, struct pl_error **error) {
    w->node = node;
    w->pump = pumps;
    w->user = user;
    w->codec = pl_codec_new(pl_node_tags(node));
    w->soon = pl_later_new(pl_node_loop(node), pump, w);
    w->last = pl_later_new(pl_node_loop(node), end_over, w);
    return w->codec && w->soon && w->last ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
}

void pl_mqtt_waiting_fini(struct pl_mqtt_waiting *w) {
    pl_later_free(w->soon);
    pl_later_free(w->last);
    w->soon = w->last = NULL;
    pl_codec_free(w->codec);
    w->codec = NULL;
    pl_held_fini(&w->queue);
}
