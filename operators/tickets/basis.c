/* basis.c: what a ticket rests on. By asset, number and place, in a table of its own, since most rest on one anomaly.
 */
#include "tickets.h"

static int64_t sub_of(uint32_t number, uint32_t place) {
    return (int64_t)number * BASIS_MAX + place;
}

const struct finding *basis_at(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                               uint32_t place) {
    if (place >= ticket->listed) return NULL;
    return pl_table_find(pl_node_table(node, TABLE_BASIS), asset, sub_of(number, place));
}

uint32_t basis_lead(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket) {
    uint32_t lead = 0;
    double most = -2;
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *finding = basis_at(node, asset, number, ticket, i);
        const double score = finding ? finding->score - finding_refuted(finding) : 0;
        if (!finding || score <= most) continue;
        most = score;
        lead = i;
    }
    return lead;
}

/* Is there one like it, at another place, that says as much? */
static bool is_told_better(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                           uint32_t place) {
    const struct finding *finding = basis_at(node, asset, number, ticket, place);
    for (uint32_t i = 0; finding && i < ticket->listed; i++) {
        const struct finding *other = i == place ? NULL : basis_at(node, asset, number, ticket, i);
        if (other && other->score >= finding->score && finding_like(other, finding)) return true;
    }
    return false;
}

/* One that nothing else speaks for is needed more than any that is told better. */
static double need_of(double score, bool told_better) {
    return score + (told_better ? 0 : 2);
}

/* The place that is needed least, and less than `needed`; BASIS_MAX: none is. */
static uint32_t least_place(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                            double needed) {
    uint32_t least = BASIS_MAX;
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *finding = basis_at(node, asset, number, ticket, i);
        if (!finding) return i;
        const double need = need_of(finding->score, is_told_better(node, asset, number, ticket, i));
        if (need >= needed) continue;
        needed = need;
        least = i;
    }
    return least;
}

enum basis_news basis_take(struct pl_node *node, uint32_t asset, uint32_t number, struct ticket *ticket,
                           const struct finding *finding) {
    struct pl_table *table = pl_node_table(node, TABLE_BASIS);
    enum basis_news news = BASIS_NEW;
    uint32_t place = ticket->listed;
    bool told_better = false;
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *known = basis_at(node, asset, number, ticket, i);
        if (!known) continue;
        if (finding_same(known, finding)) {
            place = i;
            news = BASIS_KNOWN;
            break;
        }
        if (!finding_like(known, finding)) continue;
        news = BASIS_AGAIN;
        told_better |= known->score >= finding->score;
    }
    if (place == BASIS_MAX) place = least_place(node, asset, number, ticket, need_of(finding->score, told_better));
    if (place == BASIS_MAX) return news;
    struct finding *at = pl_table_get(table, asset, sub_of(number, place));
    if (!at) return pl_count(node, COUNT_REFUSED, 1), news;
    const uint16_t verdict = news == BASIS_KNOWN ? at->verdict : VERDICT_NONE;
    *at = *finding;
    at->verdict = verdict;
    if (place == ticket->listed) ticket->listed++;
    return news;
}

bool basis_outgrown(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                    const struct finding *finding) {
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *judged = basis_at(node, asset, number, ticket, i);
        if (!judged || !finding_same(judged, finding)) continue;
        if (finding->end != judged->end || finding->how != judged->how) {
            struct finding *at = pl_table_get(pl_node_table(node, TABLE_BASIS), asset, sub_of(number, i));
            if (at) at->end = finding->end;
            if (at) at->how = finding->how;
        }
        return finding_more(finding, judged);
    }
    return false;
}

bool basis_judge(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket, uint64_t event,
                 enum finding_verdict verdict) {
    bool any = false;
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *finding = basis_at(node, asset, number, ticket, i);
        if (!finding || (event && finding->event != event)) continue;
        struct finding *at = pl_table_get(pl_node_table(node, TABLE_BASIS), asset, sub_of(number, i));
        if (at) at->verdict = (uint16_t)verdict;
        any |= at != NULL;
    }
    return any;
}

void basis_drop(struct pl_node *node, uint32_t asset, uint32_t number) {
    struct pl_table *tickets = pl_node_table(node, TABLE_TICKETS), *table = pl_node_table(node, TABLE_BASIS);
    const struct ticket *ticket = pl_table_find(tickets, asset, number);
    for (uint32_t i = 0; ticket && i < ticket->listed; i++)
        pl_table_drop(table, asset, sub_of(number, i));
    pl_table_drop(tickets, asset, number);
}
