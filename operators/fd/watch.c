#include "watch.h"

#include <uv.h>

#include <potline/alloc.h>

struct pl_watch {
    uv_poll_t poll;
    void (*ready)(void *user);
    void *user;
    int wanted; /* 0: nothing */
    bool told;
};

static void on_closed(uv_handle_t *handle) {
    pl_free(handle->data);
}

/* Told once, the poll stays armed until it fires again in vain: most often the next pl_watch_for comes first, and the
 * kernel need not hear of either. */
static void on_poll(uv_poll_t *poll, int status, int events) {
    struct pl_watch *watch = poll->data;
    (void)events;
    if (status < 0) watch->wanted = 0; /* it shows at the next read or write; libuv has stopped the poll */
    if (watch->told) {
        uv_poll_stop(poll);
        watch->wanted = 0;
        return;
    }
    watch->told = true;
    watch->ready(watch->user);
}

struct pl_watch *pl_watch_new(struct uv_loop_s *loop, int fd, void (*ready)(void *user), void *user) {
    struct pl_watch *watch = PL_NEW(struct pl_watch);
    if (!watch) return NULL;
    watch->ready = ready;
    watch->user = user;
    watch->poll.data = watch;
    if (uv_poll_init(loop, &watch->poll, fd) == 0) return watch;
    pl_free(watch);
    return NULL;
}

void pl_watch_for(struct pl_watch *watch, enum pl_watch_event event) {
    int wanted = (event & PL_WATCH_READ ? UV_READABLE : 0) | (event & PL_WATCH_WRITE ? UV_WRITABLE : 0);
    watch->told = false;
    if (watch->wanted == wanted) return;
    watch->wanted = wanted;
    uv_poll_start(&watch->poll, wanted, on_poll);
}

void pl_watch_free(struct pl_watch *watch) {
    if (!watch) return;
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}
