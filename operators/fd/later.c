#include "later.h"

#include <uv.h>

#include <potline/alloc.h>

struct pl_later {
    uv_timer_t timer;
    void (*now)(void *user);
    void *user;
};

static void on_closed(uv_handle_t *handle) {
    pl_free(handle->data);
}

static void on_timer(uv_timer_t *timer) {
    struct pl_later *later = timer->data;
    later->now(later->user);
}

struct pl_later *pl_later_new(struct uv_loop_s *loop, void (*now)(void *user), void *user) {
    struct pl_later *later = PL_NEW(struct pl_later);
    if (!later) return NULL;
    later->now = now;
    later->user = user;
    later->timer.data = later;
    uv_timer_init(loop, &later->timer);
    return later;
}

void pl_later_in(struct pl_later *later, uint64_t milliseconds) {
    if (!uv_is_active((uv_handle_t *)&later->timer)) uv_timer_start(&later->timer, on_timer, milliseconds, 0);
}

void pl_later_free(struct pl_later *later) {
    if (later) uv_close((uv_handle_t *)&later->timer, on_closed);
}
