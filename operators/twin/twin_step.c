#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "twin_cell.h"

/* ---- Which steps are over ---- */

bool twin_find(struct twin *t, struct pl_node *node) {
    const struct twin_progress *progress = pl_table_find(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (progress) t->closed = progress->closed;
    for (struct pl_record *r = pl_table_next(t->cells, NULL); r; r = pl_table_next(t->cells, r))
        if (!twin_cell_named(t, r->id)) return false;
    for (struct pl_record *r = pl_table_next(t->steps, NULL); r; r = pl_table_next(t->steps, r))
        if (!twin_cell_named(t, r->id)) return false;
    t->found = true;
    return true;
}

static bool add_due(struct twin *t, pl_time begin, struct twin_cell *cell) {
    if (t->due_count == t->due_room) {
        uint32_t room = t->due_room ? t->due_room * 2 : 256;
        struct twin_due *more = pl_realloc(t->due, room * sizeof *more);
        if (!more) return false;
        t->due = more;
        t->due_room = room;
    }
    t->due[t->due_count++] = (struct twin_due){begin, cell};
    return true;
}

static int by_time_and_name(const void *a, const void *b, void *tags) {
    const struct twin_due *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return strcmp(pl_tags_get(tags, x->cell->asset)->name, pl_tags_get(tags, y->cell->asset)->name);
}

/* A window's row comes with the time of its end, so such a step is over only behind that. */
static bool find_due(struct twin *t, pl_time now) {
    t->due_count = 0;
    for (uint32_t i = 0; i < t->count; i++)
        for (struct pl_record *r = pl_table_first(t->steps, t->cell[i]->asset); r; r = r->next)
            if ((now == PL_TIME_MAX || r->sub + t->step <= now) && !add_due(t, r->sub, t->cell[i])) return false;
    if (t->due_count) qsort_r(t->due, t->due_count, sizeof *t->due, by_time_and_name, t->tags);
    return true;
}

/* ---- A step ---- */

static void read_sums(const struct twin_step *step, struct follow_reading *out) {
    for (unsigned i = 0; i < FOLLOW_SIGNALS; i++) {
        const struct twin_sum *s = &step->signal[i];
        double n = (double)s->count;
        out[i] = (struct follow_reading){.low = s->low, .high = s->high, .last = s->last, .deviation = NAN};
        out[i].count = s->count > UINT32_MAX ? UINT32_MAX : (unsigned)s->count;
        if (!s->count) continue;
        out[i].mean = s->offset + s->sum / n;
        if (n > 1) out[i].deviation = sqrt(fmax(s->squares - s->sum * s->sum / n, 0) / (n - 1));
    }
}

static void count_rung(struct pl_node *node, const struct follow_record *r) {
    static const unsigned counter[PL_STEPPER_RUNGS] = {COUNT_STEPS, COUNT_SHORT, COUNT_LOOSE, COUNT_COARSE, COUNT_HELD};
    pl_count(node, COUNT_STEPS, 1);
    if (r->rung) pl_count(node, counter[r->rung], 1);
}

/* The cell's model at the begin of the step. */
static enum pl_code stand(struct twin *t, struct twin_cell *cell, struct follow_record *r, bool lost,
                          const struct follow_reading *in, pl_time begin, struct pl_error **error) {
    if (lost) return follow_begin(&cell->follow, r, &t->setup, in, begin, error);
    return cell->follow.open ? PL_OK : follow_resume(&cell->follow, r, &t->setup, error);
}

/* How a cell stood before a step. */
struct stood {
    uint32_t rung;
    bool risk, effect;
};

static struct stood how_it_stands(const struct follow_record *r) {
    if (r->count == 0) return (struct stood){0};
    return (struct stood){.rung = r->rung, .risk = r->risk.raised != 0, .effect = r->effect_since >= 0};
}

static const char effect_kind[] = "anode_effect", effect_over[] = "anode_effect.cleared";
static const char risk_kind[] = "anode_effect_risk", risk_over[] = "anode_effect_risk.cleared";

/* The effect before the risk that it ends, so that a list of alarms is at no time without either. */
static bool tell_effects(struct twin *t, struct pl_node *node, struct twin_cell *cell, const struct follow_record *r,
                         const struct follow_result *result, bool before) {
    bool good = true;
    if (result->effect && !before) {
        pl_count(node, COUNT_EFFECTS, 1);
        good = twin_tell_event(t, node, cell, r->at, effect_kind, 800, r, result, "an anode effect has begun");
    }
    if (!result->effect && before) good = twin_tell_event(t, node, cell, r->at, effect_over, 100, r, result, NULL);
    if (result->outlook.raised) {
        pl_count(node, COUNT_RISKS, 1);
        char likely[120];
        snprintf(likely, sizeof likely,
                 "an anode effect is likely in about %.0f min: of the counted feed %.0f %% arrives",
                 fmin(fmax(result->outlook.minutes, 1), t->setup.risk.lead / 60),
                 100 * fmax(r->horizon.now[HORIZON_SHARE], 0));
        good = good && twin_tell_event(t, node, cell, r->at, risk_kind, 700, r, result, likely);
    }
    const char *why = result->effect ? "it has begun" : "it is not likely any more";
    return good && (!result->outlook.cleared || twin_tell_event(t, node, cell, r->at, risk_over, 100, r, result, why));
}

/* Of a cell that begins anew nothing is known to go on. */
static bool end_effects(struct twin *t, struct pl_node *node, struct twin_cell *cell, const struct stood *before,
                        pl_time at) {
    static const char why[] = "the twin begins anew";
    bool good = !before->effect || twin_tell_event(t, node, cell, at, effect_over, 100, NULL, NULL, why);
    return good && (!before->risk || twin_tell_event(t, node, cell, at, risk_over, 100, NULL, NULL, why));
}

static bool tell_all(struct twin *t, struct pl_node *node, struct twin_cell *cell, const struct follow_record *r,
                     const struct follow_result *result, const struct stood *before) {
    bool good = tell_effects(t, node, cell, r, result, before->effect);
    if (good && r->rung != before->rung)
        good = twin_tell_event(t, node, cell, r->at, r->rung ? "twin.degraded" : "twin.recovered",
                               r->rung >= PL_STEPPER_LOOSE ? 400 : 100, r, result, cell->follow.stepper.why);
    if (result->uncertain) pl_count(node, COUNT_UNCERTAIN, 1);
    if (good && r->at % t->every == 0) good = twin_tell(t, node, cell, r, result);
    if (good && t->state_every && r->at % t->state_every == 0) good = twin_tell_state(t, node, cell, r);
    return good;
}

/* Beyond what the model means, or without any memory of it: the cell begins anew with its next step. */
static bool lose(struct twin *t, struct pl_node *node, struct twin_cell *cell, struct follow_record *r, pl_time at,
                 const struct stood *before, struct pl_error **error) {
    pl_count(node, COUNT_LOST, 1);
    bool good =
        twin_tell_event(t, node, cell, at, "twin.lost", 500, NULL, NULL, *error ? (*error)->text : "out of memory");
    pl_error_free(error);
    follow_close(&cell->follow);
    cell->stepped = false;
    memset(r, 0, sizeof *r);
    return good && end_effects(t, node, cell, before, at);
}

static bool take_step(struct twin *t, struct pl_node *node, struct twin_cell *cell, pl_time begin) {
    const struct twin_step *step = pl_table_find(t->steps, cell->asset, begin);
    struct follow_record *r = pl_table_get(t->cells, cell->asset, 0);
    struct follow_reading in[FOLLOW_SIGNALS];
    struct follow_result result;
    struct pl_error *error = NULL;
    if (!r || !step) { /* too many cells: the limit has counted it */
        t->refused += !r;
        pl_table_drop(t->steps, cell->asset, begin);
        return true;
    }
    read_sums(step, in);
    pl_table_drop(t->steps, cell->asset, begin);
    struct stood before = how_it_stands(r);
    bool fresh = r->count == 0, lost = fresh || begin - r->at > t->hold;
    if (lost && !end_effects(t, node, cell, &before, begin)) return false;
    if (lost) before = (struct stood){.rung = before.rung};
    if (!cell->resumed) cell->resumed = begin;
    enum pl_code code = stand(t, cell, r, lost, in, begin, &error);
    if (!code) code = follow_step(&cell->follow, r, &t->setup, in, begin + t->step, &result, &error);
    if (code) return lose(t, node, cell, r, begin + t->step, &before, &error);
    cell->outlook = result.outlook;
    cell->stepped = true;
    count_rung(node, r);
    pl_count(node, COUNT_SOLVER_STEPS, result.solver_steps);
    twin_see_residuals(t, node, &result);
    const char *why = fresh ? NULL : "nothing was told for longer than `hold`";
    bool good = !lost || twin_tell_event(t, node, cell, r->at, "twin.begun", 100, r, &result, why);
    return good && tell_all(t, node, cell, r, &result, &before);
}

static void show_worst(const struct twin *t, struct pl_node *node) {
    pl_gauge_set(node, GAUGE_CELLS, t->count);
    pl_gauge_set(node, GAUGE_HEALTH, t->worst.health);
    for (unsigned i = 0; i < TWIN_BALANCES; i++)
        pl_gauge_set(node, GAUGE_RESIDUAL + i, t->worst.residual[i]);
}

bool twin_close_steps(struct twin *t, struct pl_node *node, pl_time now) {
    if (!find_due(t, now)) return false;
    bool good = true;
    t->worst = (struct twin_worst){.residual = {NAN, NAN, NAN}, .health = NAN}; /* until a step is taken */
    for (uint32_t i = 0; good && i < t->due_count; i++)
        good = take_step(t, node, t->due[i].cell, t->due[i].begin);
    if (t->due_count) show_worst(t, node);
    return good;
}
