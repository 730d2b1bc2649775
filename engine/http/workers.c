#include "workers.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>

#include <openssl/crypto.h>
#include <potline/alloc.h>

enum { THREADS = 4, NICE = 10, NAME = 16 };

struct work {
    void (*run)(void *arg);
    void *arg;
    struct work *next;
};

struct pl_workers {
    char name[NAME];
    pthread_t thread[THREADS];
    unsigned threads, waiting, most;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct work *first, **last;
    bool ending;
};

static struct work *take(struct pl_workers *workers) {
    pthread_mutex_lock(&workers->lock);
    while (!workers->first && !workers->ending)
        pthread_cond_wait(&workers->changed, &workers->lock);
    struct work *work = workers->first;
    if (work) {
        workers->first = work->next;
        if (!workers->first) workers->last = &workers->first;
        workers->waiting--;
    }
    pthread_mutex_unlock(&workers->lock);
    return work;
}

static void *run(void *arg) {
    struct pl_workers *workers = arg;
    pthread_setname_np(pthread_self(), workers->name);
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread, on Linux */
    for (struct work *work; (work = take(workers));) {
        work->run(work->arg);
        pl_free(work);
    }
    OPENSSL_thread_stop();
    return NULL;
}

struct pl_workers *pl_workers_new(const char *name, unsigned threads, unsigned most) {
    struct pl_workers *workers = PL_NEW(struct pl_workers);
    if (!workers) return NULL;
    snprintf(workers->name, sizeof workers->name, "%s", name);
    workers->most = most;
    workers->last = &workers->first;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    for (unsigned i = 0; i < threads && i < THREADS; i++)
        if (pthread_create(&workers->thread[workers->threads], NULL, run, workers) == 0) workers->threads++;
    if (workers->threads) return workers;
    pl_workers_free(workers);
    return NULL;
}

bool pl_workers_do(struct pl_workers *workers, void (*begin)(void *arg), void *arg) {
    struct work *work = PL_NEW(struct work);
    if (!work) return false;
    *work = (struct work){.run = begin, .arg = arg};
    pthread_mutex_lock(&workers->lock);
    bool room = workers->waiting < workers->most && !workers->ending;
    if (room) {
        *workers->last = work;
        workers->last = &work->next;
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
