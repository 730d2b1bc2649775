#include "line.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "line_parts.h"
#include "line_tell.h"

enum { ROUNDS = 20, LOCAL_LOOKS = 150 };
static const double SAME_PRICE = 1e-3, CURVES_KEEP = 0.05, NEAR = 0.1, SAME = 1e-6; /* -, kWh/t, kA, kA */

/* ---- The search ---- */

/* At another price; of one hour those that the answer is near to. */
static bool solve_nodes_again(struct line *l, double price, double current) {
    double reach = l->setup->by_hour ? INFINITY : fmax((l->curves.high - l->curves.low) / 4, 2 * NEAR);
    for (unsigned i = 0; i < l->input->pots; i++)
        l->member[i].pot.price = price;
    for (unsigned i = 0; i < l->curves.nodes; i++) {
        struct line_node n;
        if (fabs(l->curves.node[i].current - current) > reach) continue;
        if (!line_node_at(l, l->curves.node[i].current, &n)) return false;
        l->curves.node[i] = n;
    }
    return true;
}

static struct line_figures figures_of(const struct line *l, const struct line_node *n, double tariff) {
    const struct pot_objective *o = &l->setup->pot.objective;
    double energy = n->energy / n->made;
    return (struct line_figures){.energy = energy,
                                 .cost = tariff * energy + n->fluoride / n->made,
                                 .co2e = o->grid * energy + pot_anodes,
                                 .made = n->made,
                                 .power = n->power,
                                 .voltage = n->voltage};
}

/* A plan of which this hour is solved: by hour means of what the curves say of the others. */
static void take_plan(struct line *l, const struct line_plan *plan, const struct line_node *n,
                      double (*const x)[POT_VARIABLES]) {
    struct line_result *r = l->result;
    struct line_node sum = {.made = 0};
    double money = 0;
    for (unsigned h = 0; h < plan->hours; h++) {
        struct line_node at = plan->current[h] == n->current ? *n : line_curves_node(&l->curves, plan->current[h]);
        double tariff = l->setup->by_hour ? l->setup->tariff[h] : l->setup->pot.objective.tariff;
        sum.made += at.made;
        sum.energy += at.energy;
        sum.fluoride += at.fluoride;
        money += tariff * at.energy;
        r->schedule[h] = plan->current[h];
    }
    r->current = plan->current[0];
    r->hours = plan->hours;
    r->after = figures_of(l, &sum, money / sum.energy);
    r->after.made = sum.made / plan->hours;
    r->after.power = n->power;
    r->after.voltage = n->voltage;
    r->throughput = 100 * r->after.made / l->curves.made;
    r->price = plan->price;
    r->rung = plan->missed || l->gives_way ? POT_RELAXED : POT_OPTIMAL;
    r->gives_way = l->gives_way;
    for (unsigned i = 0; i < l->input->pots && r->x; i++)
        memcpy(r->x[i], x ? x[i] : l->member[i].x, sizeof r->x[i]);
}

/* What pots come to at the current of a plan. On the way toward the contract's range pots keep their limits where they
 * can. */
static bool confirm(struct line *l, const struct line_plan *plan) {
    struct line_node n, guess = line_curves_node(&l->curves, plan->current[0]);
    bool toward = plan->current[0] < l->curves.low - SAME || plan->current[0] > l->curves.high + SAME;
    if (!line_node_at(l, plan->current[0], &n) || !(n.keeps || l->gives_way || toward)) return false;
    l->result->curve_error = fabs(n.energy / n.made - guess.energy / guess.made);
    take_plan(l, plan, &n, NULL);
    if (l->result->curve_error > 0) line_curves_add(&l->curves, &n);
    return true;
}

/* The deadline has come before a plan could be confirmed, or only one that is not as good: the best current that is
 * certain holds, for all hours. */
static bool take_best(struct line *l, const struct line_plan *plan) {
    if (!l->result->late || !l->best.known || (plan->hours && !plan->missed && !(l->best.ratio < plan->ratio)))
        return false;
    struct line_plan best = {
        .hours = l->setup->by_hour ? LINE_HOURS : 1, .price = l->member[0].pot.price, .ratio = l->best.ratio};
    for (unsigned h = 0; h < best.hours; h++)
        best.current[h] = l->best.node.current;
    l->gives_way = false;
    l->result->curve_error = 0;
    take_plan(l, &best, &l->best.node, l->best.x);
    return true;
}

/* What a little more current costs in an hour, less what its metal is worth. */
static double slope_at(const struct line_curves *c, const struct line_plan *plan, unsigned hour) {
    double x = plan->current[hour], step = 1e-4 * x;
    struct line_hour at = line_curves_at(c, x, hour), more = line_curves_at(c, x + step, hour);
    return (more.cost - at.cost - plan->price * (more.made - at.made)) / step;
}

/* What one unit more of room would save, by the curves' slopes, in the hours that it holds back; NaN: in none. */
static double worth_of(const struct line_curves *c, const struct line_plan *plan, bool high) {
    double end = high ? c->high : c->low, sum = NAN;
    for (unsigned h = 0; h < plan->hours; h++) {
        double slope = slope_at(c, plan, h), x = plan->current[h];
        bool wants = plan->missed || c->low == c->high || (high ? slope < 0 : slope > 0);
        if (wants && fabs(x - end) <= 1e-6 * x) sum = fabs(slope) + (isnan(sum) ? 0 : sum);
    }
    return sum;
}

static void find_active(struct line *l, const struct line_plan *plan, const struct line_active in_way[2]) {
    const struct line_curves *c = &l->curves;
    const struct pot_objective *o = &l->setup->pot.objective;
    struct line_result *r = l->result;
    if (l->gives_way) {
        r->active[r->actives++] = in_way[0];
        return;
    }
    double made = r->after.made * plan->hours, unit = c->by[0] / (o->energy + o->cost + o->co2e) / made;
    if (plan->bound) {
        struct line_active a = line_limit(l, QUANTITY_LINE_THROUGHPUT, plan->bound > 0);
        a.multiplier = fabs(plan->price - plan->ratio) * c->made * plan->hours / 100 * unit;
        r->active[r->actives++] = a;
    }
    for (int side = 0; side < 2; side++) {
        double worth = worth_of(c, plan, side == 1);
        bool twice = side && c->low == c->high && r->actives && r->active[r->actives - 1].row.of == in_way[1].row.of;
        if (isnan(worth) || twice || r->actives == LINE_TOLD_MAX) continue;
        r->active[r->actives] = in_way[side];
        r->active[r->actives++].multiplier = worth * unit;
    }
}

/* Nothing is certain: what was accepted last goes on, where the contract allows it, else nothing is set. */
static void leave(struct line *l) {
    const struct limit *contract = &l->input->limit[QUANTITY_CURRENT];
    double accepted = l->input->accepted;
    struct line_result *r = l->result;
    bool goes_on = accepted >= contract->low && accepted <= contract->high; /* NaN: no */
    r->rung = goes_on ? POT_ACCEPTED : POT_BASELINE;
    r->hours = 1;
    r->current = r->schedule[0] = goes_on ? accepted : l->input->now;
    for (unsigned i = 0; i < l->input->pots && r->x; i++) {
        memcpy(r->x[i], l->member[i].pot.from, sizeof r->x[i]);
        r->x[i][POT_CURRENT] = r->current;
    }
}

static bool nearly(double a, double b) {
    return fabs(a - b) <= SAME_PRICE * fmax(fabs(a), 1);
}

/* Curves have kinks where a pot comes to another of its limits: two more nodes beside what seems the best, ever nearer.
 * False: it is near enough, or a day is planned, of which only this hour is set. */
static bool look_closer(struct line *l, double current, double *near) {
    if (l->setup->by_hour || *near < NEAR) return false;
    for (int side = -1; side <= 1; side += 2) {
        struct line_node n;
        double x = fmin(fmax(current + side * *near, l->curves.low), l->curves.high);
        if (fabs(x - current) < 0.5 * *near) continue;
        if (!line_node_at(l, x, &n)) return false;
        if (n.keeps) line_curves_add(&l->curves, &n);
    }
    *near *= 0.4;
    return true;
}

/* Rounds of: the best of the curves at a price of metal, what pots come to there, the price that follows. */
static void search(struct line *l) {
    struct line_active in_way[2];
    struct line_plan plan = {.hours = 0};
    l->at_large = true;
    bool found = !l->result->late && line_range(l, in_way);
    l->at_large = false;
    double near = (l->curves.high - l->curves.low) / 8;
    for (int round = 0; round < ROUNDS && found; round++) {
        struct line_plan next;
        line_plan(&l->curves, &next);
        double before = l->member[0].pot.price;
        if (!confirm(l, &next)) break;
        plan = next;
        bool same = nearly(next.price, before);
        if (!same && !solve_nodes_again(l, next.price, plan.current[0])) break;
        if (same && l->result->curve_error < CURVES_KEEP && !look_closer(l, plan.current[0], &near)) break;
    }
    if (take_best(l, &plan)) return;
    if (plan.hours)
        find_active(l, &plan, in_way);
    else
        leave(l);
}

/* How much each pot misses as the line is now, and what all come to at the baseline. Before any other current is tried,
 * there is an answer: the pots at their best as the line is. */
static enum pl_code look_at_now(struct line *l, struct pl_error **error) {
    struct line_node base = {.current = l->input->baseline}, now = {.current = l->input->now, .keeps = true};
    for (unsigned i = 0; i < l->input->pots; i++) {
        struct member *m = &l->member[i];
        struct pot_row most;
        double kept[POT_VARIABLES], x[POT_VARIABLES];
        memcpy(kept, m->x, sizeof kept);
        for (int j = 0; j < POT_VARIABLES; j++)
            x[j] = isfinite(m->pot.input->baseline[j]) ? m->pot.input->baseline[j] : m->pot.from[j];
        memcpy(m->x, x, sizeof x);
        if (!line_take(l, m, &base))
            return pl_error_set(error, PL_RANGE, "%s comes to no state as it is run", l->input->name[i]);
        memcpy(m->x, kept, sizeof kept);
        m->miss = line_settle(l, m, l->input->now, &most);
        l->result->missed += m->miss > 0;
        if (l->result->late) return PL_OK;
        now.keeps &= line_take(l, m, &now);
    }
    line_whole(l, &base);
    line_whole(l, &now);
    line_rate(l, &now);
    line_note(l, &now);
    l->result->before = figures_of(l, &base, l->setup->pot.objective.tariff);
    double money = 0;
    for (unsigned h = 0; h < LINE_HOURS && l->setup->by_hour; h++)
        money += l->setup->tariff[h] / LINE_HOURS;
    if (l->setup->by_hour) l->result->before = figures_of(l, &base, money);
    return PL_OK;
}

static enum pl_code run(struct line *l, struct pl_error **error) {
    l->begun = nlp_now(&l->wide.solver);
    l->until = l->begun + l->wide.solver.seconds;
    enum pl_code code = line_open(l, error);
    if (code) return code;
    l->curves.setup = l->setup;
    l->curves.throughput = l->input->limit[QUANTITY_LINE_THROUGHPUT];
    l->curves.move = l->input->limit[QUANTITY_CURRENT_MOVE];
    l->curves.now = l->input->now;
    if ((code = look_at_now(l, error))) return code;
    struct line_result *r = l->result;
    r->from = l->input->now;
    search(l);
    r->low = l->curves.nodes ? l->curves.low : r->current;
    r->high = l->curves.nodes ? l->curves.high : r->current;
    r->saved = r->rung > POT_RELAXED ? 0 : r->before.energy - r->after.energy;
    r->seconds = pot_now(&l->member[0].pot) - l->begun;
    line_tell(l->setup, l->input, r);
    return PL_OK;
}

enum pl_code line_solve(const struct line_setup *setup, struct line_input *input, struct line_result *result,
                        struct pl_error **error) {
    double(*x)[POT_VARIABLES] = result->x;
    *result = (struct line_result){.x = x};
    if (input->pots == 0 || input->pots > LINE_POTS_MAX)
        return pl_error_set(error, PL_RANGE, "a line has 1 to %d pots, not %u", LINE_POTS_MAX, input->pots);
    if (!(input->now > 1) || !(input->baseline > 1))
        return pl_error_set(error, PL_RANGE, "no line current to speak of: %g kA, baseline %g kA", input->now,
                            input->baseline);
    struct line *l = PL_NEW(struct line);
    if (!l) return pl_error_set(error, PL_NO_MEMORY, "no memory for a line");
    *l = (struct line){.setup = setup, .input = input, .result = result, .local = setup->pot, .wide = setup->pot};
    l->wide.held[POT_CURRENT] = l->local.held[POT_CURRENT] = false;
    l->local.solver.solver = NLP_SLSQP;
    if (l->local.solver.evaluations > LOCAL_LOOKS) l->local.solver.evaluations = LOCAL_LOOKS;
    l->member = pl_alloc(input->pots * sizeof *l->member);
    double(*room)[POT_VARIABLES] = pl_alloc((size_t)(SEEN_MAX + 1) * input->pots * sizeof *room);
    for (unsigned i = 0; i < SEEN_MAX && room; i++)
        l->seen[i].x = room + (size_t)i * input->pots;
    l->best.x = room ? room + (size_t)SEEN_MAX * input->pots : NULL;
    enum pl_code code =
        l->member && room ? run(l, error) : pl_error_set(error, PL_NO_MEMORY, "no memory for a line's pots");
    pl_free(room);
    pl_free(l->member);
    pl_free(l);
    return code;
}
