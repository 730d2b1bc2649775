/* mover_group.c: in a group a graph is said to all engines, and each goes over to what has been said: it ends with a
 * last checkpoint, and is made anew. Where one cannot, or is not well with it, the graph before is said, to all. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/cluster.h"
#include "runtime/mover_impl.h"

enum { LOOK_NS = 50000000 };
static const pl_time patience = 10 * PL_SECOND;
static const int64_t lost_after = 30 * PL_SECOND; /* what was said and is not heard */
static const char relapse[] = "relapse";

void pl_mover_join(struct pl_mover *mover, struct pl_cluster *cluster, void (*renew)(void *arg), void *arg) {
    mover->group.cluster = cluster;
    mover->group.renew = renew;
    mover->group.renew_arg = arg;
    if (cluster) pl_cluster_on_graph(cluster, pl__mover_hear, mover);
}

void pl__mover_hear(void *arg) {
    struct pl_mover *mover = arg;
    pthread_mutex_lock(&mover->lock);
    mover->group.heard = true;
    pthread_cond_broadcast(&mover->changed);
    pthread_mutex_unlock(&mover->lock);
}

static uint64_t group_number(struct pl_mover *mover) {
    pthread_mutex_lock(&mover->lock);
    uint64_t number = mover->group.number;
    pthread_mutex_unlock(&mover->lock);
    return number;
}

static void stand_at(struct pl_mover *mover, const struct pl_group_graph *said, bool lenient, bool agreed) {
    pthread_mutex_lock(&mover->lock);
    mover->group.number = said->number;
    mover->group.agreed = agreed;
    mover->group.lenient = lenient;
    pthread_mutex_unlock(&mover->lock);
}

/* ---- Saying ---- */

/* Until the one of this number is heard: is it ours? */
static enum pl_code wait_for(struct pl_mover *mover, uint64_t number, struct pl_error **error) {
    const int64_t until = pl_clock_monotonic() + patience;
    for (;;) {
        struct pl_group_graph said;
        bool own, there = pl_cluster_graph(mover->group.cluster, &said, &own) && said.number >= number;
        enum pl_code code = PL_OK;
        if (there && said.number > number && !*said.user) /* no person's: who cannot run it goes back at once */
            code = pl_error_set(error, PL_CONFLICT,
                                "an engine of the group cannot run it, and has taken it back at once: %s is run, graph "
                                "%" PRIu64 " of the group; graph history tells more",
                                said.path, said.number);
        else if (there && (!own || said.number != number))
            code =
                pl_error_set(error, PL_CONFLICT, "another change came first: %s of %s, graph %" PRIu64 " of the group",
                             said.path, *said.user ? said.user : "an engine", said.number);
        pl_group_graph_fini(&said);
        if (there) return code;
        if (pl_clock_monotonic() > until)
            return pl_error_set(
                error, PL_UNAVAILABLE,
                "the brokers do not answer, so the group is not told yet: it may still be when they do");
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
}

static uint64_t number_now(struct pl_mover *mover) {
    struct pl_group_graph said;
    bool own;
    uint64_t number = pl_cluster_graph(mover->group.cluster, &said, &own) ? said.number : 0;
    pl_group_graph_fini(&said);
    return number;
}

/* No number is said twice from here: under the same key the second would take the place of the first, which others may
 * have gone to; nor is one that no engine like this would go to any more. */
static uint64_t next_number(struct pl_mover *mover) {
    uint64_t heard = number_now(mover), here = group_number(mover), said = mover->group.said;
    uint64_t most = heard > here ? heard : here;
    return (most > said ? most : said) + 1;
}

/* `said` says how and why, the rest is of the graph. */
static enum pl_code say(struct pl_mover *mover, const struct pl_graph *graph, struct pl_group_graph *said,
                        struct pl_error **error) {
    struct pl_pack *pack = pl_pack_new();
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_WALL, 0);
    said->number = next_number(mover);
    said->time = pl_clock_now(&clock);
    enum pl_code code = pack ? pl_group_graph_lend(graph, said, error) : PL_NO_MEMORY;
    if (!code) code = pl_group_graph_pack(said, pack, error);
    if (!code)
        code = pl_cluster_say_graph(mover->group.cluster, said->number, pl_pack_data(pack), pl_pack_size(pack), error);
    if (!code) mover->group.said = said->number;
    pl_group_graph_loan_end(said);
    pl_pack_free(pack);
    return code;
}

enum pl_code pl__mover_say(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph *to,
                           const char *path, const struct pl_change_plan *plan, struct pl_error **error) {
    struct pl_group_graph said = {.probation = wish->said.probation,
                                  .lenient = wish->said.what == PL_MOVER_ROLLBACK,
                                  .path = path,
                                  .user = wish->user,
                                  .how = wish->how,
                                  .why = ""};
    char text[2 * PL_CHANGE_WHY], gone[PL_CHANGE_WHY];
    if (wish->said.reset.count || wish->said.restart.count)
        return pl_error_set(error, PL_UNAVAILABLE,
                            "in a group nodes are reset by a restart of its engines with --reset, all of them");
    enum pl_code code = say(mover, to, &said, error);
    if (!code) code = wait_for(mover, said.number, error);
    if (code) return code;
    pl__mover_say_gone(plan, gone, sizeof gone);
    snprintf(text, sizeof text, "graph %" PRIu64 " of the group: every engine is made anew with it; probation %.0f s%s",
             said.number, (double)said.probation / (double)PL_SECOND, gone);
    pl__mover_put_row(wish->said.call, "", "", "said", "", text);
    return PL_OK;
}

/* `graph` is held from now on; NULL: nothing. */
static void owe(struct pl_mover *mover, const struct pl_graph *graph) {
    pthread_mutex_lock(&mover->lock);
    const struct pl_graph *before = mover->group.owed.graph;
    mover->group.owed.graph = graph;
    pthread_mutex_unlock(&mover->lock);
    pl_graph_unref(before);
}

static void say_owed(struct pl_mover *mover) {
    struct pl_group_graph said = {
        .lenient = true, .path = mover->group.owed.path, .user = "", .how = relapse, .why = mover->group.owed.why};
    struct pl_error *error = NULL;
    enum pl_code code = say(mover, mover->group.owed.graph, &said, &error);
    if (code)
        pl_diag_each(PL_ERROR, "the group is not told to go back to %s: %s", said.path,
                     error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    mover->group.owed.number = said.number;
    mover->group.owed.at = pl_clock_monotonic() - (code ? lost_after - PL_SECOND : 0);
    if (code == PL_LIMIT || code == PL_USAGE) owe(mover, NULL); /* nor will it be */
}

void pl__mover_say_back(struct pl_mover *mover, const struct pl_graph *before, const char *path, const char *why) {
    owe(mover, pl_graph_ref(before));
    snprintf(mover->group.owed.path, sizeof mover->group.owed.path, "%s", path);
    snprintf(mover->group.owed.why, sizeof mover->group.owed.why, "%s", why);
    say_owed(mover);
}

/* Brokers that were away for long, or an engine that had another one to say. Where something was said meanwhile, that
 * holds. */
void pl__mover_say_again(struct pl_mover *mover) {
    if (number_now(mover) >= mover->group.owed.number)
        owe(mover, NULL);
    else if (pl_clock_monotonic() - mover->group.owed.at > lost_after)
        say_owed(mover);
}

/* ---- Hearing ---- */

static enum pl_code load(const struct pl_mover *mover, const struct pl_group_graph *said, const struct pl_graph **graph,
                         struct pl_error **error) {
    struct pl_problem *problems = NULL;
    struct pl_graph *read = NULL;
    unsigned count = 0;
    enum pl_code code = pl_group_graph_load(said, mover->folder, &read, &problems, &count);
    code = pl__mover_first_problem(problems, count, code, said->path, error);
    pl_problems_free(problems, count);
    *graph = read;
    if (!code && read->hash != said->hash)
        pl_diag_each(PL_WARN,
                     "graph %" PRIu64 " of the group (%s) is not quite what it is elsewhere: the environment, or the "
                     "operators, are others here",
                     said->number, said->path);
    return code;
}

/* Before the engine ends for it. */
static enum pl_code check(struct pl_mover *mover, const struct pl_graph *from, const struct pl_graph *to,
                          struct pl_error **error) {
    struct pl_change_options options = {.graph = to, .lenient = true, .anew = true};
    struct pl_change_plan plan = {0};
    enum pl_code code = pl_engine_fits_group(mover->engine, to, error);
    if (!code) code = pl_change_plan_make(&options, from, &plan, error);
    pl_change_plan_fini(&plan);
    return code;
}

/* Is it one that another engine has gone back to? Who cannot run that one ends: else each would say for ever what the
 * other one cannot run. */
static bool goes_back(const struct pl_group_graph *said) {
    return said->number && strcmp(said->how, relapse) == 0;
}

static void refuse(struct pl_mover *mover, const struct pl_group_graph *said, const struct pl_graph *now,
                   const char *why) {
    pl_diag_each(PL_ERROR, "graph %" PRIu64 " of the group (%s, %s) cannot be run here, and is taken back: %s",
                 said->number, said->how, said->path, why);
    stand_at(mover, said, true, false); /* others may have put down state of it */
    pl__mover_say_back(mover, now, mover->now_path, why);
}

void pl__mover_follow(struct pl_mover *mover) {
    struct pl_group_graph said;
    struct pl_error *error = NULL;
    bool own;
    if (pl_cluster_graph(mover->group.cluster, &said, &own) && said.number > group_number(mover)) {
        const struct pl_graph *now = pl_engine_settled(mover->engine), *to = NULL;
        enum pl_code code = load(mover, &said, &to, &error);
        bool same = !code && to->hash == now->hash;
        if (!code && !same) code = check(mover, now, to, &error);
        pl__mover_outlive(&error);
        if (code && goes_back(&said)) {
            pl_diag_each(PL_ERROR,
                         "graph %" PRIu64 " of the group (%s, %s) does not follow the one that is run here: %s",
                         said.number, said.how, said.path, error ? error->text : pl_code_text(code));
            mover->group.renew(mover->group.renew_arg);
        } else if (code) {
            refuse(mover, &said, now, error ? error->text : pl_code_text(code));
        } else if (same) {
            stand_at(mover, &said, said.lenient, true);
        } else {
            pl__mover_end_shadow(mover);
            pl__mover_look(mover->engine, NULL, &mover->group.allowed, NULL);
            pl__mover_note_sources(mover->engine, said.probation, &mover->group.allowed);
            mover->group.renew(mover->group.renew_arg);
        }
        pl_graph_unref(to);
        pl_graph_unref(now);
    }
    pl_error_free(&error);
    pl_group_graph_fini(&said);
}

/* ---- Between engines ---- */

static void enter(struct pl_mover *mover, struct pl_group_graph *said, const struct pl_graph **graph,
                  const struct pl_graph *to) {
    pl_graph_unref(mover->group.from);
    mover->group.from = mover->begun ? pl_graph_ref(*graph) : NULL;
    pl_group_graph_fini(&mover->group.entered);
    mover->group.entered = *said;
    *said = (struct pl_group_graph){0};
    pl_graph_unref(*graph);
    *graph = to;
}

enum pl_code pl_mover_settle(struct pl_mover *mover, const struct pl_graph **graph, bool *lenient, bool *agreed,
                             struct pl_error **error) {
    struct pl_group_graph said = {0};
    const struct pl_graph *to = NULL;
    bool own;
    if (!mover->group.cluster) return PL_OK;
    enum pl_code code = pl_cluster_catch_up(mover->group.cluster, patience, error);
    if (code || !pl_cluster_graph(mover->group.cluster, &said, &own) || said.number <= group_number(mover)) goto done;
    code = load(mover, &said, &to, error);
    pl__mover_outlive(error);
    if (code && mover->begun && !goes_back(&said)) {
        refuse(mover, &said, *graph, *error ? (*error)->text : pl_code_text(code));
        pl_error_free(error);
        code = PL_OK;
        goto done;
    }
    if (code) {
        pl__mover_end_probation(mover); /* there is nothing that could be said instead */
        pl_graph_unref(mover->group.from);
        mover->group.from = NULL;
        char *why = *error ? pl_strdup((*error)->text) : NULL;
        pl_error_free(error);
        pl_error_set(error, code,
                     "the group runs another graph, number %" PRIu64 " (%s, %s), which cannot be run here: %s",
                     said.number, said.how, said.path, why ? why : pl_code_text(code));
        pl_free(why);
        goto done;
    }
    stand_at(mover, &said, said.lenient, true);
    if (to->hash == (*graph)->hash) {
        pl_graph_unref(to);
    } else {
        if (!mover->begun)
            pl_diag_each(PL_WARN,
                         "the group runs graph %" PRIu64 " (%s, %s), and so does this engine; graph apply changes it "
                         "for all",
                         said.number, said.how, said.path);
        enter(mover, &said, graph, to);
    }
done:
    *lenient |= mover->group.lenient;
    *agreed = mover->group.agreed;
    pl_group_graph_fini(&said);
    return code;
}

/* Its first engine is there: that is put down, and it is on probation. */
void pl__mover_note_entered(struct pl_mover *mover, struct pl_engine *engine) {
    struct pl_group_graph *said = &mover->group.entered;
    const struct pl_graph *graph = pl_engine_settled(engine), *from = mover->group.from;
    struct pl__wish who = {0};
    char was[PATH_MAX], what[PL__MOVER_WHAT];
    if (strcmp(said->how, "graph rollback") == 0) who.said.what = PL_MOVER_ROLLBACK;
    snprintf(who.user, sizeof who.user, "%s", said->user);
    snprintf(was, sizeof was, "%s", from ? mover->now_path : mover->path);
    snprintf(what, sizeof what, "graph %" PRIu64 " of the group%s%s", said->number, *said->why ? ": " : "", said->why);
    if (from) pl__mover_journal(engine, said->how, from, graph, said->path, NULL, what);
    pl__mover_note(mover, engine,
                   &(struct pl__mover_step){graph, said->path, goes_back(said) ? NULL : &who, said->how, what,
                                            .epoch = pl_engine_epochs(engine)});
    pl_diag_each(PL_INFO, "%s: %s is run now, graph %" PRIu64 " of the group", said->how, said->path, said->number);
    pl__mover_end_probation(mover); /* of the one before */
    if (from) pl__mover_begin_probation(mover, from, was, said->probation, &mover->group.allowed);
    pl_graph_unref(from);
    mover->group.from = NULL;
    pl_group_graph_fini(said);
    pl_graph_unref(graph);
}

bool pl_mover_take_back(struct pl_mover *mover, const struct pl_graph **graph, const char *why) {
    const struct pl_graph *before = mover->group.from ? mover->group.from : mover->before;
    if (!mover->group.cluster || !before || goes_back(&mover->group.entered)) return false;
    pl_graph_ref(before);
    pl_diag_each(PL_ERROR, "this engine cannot go on with the graph that the group was told, which is taken back: %s",
                 why);
    mover->group.lenient = true; /* others may have put down state of it */
    mover->group.agreed = false;
    pl__mover_say_back(mover, before, mover->group.from ? mover->now_path : mover->before_path, why);
    pl_graph_unref(mover->group.from);
    mover->group.from = NULL;
    pl_group_graph_fini(&mover->group.entered);
    pl__mover_end_probation(mover);
    pl_graph_unref(*graph);
    *graph = before;
    return true;
}
