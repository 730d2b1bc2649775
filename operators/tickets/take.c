/* take.c: an anomaly joins the ticket of its asset, opens one, or is not sure enough.
 *
 * How sure is enough: `confidence`. Of an anomaly that is like one which people have called a false alarm (the same
 * asset and detector, nearly the same signals) more is asked than that one had, but never more than the least that a
 * like one had which was real.
 */
#include <math.h>
#include <string.h>

#include "tickets.h"

static const double like = 0.8, somewhat_like = 0.5;

static bool is_closed(const struct ticket *ticket) {
    return ticket->state == TICKET_RESOLVED || ticket->state == TICKET_FALSE_ALARM;
}

/* ---- How sure is enough ---- */

double take_bar(const struct tickets *t, const struct pl_node *node, uint32_t asset, const struct finding *finding) {
    double bar = t->confidence, least_real = 1;
    const struct pl_table *table = pl_node_table((struct pl_node *)(uintptr_t)node, TABLE_TICKETS);
    for (struct pl_record *r = pl_table_first(table, asset); r; r = r->next) {
        const struct ticket *past = pl_record_data(r);
        const bool same = strcmp(past->finding.detector, finding->detector) == 0;
        if (!is_closed(past) || !same || finding_likeness(&past->finding, finding) < like) continue;
        if (past->state == TICKET_RESOLVED)
            least_real = fmin(least_real, past->finding.score);
        else
            bar = fmax(bar, nextafter(past->finding.score, 2));
    }
    return fmax(fmin(bar, least_real), t->confidence);
}

unsigned take_similar(struct pl_node *node, const struct finding *finding, struct similar found[SIMILAR]) {
    const struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    unsigned count = 0;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct ticket *past = pl_record_data(r);
        const double likeness = is_closed(past) ? finding_likeness(&past->finding, finding) : 0;
        if (likeness < somewhat_like) continue;
        unsigned at = count < SIMILAR ? count++ : SIMILAR;
        for (; at > 0 && found[at - 1].likeness < likeness; at--)
            if (at < SIMILAR) found[at] = found[at - 1];
        if (at < SIMILAR)
            found[at] =
                (struct similar){.asset = r->id, .number = (uint32_t)r->sub, .likeness = likeness, .ticket = past};
    }
    return count;
}

/* ---- The list of anomalies ---- */

/* Beyond so many of an asset the oldest go. */
static void drop_old(struct pl_table *table, uint32_t asset, int64_t keep) {
    int64_t count = 0;
    for (struct pl_record *r = pl_table_first(table, asset), *next; r; r = next) {
        next = r->next;
        if (++count > keep) pl_table_drop(table, asset, r->sub);
    }
}

/* The one that this event is about: of the same detector and beginning. *fresh: it was not known. NULL past a limit. */
static struct anomaly *find_anomaly(struct tickets *t, struct pl_node *node, uint32_t asset,
                                    const struct finding *finding, bool *fresh) {
    struct pl_table *table = pl_node_table(node, TABLE_ANOMALIES);
    int64_t sub = finding->start;
    const struct anomaly *known;
    while ((known = pl_table_find(table, asset, sub)) && strcmp(known->finding.detector, finding->detector) != 0) {
        if (sub == INT64_MAX) return NULL;
        sub++;
    }
    *fresh = !known;
    struct anomaly *anomaly = pl_table_get(table, asset, sub);
    if (!anomaly || !*fresh) return anomaly;
    drop_old(table, asset, t->recent);
    return (struct anomaly *)(uintptr_t)pl_table_find(table, asset, sub); /* older than all that are kept: it is gone */
}

/* ---- Tickets ---- */

static struct pl_record *open_of(struct pl_node *node, uint32_t asset) {
    for (struct pl_record *r = pl_table_first(pl_node_table(node, TABLE_TICKETS), asset); r; r = r->next)
        if (!is_closed(pl_record_data(r))) return r;
    return NULL;
}

/* The closed ticket that has not changed for longest makes room. False: all are open. */
static bool make_room(struct tickets *t, struct pl_node *node) {
    struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    if (pl_table_count(table) < (uint64_t)t->max_tickets) return true;
    const struct pl_record *oldest = NULL;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct ticket *ticket = pl_record_data(r);
        if (!is_closed(ticket)) continue;
        if (!oldest || ticket->changed < ((const struct ticket *)(const void *)(oldest + 1))->changed) oldest = r;
    }
    if (!oldest) return false;
    pl_table_drop(table, oldest->id, oldest->sub);
    pl_count(node, COUNT_DROPPED, 1);
    return true;
}

/* Closed tickets of an asset beyond so many: the oldest go. The newest one stays, for its number. */
static void drop_cases(struct tickets *t, struct pl_node *node, uint32_t asset) {
    struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    int64_t closed = 0;
    for (struct pl_record *r = pl_table_first(table, asset), *next; r; r = next) {
        next = r->next;
        if (!is_closed(pl_record_data(r)) || ++closed <= t->cases) continue;
        pl_table_drop(table, asset, r->sub);
        pl_count(node, COUNT_DROPPED, 1);
    }
}

/* Also behind the newest one, if that is forgotten. */
static uint32_t next_number(struct pl_node *node, uint32_t asset) {
    const struct pl_record *newest = pl_table_first(pl_node_table(node, TABLE_TICKETS), asset);
    uint32_t last = newest ? (uint32_t)newest->sub : 0;
    for (struct pl_record *r = pl_table_first(pl_node_table(node, TABLE_ANOMALIES), asset); r; r = r->next) {
        const struct anomaly *anomaly = pl_record_data(r);
        if (anomaly->ticket > last) last = anomaly->ticket;
    }
    return last + 1;
}

static bool open_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, struct anomaly *anomaly) {
    struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    const uint32_t number = next_number(node, asset);
    drop_cases(t, node, asset);
    struct ticket *ticket = make_room(t, node) ? pl_table_get(table, asset, number) : NULL;
    if (!ticket) return pl_count(node, COUNT_REFUSED, 1), true;
    const struct finding *finding = &anomaly->finding;
    *ticket = (struct ticket){
        .opened = finding->last, .changed = finding->last, .state = TICKET_OPEN, .anomalies = 1, .finding = *finding};
    anomaly->ticket = number;
    pl_count(node, COUNT_OPENED, 1);
    return tell_ticket(t, node, "ticket.opened", asset, number, ticket, finding->last);
}

/* `again`: what has joined already has become more surprising, or is over. */
static bool join_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                        struct anomaly *anomaly, bool again) {
    struct ticket *ticket = pl_table_get(pl_node_table(node, TABLE_TICKETS), asset, number);
    const struct finding *finding = &anomaly->finding;
    if (!ticket) return pl_count(node, COUNT_REFUSED, 1), true;
    if (finding->score >= ticket->finding.score) ticket->finding = *finding;
    if (again) return true;
    ticket->anomalies++;
    anomaly->ticket = number;
    if (finding->last > ticket->changed) ticket->changed = finding->last;
    pl_count(node, COUNT_JOINED, 1);
    return tell_ticket(t, node, "ticket.joined", asset, number, ticket, finding->last);
}

/* An anomaly that has no ticket yet. */
static bool find_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, struct anomaly *anomaly) {
    const double bar = take_bar(t, node, asset, &anomaly->finding);
    if (anomaly->finding.score < bar) {
        const bool held = anomaly->finding.score >= t->confidence;
        if (held && !anomaly->held) pl_count(node, COUNT_HELD, 1);
        anomaly->held = held;
        return true;
    }
    anomaly->held = 0;
    const struct pl_record *open = open_of(node, asset);
    return open ? join_ticket(t, node, asset, (uint32_t)open->sub, anomaly, false)
                : open_ticket(t, node, asset, anomaly);
}

static void take_finding(struct anomaly *anomaly, const struct finding *finding) {
    const double highest = fmax(anomaly->finding.score, finding->score);
    const pl_time end = finding->end ? finding->end : anomaly->finding.end;
    anomaly->finding = *finding;
    anomaly->finding.score = highest;
    anomaly->finding.end = end;
}

bool take_event(struct tickets *t, struct pl_node *node, const struct pl_batch *batch, uint32_t row) {
    struct finding finding;
    uint32_t asset;
    bool fresh;
    if (!finding_read(node, batch, row, &asset, &finding)) return pl_count(node, COUNT_IGNORED, 1), true;
    struct anomaly *anomaly = find_anomaly(t, node, asset, &finding, &fresh);
    if (!anomaly) return pl_count(node, COUNT_REFUSED, 1), true;
    if (fresh) pl_count(node, COUNT_ANOMALIES, 1);
    take_finding(anomaly, &finding);
    if (anomaly->ticket) {
        const struct ticket *of = pl_table_find(pl_node_table(node, TABLE_TICKETS), asset, anomaly->ticket);
        return !of || is_closed(of) || join_ticket(t, node, asset, anomaly->ticket, anomaly, true);
    }
    if (!find_ticket(t, node, asset, anomaly)) return false;
    if (finding.end && !anomaly->ticket) pl_count(node, COUNT_UNSURE, 1);
    return true;
}
