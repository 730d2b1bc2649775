#include <math.h>
#include <string.h>

#include "line_parts.h"

static const double ROOM = 1e-9, SAME_STEP = 1e-6; /* -; kA, % */
static const double SAME_CURRENT = 0.05;           /* share by which a set point and what pots have may be apart */

/* ---- Pots at a current ---- */

/* Misses of all limits, squared, and of which it is most. */
static double missed(struct pot *p, const double *x, struct pot_row *most) {
    double value[QUANTITIES], sum = 0, worst = 0;
    unsigned known = UINT32_MAX;
    for (unsigned i = 0; i < p->rows; i++) {
        const struct pot_row *row = &p->row[i];
        if (row->scenario != known && !pot_quantities(p, row->scenario, x, value, NULL)) return INFINITY;
        known = row->scenario;
        double miss = fmax(pot_miss(row, value[row->of]), 0);
        sum += miss > p->setup->solver.keeps ? miss * miss : 0;
        if (miss > worst) {
            worst = miss;
            *most = *row;
        }
    }
    return sum;
}

static void solve_pot(struct line *l, struct member *m, const struct pot_setup *setup, struct pot_result *r) {
    m->pot.setup = setup;
    *r = (struct pot_result){.rest = NAN};
    pot_decide(&m->pot, m->x, l->until, r);
    l->result->evaluations += r->evaluations;
    l->result->late = l->result->late || r->search.late;
}

/* One pot at a line current, its answer in `x`. Returns how much of its limits it misses. */
double line_settle(struct line *l, struct member *m, double current, struct pot_row *most) {
    struct pot *p = &m->pot;
    struct pot_result r;
    if (pot_now(p) >= l->until) l->result->late = true;
    if (l->result->late) return INFINITY;
    p->low[POT_CURRENT] = p->high[POT_CURRENT] = m->x[POT_CURRENT] = current;
    solve_pot(l, m, l->at_large ? &l->wide : &l->local, &r);
    if (r.rung != POT_OPTIMAL && !l->at_large) solve_pot(l, m, &l->wide, &r);
    if (r.rung <= POT_RELAXED) memcpy(m->x, r.x, sizeof m->x);
    if (r.rung == POT_OPTIMAL) return 0;
    double miss = missed(p, r.x, most);
    return r.rung == POT_RELAXED ? miss : fmax(miss, 1e3);
}

bool line_take(struct line *l, struct member *m, struct line_node *n) {
    struct pot *p = &m->pot;
    double value[QUANTITIES], energy, cost, co2e;
    if (!pot_quantities(p, 0, m->x, value, NULL) || !pot_figures(p, m->x, &energy, &cost, &co2e)) return false;
    double made = value[QUANTITY_THROUGHPUT] / 100 * p->production / 1000;
    n->made += made;
    n->energy += energy * made;
    n->fluoride += (cost - l->setup->pot.objective.tariff * energy) * made;
    n->voltage += value[QUANTITY_VOLTAGE];
    return true;
}

struct line_active line_limit(const struct line *l, enum quantity of, bool high) {
    const struct limit *limit = &l->input->limit[of];
    return (struct line_active){
        .row = {.of = of, .high = high, .rank = limit->rank, .limit = high ? limit->high : limit->low}};
}

void line_whole(const struct line *l, struct line_node *n) {
    n->voltage *= 1 + (double)l->input->others / l->input->pots;
    n->power = n->voltage * n->current / 1000;
}

void line_rate(const struct line *l, struct line_node *n) {
    static const enum quantity of[] = {QUANTITY_LINE_POWER, QUANTITY_LINE_VOLTAGE};
    const double value[] = {n->power, n->voltage};
    n->rated = true;
    for (unsigned i = 0; i < PL_COUNT_OF(of) && n->rated; i++)
        if (value[i] > l->input->limit[of[i]].high + ROOM) {
            n->keeps = n->rated = false;
            n->in_way = line_limit(l, of[i], true);
        }
}

/* From what they came to at the nearest current. */
static void begin_near(struct line *l, double current) {
    unsigned at = 0;
    for (unsigned i = 1; i < l->seens; i++)
        if (fabs(l->seen[i].current - current) < fabs(l->seen[at].current - current)) at = i;
    for (unsigned i = 0; i < l->input->pots && l->seens; i++)
        memcpy(l->member[i].x, l->seen[at].x[i], sizeof l->member[i].x);
}

static void remember(struct line *l, double current) {
    unsigned at = 0;
    while (at < l->seens && l->seen[at].current != current)
        at++;
    if (at == l->seens && l->seens < SEEN_MAX) l->seens++;
    if (at == SEEN_MAX) at = l->next++ % SEEN_MAX;
    l->seen[at].current = current;
    for (unsigned i = 0; i < l->input->pots; i++)
        memcpy(l->seen[at].x[i], l->member[i].x, sizeof l->seen[at].x[i]);
}

/* Less current freezes more in a pot where too much has frozen already, and more melts more. */
static double chill(const struct line *l, const struct member *m, double current, struct pot_row *most) {
    const struct limit *bath = &m->pot.input->limit[QUANTITY_BATH];
    double step = current - l->input->now;
    bool low = m->pot.bath<bath->low, high = m->pot.bath> bath->high;
    if (!(low && step < -1e-6) && !(high && step > 1e-6)) return 0;
    *most = (struct pot_row){.of = QUANTITY_BATH, .high = high, .limit = high ? bath->high : bath->low};
    return 1;
}

/* All pots at a current. False: some have no state there, or time is over. */
bool line_node_at(struct line *l, double current, struct line_node *n) {
    *n = (struct line_node){.current = current, .keeps = true};
    begin_near(l, current);
    for (unsigned i = 0; i < l->input->pots; i++) {
        struct member *m = &l->member[i];
        struct pot_row most = {.of = QUANTITY_THROUGHPUT};
        double miss = line_settle(l, m, current, &most);
        miss += chill(l, m, current, &most);
        if (l->result->late) return false;
        n->excess += fmax(miss - m->miss, 0);
        if (miss > m->miss * (1 + 1e-6) + 1e-7 && n->keeps) {
            n->keeps = false;
            n->in_way = (struct line_active){.row = most};
            memcpy(n->in_way.pot, l->input->name[i], LINE_NAME_MAX);
        }
        if (!line_take(l, m, n)) return false;
    }
    line_whole(l, n);
    line_rate(l, n);
    remember(l, current);
    line_note(l, n);
    return true;
}

static double ratio_of(const struct line *l, const struct line_node *n) {
    unsigned hours = l->setup->by_hour ? LINE_HOURS : 1;
    double cost = 0;
    for (unsigned h = 0; h < hours; h++)
        cost += line_hour_of(&l->curves, n, h).cost / hours;
    return cost / n->made;
}

void line_note(struct line *l, const struct line_node *n) {
    const struct limit *throughput = &l->input->limit[QUANTITY_LINE_THROUGHPUT];
    double low, high, made = 100 * n->made / l->curves.made, ratio = ratio_of(l, n);
    line_reach(l, true, &low, &high);
    bool may = n->keeps && n->current >= low - SAME_STEP && n->current <= high + SAME_STEP &&
               made >= throughput->low - SAME_STEP && made <= throughput->high + SAME_STEP;
    if (!may || (l->best.known && !(ratio < l->best.ratio))) return;
    l->best.known = true;
    l->best.ratio = ratio;
    l->best.node = *n;
    for (unsigned i = 0; i < l->input->pots; i++)
        memcpy(l->best.x[i], l->member[i].x, sizeof l->best.x[i]);
}

/* ---- Opening ---- */

/* A set point that the pots do not follow (the line is run from elsewhere, the register holds something else) is no
 * place to go on from. */
static enum pl_code check_current(const struct line *l, struct pl_error **error) {
    double now = l->input->now, mean = 0;
    for (unsigned i = 0; i < l->input->pots; i++)
        mean += l->member[i].pot.from[POT_CURRENT] / l->input->pots;
    if (fabs(mean - now) <= SAME_CURRENT * now) return PL_OK;
    return pl_error_set(error, PL_RANGE, "its set point stands at %.1f kA, but its pots have %.1f kA", now, mean);
}

enum pl_code line_open(struct line *l, struct pl_error **error) {
    double sum[3] = {0}, made = 0;
    for (unsigned i = 0; i < l->input->pots; i++) {
        struct pot_input *in = &l->input->pot[i];
        struct pot *p = &l->member[i].pot;
        in->baseline[POT_CURRENT] = l->input->baseline;
        in->limit[QUANTITY_CURRENT] = (struct limit){0.5 * l->input->now, 2 * l->input->now, 0};
        in->limit[QUANTITY_THROUGHPUT] = (struct limit){-INFINITY, INFINITY, 0}; /* the line's holds */
        enum pl_code code = pot_open(p, &l->wide, in, error);
        if (code) return code;
        made += p->production / 1000;
        for (int k = 0; k < 3; k++)
            sum[k] += p->by[k] * p->production / 1000;
        for (int j = 0; j < POT_VARIABLES; j++) {
            double known = isfinite(in->accepted[j]) ? in->accepted[j] : p->from[j];
            l->member[i].x[j] = fmin(fmax(known, p->low[j]), p->high[j]);
        }
    }
    const struct pot_objective *o = &l->setup->pot.objective;
    for (unsigned i = 0; i < l->input->pots; i++) {
        struct pot *p = &l->member[i].pot;
        p->price = o->energy + o->cost + o->co2e;
        for (int k = 0; k < 3; k++)
            p->by[k] = sum[k] / made;
    }
    for (int k = 0; k < 3; k++)
        l->curves.by[k] = sum[k] / made;
    l->curves.made = made;
    return check_current(l, error);
}
