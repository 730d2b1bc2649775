#include <math.h>

#include "line_parts.h"

enum { NODES_LEAST = 5, NODES_MOST = 17, EDGE_HALVINGS = 6 };
static const double APART = 1.5; /* kA: nodes, at first */

/* ---- Where the current may be ---- */

void line_reach(const struct line *l, bool one_move, double *low, double *high) {
    const struct limit *contract = &l->input->limit[QUANTITY_CURRENT], *move = &l->input->limit[QUANTITY_CURRENT_MOVE];
    double now = l->input->now, down = now + move->low, up = now + move->high;
    *low = fmax(contract->low, 0.85 * now);
    *high = fmin(contract->high, 1.15 * now);
    if (*low > *high) *low = *high = contract->low > now ? contract->low : contract->high;
    if (!one_move) return;
    *low = fmin(fmax(*low, down), up); /* from outside of the contract toward it */
    *high = fmin(fmax(*high, down), up);
}

/* The last current on the way from one that keeps to one that does not. */
static bool find_edge(struct line *l, struct line_node good, struct line_node bad, struct line_node *edge,
                      struct line_node *beyond) {
    for (int i = 0; i < EDGE_HALVINGS; i++) {
        struct line_node n;
        if (!line_node_at(l, 0.5 * (good.current + bad.current), &n)) return false;
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
        if (!line_node_at(l, 0.5 * (good.current + bad.current), &n)) return false;
        *(n.rated ? &good : &bad) = n;
    }
    *edge = good;
    return true;
}

/* The line is where its contract or its rectifier does not allow it to be, and nowhere else pots keep their limits as
 * well as now: the line's come first (they are of rank 0), and pots miss theirs by as little as may be. */
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
bool line_range(struct line *l, struct line_active in_way[2]) {
    struct line_node node[NODES_MOST + 1] = {{.current = 0}};
    double low, high;
    line_reach(l, !l->setup->by_hour, &low, &high);
    double first = fmin(fmax(l->input->now, low), high);
    unsigned count = 0, at = 0;
    int nodes = (int)fmin(fmax(ceil((high - low) / APART) + 1, NODES_LEAST), NODES_MOST);
    for (int i = 0; i <= nodes; i++) { /* the present one among them */
        double x = i < nodes ? low + (high - low) * i / (nodes - 1) : first;
        bool same = i < nodes && fabs(x - first) <= 0.2 * (high - low) / (nodes - 1);
        if (same) continue;
        if (!line_node_at(l, x, &node[count])) return false;
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
