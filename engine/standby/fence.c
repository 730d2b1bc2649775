#include "standby/fence.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/time.h>

#include "base/clock.h"
#include "standby/link.h"
#include "store/lineage.h"

enum { TICK_MS = 100 };
static const int64_t ASK_EVERY = PL_SECOND;

struct pl_fence {
    struct pl_fence_options options;
    struct pl_lineage lineage;
    struct pl__link link;
    pthread_t thread;
    bool has_thread;
    _Atomic bool ending;
};

static void ask(struct pl_fence *fence) {
    struct pl__wire hello = {.type = PL__HELLO};
    hello.number[PL__HELLO_VERSION] = PL__WIRE_VERSION;
    hello.number[PL__HELLO_CALLER] = PL__WRITES_TOO;
    hello.number[PL__HELLO_GENERATION] = fence->lineage.generation;
    hello.bytes[PL__HELLO_ID].data = fence->lineage.id;
    hello.bytes[PL__HELLO_RUN].data = fence->lineage.run;
    hello.bytes[PL__HELLO_ID].size = hello.bytes[PL__HELLO_RUN].size = PL_LINEAGE_ID;
    hello.bytes[PL__HELLO_KEY].data = fence->options.key_id;
    hello.bytes[PL__HELLO_KEY].size = strlen(fence->options.key_id);
    pl__link_send(&fence->link, &hello);
}

/* True: it is settled that we are the older one. */
static bool hear(struct pl_fence *fence) {
    struct pl__wire answer;
    while (pl__link_receive(&fence->link, &answer)) {
        if (answer.type != PL__REFUSED || answer.number[PL__REFUSED_WHY] != PL__NOT_NEWER) continue;
        uint64_t generation = answer.number[PL__REFUSED_GENERATION];
        if (generation < fence->lineage.generation) {
            pl_diag(PL_WARN, "the engine at %s, whose place was taken, was there, and has been told to end",
                    fence->options.endpoint);
            continue;
        }
        struct pl_error *error = NULL;
        if (pl_lineage_pass(fence->options.store, generation, &error))
            pl_diag(PL_ERROR, "%s", error ? error->text : "out of memory");
        pl_error_free(&error);
        fence->options.passed(fence->options.arg, generation);
        return true;
    }
    return false;
}

static void *run(void *arg) {
    struct pl_fence *fence = arg;
    int64_t asked = 0;
    pthread_setname_np(pthread_self(), "fence");
    while (!atomic_load(&fence->ending)) {
        zmq_pollitem_t item = {fence->link.socket, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, TICK_MS);
        if (hear(fence)) break;
        if (pl_clock_monotonic() - asked < ASK_EVERY) continue;
        asked = pl_clock_monotonic();
        ask(fence);
    }
    return NULL;
}

enum pl_code pl_fence_new(const struct pl_fence_options *options, struct pl_fence **fence, struct pl_error **error) {
    struct pl_fence *f = *fence = PL_NEW(struct pl_fence);
    if (!f) return pl_error_set(error, PL_NO_MEMORY, "no memory to look for the engine whose place was taken");
    f->options = *options;
    enum pl_code code = pl_lineage_read(options->store, &f->lineage, error);
    if (!code) code = pl__link_open(&f->link, options->endpoint, options->secret, error);
    if (!code) f->has_thread = pthread_create(&f->thread, NULL, run, f) == 0;
    if (f->has_thread) return PL_OK;
    if (!code) code = pl_error_set(error, PL_LIMIT, "cannot start a thread");
    pl_fence_free(f);
    *fence = NULL;
    return code;
}

void pl_fence_free(struct pl_fence *fence) {
    if (!fence) return;
    atomic_store(&fence->ending, true);
    if (fence->has_thread) pthread_join(fence->thread, NULL);
    pl__link_close(&fence->link);
    pl_free(fence);
}
