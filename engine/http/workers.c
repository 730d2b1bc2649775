#include "workers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/crypto.h>
#include <potline/alloc.h>

enum { THREADS = 4, NICE = 10, NAME = 16, OWNER = 128 };

struct work {
    void (*run)(void *arg);
    void *arg;
    struct work *next;
};

/* There as long as something of it waits or is under way. */
struct owner {
    char name[OWNER];
    struct work *first, **last;
    unsigned waiting, under_way;
    struct owner *next;
};

struct pl_workers {
    char name[NAME];
    pthread_t thread[THREADS];
    unsigned threads, idle, waiting, most, share;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct owner *owners; /* whose turn is next is the first */
    bool ending;
};

/* ---- Owners ---- */

static struct owner *owner_of(struct pl_workers *workers, const char *name) {
    struct owner *owner = workers->owners, *last = NULL;
    for (; owner && strncmp(owner->name, name, OWNER - 1) != 0; owner = owner->next)
        last = owner;
    if (owner || !(owner = PL_NEW(struct owner))) return owner;
    snprintf(owner->name, sizeof owner->name, "%s", name);
    owner->last = &owner->first;
    *(last ? &last->next : &workers->owners) = owner;
    return owner;
}

static void unlink_owner(struct pl_workers *workers, const struct owner *owner) {
    struct owner **at = &workers->owners;
    while (*at != owner)
        at = &(*at)->next;
    *at = owner->next;
}

static void leave(struct pl_workers *workers, struct owner *owner) {
    if (owner->waiting || owner->under_way) return;
    unlink_owner(workers, owner);
    pl_free(owner);
}

static void to_the_end(struct pl_workers *workers, struct owner *owner) {
    struct owner **at = &workers->owners;
    unlink_owner(workers, owner);
    while (*at)
        at = &(*at)->next;
    owner->next = NULL;
    *at = owner;
}

/* ---- Work ---- */

static struct owner *whose_turn(const struct pl_workers *workers) {
    struct owner *owner = workers->owners;
    while (owner && !(owner->waiting && (!owner->under_way || workers->idle > owner->under_way)))
        owner = owner->next;
    return owner;
}

/* The lock is held. NULL: all is done, and nothing comes any more. */
static struct work *take(struct pl_workers *workers, struct owner **owner) {
    while (!(*owner = whose_turn(workers))) {
        if (workers->ending && !workers->waiting) return NULL;
        pthread_cond_wait(&workers->changed, &workers->lock);
    }
    struct work *work = (*owner)->first;
    (*owner)->first = work->next;
    if (!work->next) (*owner)->last = &(*owner)->first;
    (*owner)->waiting--;
    (*owner)->under_way++;
    workers->waiting--;
    workers->idle--;
    to_the_end(workers, *owner);
    return work;
}

static void *run(void *arg) {
    struct pl_workers *workers = arg;
    struct owner *owner;
    pthread_setname_np(pthread_self(), workers->name);
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread, on Linux */
    pthread_mutex_lock(&workers->lock);
    for (struct work *work; (work = take(workers, &owner));) {
        pthread_mutex_unlock(&workers->lock);
        work->run(work->arg);
        pl_free(work);
        pthread_mutex_lock(&workers->lock);
        owner->under_way--;
        workers->idle++;
        leave(workers, owner);
        pthread_cond_broadcast(&workers->changed); /* it may be the turn of one that had enough under way */
    }
    pthread_mutex_unlock(&workers->lock);
    OPENSSL_thread_stop();
    return NULL;
}

struct pl_workers *pl_workers_new(const char *name, unsigned threads, unsigned most, unsigned share) {
    struct pl_workers *workers = PL_NEW(struct pl_workers);
    if (!workers) return NULL;
    snprintf(workers->name, sizeof workers->name, "%s", name);
    workers->most = most;
    workers->share = share;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    pthread_mutex_lock(&workers->lock);
    for (unsigned i = 0; i < threads && i < THREADS; i++)
        if (pthread_create(&workers->thread[workers->threads], NULL, run, workers) == 0) workers->threads++;
    workers->idle = workers->threads;
    pthread_mutex_unlock(&workers->lock);
    if (workers->threads) return workers;
    pl_workers_free(workers);
    return NULL;
}

bool pl_workers_do(struct pl_workers *workers, const char *name, void (*begin)(void *arg), void *arg) {
    struct work *work = PL_NEW(struct work);
    if (!work) return false;
    *work = (struct work){.run = begin, .arg = arg};
    pthread_mutex_lock(&workers->lock);
    struct owner *owner = workers->ending || workers->waiting == workers->most ? NULL : owner_of(workers, name);
    bool room = owner && owner->waiting < workers->share;
    if (room) {
        *owner->last = work;
        owner->last = &work->next;
        owner->waiting++;
        workers->waiting++;
        pthread_cond_signal(&workers->changed);
    }
    pthread_mutex_unlock(&workers->lock);
    if (!room) pl_free(work);
    return room;
}

void pl_workers_end(struct pl_workers *workers) {
    if (!workers) return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->threads; i++)
        pthread_join(workers->thread[i], NULL);
    workers->threads = 0;
}

void pl_workers_free(struct pl_workers *workers) {
    if (!workers) return;
    pl_workers_end(workers);
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->changed);
    pl_free(workers);
}
