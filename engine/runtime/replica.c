#include "runtime/replica.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "runtime/changelog.h"

/* The changelog's topic keeps what says that a key is gone for a day (kafka_client.c): whoever has not looked for so
 * long would keep the key. */
static const int64_t known_for = 12 * PL_HOUR;

struct replica {
    bool known;
    bool told;             /* which checkpoint it is, stands in `epoch` of all; else in its own */
    int64_t from, at;      /* what comes next; when it was known (boottime) */
    struct pl_epoch found; /* number 0: none so far */
};

struct pl_replicas {
    struct replica *of;
    unsigned count;
    uint64_t graph;
    struct pl_buffer epoch; /* that was told here last */
    _Atomic unsigned whole; /* followed to their end */
};

struct pl_replicas *pl_replicas_new(void) {
    struct pl_replicas *replicas = PL_NEW(struct pl_replicas);
    if (replicas) pl_buffer_init(&replicas->epoch, SIZE_MAX / 2);
    return replicas;
}

static void forget_all(struct pl_replicas *replicas) {
    for (unsigned p = 0; p < replicas->count; p++)
        pl_replica_forget(replicas, p);
}

void pl_replicas_free(struct pl_replicas *replicas) {
    if (!replicas) return;
    forget_all(replicas);
    pl_free(replicas->of);
    pl_buffer_fini(&replicas->epoch);
    pl_free(replicas);
}

/* The next checkpoint here has no part of what is given away. */
static void keep_epoch(struct pl_replicas *replicas, unsigned partition) {
    struct replica *replica = &replicas->of[partition];
    if (!replica->told) return;
    if (pl_replica_epoch(replicas, partition, &replica->found))
        replica->told = false;
    else
        pl_replica_forget(replicas, partition);
}

bool pl_replicas_fit(struct pl_replicas *replicas, uint64_t graph, const bool *owned, unsigned partitions) {
    atomic_store(&replicas->whole, 0);
    if (graph == replicas->graph && partitions == replicas->count) {
        for (unsigned p = 0; p < partitions; p++)
            if (!owned[p]) keep_epoch(replicas, p);
        return true;
    }
    forget_all(replicas);
    pl_free(replicas->of);
    replicas->of = pl_alloc((partitions + 1) * sizeof *replicas->of);
    replicas->count = replicas->of ? partitions : 0;
    replicas->graph = graph;
    return replicas->of != NULL;
}

bool pl_replica_knows(struct pl_replicas *replicas, unsigned partition, int64_t *from) {
    if (partition >= replicas->count) return false;
    struct replica *replica = &replicas->of[partition];
    *from = replica->from;
    return replica->known && pl_clock_boottime() - replica->at < known_for;
}

bool pl_replica_epoch(const struct pl_replicas *replicas, unsigned partition, struct pl_epoch *epoch) {
    const struct replica *replica = &replicas->of[partition];
    struct pl_unpack unpack;
    if (!replica->told) return pl_epoch_copy(&replica->found, epoch);
    pl_unpack_init(&unpack, replicas->epoch.data, replicas->epoch.size);
    if (pl_epoch_unpack(&unpack, epoch)) return true;
    pl_epoch_fini(epoch);
    return false;
}

void pl_replica_forget(struct pl_replicas *replicas, unsigned partition) {
    if (partition >= replicas->count) return;
    pl_epoch_fini(&replicas->of[partition].found);
    replicas->of[partition] = (struct replica){0};
}

void pl_replicas_told(struct pl_replicas *replicas, const void *epoch, size_t size) {
    pl_buffer_reset(&replicas->epoch);
    pl_buffer_put(&replicas->epoch, epoch, size);
}

void pl_replica_is_told(struct pl_replicas *replicas, unsigned partition, int64_t behind) {
    pl_replica_forget(replicas, partition);
    if (partition >= replicas->count || behind < 0 || pl_buffer_failed(&replicas->epoch)) return;
    replicas->of[partition] = (struct replica){.known = true, .told = true, .from = behind, .at = pl_clock_boottime()};
}

unsigned pl_replicas_count(const struct pl_replicas *replicas) {
    return atomic_load(&replicas->whole);
}

/* ---- Following ---- */

struct pl_follower {
    struct pl_replicas *replicas;
    struct pl_log *log;
    struct pl_epochs *epochs;
    const bool *owned;
    pthread_t thread;
    bool running;
    bool *whole; /* [partition] */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool stopping;
    struct pl_kafka_follower *reader; /* that the thread waits for */
};

static bool is_stopping(struct pl_follower *follower) {
    pthread_mutex_lock(&follower->lock);
    bool stopping = follower->stopping;
    pthread_mutex_unlock(&follower->lock);
    return stopping;
}

static void let_wait(struct pl_follower *follower, struct pl_kafka_follower *reader) {
    pthread_mutex_lock(&follower->lock);
    follower->reader = reader;
    pthread_mutex_unlock(&follower->lock);
}

/* What the folder has of it is gone on with, or goes. */
static enum pl_code begin_partition(struct pl_follower *follower, struct pl_kafka_follower *reader, unsigned p,
                                    struct pl_error **error) {
    struct replica *replica = &follower->replicas->of[p];
    int64_t from = 0;
    enum pl_code code = PL_OK;
    if (!pl_replica_knows(follower->replicas, p, &from)) {
        pl_replica_forget(follower->replicas, p);
        from = 0;
        replica->at = pl_clock_boottime();
        code = pl_epochs_clear(follower->epochs, (uint16_t)p, error);
    }
    if (code) return code;
    replica->known = true;
    return pl_kafka_follow(reader, p, from, error);
}

static enum pl_code begin(struct pl_follower *follower, struct pl_kafka_follower *reader, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < follower->replicas->count && !code; p++)
        if (!follower->owned[p]) code = begin_partition(follower, reader, p, error);
    return code;
}

static enum pl_code take(struct pl_follower *follower, const struct pl_kafka_entry *entry, struct pl_error **error) {
    struct replica *replica = &follower->replicas->of[entry->partition];
    int64_t now = pl_clock_boottime();
    if (now - replica->at >= known_for) /* held up, or cut off: keys may have gone meanwhile without a word */
        return pl_error_set(error, PL_RANGE, "nothing was heard of partition %u for too long", entry->partition);
    replica->at = now;
    if (!entry->key) {
        if (!follower->whole[entry->partition]) atomic_fetch_add(&follower->replicas->whole, 1);
        follower->whole[entry->partition] = true;
        return pl_epochs_flush(follower->epochs, error);
    }
    replica->from = entry->offset + 1;
    return pl_changelog_take(follower->epochs, entry, &replica->found, error);
}

/* Until it is to stop, or cannot go on. */
static enum pl_code follow(struct pl_follower *follower, struct pl_error **error) {
    struct pl_kafka_follower *reader;
    struct pl_kafka_entry entry;
    enum pl_code code = pl_kafka_follower_new(follower->log, &reader, error);
    if (code) return code;
    code = begin(follower, reader, error);
    let_wait(follower, reader);
    while (!code && !is_stopping(follower)) {
        code = pl_kafka_follower_next(reader, &entry, error);
        if (!code) {
            code = take(follower, &entry, error);
        } else if (code == PL_NOT_FOUND || code == PL_UNAVAILABLE) {
            pl_error_free(error);
            code = PL_OK;
        }
    }
    let_wait(follower, NULL);
    if (!code) code = pl_epochs_flush(follower->epochs, error);
    pl_kafka_follower_free(reader);
    return code;
}

/* What was put is not all there, or not all that came was put: from the begin. */
static void begin_anew(struct pl_follower *follower, enum pl_code code, struct pl_error *error) {
    struct timespec at;
    pl_diag_each(PL_WARN, "the state of other engines is read anew: %s", error ? error->text : pl_code_text(code));
    for (unsigned p = 0; p < follower->replicas->count; p++) {
        if (follower->owned[p]) continue;
        pl_replica_forget(follower->replicas, p);
        follower->whole[p] = false;
    }
    atomic_store(&follower->replicas->whole, 0);
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec++;
    pthread_mutex_lock(&follower->lock);
    while (!follower->stopping && !pthread_cond_timedwait(&follower->changed, &follower->lock, &at))
        ;
    pthread_mutex_unlock(&follower->lock);
}

static void *attend(void *arg) {
    struct pl_follower *follower = arg;
    pthread_setname_np(pthread_self(), "follower");
    while (!is_stopping(follower)) {
        struct pl_error *error = NULL;
        enum pl_code code = follow(follower, &error);
        if (code) begin_anew(follower, code, error);
        pl_error_free(&error);
    }
    return NULL;
}

enum pl_code pl_follower_new(struct pl_replicas *replicas, struct pl_log *log, struct pl_store *store,
                             const bool *owned, struct pl_follower **follower, struct pl_error **error) {
    pthread_condattr_t attributes;
    struct pl_follower *f = *follower = PL_NEW(struct pl_follower);
    if (!f) return pl_error_set(error, PL_NO_MEMORY, "no memory for a thread");
    f->replicas = replicas;
    f->log = log;
    f->owned = owned;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    f->whole = pl_alloc((replicas->count + 1) * sizeof *f->whole);
    enum pl_code code = f->whole ? pl_epochs_beside(store, &f->epochs, error) : PL_NO_MEMORY;
    if (!code) f->running = pthread_create(&f->thread, NULL, attend, f) == 0;
    if (!code && !f->running) code = pl_error_set(error, PL_NO_MEMORY, "no memory for a thread");
    if (!code) return PL_OK;
    pl_follower_free(f);
    *follower = NULL;
    return code;
}

void pl_follower_free(struct pl_follower *follower) {
    if (!follower) return;
    pthread_mutex_lock(&follower->lock);
    follower->stopping = true;
    if (follower->reader) pl_kafka_follower_stop(follower->reader);
    pthread_cond_signal(&follower->changed);
    pthread_mutex_unlock(&follower->lock);
    if (follower->running) pthread_join(follower->thread, NULL);
    pl_epochs_close(follower->epochs);
    pthread_cond_destroy(&follower->changed);
    pthread_mutex_destroy(&follower->lock);
    pl_free(follower->whole);
    pl_free(follower);
}
