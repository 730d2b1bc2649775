#include <math.h>
#include <string.h>

#include "pot.h"
#include "words.h"

static void put_moves(struct words *t, const struct pot_result *r) {
    static const enum quantity of[POT_VARIABLES] = {QUANTITY_ACD, QUANTITY_ALUMINA, QUANTITY_ALF3, QUANTITY_CURRENT};
    static const double least[POT_VARIABLES] = {0.05, 0.02, 0.02, 0.05};
    const char *between = "";
    for (int j = 0; j < POT_VARIABLES; j++) {
        if (!(fabs(r->x[j] - r->from[j]) >= least[j])) continue;
        words_put(t, "%s%s %.2f -> %.2f %s", between, quantity_rows[of[j]].words, r->from[j], r->x[j],
                  quantity_rows[of[j]].unit);
        between = ", ";
    }
    if (!*between) words_put(t, "nothing is to be changed");
}

static void put_held(struct words *t, const struct pot_result *r) {
    for (unsigned i = 0; i < r->actives; i++) {
        const struct pot_active *a = &r->active[i];
        words_put(t, i ? ", " : "; held back by ");
        words_limit(t, &a->row);
        if (a->multiplier >= 0.5)
            words_put(t, " (one %s more: %.0f kWh/t)",
                      *quantity_rows[a->row.of].unit ? quantity_rows[a->row.of].unit : "unit", a->multiplier);
    }
}

static void put_missed(struct words *t, const struct pot_result *r) {
    for (unsigned i = 0; i < r->actives; i++) {
        words_put(t, i ? ", " : "; given up: ");
        words_limit(t, &r->active[i].row);
        words_put(t, " (missed by %.3g)", -r->active[i].slack);
    }
}

static void put_conflict(struct words *t, const struct pot_result *r) {
    for (unsigned i = 0; i < r->conflicts; i++) {
        words_put(t, i ? " and " : "; these cannot hold together: ");
        words_limit(t, &r->conflict[i].row);
        double cost = r->conflict[i].cost;
        if (isnan(r->conflict[i].slack)) continue;
        words_put(t, " (%.3g %s looser would do", -r->conflict[i].slack, quantity_rows[r->conflict[i].row.of].unit);
        if (!r->conflict[i].alone)
            words_put(t, " for these");
        else if (isfinite(cost)) /* else time was over */
            words_put(t, ", at %.0f kWh/t %s than as it is", fabs(cost), cost > 0 ? "more" : "less");
        words_put(t, ")");
    }
}

void pot_tell(const struct pot *p, struct pot_result *r) {
    struct words t = {r->reason, sizeof r->reason};
    static const char *const begins[POT_RUNGS] = {[POT_OPTIMAL] = "",
                                                  [POT_RELAXED] = "not all limits can be kept: ",
                                                  [POT_ACCEPTED] = "no answer within the limits; as accepted last: ",
                                                  [POT_BASELINE] = "no answer within the limits; the baseline: "};
    words_put(&t, "%s", begins[r->rung]);
    put_moves(&t, r);
    if (isfinite(r->saved))
        words_put(&t, "; %.0f kWh/t %s (%.2f %%)", fabs(r->saved), r->saved >= 0 ? "less" : "more",
                  100 * fabs(r->saved) / r->energy[0]);
    if (p->stable > p->input->limit[QUANTITY_ACD].low + 0.005)
        words_put(&t, "; noise of %.0f mV asks for %.1f mm at least", p->input->noise, p->stable);
    if (r->rung == POT_OPTIMAL) put_held(&t, r);
    if (r->rung == POT_RELAXED) put_missed(&t, r);
    put_conflict(&t, r);
    if (r->search.late) words_put(&t, "; the deadline has ended the search");
}
