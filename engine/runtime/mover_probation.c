/* mover_probation.c: a graph that is on probation: is the engine well with it? */
#include <stdio.h>

#include <potline/diag.h>

#include "runtime/mover_impl.h"

static const int64_t ill_for = 2 * PL_SECOND; /* before it counts: a node may be about to open */
static const int64_t opens_within = 60 * PL_SECOND;
enum { STEADY = 20 }; /* batches in the time of a probation, on the average: then none is no accident */

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

/* ---- Sources, and sinks that connect ---- */

static const char unreached[] = "unreached", steady[] = "steady";

static bool is_unreached(const struct pl_task *task) {
    int reach = atomic_load(&task->node.reach);
    return reach == PL_REACH_NEVER || reach == PL_REACH_LOST;
}

static bool is_steady(const struct pl_task *task, pl_time span) {
    double lived = (double)(pl_clock_monotonic() - task->stats.since), given = (double)pl_stat_get(&task->stats.given);
    return lived > 0 && given >= STEADY && given * (double)span / lived >= STEADY;
}

static void note(const struct pl_task *task, const char *what, bool is, struct pl__ills *found) {
    if (is && found->count < PL__ILLS) found->of[found->count++] = hash_of(what, task->node.config.name);
}

void pl__mover_note_sources(struct pl_engine *engine, pl_time span, struct pl__ills *found) {
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
        const struct pl_task *task = pl_engine_task(engine, i);
        note(task, unreached, is_unreached(task), found);
        note(task, steady, !task->gate && is_steady(task, span), found);
    }
    pl_engine_release_wiring(engine);
}

/* Was that known of the source of its name, or the one it had? */
static bool was(const struct pl_task *task, const char *what, const struct pl__ills *known) {
    const char *before = task->graph_node->settings.was;
    return is_among(known, hash_of(what, task->node.config.name)) || (before && is_among(known, hash_of(what, before)));
}

/* Why one that was made anew is there in vain, though the one before it was not; NULL: it is not. */
static const char *in_vain(const struct pl_task *task, const struct pl__ills *known) {
    bool runs = atomic_load(&task->state) == PL_TASK_RUNNING && !atomic_load(&task->paused);
    if (atomic_load(&task->node.reach) == PL_REACH_NEVER && !was(task, unreached, known))
        return task->gate ? "it has not reached what it writes to in all that time"
                          : "it has not reached what it reads from in all that time";
    if (runs && !task->gate && !pl_stat_get(&task->stats.given) && was(task, steady, known))
        return "it has given no row in all that time, and did so steadily before";
    return NULL;
}

/* Known at the end alone: until then it may still come about. */
static bool look_at_sources(struct pl_engine *engine, const struct pl__ills *allowed, char text[PL__MOVER_WHAT]) {
    bool ill = false;
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < pl_engine_task_count(engine) && !ill; i++) {
        const struct pl_task *task = pl_engine_task(engine, i);
        const char *why = in_vain(task, allowed);
        ill = why != NULL;
        if (ill) snprintf(text, PL__MOVER_WHAT, "%s: %s", task->node.config.name, why);
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
    mover->span = span;
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

/* Back, as it stands; and where that cannot be, from the last epoch. */
static void move_back(struct pl_mover *mover, const char *why) {
    struct pl_engine *engine = mover->engine;
    struct pl_error *error = NULL;
    struct pl_change_result result;
    const struct pl_graph *before = pl_graph_ref(mover->before), *now = pl_engine_settled(engine);
    struct pl_change_options options = {.graph = before, .lenient = true};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", mover->before_path);
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
    pl_error_free(&error);
    pl_graph_unref(before);
    pl_graph_unref(now);
}

static void go_back(struct pl_mover *mover, const char *why) {
    pl_diag_each(PL_ERROR, "the graph that is on probation is not well, and is taken back: %s", why);
    if (mover->group.cluster)
        pl__mover_say_back(mover, mover->before, mover->before_path, why);
    else
        move_back(mover, why);
    pl__mover_end_probation(mover);
}

/* Of a group the engine is made anew for a graph, and whenever partitions move: its time begins when all is open. */
static bool is_being_made(struct pl_mover *mover, int64_t now) {
    bool open = true;
    if (!mover->group.cluster || now - mover->attached > opens_within) return false;
    pl_engine_hold_wiring(mover->engine);
    for (unsigned i = 0; i < pl_engine_task_count(mover->engine) && open; i++)
        open = atomic_load(&pl_engine_task(mover->engine, i)->opened);
    pl_engine_release_wiring(mover->engine);
    return !open;
}

enum pl__verdict pl__mover_judge(bool ill, int64_t *since, int64_t now, int64_t end) {
    if (!ill) {
        *since = 0;
        return now >= end ? PL__STOOD : PL__UNDECIDED;
    }
    if (!*since) *since = now;
    return now - *since >= ill_for ? PL__NOT_WELL : PL__UNDECIDED;
}

void pl__mover_watch(struct pl_mover *mover) {
    char why[PL__MOVER_WHAT] = "";
    struct pl__ills found;
    int64_t now = pl_clock_monotonic();
    if (is_being_made(mover, now)) {
        pthread_mutex_lock(&mover->lock);
        mover->probation = now + mover->span;
        mover->ill = 0;
        pthread_mutex_unlock(&mover->lock);
        return;
    }
    if (mover->group.cluster && pl_engine_is_ending(mover->engine)) { /* as partitions move: no fault of the graph's */
        mover->ill = 0;
        return;
    }
    bool ill = pl__mover_look(mover->engine, &mover->allowed, &found, why);
    bool in_vain = !ill && now >= mover->probation && look_at_sources(mover->engine, &mover->allowed, why);
    switch (in_vain ? PL__NOT_WELL : pl__mover_judge(ill, &mover->ill, now, mover->probation)) {
    case PL__UNDECIDED: break;
    case PL__NOT_WELL: go_back(mover, why); break;
    case PL__STOOD:
        pl_diag_each(PL_INFO, "the graph has stood its probation");
        pl_engine_relapses_to(mover->engine, NULL);
        pl__mover_end_probation(mover);
    }
}
