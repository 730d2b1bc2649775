#include "runtime/shadow.h"

#include <stdio.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/shadow_impl.h"

static const uint32_t rows_most = 1 << 19;
static const size_t bytes_most = 128 << 20;

/* ---- Beginning ---- */

/* At an epoch: what the nodes begin with, and everything from there on. */
static enum pl_code attach(void *arg, struct pl_error **error) {
    struct pl_shadow *shadow = arg;
    struct pl_engine *engine = shadow->engine;
    enum pl_code code = pl_epochs_view(engine->store, &shadow->view, error);
    if (code) return code;
    shadow->begun = shadow->settled = pl_checkpoints_told(engine->checkpoints);
    for (unsigned i = 0; i < shadow->watched_count; i++)
        shadow->watched[i].epoch = shadow->begun;
    for (unsigned i = 0; i < shadow->compared_count; i++)
        shadow->compared[i].settled = shadow->begun;
    for (unsigned i = 0; i < shadow->plan.instance_count; i++)
        if (shadow->tasks[i] && shadow->tasks[i]->recall) shadow->tasks[i]->view = shadow->view;
    shadow->attached = pl__shadow_attach(shadow);
    return shadow->attached ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a shadow");
}

static enum pl_code begin(struct pl_shadow *shadow, const struct pl_shadow_options *options, pl_time *pause,
                          struct pl_error **error) {
    enum pl_code code = pl__shadow_choose(shadow, options->plan, error);
    if (!code) code = pl__shadow_make(shadow, error);
    if (!code) code = pl__engine_at_epoch(shadow->engine, attach, shadow, pause, error);
    if (code) return code;
    code = pl_worker_start(shadow->worker, error);
    shadow->started = !code;
    shadow->runs_still = !code;
    return code;
}

enum pl_code pl_shadow_begin(struct pl_engine *engine, const struct pl_shadow_options *options,
                             struct pl_shadow **shadow, pl_time *pause, struct pl_error **error) {
    struct pl_shadow *s = *shadow = PL_NEW(struct pl_shadow);
    *pause = 0;
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory for a shadow");
    s->engine = engine;
    s->graph = pl_graph_ref(options->graph);
    s->examples = options->examples;
    s->pool = (struct pl_shadow_pool){.rows_max = rows_most, .bytes_max = bytes_most};
    s->until = pl_clock_monotonic() + options->span;
    pthread_mutex_init(&s->lock, NULL);
    pl__shadow_watch(s);
    enum pl_code code = begin(s, options, pause, error);
    if (!code) return PL_OK;
    pl_shadow_end(s);
    pl_shadow_free(s);
    *shadow = NULL;
    return code;
}

/* ---- Ending ---- */

static void detach(void *arg) {
    struct pl_shadow *shadow = arg;
    pl__shadow_detach(shadow);
    shadow->attached = false;
}

/* Its edges may only go when nobody sends over them; workers that are at work on something long will be done with it.
 */
static void let_go(struct pl_shadow *shadow) {
    struct pl_error *error = NULL;
    while (shadow->attached && pl__engine_between_rounds(shadow->engine, detach, shadow, &error)) {
        pl_diag(PL_WARN, "shadow: %s: it is waited for", error ? error->text : "no memory");
        pl_error_free(&error);
    }
}

static bool has_fallen_behind(const struct pl_shadow *shadow) {
    for (unsigned i = 0; i < shadow->tapped_count; i++)
        if (pl_edge_broken(shadow->tapped[i].edge)) return true;
    return false;
}

static void look_behind(struct pl_shadow *shadow) {
    if (has_fallen_behind(shadow))
        pl__shadow_void(shadow, "it could not keep up with the live graph, which does not wait for it");
}

bool pl_shadow_is_over(struct pl_shadow *shadow) {
    look_behind(shadow);
    pthread_mutex_lock(&shadow->lock);
    bool over = shadow->why[0] || !shadow->runs_still;
    pthread_mutex_unlock(&shadow->lock);
    return over || pl_clock_monotonic() >= shadow->until;
}

void pl_shadow_end(struct pl_shadow *shadow) {
    look_behind(shadow);
    let_go(shadow);
    if (shadow->started) {
        pl_worker_stop(shadow->worker);
        pl_worker_join(shadow->worker);
        shadow->started = false;
    }
    pl__shadow_unmake(shadow);
    pthread_mutex_lock(&shadow->lock);
    shadow->runs_still = false;
    pthread_mutex_unlock(&shadow->lock);
}

void pl_shadow_free(struct pl_shadow *shadow) {
    if (!shadow) return;
    for (unsigned i = 0; i < shadow->compared_count; i++)
        pl_shadow_port_free(shadow->compared[i].rows);
    pl_free(shadow->compared);
    pl_graph_unref(shadow->graph);
    pthread_mutex_destroy(&shadow->lock);
    pl_free(shadow);
}

/* ---- The report ---- */

void pl_shadow_status(struct pl_shadow *shadow, struct pl_shadow_status *status) {
    int64_t left = shadow->until - pl_clock_monotonic();
    pthread_mutex_lock(&shadow->lock);
    *status = (struct pl_shadow_status){.runs = shadow->runs_still,
                                        .begun = shadow->begun,
                                        .settled = shadow->settled,
                                        .left = shadow->runs_still && left > 0 ? left : 0,
                                        .nodes = shadow->nodes,
                                        .ports = shadow->compared_count};
    snprintf(status->why, sizeof status->why, "%s", shadow->why);
    pthread_mutex_unlock(&shadow->lock);
}

void pl_shadow_line(struct pl_shadow *shadow, unsigned port, struct pl_shadow_line *line) {
    pthread_mutex_lock(&shadow->lock);
    const struct pl__compared *compared = &shadow->compared[port];
    *line = (struct pl_shadow_line){.node = compared->node,
                                    .port = compared->name,
                                    .alone = compared->alone,
                                    .rows = compared->counts,
                                    .waiting = compared->waiting,
                                    .examples = compared->examples};
    pthread_mutex_unlock(&shadow->lock);
}

void pl_shadow_example(struct pl_shadow *shadow, unsigned port, unsigned index, struct pl_shadow_example *example) {
    *example = *pl_shadow_port_example(shadow->compared[port].rows, index);
}
