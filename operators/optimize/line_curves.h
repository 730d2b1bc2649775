/* line_curves.h: what a line comes to by its current, as cubic curves through a few nodes, and the least of it by
 * price.
 *
 * Curves are Hermite cubics with slopes of three points. A schedule is the cheapest way through a grid of currents, an
 * hour after the other, no two further apart than the current may go at once (dynamic programming).
 */
#ifndef OPTIMIZE_LINE_CURVES_H
#define OPTIMIZE_LINE_CURVES_H

#include "line.h"

enum { LINE_NODES_MAX = 40 };

struct line_node {
    double current;            /* kA */
    double made;               /* t/h */
    double energy, fluoride;   /* kWh/h; money/h of AlF3 */
    double voltage;            /* V */
    double power;              /* MW */
    bool keeps;                /* no pot is worse off, and the rectifier can do it */
    bool rated;                /* the rectifier can do it */
    double excess;             /* by how much pots miss their limits more than now */
    struct line_active in_way; /* not keeps: what is in the way */
};

struct line_curves {
    struct line_node node[LINE_NODES_MAX]; /* by current, all of them with a value */
    unsigned nodes;
    double low, high; /* kA: between these they keep */
    double made;      /* t/h of the baseline */
    double by[3];     /* kWh, money, kg CO2e by tonne at the baseline */
    const struct line_setup *setup;
    struct limit throughput, move; /* %, kA */
    double now;                    /* kA */
};

/* What a line makes and what it costs in an hour, in tonnes: the weighted objective, each by its value at the baseline.
 */
struct line_hour {
    double made, cost;
};

void line_curves_add(struct line_curves *curves, const struct line_node *node);
/* At a current, in the hour `hour` from now. */
struct line_hour line_curves_at(const struct line_curves *curves, double current, unsigned hour);
struct line_node line_curves_node(const struct line_curves *curves, double current);
struct line_hour line_hour_of(const struct line_curves *curves, const struct line_node *node, unsigned hour);

struct line_plan {
    unsigned hours;
    double current[LINE_HOURS];
    double price;      /* of metal at which it is least */
    double ratio;      /* the objective by tonne */
    double throughput; /* % */
    int bound;         /* -1, 1: the least, the most throughput holds it; 0: neither */
    bool missed;       /* no current that keeps has the throughput */
};
void line_plan(const struct line_curves *curves, struct line_plan *plan);

#endif
