/* mover_probation.c: a graph that is on probation: is the engine well with it? */
#include <stdio.h>

#include <potline/diag.h>

#include "runtime/mover_impl.h"

static const int64_t ill_for = 2 * PL_SECOND; /* before it counts: a node may be about to open */

/* ---- Health ---- */

static uint64_t hash_of(const char *what, const char *node) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = what; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    hash *= 1099511628211u;
    for (const char *at = node; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

static bool is_among(const struct pl__ills *ills, uint64_t hash) {
    for (unsigned i = 0; ills && i < ills->count; i++)
        if (ills->of[i] == hash) return true;
    return false;
}

bool pl__mover_look(struct pl_engine *engine, const struct pl__ills *allowed, struct pl__ills *found,
                    char text[PL__MOVER_WHAT]) {
    struct pl_health health;
    bool ill = false;
    found->count = 0;
    pl_engine_hold_wiring(engine);
    pl_health_look(engine, &health);
    for (unsigned i = 0; i < health.count && i < PL_HEALTH_REASONS; i++) {
        const struct pl_health_reason *reason = &health.reasons[i];
        uint64_t hash = found->of[found->count++] = hash_of(reason->what, reason->node);
        if (ill || is_among(allowed, hash)) continue;
        ill = true;
        if (text) snprintf(text, PL__MOVER_WHAT, "%s%s%s", reason->node, *reason->node ? ": " : "", reason->text);
    }
    pl_engine_release_wiring(engine);
    return ill;
}

/* ---- Sources ---- */

static const char unreached[] = "unreached";

static void note_unreached(const struct pl_task *task, struct pl__ills *found) {
    int reach = atomic_load(&task->node.reach);
    if (task->gate || found->count == PL__ILLS || (reach != PL_REACH_NEVER && reach != PL_REACH_LOST)) return;
    found->of[found->count++] = hash_of(unreached, task->node.config.name);
}

void pl__mover_note_unreached(struct pl_engine *engine, struct pl__ills *found) {
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++)
        note_unreached(pl_engine_task(engine, i), found);
    pl_engine_release_wiring(engine);
}

/* A source that has not reached anything since it was made, though under its name, or the one it had, one did. */
static bool is_in_vain(const struct pl_task *task, const struct pl__ills *allowed) {
    const char *was = task->graph_node->settings.was;
    return !task->gate && atomic_load(&task->node.reach) == PL_REACH_NEVER &&
           !is_among(allowed, hash_of(unreached, task->node.config.name)) &&
           !(was && is_among(allowed, hash_of(unreached, was)));
}

/* Known at the end alone: until then it may still come about. */
static bool look_at_sources(struct pl_engine *engine, const struct pl__ills *allowed, char text[PL__MOVER_WHAT]) {
    bool ill = false;
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < pl_engine_task_count(engine) && !ill; i++) {
        const struct pl_task *task = pl_engine_task(engine, i);
        ill = is_in_vain(task, allowed);
        if (ill)
            snprintf(text, PL__MOVER_WHAT, "%s: it has not reached what it reads from in all that time",
                     task->node.config.name);
    }
    pl_engine_release_wiring(engine);
    return ill;
}

/* ---- Its time ---- */

void pl__mover_begin_probation(struct pl_mover *mover, const struct pl_graph *before, const char *path, pl_time span,
                               const struct pl__ills *allowed) {
    if (span <= 0) return;
    pthread_mutex_lock(&mover->lock);
    mover->before = pl_graph_ref(before);
    mover->probation = pl_clock_monotonic() + span;
    mover->allowed = *allowed;
    mover->ill = 0;
    snprintf(mover->before_path, sizeof mover->before_path, "%s", path);
    pthread_mutex_unlock(&mover->lock);
}

void pl__mover_end_probation(struct pl_mover *mover) {
    pthread_mutex_lock(&mover->lock);
    const struct pl_graph *before = mover->before;
    mover->before = NULL;
    mover->probation = 0;
    mover->ill = 0;
    pthread_mutex_unlock(&mover->lock);
    pl_graph_unref(before);
}

/* It is not well: back, as it stands; and where that cannot be, from the last epoch. */
static void go_back(struct pl_mover *mover, const char *why) {
    struct pl_engine *engine = mover->engine;
    struct pl_error *error = NULL;
    struct pl_change_result result;
    const struct pl_graph *before = pl_graph_ref(mover->before), *now = pl_engine_settled(engine);
    struct pl_change_options options = {.graph = before, .lenient = true};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", mover->before_path);
    pl_diag_each(PL_ERROR, "the graph that is on probation is not well, and is taken back: %s", why);
    pl__mover_end_shadow(mover);
    enum pl_code code = pl_engine_move(engine, &options, &result, &error);
    const char *failure = error ? error->text : pl_code_text(code);
    if (code && !pl_engine_relapse(engine, before, why))
        pl_diag_each(PL_WARN, "the graph is not taken back: the engine is ending");
    else
        pl__mover_journal(engine, "graph relapse", now, before, path, code ? failure : NULL, why);
    if (code) pl_diag_each(PL_ERROR, "it could not be taken back as it stands: %s", failure);
    if (!code)
        pl__mover_note(mover, engine,
                       &(struct pl__mover_step){before, path, NULL, "relapse", why, .epoch = result.epoch});
    pl__mover_end_probation(mover);
    pl_error_free(&error);
    pl_graph_unref(before);
    pl_graph_unref(now);
}

void pl__mover_watch(struct pl_mover *mover) {
    char why[PL__MOVER_WHAT] = "";
    struct pl__ills found;
    bool ill = pl__mover_look(mover->engine, &mover->allowed, &found, why);
    int64_t now = pl_clock_monotonic();
    bool over = now >= mover->probation;
    if (!ill && over) ill = look_at_sources(mover->engine, &mover->allowed, why);
    if (!ill)
        mover->ill = 0;
    else if (!mover->ill)
        mover->ill = now;
    if (ill && (over || now - mover->ill >= ill_for)) {
        go_back(mover, why);
    } else if (over) {
        pl_diag_each(PL_INFO, "the graph has stood its probation");
        pl_engine_relapses_to(mover->engine, NULL);
        pl__mover_end_probation(mover);
    }
}
