#include "tap.h"

#include <pthread.h>

#include <potline/alloc.h>

struct pl_tap {
    struct pl_tap *next;
    unsigned port;
    void (*wake)(void *arg);
    void *arg;
    pthread_mutex_t lock; /* of what follows */
    struct pl_batch *batches[PL_TAP_BATCHES];
    unsigned from, count;
    uint64_t dropped;
};

struct pl_tap *pl_tap_new(unsigned port, void (*wake)(void *arg), void *arg) {
    struct pl_tap *tap = PL_NEW(struct pl_tap);
    if (!tap) return NULL;
    tap->port = port;
    tap->wake = wake;
    tap->arg = arg;
    pthread_mutex_init(&tap->lock, NULL);
    return tap;
}

void pl_tap_free(struct pl_tap *tap) {
    if (!tap) return;
    for (struct pl_batch *batch; (batch = pl_tap_take(tap));)
        pl_batch_unref(batch);
    pthread_mutex_destroy(&tap->lock);
    pl_free(tap);
}

void pl_tap_attach(struct pl_tap **list, struct pl_tap *tap) {
    tap->next = *list;
    *list = tap;
}

void pl_tap_detach(struct pl_tap **list, struct pl_tap *tap) {
    while (*list && *list != tap)
        list = &(*list)->next;
    if (*list) *list = tap->next;
}

static void offer(struct pl_tap *tap, struct pl_batch *batch) {
    pthread_mutex_lock(&tap->lock);
    bool first = tap->count == 0;
    if (tap->count == PL_TAP_BATCHES)
        tap->dropped += batch->rows;
    else
        tap->batches[(tap->from + tap->count++) % PL_TAP_BATCHES] = pl_batch_ref(batch);
    pthread_mutex_unlock(&tap->lock);
    if (first) tap->wake(tap->arg);
}

void pl_tap_offer(struct pl_tap *list, unsigned port, struct pl_batch *batch) {
    for (struct pl_tap *tap = list; tap; tap = tap->next)
        if (tap->port == port) offer(tap, batch);
}

struct pl_batch *pl_tap_take(struct pl_tap *tap) {
    struct pl_batch *batch = NULL;
    pthread_mutex_lock(&tap->lock);
    if (tap->count) {
        batch = tap->batches[tap->from];
        tap->from = (tap->from + 1) % PL_TAP_BATCHES;
        tap->count--;
    }
    pthread_mutex_unlock(&tap->lock);
    return batch;
}

uint64_t pl_tap_dropped(struct pl_tap *tap) {
    pthread_mutex_lock(&tap->lock);
    uint64_t dropped = tap->dropped;
    pthread_mutex_unlock(&tap->lock);
    return dropped;
}
