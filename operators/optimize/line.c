#include "line.h"

#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "line_curves.h"
#include "line_tell.h"
#include "models.h"

enum { NODES_LEAST = 5, NODES_MOST = 17, SEEN_MAX = 48, EDGE_HALVINGS = 6, ROUNDS = 20, LOCAL_LOOKS = 150 };
static const double SAME_PRICE = 1e-3, ROOM = 1e-9, CURVES_KEEP = 0.05, NEAR = 0.1; /* kWh/t, kA */
static const double APART = 1.5; /* kA: nodes, at first */

struct member {
    struct pot pot;
    double x[POT_VARIABLES]; /* of the newest solution: where the next one begins */
    double miss;             /* at the present current */
};

struct line {
    const struct line_setup *setup;
    struct line_input *input;
    struct line_result *result;
    struct pot_setup local, wide; /* one start, and as it was asked for */
    struct member *member;
    struct line_curves curves;
    double begun, until;
    struct {
        double current;
        double (*x)[POT_VARIABLES]; /* by pot */
    } seen[SEEN_MAX];               /* what pots came to: where they begin at a current near it */
    unsigned seens, next;
    bool at_large;  /* pots are searched from several starts */
    bool gives_way; /* pots' limits do, to the line's */
};

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
static double settle(struct line *l, struct member *m, double current, struct pot_row *most) {
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

static bool take_pot(struct line *l, struct member *m, struct line_node *n) {
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

static struct line_active line_limit(const struct line *l, enum quantity of, bool high) {
    const struct limit *limit = &l->input->limit[of];
    return (struct line_active){.row = {.of = of, .high = high, .rank = limit->rank, .limit = high ? limit->high : limit->low}};
}

static void look_at_rectifier(const struct line *l, struct line_node *n) {
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

/* All pots at a current. False: some have no state there, or time is over. */
static bool solve_node(struct line *l, double current, struct line_node *n) {
    *n = (struct line_node){.current = current, .keeps = true};
    begin_near(l, current);
    for (unsigned i = 0; i < l->input->pots; i++) {
        struct member *m = &l->member[i];
        struct pot_row most = {.of = QUANTITY_THROUGHPUT};
        double miss = settle(l, m, current, &most);
        if (l->result->late) return false;
        n->excess += fmax(miss - m->miss, 0);
        if (miss > m->miss * (1 + 1e-6) + 1e-7 && n->keeps) {
            n->keeps = false;
            n->in_way = (struct line_active){.row = most};
            memcpy(n->in_way.pot, l->input->name[i], LINE_NAME_MAX);
        }
        if (!take_pot(l, m, n)) return false;
    }
    n->power = n->voltage * current / 1000;
    look_at_rectifier(l, n);
    remember(l, current);
    return true;
}

/* ---- Opening ---- */

static enum pl_code open_pots(struct line *l, struct pl_error **error) {
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
    return PL_OK;
}

/* ---- Where the current may be ---- */

static void find_reach(const struct line *l, double *low, double *high) {
    const struct limit *contract = &l->input->limit[QUANTITY_CURRENT], *move = &l->input->limit[QUANTITY_CURRENT_MOVE];
    double now = l->input->now, down = now + move->low, up = now + move->high;
    *low = fmax(contract->low, 0.85 * now);
    *high = fmin(contract->high, 1.15 * now);
    if (*low > *high) *low = *high = contract->low > now ? contract->low : contract->high;
    if (l->setup->by_hour) return;
    *low = fmin(fmax(*low, down), up); /* from outside of the contract toward it */
    *high = fmin(fmax(*high, down), up);
}

/* The last current on the way from one that keeps to one that does not. */
static bool find_edge(struct line *l, struct line_node good, struct line_node bad, struct line_node *edge,
                      struct line_node *beyond) {
    for (int i = 0; i < EDGE_HALVINGS; i++) {
        struct line_node n;
        if (!solve_node(l, 0.5 * (good.current + bad.current), &n)) return false;
        *(n.keeps ? &good : &bad) = n;
    }
    *edge = good;
    *beyond = bad;
    return true;
}

static bool add_edge(struct line *l, const struct line_node *at, const struct line_node *toward,
                     struct line_active *in_way, double *end) {
    struct line_node edge, beyond;
    if (!find_edge(l, *at, *toward, &edge, &beyond)) return false;
    if (edge.current != at->current) line_curves_add(&l->curves, &edge);
    *in_way = beyond.in_way;
    *end = edge.current;
    return true;
}

/* The most current that the rectifier gives, between what it does and what it does not. */
static bool find_rated(struct line *l, struct line_node good, struct line_node bad, struct line_node *edge) {
    for (int i = 0; i < EDGE_HALVINGS; i++) {
        struct line_node n;
        if (!solve_node(l, 0.5 * (good.current + bad.current), &n)) return false;
        *(n.rated ? &good : &bad) = n;
    }
    *edge = good;
    return true;
}

/* The line is where its contract or its rectifier does not allow it to be, and nowhere else pots keep their limits as well
 * as now: the line's come first (they are of rank 0), and pots miss theirs by as little as may be. */
static bool give_way(struct line *l, const struct line_node *node, unsigned count, struct line_active in_way[2]) {
    const struct line_node *best = NULL;
    struct line_node edge;
    for (unsigned i = 0; i + 1 < count; i++) {
        if (!node[i].rated || node[i + 1].rated) continue;
        if (!find_rated(l, node[i], node[i + 1], &edge)) return false;
        best = &edge;
        if (!edge.keeps) continue;
        line_curves_add(&l->curves, &edge);
        l->curves.low = l->curves.high = edge.current;
        in_way[0] = in_way[1] = node[i + 1].in_way;
        return true;
    }
    for (unsigned i = 0; i < count; i++)
        if (node[i].rated && (!best || node[i].excess < best->excess)) best = &node[i];
    if (!best || !isfinite(best->excess)) return false;
    l->gives_way = true;
    line_curves_add(&l->curves, best);
    l->curves.low = l->curves.high = best->current;
    in_way[0] = in_way[1] = best->in_way;
    return true;
}

/* Nodes over all that the current may be, and where pots and rectifier keep, beside what gets in the way. */
static bool find_range(struct line *l, struct line_active in_way[2]) {
    struct line_node node[NODES_MOST + 1];
    double low, high;
    find_reach(l, &low, &high);
    double first = fmin(fmax(l->input->now, low), high);
    unsigned count = 0, at = 0;
    int nodes = (int)fmin(fmax(ceil((high - low) / APART) + 1, NODES_LEAST), NODES_MOST);
    for (int i = 0; i <= nodes; i++) { /* the present one among them */
        double x = i < nodes ? low + (high - low) * i / (nodes - 1) : first;
        bool same = i < nodes && fabs(x - first) <= 0.2 * (high - low) / (nodes - 1);
        if (same) continue;
        if (!solve_node(l, x, &node[count])) return false;
        count++;
    }
    for (unsigned i = 1; i < count; i++)
        for (unsigned k = i; k > 0 && node[k - 1].current > node[k].current; k--) {
            struct line_node swap = node[k];
            node[k] = node[k - 1];
            node[k - 1] = swap;
        }
    double off = INFINITY; /* of those that keep the nearest to the present one */
    for (unsigned i = 0; i < count; i++)
        if (node[i].keeps && fabs(node[i].current - first) < off) {
            off = fabs(node[i].current - first);
            at = i;
        }
    if (off == INFINITY) return give_way(l, node, count, in_way);
    unsigned from = at, to = at;
    while (from > 0 && node[from - 1].keeps)
        from--;
    while (to + 1 < count && node[to + 1].keeps)
        to++;
    for (unsigned i = from; i <= to; i++)
        line_curves_add(&l->curves, &node[i]);
    l->curves.low = node[from].current;
    l->curves.high = node[to].current;
    for (int side = 0; side < 2; side++) {
        bool moved = !l->setup->by_hour && (side ? high < l->input->limit[QUANTITY_CURRENT].high
                                                 : low > l->input->limit[QUANTITY_CURRENT].low);
        in_way[side] = line_limit(l, moved ? QUANTITY_CURRENT_MOVE : QUANTITY_CURRENT, side == 1);
    }
    if (from > 0 && !add_edge(l, &node[from], &node[from - 1], &in_way[0], &l->curves.low)) return false;
    return to + 1 >= count || add_edge(l, &node[to], &node[to + 1], &in_way[1], &l->curves.high);
}

/* ---- The search ---- */

/* At another price; of one hour those that the answer is near to. */
static bool solve_nodes_again(struct line *l, double price, double current) {
    double reach = l->setup->by_hour ? INFINITY : fmax((l->curves.high - l->curves.low) / 4, 2 * NEAR);
    for (unsigned i = 0; i < l->input->pots; i++)
        l->member[i].pot.price = price;
    for (unsigned i = 0; i < l->curves.nodes; i++) {
        struct line_node n;
        if (fabs(l->curves.node[i].current - current) > reach) continue;
        if (!solve_node(l, l->curves.node[i].current, &n)) return false;
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

/* What pots come to at the currents of a plan: by hour means of what the curves say, but for this hour, which is solved. */
static bool confirm(struct line *l, const struct line_plan *plan) {
    struct line_result *r = l->result;
    struct line_node n, guess = line_curves_node(&l->curves, plan->current[0]), sum = {.made = 0};
    double money = 0, ratio[2];
    if (!solve_node(l, plan->current[0], &n) || !(n.keeps || l->gives_way)) return false;
    ratio[0] = guess.energy / guess.made;
    ratio[1] = n.energy / n.made;
    for (unsigned h = 0; h < plan->hours; h++) {
        struct line_node at = h ? line_curves_node(&l->curves, plan->current[h]) : n;
        double tariff = l->setup->by_hour ? l->setup->tariff[h] : l->setup->pot.objective.tariff;
        sum.made += at.made;
        sum.energy += at.energy;
        sum.fluoride += at.fluoride;
        money += tariff * at.energy;
        r->schedule[h] = plan->current[h];
    }
    r->curve_error = fabs(ratio[1] - ratio[0]);
    if (r->curve_error > 0) line_curves_add(&l->curves, &n);
    r->current = plan->current[0];
    r->hours = plan->hours;
    r->after = figures_of(l, &sum, money / sum.energy);
    r->after.made = sum.made / plan->hours;
    r->after.power = n.power;
    r->after.voltage = n.voltage;
    r->throughput = 100 * r->after.made / l->curves.made;
    r->price = plan->price;
    r->rung = plan->missed || l->gives_way ? POT_RELAXED : POT_OPTIMAL;
    r->gives_way = l->gives_way;
    for (unsigned i = 0; i < l->input->pots && r->x; i++)
        memcpy(r->x[i], l->member[i].x, sizeof r->x[i]);
    return true;
}

/* What one unit more of room would save: by the curves' slopes at the current. */
static void find_active(struct line *l, const struct line_plan *plan, const struct line_active in_way[2]) {
    const struct line_curves *c = &l->curves;
    double x = plan->current[0], step = 1e-4 * x;
    struct line_hour at = line_curves_at(c, x, 0), more = line_curves_at(c, x + step, 0);
    double slope = (more.cost / more.made - at.cost / at.made) / step * c->by[0];
    struct line_result *r = l->result;
    if (l->gives_way) {
        r->active[r->actives++] = in_way[0];
        return;
    }
    if (plan->bound) {
        struct line_active a = line_limit(l, QUANTITY_LINE_THROUGHPUT, plan->bound > 0);
        a.multiplier = fabs(plan->price - plan->ratio) * c->made * plan->hours / 100 / (at.made * plan->hours) * c->by[0];
        r->active[r->actives++] = a;
    }
    for (int side = 0; side < 2; side++) {
        double end = side ? c->high : c->low;
        bool wants = plan->missed || c->low == c->high || (side ? slope < 0 : slope > 0);
        bool held = plan->hours == 1 && wants && fabs(x - end) <= 1e-6 * x;
        for (unsigned h = 0; h < plan->hours && plan->hours > 1; h++)
            held |= fabs(plan->current[h] - end) <= 1e-6 * x;
        bool twice = side && c->low == c->high && r->actives && r->active[r->actives - 1].row.of == in_way[1].row.of;
        if (!held || twice || r->actives == LINE_TOLD_MAX) continue;
        r->active[r->actives] = in_way[side];
        r->active[r->actives++].multiplier = fabs(slope);
    }
}

static void leave(struct line *l) {
    struct line_result *r = l->result;
    r->rung = POT_BASELINE;
    r->hours = 1;
    r->current = r->schedule[0] = l->input->now;
    for (unsigned i = 0; i < l->input->pots && r->x; i++) {
        memcpy(r->x[i], l->member[i].pot.from, sizeof r->x[i]);
        r->x[i][POT_CURRENT] = l->input->now;
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
        if (!solve_node(l, x, &n)) return false;
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
    bool found = !l->result->late && find_range(l, in_way);
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
    if (!plan.hours) {
        leave(l);
        return;
    }
    find_active(l, &plan, in_way);
}

/* How much each pot misses as the line is now, and what all come to at the baseline. */
static enum pl_code look_at_now(struct line *l, struct pl_error **error) {
    struct line_node base = {.current = l->input->baseline};
    for (unsigned i = 0; i < l->input->pots; i++) {
        struct member *m = &l->member[i];
        struct pot_row most;
        double kept[POT_VARIABLES], x[POT_VARIABLES];
        memcpy(kept, m->x, sizeof kept);
        for (int j = 0; j < POT_VARIABLES; j++)
            x[j] = isfinite(m->pot.input->baseline[j]) ? m->pot.input->baseline[j] : m->pot.from[j];
        memcpy(m->x, x, sizeof x);
        if (!take_pot(l, m, &base))
            return pl_error_set(error, PL_RANGE, "%s comes to no state as it is run", l->input->name[i]);
        memcpy(m->x, kept, sizeof kept);
        m->miss = settle(l, m, l->input->now, &most);
        l->result->missed += m->miss > 0;
        if (l->result->late) return PL_OK;
    }
    base.power = base.voltage * base.current / 1000;
    l->result->before = figures_of(l, &base, l->setup->pot.objective.tariff);
    double money = 0;
    for (unsigned h = 0; h < LINE_HOURS && l->setup->by_hour; h++)
        money += l->setup->tariff[h] / LINE_HOURS;
    if (l->setup->by_hour) l->result->before = figures_of(l, &base, money);
    return PL_OK;
}

static enum pl_code run(struct line *l, struct pl_error **error) {
    enum pl_code code = open_pots(l, error);
    if (code) return code;
    l->begun = pot_now(&l->member[0].pot);
    l->until = l->begun + l->wide.solver.seconds;
    l->curves.setup = l->setup;
    l->curves.throughput = l->input->limit[QUANTITY_LINE_THROUGHPUT];
    l->curves.move = l->input->limit[QUANTITY_CURRENT_MOVE];
    l->curves.now = l->input->now;
    if ((code = look_at_now(l, error))) return code;
    struct line_result *r = l->result;
    r->from = l->input->now;
    search(l);
    r->low = l->curves.low;
    r->high = l->curves.high;
    r->saved = r->rung == POT_BASELINE ? 0 : r->before.energy - r->after.energy;
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
        return pl_error_set(error, PL_RANGE, "no line current to speak of: %g kA, baseline %g kA", input->now, input->baseline);
    struct line *l = PL_NEW(struct line);
    if (!l) return pl_error_set(error, PL_NO_MEMORY, "no memory for a line");
    *l = (struct line){.setup = setup, .input = input, .result = result, .local = setup->pot, .wide = setup->pot};
    l->wide.held[POT_CURRENT] = l->local.held[POT_CURRENT] = false;
    l->local.solver.solver = NLP_SLSQP;
    if (l->local.solver.evaluations > LOCAL_LOOKS) l->local.solver.evaluations = LOCAL_LOOKS;
    l->member = pl_alloc(input->pots * sizeof *l->member);
    double(*room)[POT_VARIABLES] = pl_alloc((size_t)SEEN_MAX * input->pots * sizeof *room);
    for (unsigned i = 0; i < SEEN_MAX && room; i++)
        l->seen[i].x = room + (size_t)i * input->pots;
    enum pl_code code = l->member && room ? run(l, error) : pl_error_set(error, PL_NO_MEMORY, "no memory for a line's pots");
    pl_free(room);
    pl_free(l->member);
    pl_free(l);
    return code;
}
