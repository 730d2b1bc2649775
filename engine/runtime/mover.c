/* mover.c: a thread that moves an engine to other graphs, watches over the new ones, and goes back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/mover_impl.h"

enum { LOOK_NS = 250000000 };

/* ---- What is asked ---- */

static void free_wish(struct pl__wish *wish) {
    if (!wish) return;
    for (unsigned i = 0; wish->names && i < wish->said.reset.count + wish->said.restart.count + 2; i++)
        pl_free(wish->names[i]);
    pl_free(wish->names);
    pl_free(wish->path);
    pl_free(wish);
}

static bool copy_names(struct pl__wish *wish, const struct pl_mover_wish *said) {
    unsigned count = said->reset.count + said->restart.count + 2;
    wish->names = pl_alloc(count * sizeof(char *));
    bool good = wish->names != NULL;
    for (uint32_t i = 0; good && i < said->reset.count; i++)
        good = (wish->names[i] = pl_strdup(said->reset.items[i])) != NULL;
    for (uint32_t i = 0; good && i < said->restart.count; i++)
        good = (wish->names[said->reset.count + 1 + i] = pl_strdup(said->restart.items[i])) != NULL;
    return good;
}

static struct pl__wish *copy_wish(const struct pl_mover_wish *said) {
    struct pl__wish *wish = PL_NEW(struct pl__wish);
    if (!wish) return NULL;
    wish->said = *said;
    snprintf(wish->how, sizeof wish->how, "%s", said->how);
    snprintf(wish->user, sizeof wish->user, "%s", said->call ? said->call->user : "");
    wish->path = pl_strdup(said->path ? said->path : "");
    if (wish->path && copy_names(wish, said)) return wish;
    free_wish(wish);
    return NULL;
}

/* ---- The thread ---- */

static void fulfil(struct pl_mover *mover, struct pl__wish *wish) {
    struct pl_error *error = NULL;
    struct pl_call *call = wish->said.call;
    bool shadow = wish->said.what == PL_MOVER_SHADOW || wish->said.what == PL_MOVER_SHADOW_END;
    enum pl_code code = shadow ? pl__mover_shadow(mover, wish, &error) : pl__mover_carry_out(mover, wish, &error);
    if (code && !shadow && wish->said.what != PL_MOVER_PLAN) {
        pthread_mutex_lock(&mover->lock);
        mover->counts.failures++;
        pthread_mutex_unlock(&mover->lock);
    }
    if (call) {
        call->code = code;
        call->error = error;
        error = NULL;
        call->done(call);
    }
    pl_error_free(&error);
}

/* With the lock held: is something on probation, or beside the graph, or may the group have said something? */
static bool is_watching(const struct pl_mover *mover) {
    return mover->engine && (mover->before || mover->shadow_runs || mover->group.heard || mover->group.owed.graph);
}

static bool has_heard(struct pl_mover *mover) {
    pthread_mutex_lock(&mover->lock);
    bool heard = mover->group.heard;
    mover->group.heard = false;
    pthread_mutex_unlock(&mover->lock);
    return heard;
}

static void look(struct pl_mover *mover) {
    if (has_heard(mover)) pl__mover_follow(mover);
    if (mover->group.owed.graph) pl__mover_say_again(mover);
    if (mover->before) pl__mover_watch(mover);
    if (mover->shadow_runs) pl__mover_look_after_shadow(mover);
}

/* With the lock held; looks again after a while where there is something to be watched. */
static void wait_for_more(struct pl_mover *mover) {
    if (!is_watching(mover)) {
        pthread_cond_wait(&mover->changed, &mover->lock);
        return;
    }
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += LOOK_NS;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&mover->changed, &mover->lock, &at);
}

static void *run(void *arg) {
    struct pl_mover *mover = arg;
    pthread_setname_np(pthread_self(), "mover");
    pthread_mutex_lock(&mover->lock);
    while (!mover->closing) {
        struct pl__wish *wish = mover->engine ? mover->wish : NULL;
        if (!wish && !is_watching(mover)) {
            wait_for_more(mover);
            continue;
        }
        mover->busy = true;
        pthread_mutex_unlock(&mover->lock);
        if (wish)
            fulfil(mover, wish);
        else
            look(mover);
        pthread_mutex_lock(&mover->lock);
        if (wish) mover->wish = NULL;
        free_wish(wish);
        mover->busy = false;
        pthread_cond_broadcast(&mover->changed);
        if (!mover->wish && !mover->closing) wait_for_more(mover);
    }
    pthread_mutex_unlock(&mover->lock);
    return NULL;
}

enum pl_code pl_mover_ask(struct pl_mover *mover, const struct pl_mover_wish *wish, struct pl_error **error) {
    struct pl__wish *copy = copy_wish(wish);
    if (!copy) return pl_error_set(error, PL_NO_MEMORY, "no memory for another graph");
    pthread_mutex_lock(&mover->lock);
    bool there = mover->engine, taken = there && !mover->wish;
    if (taken) mover->wish = copy;
    pthread_cond_broadcast(&mover->changed);
    pthread_mutex_unlock(&mover->lock);
    if (taken) return PL_OK;
    free_wish(copy);
    return pl_error_set(error, PL_BUSY,
                        there ? "another change of the graph is under way" : "the engine is being started");
}

uint64_t pl_mover_now(struct pl_mover *mover, pl_time *probation) {
    pthread_mutex_lock(&mover->lock);
    uint64_t number = mover->number;
    *probation = mover->before ? mover->probation - pl_clock_monotonic() : 0;
    if (mover->before && *probation <= 0) *probation = 1;
    pthread_mutex_unlock(&mover->lock);
    return number;
}

const char *pl_mover_folder(const struct pl_mover *mover) {
    return mover->folder;
}

void pl_mover_counts(struct pl_mover *mover, struct pl_mover_counts *counts) {
    pthread_mutex_lock(&mover->lock);
    *counts = mover->counts;
    pthread_mutex_unlock(&mover->lock);
}

/* ---- Life ---- */

/* The newest entry, if it is of this very graph and file: then this start is none of its own. */
struct newest {
    const struct pl_graph *graph;
    const char *path;
    uint64_t number;
};

/* Who has applied another file in the run before may expect that it runs. */
static void tell_another(const struct newest *newest, const struct pl_history_entry *entry) {
    if (strcmp(entry->path, newest->path) == 0)
        pl_diag_each(
            PL_INFO,
            "%s, or what it takes from the environment, has been changed since it was run here last (number %" PRIu64
            " of the history)",
            entry->path, entry->number);
    else
        pl_diag_each(PL_WARN,
                     "%s is run, but what ran here last was another graph: %s (%s), number %" PRIu64 " of the history: "
                     "`graph rollback %" PRIu64
                     "` in the shell goes back to it, and `potline run --applied` goes on with "
                     "what was applied last",
                     newest->path, entry->path, entry->how, entry->number, entry->number);
}

static enum pl_code look_at_newest(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    struct newest *newest = arg;
    (void)error;
    bool same = entry->hash == newest->graph->hash;
    if (same && strcmp(entry->path, newest->path) == 0) newest->number = entry->number;
    if (!same) tell_another(newest, entry);
    return PL_BUSY; /* that was the one */
}

static void note_start(struct pl_mover *mover, struct pl_engine *engine) {
    const char *applied = mover->options.applied;
    struct newest newest = {.graph = mover->options.graph, .path = applied ? applied : mover->path};
    struct pl_store *store = pl_engine_store(engine);
    if (store) pl_history_each(store, look_at_newest, &newest, NULL);
    if (!newest.number) {
        pl__mover_note(
            mover, engine,
            &(struct pl__mover_step){newest.graph, newest.path, NULL, "start", "", .epoch = pl_engine_epochs(engine)});
        return;
    }
    pthread_mutex_lock(&mover->lock);
    mover->number = newest.number;
    snprintf(mover->now_path, sizeof mover->now_path, "%s", newest.path);
    pthread_mutex_unlock(&mover->lock);
}

/* The engine has been made anew with the graph before: that is put down where it can be. */
static void note_relapse(struct pl_mover *mover, struct pl_engine *engine) {
    const struct pl_graph *graph = pl_engine_settled(engine);
    pl__mover_journal(engine, "graph relapse", mover->failed, graph, mover->before_path, NULL, mover->relapsed);
    pl__mover_note(mover, engine,
                   &(struct pl__mover_step){graph, mover->before_path, NULL, "relapse", mover->relapsed,
                                            .epoch = pl_engine_epochs(engine)});
    if (mover->group.cluster) pl__mover_say_back(mover, graph, mover->before_path, mover->relapsed);
    pl_graph_unref(graph);
}

/* A probation goes on with an engine that has been made anew in it. */
void pl_mover_attach(struct pl_mover *mover, struct pl_engine *engine) {
    if (mover->group.entered.number) { /* and what has failed is behind all of them */
        pl__mover_note_entered(mover, engine);
        mover->relapsed[0] = 0;
    } else if (!mover->begun) {
        note_start(mover, engine);
    }
    if (mover->relapsed[0]) note_relapse(mover, engine);
    pl_graph_unref(mover->failed);
    mover->failed = NULL;
    mover->relapsed[0] = 0;
    if (mover->before) pl_engine_relapses_to(engine, mover->before);
    pthread_mutex_lock(&mover->lock);
    mover->begun = true;
    mover->attached = pl_clock_monotonic();
    mover->engine = engine;
    pthread_cond_broadcast(&mover->changed);
    pthread_mutex_unlock(&mover->lock);
}

static void refuse(struct pl__wish *wish) {
    struct pl_call *call = wish ? wish->said.call : NULL;
    if (call) {
        call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "the engine is ending");
        call->done(call);
    }
    free_wish(wish);
}

const struct pl_graph *pl_mover_detach(struct pl_mover *mover, bool *relapsed) {
    struct pl_engine *engine = mover->engine;
    pthread_mutex_lock(&mover->lock);
    while (mover->busy)
        pthread_cond_wait(&mover->changed, &mover->lock);
    mover->engine = NULL;
    struct pl__wish *wish = mover->wish;
    mover->wish = NULL;
    pthread_mutex_unlock(&mover->lock);
    refuse(wish);
    pl__mover_end_shadow(mover);
    *relapsed = pl_engine_has_relapsed(engine, mover->relapsed, sizeof mover->relapsed);
    if (*relapsed) {
        pl__mover_end_probation(mover);
        mover->failed = pl_graph_ref(pl_engine_graph(engine));
        mover->group.agreed = false;
    }
    return pl_engine_settled(engine);
}

static bool make_paths(struct pl_mover *mover, const char *path) {
    char *whole = realpath(path, NULL);
    mover->path = pl_strdup(whole ? whole : path);
    mover->folder = mover->path ? pl_strdup(mover->path) : NULL;
    free(whole);
    char *slash = mover->folder ? strrchr(mover->folder, '/') : NULL;
    if (slash) *slash = 0;
    return mover->folder != NULL;
}

enum pl_code pl_mover_new(const struct pl_mover_options *options, struct pl_mover **mover, struct pl_error **error) {
    struct pl_mover *m = *mover = PL_NEW(struct pl_mover);
    if (!m) return pl_error_set(error, PL_NO_MEMORY, "no memory for another graph");
    m->options = *options;
    pl_graph_ref(options->graph);
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&m->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    bool made = make_paths(m, options->path);
    if (made && pthread_create(&m->thread, NULL, run, m) == 0) return PL_OK;
    m->closing = true;
    pl_free(m->path);
    pl_free(m->folder);
    pl_graph_unref(options->graph);
    pl_free(m);
    *mover = NULL;
    return pl_error_set(error, PL_LIMIT, "no memory, or no thread, for another graph");
}

void pl_mover_free(struct pl_mover *mover) {
    if (!mover) return;
    pthread_mutex_lock(&mover->lock);
    mover->closing = true;
    pthread_cond_broadcast(&mover->changed);
    pthread_mutex_unlock(&mover->lock);
    pthread_join(mover->thread, NULL);
    pl_shadow_free(mover->shadow);
    pl_group_graph_fini(&mover->group.entered);
    pl_graph_unref(mover->group.from);
    pl_graph_unref(mover->group.owed.graph);
    pl_graph_unref(mover->before);
    pl_graph_unref(mover->failed);
    pl_graph_unref(mover->options.graph);
    pthread_cond_destroy(&mover->changed);
    pthread_mutex_destroy(&mover->lock);
    pl_free(mover->path);
    pl_free(mover->folder);
    pl_free(mover);
}
