/* pot_solve.c: the ladder: all limits, those that are never given up, what was accepted last, the baseline. */
#include <math.h>
#include <potline/potline.h>
#include <string.h>

#include "models.h"
#include "pot.h"

const char *const pot_rung_names[POT_RUNGS] = {"optimal", "relaxed", "accepted", "baseline"};

/* Shares of the time left: for the search within all limits, then for each relaxation. */
static const double SEARCH_SHARE = 0.5, RELAX_SHARE = 0.3, CONFLICT_SHARE = 0.8;

double pot_now(const struct pot *p) {
    return nlp_now(&p->setup->solver);
}

static struct nlp_problem problem_of(struct pot *p) {
    struct nlp_problem problem = {.variables = POT_VARIABLES, .low = p->low, .high = p->high, .self = p, .at = pot_at};
    for (unsigned i = 0; i < p->rows; i++)
        problem.inequalities += !p->dropped[i];
    return problem;
}

static void search(struct pot *p, const double *start, double seconds, struct pot_result *r) {
    struct nlp_problem problem = problem_of(p);
    struct nlp_settings settings = p->setup->solver;
    settings.seconds = seconds;
    settings.seed = p->input->seed;
    nlp_solve(&problem, &settings, start, &r->search);
    r->evaluations += r->search.evaluations;
}

/* Limits of the lowest ranks are kept, those above are missed by as little as possible. */
static bool relax(struct pot *p, double until, struct pot_result *r) {
    for (unsigned rank = LIMIT_RANK_MAX; rank > 0; rank--) {
        bool any = false;
        for (unsigned i = 0; i < p->rows; i++) {
            any |= p->row[i].rank == rank;
            p->dropped[i] = p->row[i].rank >= rank;
        }
        if (!any) continue;
        if (pot_now(p) >= until) {
            memset(p->dropped, 0, sizeof p->dropped);
            r->search.late = true;
            return false;
        }
        p->repair = true;
        double start[POT_VARIABLES];
        memcpy(start, r->search.x, sizeof start);
        search(p, start, RELAX_SHARE * (until - pot_now(p)), r);
        p->repair = false;
        memset(p->dropped, 0, sizeof p->dropped);
        if (r->search.feasible) return true;
    }
    return false;
}

/* Does a point keep the limits that are never given up? */
static bool certain(struct pot *p, const double *x) {
    double value[QUANTITIES];
    unsigned known = UINT32_MAX;
    for (int j = 0; j < POT_VARIABLES; j++)
        if (!(x[j] >= p->low[j] - 1e-9 && x[j] <= p->high[j] + 1e-9)) return false;
    for (unsigned i = 0; i < p->rows; i++) {
        if (p->row[i].rank > 0) continue;
        if (p->row[i].scenario != known && !pot_quantities(p, p->row[i].scenario, x, value, NULL)) return false;
        known = p->row[i].scenario;
        if (pot_miss(&p->row[i], value[p->row[i].of]) > p->setup->solver.keeps) return false;
    }
    return true;
}

static void stand_back(struct pot *p, struct pot_result *r) {
    double last[POT_VARIABLES];
    r->rung = POT_ACCEPTED;
    for (int j = 0; j < POT_VARIABLES; j++) /* what is not decided has gone on since */
        last[j] = p->setup->held[j] ? p->from[j] : p->input->accepted[j];
    if (isfinite(p->input->accepted[POT_ACD]) && certain(p, last)) {
        memcpy(r->x, last, sizeof r->x);
        return;
    }
    r->rung = POT_BASELINE;
    for (int j = 0; j < POT_VARIABLES; j++)
        r->x[j] = isfinite(p->input->baseline[j]) ? p->input->baseline[j] : p->from[j];
}

/* ---- What holds the answer back ---- */

static void keep_active(struct pot_result *r, const struct pot_active *active) {
    for (unsigned i = 0; i < r->actives; i++) /* of several scenarios the tightest */
        if (r->active[i].row.of == active->row.of && r->active[i].row.high == active->row.high) {
            r->active[i].multiplier += active->multiplier;
            r->active[i].slack = fmin(r->active[i].slack, active->slack);
            return;
        }
    if (r->actives < POT_TOLD_MAX) r->active[r->actives++] = *active;
}

/* What it is that holds the anodes: their window, one move, or that too much has frozen (or melted) already. */
static struct pot_row anodes_row(const struct pot *p, struct pot_row row) {
    const struct limit *limit = p->input->limit, *bath = &limit[QUANTITY_BATH];
    if (row.limit == (row.high ? limit[QUANTITY_ACD].high : fmax(p->stable, 0))) return row;
    if (row.limit == p->from[POT_ACD] && p->bath < bath->low && !row.high)
        return (struct pot_row){.of = QUANTITY_BATH, .limit = bath->low};
    if (row.limit == p->from[POT_ACD] && p->bath > bath->high && row.high)
        return (struct pot_row){.of = QUANTITY_BATH, .high = true, .limit = bath->high};
    return (struct pot_row){.of = QUANTITY_ACD_MOVE, .high = row.high, .limit = row.limit - p->from[POT_ACD]};
}

static void find_active(struct pot *p, struct pot_result *r) {
    static const enum quantity of[POT_VARIABLES] = {QUANTITY_ACD, QUANTITY_ALUMINA, QUANTITY_ALF3, QUANTITY_CURRENT};
    double multiplier[NLP_CONSTRAINTS_MAX], bound[NLP_VARIABLES_MAX], value[QUANTITIES];
    struct nlp_problem problem = problem_of(p);
    const struct pot_objective *o = &p->setup->objective;
    const double unit = p->by[0] / (o->energy + o->cost + o->co2e);
    unsigned known = UINT32_MAX;
    r->rest = nlp_multipliers(&problem, r->x, 1e-4, multiplier, bound);
    if (isnan(r->rest)) return;
    for (unsigned i = 0; i < p->rows; i++) {
        const struct pot_row *row = &p->row[i];
        if (row->scenario != known && !pot_quantities(p, row->scenario, r->x, value, NULL)) return;
        known = row->scenario;
        double miss = pot_miss(row, value[row->of]), scale = quantity_rows[row->of].scale;
        bool held = r->rung == POT_OPTIMAL ? multiplier[i] > 1e-9 : miss > p->setup->solver.keeps;
        struct pot_active a = {.row = *row, .slack = -miss * scale, .multiplier = multiplier[i] * unit / scale};
        if (held) keep_active(r, &a);
    }
    for (int j = 0; j < POT_VARIABLES; j++) {
        bool high = p->high[j] - r->x[j] < r->x[j] - p->low[j];
        struct pot_row row = {.of = of[j], .high = high, .limit = high ? p->high[j] : p->low[j]};
        if (j == POT_ACD) row = anodes_row(p, row);
        struct pot_active a = {.row = row, .multiplier = bound[j] * unit};
        if (p->low[j] < p->high[j] && bound[j] > 1e-9 && r->rung == POT_OPTIMAL) keep_active(r, &a);
    }
}

static void find_figures(struct pot *p, struct pot_result *r) {
    double base[POT_VARIABLES];
    for (int j = 0; j < POT_VARIABLES; j++)
        base[j] = isfinite(p->input->baseline[j]) ? p->input->baseline[j] : p->from[j];
    const double *at[2] = {base, r->x};
    for (int i = 0; i < 2; i++) {
        double *value = i ? r->after : r->before;
        for (int k = 0; k < QUANTITIES; k++)
            value[k] = NAN;
        r->energy[i] = r->cost[i] = r->co2e[i] = NAN;
        pot_quantities(p, 0, at[i], value, NULL);
        pot_figures(p, at[i], &r->energy[i], &r->cost[i], &r->co2e[i]);
    }
    r->saved = r->energy[0] - r->energy[1];
    pot_present(p, r->now, &r->energy_now);
}

void pot_decide(struct pot *p, const double *start, double until, struct pot_result *r) {
    search(p, start, SEARCH_SHARE * (until - pot_now(p)), r);
    struct nlp_result first = r->search;
    r->rung = POT_OPTIMAL;
    if (first.feasible) {
        memcpy(r->x, first.x, sizeof r->x);
    } else if (relax(p, until, r)) {
        r->rung = POT_RELAXED;
        memcpy(r->x, r->search.x, sizeof r->x);
    } else {
        stand_back(p, r);
    }
    r->search.late = r->search.late || first.late; /* whichever search it was, the answer depends on the clock */
}

void pot_solve(struct pot *p, struct pot_result *r) {
    double until = p->begun + p->setup->solver.seconds, start[POT_VARIABLES];
    *r = (struct pot_result){.rest = NAN};
    memcpy(r->from, p->from, sizeof r->from);
    for (int j = 0; j < POT_VARIABLES; j++) {
        double known = isfinite(p->input->accepted[j]) ? p->input->accepted[j] : p->from[j];
        start[j] = fmin(fmax(known, p->low[j]), p->high[j]);
    }
    pot_decide(p, start, until, r);
    if (r->rung != POT_OPTIMAL) pot_conflict(p, r->search.x, pot_now(p) + CONFLICT_SHARE * (until - pot_now(p)), r);
    find_figures(p, r);
    find_active(p, r);
    r->seconds = pot_now(p) - p->begun;
    pot_tell(p, r);
}
