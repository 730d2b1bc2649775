#include "line_curves.h"

#include <math.h>
#include <string.h>

static const double SAME_CURRENT = 1e-3; /* kA: nodes that are closer are one */
enum { LEVELS = 101, HALVINGS = 60, ROUNDS = 20 };

/* ---- Curves ---- */

void line_curves_add(struct line_curves *c, const struct line_node *node) {
    unsigned at = c->nodes;
    while (at > 0 && c->node[at - 1].current > node->current)
        at--;
    if (at > 0 && node->current - c->node[at - 1].current < SAME_CURRENT) {
        c->node[at - 1] = *node;
        return;
    }
    if (at < c->nodes && c->node[at].current - node->current < SAME_CURRENT) {
        c->node[at] = *node;
        return;
    }
    if (c->nodes == LINE_NODES_MAX) return;
    memmove(&c->node[at + 1], &c->node[at], (c->nodes - at) * sizeof *c->node);
    c->node[at] = *node;
    c->nodes++;
}

enum { MADE, ENERGY, FLUORIDE, VOLTAGE, POWER, FIELDS };

static double field(const struct line_node *n, int of) {
    const double all[FIELDS] = {n->made, n->energy, n->fluoride, n->voltage, n->power};
    return all[of];
}

static double between(const struct line_curves *c, unsigned i, int of) {
    double run = c->node[i + 1].current - c->node[i].current;
    return (field(&c->node[i + 1], of) - field(&c->node[i], of)) / run;
}

/* Of the parabola through a node and its neighbours. */
static double slope_at(const struct line_curves *c, unsigned i, int of) {
    unsigned last = c->nodes - 1;
    if (last == 1) return between(c, 0, of);
    unsigned k = i == 0 ? 1 : i == last ? last - 1 : i;
    double a = between(c, k - 1, of), b = between(c, k, of);
    double h = c->node[k].current - c->node[k - 1].current, g = c->node[k + 1].current - c->node[k].current;
    double bend = (b - a) / (h + g);
    return (a * g + b * h) / (h + g) + 2 * bend * (c->node[i].current - c->node[k].current);
}

static double curve(const struct line_curves *c, double x, int of) {
    if (c->nodes == 1) return field(&c->node[0], of);
    unsigned i = 0;
    while (i + 2 < c->nodes && x > c->node[i + 1].current)
        i++;
    double run = c->node[i + 1].current - c->node[i].current, t = (x - c->node[i].current) / run;
    double a = field(&c->node[i], of), b = field(&c->node[i + 1], of);
    double da = slope_at(c, i, of) * run, db = slope_at(c, i + 1, of) * run;
    return a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (da + db - 2 * (b - a))));
}

struct line_node line_curves_node(const struct line_curves *c, double x) {
    return (struct line_node){.current = x,
                              .made = curve(c, x, MADE),
                              .energy = curve(c, x, ENERGY),
                              .fluoride = curve(c, x, FLUORIDE),
                              .voltage = curve(c, x, VOLTAGE),
                              .power = curve(c, x, POWER)};
}

struct line_hour line_hour_of(const struct line_curves *c, const struct line_node *n, unsigned hour) {
    const struct pot_objective *o = &c->setup->pot.objective;
    double tariff = c->setup->by_hour ? c->setup->tariff[hour] : o->tariff;
    double cost = o->energy * n->energy / c->by[0] + o->cost * (tariff * n->energy + n->fluoride) / c->by[1] +
                  o->co2e * (o->grid * n->energy + pot_anodes * n->made) / c->by[2];
    return (struct line_hour){n->made, cost};
}

struct line_hour line_curves_at(const struct line_curves *c, double x, unsigned hour) {
    struct line_node n = line_curves_node(c, x);
    return line_hour_of(c, &n, hour);
}

/* ---- One hour ---- */

static double made_at(const struct line_curves *c, double x) {
    return 100 * curve(c, x, MADE) / c->made;
}

/* Where so much is made, between what does not and what does (metal grows with the current). */
static double current_for(const struct line_curves *c, double throughput, double low, double high) {
    for (int i = 0; i < HALVINGS; i++) {
        double middle = 0.5 * (low + high);
        *(made_at(c, middle) < throughput ? &low : &high) = middle;
    }
    return 0.5 * (low + high);
}

static double ratio_at(const struct line_curves *c, double x) {
    struct line_hour h = line_curves_at(c, x, 0);
    return h.cost / h.made;
}

static void plan_one(const struct line_curves *c, struct line_plan *plan) {
    double low = c->low, high = c->high, best = low;
    plan->missed = made_at(c, high) < c->throughput.low || made_at(c, low) > c->throughput.high;
    bool starts = !plan->missed && made_at(c, low) < c->throughput.low;
    bool ends = !plan->missed && made_at(c, high) > c->throughput.high;
    if (plan->missed) low = high = made_at(c, high) < c->throughput.low ? high : low;
    if (starts) low = current_for(c, c->throughput.low, low, high);
    if (ends) high = current_for(c, c->throughput.high, low, high);
    for (int i = 0; i < LEVELS; i++) {
        double x = low + (high - low) * i / (LEVELS - 1);
        if (i == 0 || ratio_at(c, x) < ratio_at(c, best)) best = x;
    }
    double a = fmax(low, best - (high - low) / (LEVELS - 1)), b = fmin(high, best + (high - low) / (LEVELS - 1));
    for (int i = 0; i < HALVINGS && b > a; i++) {
        double left = a + (b - a) / 3, right = b - (b - a) / 3;
        *(ratio_at(c, left) < ratio_at(c, right) ? &b : &a) = ratio_at(c, left) < ratio_at(c, right) ? right : left;
    }
    if (b > a && ratio_at(c, 0.5 * (a + b)) < ratio_at(c, best)) best = 0.5 * (a + b);
    double step = 1e-4 * best;
    plan->current[0] = best;
    plan->ratio = plan->price = ratio_at(c, best);
    plan->throughput = made_at(c, best);
    plan->bound = starts && best - low < 1e-9 * low ? -1 : ends && high - best < 1e-9 * high ? 1 : 0;
    if (plan->bound) { /* what one tonne more costs, made by more current */
        struct line_hour less = line_curves_at(c, best - step, 0), more = line_curves_at(c, best + step, 0);
        plan->price = (more.cost - less.cost) / (more.made - less.made);
    }
}

/* ---- A day ---- */

struct grid {
    unsigned levels;
    double current[LINE_HOURS][LEVELS];
    struct line_hour at[LINE_HOURS][LEVELS];
};

/* In an hour no current is farther than its moves go: from outside of the range toward it. */
static void fill(const struct line_curves *c, struct grid *g) {
    g->levels = c->high > c->low ? LEVELS : 1;
    for (unsigned h = 0; h < LINE_HOURS; h++) {
        double down = c->now + (h + 1) * c->move.low, up = c->now + (h + 1) * c->move.high;
        for (unsigned k = 0; k < g->levels; k++) {
            double x = fmin(fmax(c->low + (c->high - c->low) * k / (LEVELS - 1), down), up);
            struct line_node n = line_curves_node(c, x);
            g->current[h][k] = x;
            g->at[h][k] = line_hour_of(c, &n, h);
        }
    }
}

static bool reaches(const struct line_curves *c, double from, double to) {
    return to - from >= c->move.low - 1e-9 && to - from <= c->move.high + 1e-9;
}

/* The cheapest way at a price. */
static void cheapest(const struct line_curves *c, const struct grid *g, double price, struct line_plan *plan) {
    static _Thread_local double cost[LINE_HOURS][LEVELS];
    static _Thread_local unsigned short from[LINE_HOURS][LEVELS];
    for (unsigned h = 0; h < LINE_HOURS; h++)
        for (unsigned k = 0; k < g->levels; k++) {
            double own = g->at[h][k].cost - price * g->at[h][k].made, best = INFINITY;
            if (h == 0) {
                cost[h][k] = own;
                continue;
            }
            for (unsigned i = 0; i < g->levels; i++)
                if (cost[h - 1][i] < best && reaches(c, g->current[h - 1][i], g->current[h][k])) {
                    best = cost[h - 1][i];
                    from[h][k] = (unsigned short)i;
                }
            cost[h][k] = own + best;
        }
    unsigned at = 0;
    for (unsigned k = 1; k < g->levels; k++)
        if (cost[LINE_HOURS - 1][k] < cost[LINE_HOURS - 1][at]) at = k;
    double made = 0, spent = 0;
    for (unsigned h = LINE_HOURS; h-- > 0;) {
        plan->current[h] = g->current[h][at];
        made += g->at[h][at].made;
        spent += g->at[h][at].cost;
        if (h) at = from[h][at];
    }
    plan->price = price;
    plan->ratio = spent / made;
    plan->throughput = 100 * made / (LINE_HOURS * c->made);
}

static void plan_day(const struct line_curves *c, struct line_plan *plan) {
    static _Thread_local struct grid g;
    struct line_plan low, high;
    fill(c, &g);
    const double all = c->setup->pot.objective.energy + c->setup->pot.objective.cost + c->setup->pot.objective.co2e;
    plan->price = all;
    for (int i = 0; i < ROUNDS; i++) { /* Dinkelbach: the price is what it comes to by tonne */
        double before = plan->price;
        cheapest(c, &g, before, plan);
        if (fabs(plan->ratio - before) <= 1e-9 * fabs(before)) break;
        plan->price = plan->ratio;
    }
    bool lacks = plan->throughput < c->throughput.low;
    bool beyond = plan->throughput > c->throughput.high;
    if (!lacks && !beyond) return;
    double cheap = plan->price - (beyond ? 10 * all : 0), dear = plan->price + (lacks ? 10 * all : 0);
    low = high = *plan;
    cheapest(c, &g, cheap, &low);
    cheapest(c, &g, dear, &high);
    bool missed = high.throughput < c->throughput.low || low.throughput > c->throughput.high;
    for (int i = 0; i < HALVINGS && !missed; i++) {
        double middle = 0.5 * (cheap + dear);
        struct line_plan tried = *plan;
        cheapest(c, &g, middle, &tried);
        bool more = lacks ? tried.throughput >= c->throughput.low : tried.throughput > c->throughput.high;
        *(more ? &dear : &cheap) = middle;
        *(more ? &high : &low) = tried;
    }
    *plan = lacks ? high : low;
    plan->missed = missed;
    plan->bound = missed ? 0 : lacks ? -1 : 1;
    if (missed) plan->price = plan->ratio; /* what would be paid for it is no price of what is made */
}

void line_plan(const struct line_curves *c, struct line_plan *plan) {
    *plan = (struct line_plan){.hours = c->setup->by_hour ? LINE_HOURS : 1};
    (c->setup->by_hour ? plan_day : plan_one)(c, plan);
}
