#include "runtime/durable.h"

#include <pthread.h>
#include <stdatomic.h>

#include <potline/alloc.h>

#include "log/log.h"

struct pl_durable {
    void (*poke)(void *source);
    void *source;
    pthread_mutex_t lock;
    struct pl_buffer appended, syncing, safe; /* positions; empty: none */
    _Atomic bool news;
};

struct pl_durable *pl_durable_new(void (*poke)(void *source), void *source) {
    struct pl_durable *durable = PL_NEW(struct pl_durable);
    if (!durable) return NULL;
    durable->poke = poke;
    durable->source = source;
    pthread_mutex_init(&durable->lock, NULL);
    pl_buffer_init(&durable->appended, PL_LOG_POSITION_MAX);
    pl_buffer_init(&durable->syncing, PL_LOG_POSITION_MAX);
    pl_buffer_init(&durable->safe, PL_LOG_POSITION_MAX);
    return durable;
}

void pl_durable_free(struct pl_durable *durable) {
    if (!durable) return;
    pl_buffer_fini(&durable->appended);
    pl_buffer_fini(&durable->syncing);
    pl_buffer_fini(&durable->safe);
    pthread_mutex_destroy(&durable->lock);
    pl_free(durable);
}

/* The content of `from` goes over, and takes the place of what was there. */
static void move(struct pl_buffer *to, struct pl_buffer *from) {
    if (!from->size) return;
    struct pl_buffer was = *to;
    *to = *from;
    *from = was;
    pl_buffer_reset(from);
}

static void tell(struct pl_durable *durable) {
    atomic_store(&durable->news, true);
    durable->poke(durable->source);
}

void pl_durable_appended(struct pl_durable *durable, const void *position, size_t size, bool synced) {
    pthread_mutex_lock(&durable->lock);
    struct pl_buffer *to = synced ? &durable->safe : &durable->appended;
    pl_buffer_reset(to);
    if (!pl_buffer_put(to, position, size)) pl_buffer_reset(to);
    pthread_mutex_unlock(&durable->lock);
    if (synced) tell(durable);
}

void pl_durable_begin(struct pl_durable *durable) {
    pthread_mutex_lock(&durable->lock);
    move(&durable->syncing, &durable->appended);
    pthread_mutex_unlock(&durable->lock);
}

void pl_durable_done(struct pl_durable *durable) {
    pthread_mutex_lock(&durable->lock);
    bool news = durable->syncing.size > 0;
    move(&durable->safe, &durable->syncing);
    pthread_mutex_unlock(&durable->lock);
    if (news) tell(durable);
}

bool pl_durable_take(struct pl_durable *durable, struct pl_buffer *position) {
    if (!atomic_exchange(&durable->news, false)) return false;
    pthread_mutex_lock(&durable->lock);
    pl_buffer_reset(position);
    move(position, &durable->safe);
    pthread_mutex_unlock(&durable->lock);
    return position->size > 0;
}
