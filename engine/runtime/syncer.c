#include "syncer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

struct pl_syncer {
    struct pl_log *log;
    pl_time every;
    struct pl_syncer_events events;
    pthread_mutex_t syncing; /* one at a time */
    pthread_t thread;
    _Atomic bool dirty;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;
};

static void sync_dirty(struct pl_syncer *syncer) {
    struct pl_error *error = NULL;
    const struct pl_syncer_events *events = &syncer->events;
    if (events->begin) events->begin(events->arg);
    if (syncer->log->ops->sync(syncer->log, &error) == PL_OK) {
        if (events->done) events->done(events->arg);
        return;
    }
    atomic_store(&syncer->dirty, true); /* tried again */
    pl_diag(PL_ERROR, "the log could not be synced: %s", error ? error->text : "unknown");
    pl_error_free(&error);
}

void pl_syncer_now(struct pl_syncer *syncer) {
    if (!syncer) return;
    pthread_mutex_lock(&syncer->syncing);
    if (atomic_exchange(&syncer->dirty, false)) sync_dirty(syncer);
    pthread_mutex_unlock(&syncer->syncing);
}

/* Lets more be appended before the sync; called with the lock held. */
static void gather(struct pl_syncer *syncer) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    pl_time sum = at.tv_nsec + syncer->every;
    at.tv_sec += sum / PL_SECOND;
    at.tv_nsec = sum % PL_SECOND;
    while (!syncer->ending && pthread_cond_timedwait(&syncer->wake, &syncer->lock, &at) == 0)
        ;
}

static void *run(void *arg) {
    struct pl_syncer *syncer = arg;
    pthread_setname_np(pthread_self(), "sync");
    pthread_mutex_lock(&syncer->lock);
    while (!syncer->ending) {
        if (!atomic_load(&syncer->dirty)) {
            pthread_cond_wait(&syncer->wake, &syncer->lock);
            continue;
        }
        gather(syncer);
        pthread_mutex_unlock(&syncer->lock);
        pl_syncer_now(syncer);
        pthread_mutex_lock(&syncer->lock);
    }
    pthread_mutex_unlock(&syncer->lock);
    return NULL;
}

void pl_syncer_touch(struct pl_syncer *syncer) {
    if (!syncer || atomic_exchange(&syncer->dirty, true)) return;
    pthread_mutex_lock(&syncer->lock); /* not between the thread's look at `dirty` and its wait */
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->lock);
}

enum pl_code pl_syncer_new(struct pl_log *log, pl_time every, const struct pl_syncer_events *events,
                           struct pl_syncer **syncer, struct pl_error **error) {
    struct pl_syncer *s = *syncer = PL_NEW(struct pl_syncer);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory for the syncer");
    s->log = log;
    s->every = every;
    if (events) s->events = *events;
    pthread_mutex_init(&s->syncing, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&s->thread, NULL, run, s) == 0) return PL_OK;
    pl_free(s);
    *syncer = NULL;
    return pl_error_set(error, PL_LIMIT, "cannot start a thread");
}

void pl_syncer_free(struct pl_syncer *syncer) {
    if (!syncer) return;
    pthread_mutex_lock(&syncer->lock);
    syncer->ending = true;
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->lock);
    pthread_join(syncer->thread, NULL);
    syncer->events = (struct pl_syncer_events){0};
    pl_syncer_now(syncer);
    pthread_mutex_destroy(&syncer->syncing);
    pthread_cond_destroy(&syncer->wake);
    pthread_mutex_destroy(&syncer->lock);
    pl_free(syncer);
}
