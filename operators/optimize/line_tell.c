#include "line_tell.h"

#include <math.h>
#include <string.h>

#include "words.h"

static void put_active(struct words *t, const struct line_active *a) {
    const struct quantity_row *q = &quantity_rows[a->row.of];
    if (*a->pot) words_put(t, "%s's ", a->pot);
    words_limit(t, &a->row);
    if (a->multiplier >= 0.05)
        words_put(t, " (one %s more: %.1f kWh/t)", *a->pot ? "kA" : *q->unit ? q->unit : "unit", a->multiplier);
}

static void put_day(struct words *t, const struct line_setup *setup, const struct line_result *r) {
    double least = INFINITY, most = 0, cheap = 0, dear = 0, mean = 0;
    for (unsigned h = 0; h < r->hours; h++)
        mean += setup->tariff[h] / r->hours;
    unsigned below = 0, above = 0;
    for (unsigned h = 0; h < r->hours; h++) {
        bool is_cheap = setup->tariff[h] < mean;
        *(is_cheap ? &cheap : &dear) += r->schedule[h];
        (*(is_cheap ? &below : &above))++;
        least = fmin(least, r->schedule[h]);
        most = fmax(most, r->schedule[h]);
    }
    words_put(t, "; over the day %.1f to %.1f kA", least, most);
    if (below && above) words_put(t, ", in cheap hours %.1f, in dear ones %.1f", cheap / below, dear / above);
}

void line_tell(const struct line_setup *setup, const struct line_input *input, struct line_result *r) {
    struct words t = {r->reason, sizeof r->reason};
    if (r->rung == POT_BASELINE)
        words_put(
            &t,
            "no current is known that keeps the limits of line and pots: no set point is sent; the guard's on_loss "
            "decides (it stands at %.1f kA)",
            r->from);
    else if (r->rung == POT_ACCEPTED)
        words_put(&t,
                  "no current is known that keeps the limits of line and pots: what was accepted last, %.1f kA, "
                  "goes on until it is too old (hold)",
                  r->current);
    else if (fabs(r->current - r->from) < 0.05)
        words_put(&t, "line current stays at %.1f kA", r->current);
    else
        words_put(&t, "line current %.1f -> %.1f kA", r->from, r->current);
    if (r->hours > 1) put_day(&t, setup, r);
    if (r->rung <= POT_RELAXED)
        words_put(&t,
                  "; with it %u pots come to %.0f kWh/t %s than at their baseline of %.1f kA (%.2f %%), at %.1f %% of "
                  "its metal",
                  input->pots, fabs(r->saved), r->saved >= 0 ? "less" : "more", input->baseline,
                  100 * fabs(r->saved) / r->before.energy, r->throughput);
    if (r->hours > 1 && r->rung <= POT_RELAXED)
        words_put(&t, ", %.2f %% cheaper", 100 * (1 - r->after.cost / r->before.cost));
    if (r->gives_way)
        words_put(&t, "; not all limits can be kept: the contract and the rectifier come before those of pots");
    else if (r->rung == POT_RELAXED) {
        const struct limit *l = &input->limit[QUANTITY_LINE_THROUGHPUT];
        words_put(&t,
                  "; not all limits can be kept: throughput of the line from %g to %g %% would need another current",
                  l->low, l->high);
    }
    for (unsigned i = 0; i < r->actives; i++) {
        words_put(&t, "%s", i ? ", " : r->gives_way ? "; given up: " : "; held by ");
        put_active(&t, &r->active[i]);
    }
    if (r->missed)
        words_put(&t, "; %u of its pots cannot keep all of their limits at the present current either", r->missed);
    if (r->late) words_put(&t, "; the deadline has ended the search");
}
