/* shadow_watch.c: the rows of both sides, compared as barriers come. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include "runtime/shadow_impl.h"

enum { ITEMS_A_RUN = 64, NICE = 10 };

static struct pl_shadow *shadow_of(struct pl_runnable *runnable) {
    return (struct pl_shadow *)(void *)runnable;
}

void pl__shadow_void(struct pl_shadow *shadow, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&shadow->lock);
    if (!shadow->why[0]) vsnprintf(shadow->why, sizeof shadow->why, format, arguments);
    pthread_mutex_unlock(&shadow->lock);
    va_end(arguments);
}

static bool is_void(struct pl_shadow *shadow) {
    pthread_mutex_lock(&shadow->lock);
    bool is = shadow->why[0] != 0;
    pthread_mutex_unlock(&shadow->lock);
    return is;
}

/* ---- Epochs ---- */

/* The last one that all instances of a port have given, on both sides; and the least of their watermarks. */
static uint64_t given(const struct pl_shadow *shadow, unsigned port, pl_time *watermark) {
    uint64_t least = UINT64_MAX;
    *watermark = PL_TIME_MAX;
    for (unsigned i = 0; i < shadow->watched_count; i++) {
        const struct pl__watched *watched = &shadow->watched[i];
        if (watched->port != port) continue;
        if (watched->epoch < least) least = watched->epoch;
        if (watched->watermark < *watermark) *watermark = watched->watermark;
    }
    return least;
}

static void settle(struct pl_shadow *shadow, unsigned port) {
    struct pl__compared *compared = &shadow->compared[port];
    pl_time watermark;
    uint64_t epoch = given(shadow, port, &watermark);
    if (epoch <= compared->settled) return;
    compared->settled = epoch;
    if (!pl_shadow_port_settle(compared->rows, epoch, watermark))
        pl__shadow_void(shadow, "no memory to compare rows of %s.%s", compared->node, compared->name);
}

/* ---- Rows ---- */

static void take_rows(struct pl_shadow *shadow, const struct pl__watched *watched, struct pl_batch *batch) {
    struct pl__compared *compared = &shadow->compared[watched->port];
    bool good = pl_shadow_port_take(compared->rows, watched->live, watched->epoch + 1, batch);
    pl_batch_unref(batch);
    if (!good)
        pl__shadow_void(shadow,
                        "more rows of %s.%s than can be held wait for the other side, or differ in one epoch: look at "
                        "the examples, or set a shorter checkpoint",
                        compared->node, compared->name);
}

static void take(struct pl_shadow *shadow, struct pl__watched *watched, const struct pl_item *item) {
    switch (item->type) {
    case PL_ITEM_BATCH: take_rows(shadow, watched, item->batch); break;
    case PL_ITEM_WATERMARK: watched->watermark = item->idle ? PL_TIME_MAX : item->time; break;
    case PL_ITEM_BARRIER:
        watched->epoch = item->epoch;
        settle(shadow, watched->port);
        break;
    case PL_ITEM_END:
        watched->epoch = UINT64_MAX;
        watched->watermark = PL_TIME_MAX;
        settle(shadow, watched->port);
        break;
    }
}

static void drop(const struct pl_item *item) {
    if (item->type == PL_ITEM_BATCH) pl_batch_unref(item->batch);
}

/* What is told of it; who asks does not wait for what is being compared. */
static void publish(struct pl_shadow *shadow) {
    uint64_t least = UINT64_MAX;
    pthread_mutex_lock(&shadow->lock);
    for (unsigned i = 0; i < shadow->compared_count; i++) {
        struct pl__compared *compared = &shadow->compared[i];
        compared->counts = *pl_shadow_port_counts(compared->rows);
        compared->waiting = pl_shadow_port_waiting(compared->rows);
        compared->examples = pl_shadow_port_examples(compared->rows);
        if (compared->settled < least) least = compared->settled;
    }
    if (least < UINT64_MAX) shadow->settled = least;
    pthread_mutex_unlock(&shadow->lock);
}

static void run(struct pl_runnable *runnable) {
    struct pl_shadow *shadow = shadow_of(runnable);
    bool more = false, over = is_void(shadow);
    for (unsigned i = 0; i < shadow->watched_count; i++) {
        struct pl__watched *watched = &shadow->watched[i];
        struct pl_item item;
        int n = 0;
        for (; n < ITEMS_A_RUN && pl_edge_receive(watched->edge, &item); n++) {
            if (over || watched->epoch == UINT64_MAX)
                drop(&item);
            else
                take(shadow, watched, &item);
        }
        more |= n == ITEMS_A_RUN;
    }
    publish(shadow);
    if (more) pl_ready(runnable);
}

/* On the shadow's thread, before any of its nodes works. */
static void start(struct pl_runnable *runnable) {
    (void)runnable;
    setpriority(PRIO_PROCESS, 0, NICE); /* of a thread, on Linux */
}

static void finish(struct pl_runnable *runnable) {
    (void)runnable;
}

void pl__shadow_watch(struct pl_shadow *shadow) {
    shadow->runnable.start = start;
    shadow->runnable.run = run;
    shadow->runnable.finish = finish;
}
