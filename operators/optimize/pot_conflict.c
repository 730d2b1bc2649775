/* pot_conflict.c: which limits cannot hold together: each that is not needed for that is left out, one by one (a
 * deletion filter, Chinneck and Dravnieks 1991), and each of the rest is asked how much looser it would have to be. */
#include <math.h>
#include <string.h>

#include "pot.h"

enum { LOOKS = 400 };

/* Least misses of those that are looked at. False: out of time. */
static bool least_miss(struct pot *p, const bool *looked_at, const double *start, double until,
                       struct nlp_result *found) {
    struct pot_row aside[POT_ROWS_MAX];
    unsigned rows = p->rows, count = 0;
    double left = until - pot_now(p);
    if (left <= 0) return false;
    for (unsigned i = 0; i < rows; i++)
        p->dropped[i] = true;
    memcpy(aside, p->row, rows * sizeof *aside);
    for (unsigned i = 0; i < rows; i++)
        if (looked_at[i]) p->row[count++] = aside[i];
    p->rows = count;
    p->repair = true;
    struct nlp_problem problem = {.variables = POT_VARIABLES, .low = p->low, .high = p->high, .self = p, .at = pot_at};
    struct nlp_settings settings = p->setup->solver;
    settings.solver = NLP_SLSQP;
    settings.evaluations = LOOKS;
    settings.seconds = left;
    settings.tolerance = 1e-9;
    nlp_solve(&problem, &settings, start, found);
    memcpy(p->row, aside, rows * sizeof *aside);
    p->rows = rows;
    p->repair = false;
    memset(p->dropped, 0, sizeof p->dropped);
    return !found->late;
}

static bool impossible(const struct nlp_result *found) {
    return found->feasible && found->objective > 1e-8;
}

enum { COST_LOOKS = 200 };

/* kWh/t more than at the baseline of the best that keeps all limits, as they are now. */
static double cost_of(struct pot *p, const double *start, double until) {
    struct nlp_problem problem = {
        .variables = POT_VARIABLES, .inequalities = p->rows, .low = p->low, .high = p->high, .self = p, .at = pot_at};
    struct nlp_settings settings = p->setup->solver;
    struct nlp_result found;
    double energy, cost, co2e;
    settings.solver = NLP_SLSQP;
    settings.evaluations = COST_LOOKS;
    settings.seconds = until - pot_now(p);
    if (settings.seconds <= 0) return NAN;
    nlp_solve(&problem, &settings, start, &found);
    if (!found.feasible || !pot_figures(p, found.x, &energy, &cost, &co2e)) return NAN;
    return energy - p->by[0];
}

/* Can the others hold without this one? */
static bool others_hold(struct pot *p, const bool *among, unsigned row, const double *start, double until,
                        struct nlp_result *found) {
    bool others[POT_ROWS_MAX];
    memcpy(others, among, sizeof others);
    others[row] = false;
    return least_miss(p, others, start, until, found) && !impossible(found);
}

/* How much looser a limit would have to be for all others to hold with it (`alone`), and what the pot would cost then.
 * Where it alone cannot make room for all, for those of the set, and there is no cost (NaN). */
static double lacks(struct pot *p, const bool *set, unsigned row, const double *start, double until,
                    struct pot_active *told) {
    bool all[POT_ROWS_MAX] = {0};
    struct nlp_result found;
    double value[QUANTITIES];
    for (unsigned i = 0; i < p->rows; i++)
        all[i] = true;
    told->alone = others_hold(p, all, row, start, until, &found);
    if (!told->alone && !others_hold(p, set, row, start, until, &found)) return NAN;
    if (!told->alone) memcpy(all, set, sizeof all);
    struct pot_row kept = p->row[row];
    double low = 0, high = 0;
    if (!pot_quantities(p, kept.scenario, found.x, value, NULL)) return NAN;
    high = fmax(pot_miss(&kept, value[kept.of]), 0);
    for (int i = 0; i < 20 && high - low > 1e-3; i++) { /* bisection: feasible with so much more room? */
        double middle = 0.5 * (low + high), sign = kept.high ? 1 : -1;
        p->row[row].limit = kept.limit + sign * middle * quantity_rows[kept.of].scale;
        double from[POT_VARIABLES];
        memcpy(from, found.x, sizeof from);
        if (!least_miss(p, all, from, until, &found)) break;
        if (impossible(&found))
            low = middle;
        else
            high = middle;
    }
    double sign = kept.high ? 1 : -1, room = high * (1 + 1e-3) + 1e-4;
    p->row[row].limit = kept.limit + sign * room * quantity_rows[kept.of].scale;
    told->cost = cost_of(p, found.x, until);
    p->row[row] = kept;
    return high * quantity_rows[kept.of].scale;
}

void pot_conflict(struct pot *p, const double *start, double until, struct pot_result *r) {
    bool set[POT_ROWS_MAX] = {0};
    struct nlp_result found;
    for (unsigned i = 0; i < p->rows; i++)
        set[i] = true;
    bool known = least_miss(p, set, start, until, &found) && impossible(&found);
    for (unsigned i = 0; i < p->rows && known; i++) {
        set[i] = false;
        known = least_miss(p, set, start, until, &found);
        if (!impossible(&found)) set[i] = true;
    }
    for (unsigned i = 0; i < p->rows && known; i++) {
        if (!set[i] || r->conflicts == POT_TOLD_MAX) continue;
        struct pot_active *told = &r->conflict[r->conflicts++];
        *told = (struct pot_active){.row = p->row[i], .cost = NAN};
        told->slack = -lacks(p, set, i, start, until, told);
    }
}
