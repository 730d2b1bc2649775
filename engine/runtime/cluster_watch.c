#include "runtime/cluster_watch.h"

#include <string.h>

static const int64_t dead_for = 3 * PL_SECOND, other_for = 10 * PL_SECOND;

/* Only who has been heard of alive: what stands there from long ago is of no account. NULL: nobody to watch. */
static struct pl_cluster_watched *find(struct pl_cluster_watch *watch, const struct pl_cluster_engine *engine) {
    for (unsigned i = 0; i < watch->count; i++)
        if (strcmp(watch->of[i].identity, engine->identity) == 0) return &watch->of[i];
    if (engine->stale || watch->count == PL_CLUSTER_WATCHED) return NULL;
    struct pl_cluster_watched *one = &watch->of[watch->count++];
    *one = (struct pl_cluster_watched){0};
    memcpy(one->identity, engine->identity, sizeof one->identity);
    return one;
}

/* True once, when it has lasted. */
static bool lasts(bool is, int64_t *since, bool *told, int64_t least, int64_t now) {
    if (!is) *since = 0, *told = false;
    if (!is || *told) return false;
    if (!*since) *since = now;
    *told = now - *since >= least;
    return *told;
}

enum pl_cluster_event pl_cluster_watch_look(struct pl_cluster_watch *watch, const struct pl_cluster_engine *engine,
                                            uint64_t graph, bool sure, int64_t now) {
    struct pl_cluster_watched *one = engine->is_self || !sure ? NULL : find(watch, engine);
    if (!one) return PL_CLUSTER_NOTHING;
    bool was_dead = one->dead;
    if (lasts(engine->stale, &one->dead_since, &one->dead, dead_for, now)) return PL_CLUSTER_DIED;
    if (was_dead && !engine->stale) return PL_CLUSTER_BACK;
    if (lasts(!engine->stale && engine->graph != graph, &one->other_since, &one->other, other_for, now))
        return PL_CLUSTER_OTHER;
    return PL_CLUSTER_NOTHING;
}
