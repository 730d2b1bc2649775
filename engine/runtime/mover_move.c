/* mover_move.c: what is asked is carried out, and put down. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/mover_impl.h"

/* ---- What is put down ---- */

/* Files as who reads the history elsewhere finds them, and what they name beside them. */
static enum pl_code keep(struct pl_store *store, struct pl_history_entry *entry, const struct pl_graph *graph,
                         struct pl_error **error) {
    char here[PATH_MAX] = "";
    struct pl_file_text *files = pl_alloc((graph->file_count + 1) * sizeof *files);
    char **whole = pl_alloc((graph->file_count + 1) * sizeof *whole);
    bool good = files && whole && getcwd(here, sizeof here);
    for (unsigned i = 0; i < graph->file_count && good; i++) {
        const char *path = graph->files[i].path;
        size_t room = strlen(here) + strlen(path) + 2;
        files[i] = graph->files[i];
        if (*path == '/') continue;
        files[i].path = whole[i] = pl_alloc(room);
        good = whole[i] != NULL;
        if (good) snprintf(whole[i], room, "%s/%s", here, path);
    }
    enum pl_code code = good ? pl_history_add(store, entry, files, graph->file_count, error)
                             : pl_error_set(error, PL_NO_MEMORY, "no memory, or the working directory is gone");
    for (unsigned i = 0; whole && i < graph->file_count; i++)
        pl_free(whole[i]);
    pl_free(whole);
    pl_free(files);
    return code;
}

void pl__mover_note(struct pl_mover *mover, struct pl_engine *engine, const struct pl__mover_step *step) {
    struct pl_store *store = pl_engine_store(engine);
    struct pl_history_entry entry = {.number = mover->number + 1,
                                     .time = pl_engine_now(engine),
                                     .hash = step->graph->hash,
                                     .name = step->graph->settings.name,
                                     .path = step->path,
                                     .user = step->wish ? step->wish->user : "",
                                     .how = step->how,
                                     .what = step->what,
                                     .epoch = step->epoch,
                                     .set = step->graph->set};
    struct pl_error *error = NULL;
    if (store && keep(store, &entry, step->graph, &error))
        pl_diag_each(PL_ERROR, "the history of graphs has not been written: %s", error ? error->text : "no memory");
    pl_error_free(&error);
    bool changed = strcmp(step->how, "start") != 0;
    pthread_mutex_lock(&mover->lock);
    mover->number = entry.number;
    mover->counts.changes += changed;
    mover->counts.rollbacks += step->wish && step->wish->said.what == PL_MOVER_ROLLBACK;
    mover->counts.relapses += changed && !step->wish;
    snprintf(mover->now_path, sizeof mover->now_path, "%s", step->path);
    pthread_mutex_unlock(&mover->lock);
}

void pl__mover_journal(struct pl_engine *engine, const char *action, const struct pl_graph *from,
                       const struct pl_graph *to, const char *path, const char *outcome, const char *detail) {
    struct pl_journal_graph said = {action, from->hash, to->hash, path, outcome, detail};
    pl_journal_graph((struct pl_journal *)(uintptr_t)pl_engine_journal(engine), &said);
}

/* ---- Moving ---- */

struct pl_change_options pl__mover_options(const struct pl__wish *wish, const struct pl_graph *graph) {
    return (struct pl_change_options){.graph = graph,
                                      .reset = (const char *const *)wish->names,
                                      .restart = (const char *const *)wish->names + wish->said.reset.count + 1,
                                      .lenient = wish->said.what == PL_MOVER_ROLLBACK,
                                      .probation = wish->said.probation > 0};
}

static enum pl_code check_loss(const struct pl__wish *wish, const struct pl_change_plan *plan,
                               struct pl_error **error) {
    unsigned losses = pl__mover_losses(plan);
    if (wish->said.sure || !losses) return PL_OK;
    return pl_error_set(error, PL_USAGE,
                        "what %u node%s would be let go of (removed, or reset): look at it with "
                        "--dry-run, do it with --yes",
                        losses, losses == 1 ? " knows" : "s know");
}

/* What there is to say of a move that has not come about. */
static void tell_failure(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph *from,
                         const struct pl_graph *to, const char *path, const char *why, const char *what) {
    pl_diag_each(PL_ERROR, "%s: %s is not run: %s; the graph is the one before", wish->how, path, why);
    if (!wish->said.call) pl__mover_journal(mover->engine, wish->how, from, to, path, why, what);
}

/* `from` runs, `to` is to run. */
static enum pl_code move(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph *from,
                         const struct pl_graph *to, const char *path, const struct pl_change_plan *plan,
                         struct pl_error **error) {
    struct pl_change_options options = pl__mover_options(wish, to);
    struct pl_change_result result;
    struct pl__ills allowed;
    struct pl_call *call = wish->said.call;
    char what[PL__MOVER_WHAT], was[PATH_MAX];
    snprintf(was, sizeof was, "%s", mover->now_path);
    pl__mover_end_shadow(mover);
    pl__mover_look(mover->engine, NULL, &allowed, NULL);
    pl__mover_note_sources(mover->engine, wish->said.probation, &allowed);
    pl__mover_summarize(plan, what);
    enum pl_code code = pl_engine_move(mover->engine, &options, &result, error);
    if (code) {
        tell_failure(mover, wish, from, to, path, *error ? (*error)->text : pl_code_text(code), what);
        return code;
    }
    pl_diag_each(PL_INFO, "%s: %s is run now: %s; pause %.1f ms, at epoch %" PRIu64, wish->how, path, what,
                 (double)result.pause / (double)PL_MILLISECOND, result.epoch);
    pl__mover_end_probation(mover); /* of the one before */
    pl__mover_begin_probation(mover, from, was, wish->said.probation, &allowed);
    if (!call)
        pl__mover_journal(mover->engine, wish->how, from, to, path, NULL, what); /* a command is recorded as such */
    pl__mover_note(mover, mover->engine,
                   &(struct pl__mover_step){to, path, wish, wish->how, what, .epoch = result.epoch});
    if (strcmp(path, mover->path) != 0)
        pl_diag_each(PL_WARN, "%s: the next start runs %s again, unless this graph takes its place there", path,
                     mover->path);
    pl__mover_put_result(call, &result, wish->said.probation);
    if (call) pl_call_changed(call, to->settings.name, was, path);
    return PL_OK;
}

static enum pl_code check_probation(struct pl_mover *mover, const struct pl__wish *wish, struct pl_error **error) {
    pthread_mutex_lock(&mover->lock);
    bool tried = mover->before != NULL;
    pthread_mutex_unlock(&mover->lock);
    if (!tried || wish->said.what != PL_MOVER_APPLY) return PL_OK;
    return pl_error_set(error, PL_CONFLICT, "the graph is on probation still: wait, or go back by graph rollback");
}

void pl__mover_outlive(struct pl_error **error) {
    char *text = *error ? pl_error_text(*error) : NULL;
    enum pl_code code = *error ? (*error)->code : PL_OK;
    if (!text) return;
    pl_error_free(error);
    size_t length = strlen(text);
    while (length && text[length - 1] == '\n')
        text[--length] = 0;
    pl_error_set(error, code, "%s", text);
    pl_free(text);
}

static enum pl_code go(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph *from,
                       const struct pl_graph *to, const char *path, const struct pl_change_plan *plan,
                       struct pl_error **error) {
    enum pl_code code = check_probation(mover, wish, error);
    if (!code && wish->said.what == PL_MOVER_APPLY) code = check_loss(wish, plan, error);
    if (!code && !mover->group.cluster) return move(mover, wish, from, to, path, plan, error);
    if (!code) code = pl__mover_say(mover, wish, to, path, plan, error);
    if (code && !wish->said.call)
        tell_failure(mover, wish, from, to, path, *error ? (*error)->text : pl_code_text(code), "");
    if (!code && wish->said.call) pl_call_changed(wish->said.call, to->settings.name, mover->now_path, path);
    return code;
}

enum pl_code pl__mover_carry_out(struct pl_mover *mover, const struct pl__wish *wish, struct pl_error **error) {
    const struct pl_graph *to = NULL, *from = pl_engine_settled(mover->engine);
    struct pl_change_plan plan = {0};
    char path[PATH_MAX] = "";
    enum pl_code code = pl__mover_find(mover, wish, &to, path, error);
    struct pl_change_options options = pl__mover_options(wish, to);
    options.anew = mover->group.cluster;
    if (!code) code = pl_engine_can_move(mover->engine, to, error);
    if (!code) code = pl_change_plan_make(&options, from, &plan, error);
    if (code && !wish->said.call)
        pl_diag_each(PL_ERROR, "%s: %s is not run: %s", wish->how, path, *error ? (*error)->text : pl_code_text(code));
    if (!code) pl__mover_put_plan(wish->said.call, &plan);
    if (!code && wish->said.what == PL_MOVER_PLAN)
        pl__mover_put_expected(mover, wish->said.call, &plan);
    else if (!code)
        code = go(mover, wish, from, to, path, &plan, error);
    pl__mover_outlive(error);
    pl_change_plan_fini(&plan);
    pl_graph_unref(to);
    pl_graph_unref(from);
    return code;
}
