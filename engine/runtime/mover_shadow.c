/* mover_shadow.c: a graph that is tried beside the one that runs: begun, ended, and what has come of it. */
#include <inttypes.h>
#include <stdio.h>

#include <potline/diag.h>
#include <potline/text.h>

#include "runtime/mover_impl.h"

/* ---- The report ---- */

static void put_status(const struct pl_shadow_status *status, struct pl_pack *pack) {
    char what[PL_SHADOW_WHY + 160];
    const char *state = status->why[0] ? "void" : status->runs ? "runs" : "ended";
    char left[64] = "";
    if (status->runs) snprintf(left, sizeof left, ", for another %" PRId64 " s", pl__mover_seconds(status->left));
    if (status->settled > status->begun)
        snprintf(what, sizeof what, "%u nodes, compared from epoch %" PRIu64 " to %" PRIu64 "%s%s%s", status->nodes,
                 status->begun, status->settled, left, status->why[0] ? ": " : "", status->why);
    else
        snprintf(what, sizeof what, "%u nodes, nothing is compared yet: that begins behind epoch %" PRIu64 "%s%s%s",
                 status->nodes, status->begun, left, status->why[0] ? ": " : "", status->why);
    pl_pack_pair_str(pack, "node", "");
    pl_pack_pair_str(pack, "port", "");
    pl_pack_pair_str(pack, "state", state);
    pl_pack_pair_str(pack, "what", what);
}

static const char *state_of(const struct pl_shadow_line *line) {
    if (line->alone) return "new";
    if (line->rows.changed || line->rows.removed || line->rows.added) return "differs";
    return line->rows.same ? "same" : "no rows";
}

static void put_line(const struct pl_shadow_line *line, struct pl_pack *pack) {
    pl_pack_pair_str(pack, "node", line->node);
    pl_pack_pair_str(pack, "port", line->port);
    pl_pack_pair_str(pack, "state", state_of(line));
    pl_pack_pair_int(pack, "same", (int64_t)line->rows.same);
    pl_pack_pair_int(pack, "changed", (int64_t)line->rows.changed);
    pl_pack_pair_int(pack, "only_live", (int64_t)line->rows.removed);
    pl_pack_pair_int(pack, "only_shadow", (int64_t)line->rows.added);
    pl_pack_pair_int(pack, "waiting", line->waiting);
}

static void put_example(const struct pl_shadow_line *line, const struct pl_shadow_example *example,
                        struct pl_pack *pack) {
    char time[PL_TEXT_TIME_MAX + 1] = "";
    *pl_text_put_time(time, example->time) = 0;
    pl_pack_pair_str(pack, "node", line->node);
    pl_pack_pair_str(pack, "port", line->port);
    pl_pack_pair_str(pack, "state", "example");
    pl_pack_pair_str(pack, "time", time);
    pl_pack_pair_str(pack, "live", example->live);
    pl_pack_pair_str(pack, "shadow", example->fresh);
}

static void report(struct pl_shadow *shadow, struct pl_pack *(*row)(void *arg, uint32_t pairs), void *arg) {
    struct pl_shadow_status status;
    pl_shadow_status(shadow, &status);
    struct pl_pack *pack = row(arg, 4);
    if (pack) put_status(&status, pack);
    for (unsigned i = 0; i < status.ports; i++) {
        struct pl_shadow_line line;
        struct pl_shadow_example example;
        pl_shadow_line(shadow, i, &line);
        if ((pack = row(arg, 8))) put_line(&line, pack);
        for (unsigned k = 0; k < line.examples; k++) {
            pl_shadow_example(shadow, i, k, &example);
            if ((pack = row(arg, 6))) put_example(&line, &example, pack);
        }
    }
}

enum pl_code pl_mover_shadow(struct pl_mover *mover, struct pl_pack *(*row)(void *arg, uint32_t pairs), void *arg,
                             struct pl_error **error) {
    pthread_mutex_lock(&mover->lock);
    enum pl_code code = mover->shadow ? PL_OK
                                      : pl_error_set(error, PL_NOT_FOUND,
                                                     "no graph has been tried in this run: graph shadow FILE does so");
    if (!code) report(mover->shadow, row, arg);
    pthread_mutex_unlock(&mover->lock);
    return code;
}

static struct pl_pack *call_row(void *arg, uint32_t pairs) {
    return pl_reply_row(arg, pairs);
}

/* ---- Its life ---- */

static void take(struct pl_mover *mover, struct pl_shadow *shadow) {
    pthread_mutex_lock(&mover->lock);
    struct pl_shadow *before = mover->shadow;
    mover->shadow = shadow;
    mover->shadow_runs = true;
    pthread_mutex_unlock(&mover->lock);
    pl_shadow_free(before);
}

void pl__mover_end_shadow(struct pl_mover *mover) {
    struct pl_shadow_status status;
    if (!mover->shadow_runs) return;
    pl_shadow_end(mover->shadow);
    pthread_mutex_lock(&mover->lock);
    mover->shadow_runs = false;
    pthread_mutex_unlock(&mover->lock);
    pl_shadow_status(mover->shadow, &status);
    pl_diag_each(status.why[0] ? PL_WARN : PL_INFO, "the shadow has ended, compared up to epoch %" PRIu64 "%s%s",
                 status.settled, status.why[0] ? "; it is void: " : "", status.why);
}

void pl__mover_look_after_shadow(struct pl_mover *mover) {
    if (pl_shadow_is_over(mover->shadow)) pl__mover_end_shadow(mover);
}

/* Of a source that would be another one the rows are those of the one that runs; sinks are left out. */
static void put_shadow_plan(struct pl_call *call, const struct pl_graph *to, const struct pl_change_plan *plan) {
    for (unsigned i = 0; i < plan->count; i++) {
        const struct pl_change_node *node = &plan->nodes[i];
        char why[PL_CHANGE_WHY + 80];
        const struct pl_operator *op = node->kind == PL_CHANGE_REMOVED ? NULL : to->nodes[i].op;
        if (op && !op->inputs && node->kind != PL_CHANGE_KEPT) {
            snprintf(why, sizeof why, "%s differs: not tried, its rows are those of the source that runs", node->why);
            pl__mover_put_row(call, node->name, node->op, "live", "stays", why);
        } else if (op && !op->outputs) {
            pl__mover_put_row(call, node->name, node->op, "left out", "none", "a shadow writes nothing anywhere");
        } else {
            pl__mover_put_planned(call, node);
        }
    }
}

static void put_ended(struct pl_call *call, const struct pl_mover *mover) {
    struct pl_shadow_status status;
    char why[160];
    pl_shadow_status(mover->shadow, &status);
    snprintf(why, sizeof why, "the shadow that ran, compared up to epoch %" PRIu64 ": this one takes its place",
             status.settled);
    pl__mover_put_row(call, "", "", "ended", "", why);
}

static enum pl_code begin(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph *to,
                          struct pl_error **error) {
    const struct pl_graph *from = pl_engine_settled(mover->engine);
    struct pl_change_options change = pl__mover_options(wish, to);
    struct pl_change_plan plan = {0};
    struct pl_shadow *shadow;
    change.shadow = true;
    pl_time pause;
    enum pl_code code = pl_change_plan_make(&change, from, &plan, error);
    struct pl_shadow_options options = {
        .graph = to, .plan = &plan, .span = wish->said.span, .examples = wish->said.examples};
    if (!code && mover->shadow_runs) {
        pl__mover_end_shadow(mover);
        put_ended(wish->said.call, mover);
    }
    if (!code) put_shadow_plan(wish->said.call, to, &plan);
    if (!code) code = pl_shadow_begin(mover->engine, &options, &shadow, &pause, error);
    if (!code) take(mover, shadow);
    if (!code) pl_diag_each(PL_INFO, "a shadow has begun; pause %.1f ms", (double)pause / (double)PL_MILLISECOND);
    pl_change_plan_fini(&plan);
    pl_graph_unref(from);
    return code;
}

static enum pl_code try_graph(struct pl_mover *mover, const struct pl__wish *wish, struct pl_error **error) {
    const struct pl_graph *to = NULL;
    char path[PATH_MAX] = "";
    if (mover->group.cluster)
        return pl_error_set(error, PL_UNAVAILABLE, "an engine of a group tries no graph beside the one that all run");
    enum pl_code code = pl__mover_find(mover, wish, &to, path, error);
    if (!code) code = pl_engine_can_move(mover->engine, to, error);
    if (!code) code = begin(mover, wish, to, error);
    pl__mover_outlive(error);
    pl_graph_unref(to);
    return code;
}

enum pl_code pl__mover_shadow(struct pl_mover *mover, const struct pl__wish *wish, struct pl_error **error) {
    if (wish->said.what == PL_MOVER_SHADOW) {
        enum pl_code code = try_graph(mover, wish, error);
        if (code) return code;
    } else {
        pl__mover_end_shadow(mover);
    }
    return pl_mover_shadow(mover, call_row, wish->said.call, error);
}
