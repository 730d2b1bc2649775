/* bar.c: how sure an anomaly must be to open a ticket.
 *
 * `confidence`. Of an anomaly that is like one which people have called a false alarm more is asked than that one had,
 * but never more than the least that a like one had which was real. What is compared is surprise, which means the same
 * whatever the detector's threshold was then and is now, and size where surprise has come to its limit.
 */
#include <math.h>

#include "tickets.h"

/* Of all that people have judged and that is like an anomaly. */
struct precedents {
    const struct finding *false_alarm; /* the one that asks for most */
    const struct finding *real;        /* the least */
};

/* What was said of it alone counts more than what was said of its ticket, and before that is closed. */
static enum finding_verdict verdict_on(const struct ticket *ticket, const struct finding *past) {
    if (past->verdict == VERDICT_REAL || past->verdict == VERDICT_FALSE) return (enum finding_verdict)past->verdict;
    if (!ticket_closed(ticket)) return VERDICT_NONE;
    return ticket->state == TICKET_FALSE_ALARM ? VERDICT_FALSE : VERDICT_REAL;
}

static void weigh(struct precedents *p, const struct ticket *ticket, const struct finding *past,
                  const struct finding *finding) {
    const enum finding_verdict verdict = verdict_on(ticket, past);
    if (verdict == VERDICT_NONE || !finding_like(past, finding)) return;
    if (verdict == VERDICT_FALSE) {
        if (!p->false_alarm || finding_more(past, p->false_alarm)) p->false_alarm = past;
    } else if (!p->real || finding_more(p->real, past)) {
        p->real = past;
    }
}

/* Both tables have an asset's newest ticket first: one pass through both. */
static struct precedents find_precedents(struct pl_node *node, uint32_t asset, const struct finding *finding) {
    struct precedents p = {0};
    const struct pl_record *of = pl_table_first(pl_node_table(node, TABLE_TICKETS), asset);
    for (struct pl_record *r = pl_table_first(pl_node_table(node, TABLE_BASIS), asset); r; r = r->next) {
        const int64_t number = r->sub / BASIS_MAX;
        while (of && of->sub > number)
            of = of->next;
        if (!of) break;
        const struct ticket *ticket = pl_record_data((struct pl_record *)(uintptr_t)of);
        if (of->sub == number) weigh(&p, ticket, pl_record_data(r), finding);
    }
    return p;
}

static double score_of(double surprise, double threshold) {
    return 1 - exp2(-surprise / threshold);
}

struct bar bar_of(const struct tickets *t, struct pl_node *node, uint32_t asset, const struct finding *finding) {
    const struct precedents p = find_precedents(node, asset, finding);
    struct bar bar = {.score = t->confidence};
    if (!p.false_alarm) return bar;
    const bool as_real = p.real && !finding_more(p.real, finding);
    bar.held = !as_real && !finding_more(finding, p.false_alarm);
    double surprise = p.false_alarm->surprise;
    bool by_size = p.false_alarm->size > 0;
    if (p.real && p.real->surprise < surprise) {
        surprise = p.real->surprise;
        by_size = false;
    }
    bar.score = fmax(bar.score, score_of(surprise, finding->threshold));
    if (by_size) bar.size = p.false_alarm->size;
    return bar;
}
