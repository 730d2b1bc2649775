/* take.c: an anomaly joins the ticket of its asset, opens one, or is not sure enough. */
#include "tickets.h"

/* ---- The list of anomalies ---- */

/* Beyond so many of an asset the oldest go. */
static void drop_old(struct pl_table *table, uint32_t asset, int64_t keep) {
    int64_t count = 0;
    for (struct pl_record *r = pl_table_first(table, asset), *next; r; r = next) {
        next = r->next;
        if (++count > keep) pl_table_drop(table, asset, r->sub);
    }
}

/* The one that this event is about, or a new one. *fresh: it was not known. NULL past a limit. */
static struct anomaly *find_anomaly(struct tickets *t, struct pl_node *node, uint32_t asset,
                                    const struct finding *finding, bool *fresh) {
    struct pl_table *table = pl_node_table(node, TABLE_ANOMALIES);
    int64_t sub = finding->start;
    const struct anomaly *known;
    while ((known = pl_table_find(table, asset, sub)) && !finding_same(&known->finding, finding)) {
        if (sub == INT64_MAX) return NULL;
        sub++;
    }
    *fresh = !known;
    struct anomaly *anomaly = pl_table_get(table, asset, sub);
    if (!anomaly || !*fresh) return anomaly;
    anomaly->finding = *finding;
    drop_old(table, asset, t->recent);
    return (struct anomaly *)(uintptr_t)pl_table_find(table, asset, sub); /* older than all that are kept: it is gone */
}

/* ---- Tickets ---- */

static struct pl_record *open_of(struct pl_node *node, uint32_t asset) {
    for (struct pl_record *r = pl_table_first(pl_node_table(node, TABLE_TICKETS), asset); r; r = r->next)
        if (!ticket_closed(pl_record_data(r))) return r;
    return NULL;
}

/* The closed ticket that has not changed for longest makes room. False: all are open. */
static bool make_room(struct tickets *t, struct pl_node *node) {
    struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    if (pl_table_count(table) < (uint64_t)t->max_tickets) return true;
    const struct pl_record *oldest = NULL;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct ticket *ticket = pl_record_data(r);
        if (!ticket_closed(ticket)) continue;
        if (!oldest || ticket->changed < ((const struct ticket *)(const void *)(oldest + 1))->changed) oldest = r;
    }
    if (!oldest) return false;
    basis_drop(node, oldest->id, (uint32_t)oldest->sub);
    pl_count(node, COUNT_DROPPED, 1);
    return true;
}

/* Closed tickets of an asset beyond so many: the oldest go. The newest one stays, for its number. */
static void drop_cases(struct tickets *t, struct pl_node *node, uint32_t asset) {
    struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    int64_t closed = 0;
    for (struct pl_record *r = pl_table_first(table, asset), *next; r; r = next) {
        next = r->next;
        if (!ticket_closed(pl_record_data(r)) || ++closed <= t->cases) continue;
        basis_drop(node, asset, (uint32_t)r->sub);
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

/* Twentieths of a score, as detectors tell them. */
static uint32_t step_of(double score) {
    return (uint32_t)(score * 20 + 1e-9);
}

static bool open_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, struct anomaly *anomaly) {
    struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    const uint32_t number = next_number(node, asset);
    drop_cases(t, node, asset);
    struct ticket *ticket = make_room(t, node) ? pl_table_get(table, asset, number) : NULL;
    if (!ticket) return pl_count(node, COUNT_REFUSED, 1), true;
    const struct finding *finding = &anomaly->finding;
    *ticket = (struct ticket){.opened = finding->last,
                              .changed = finding->last,
                              .state = TICKET_OPEN,
                              .anomalies = 1,
                              .told = step_of(finding->score)};
    basis_take(node, asset, number, ticket, finding);
    anomaly->ticket = number;
    pl_count(node, COUNT_OPENED, 1);
    return tell_ticket(t, node, "opened", asset, number, ticket, finding->last);
}

/* One more of a kind that the ticket has is counted, and is no news. */
static bool join_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                        struct anomaly *anomaly) {
    struct ticket *ticket = pl_table_get(pl_node_table(node, TABLE_TICKETS), asset, number);
    const struct finding *finding = &anomaly->finding;
    if (!ticket) return pl_count(node, COUNT_REFUSED, 1), true;
    const enum basis_news news = basis_take(node, asset, number, ticket, finding);
    const uint32_t step = step_of(finding->score);
    ticket->anomalies++;
    anomaly->ticket = number;
    if (finding->last > ticket->changed) ticket->changed = finding->last;
    pl_count(node, COUNT_JOINED, 1);
    if (news != BASIS_NEW && step <= ticket->told) return true;
    if (step > ticket->told) ticket->told = step;
    return tell_ticket(t, node, news == BASIS_NEW ? "joined" : "grew", asset, number, ticket, finding->last);
}

/* What has joined already has become more surprising, or is over. */
static bool follow_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, const struct anomaly *anomaly,
                          enum finding_news news) {
    struct ticket *ticket = pl_table_get(pl_node_table(node, TABLE_TICKETS), asset, anomaly->ticket);
    const struct finding *finding = &anomaly->finding;
    if (!ticket) return pl_count(node, COUNT_REFUSED, 1), true;
    basis_take(node, asset, anomaly->ticket, ticket, finding);
    const uint32_t step = step_of(finding->score);
    if (news != FINDING_GREW || step <= ticket->told) return true;
    ticket->told = step;
    if (finding->last > ticket->changed) ticket->changed = finding->last;
    pl_count(node, COUNT_GREW, 1);
    return tell_ticket(t, node, "grew", asset, anomaly->ticket, ticket, finding->last);
}

/* An anomaly that has no ticket yet, or one that is closed and said less of it. */
static bool find_ticket(struct tickets *t, struct pl_node *node, uint32_t asset, struct anomaly *anomaly) {
    const struct bar bar = bar_of(t, node, asset, &anomaly->finding);
    const bool sure = anomaly->finding.score >= t->confidence;
    if (!sure || bar.held) {
        if (sure && !anomaly->held) pl_count(node, COUNT_HELD, 1);
        anomaly->held = sure;
        return true;
    }
    anomaly->held = 0;
    const struct pl_record *open = open_of(node, asset);
    return open ? join_ticket(t, node, asset, (uint32_t)open->sub, anomaly) : open_ticket(t, node, asset, anomaly);
}

bool take_event(struct tickets *t, struct pl_node *node, const struct pl_batch *batch, uint32_t row) {
    struct finding finding;
    enum finding_news news;
    uint32_t asset;
    bool fresh;
    if (!finding_read(node, batch, row, &asset, &finding, &news)) return pl_count(node, COUNT_IGNORED, 1), true;
    struct anomaly *anomaly = find_anomaly(t, node, asset, &finding, &fresh);
    if (!anomaly) return pl_count(node, COUNT_REFUSED, 1), true;
    if (fresh)
        pl_count(node, COUNT_ANOMALIES, 1);
    else
        finding_follow(&anomaly->finding, &finding, news);
    if (anomaly->ticket) {
        const struct ticket *of = pl_table_find(pl_node_table(node, TABLE_TICKETS), asset, anomaly->ticket);
        if (!of) return true;
        if (!ticket_closed(of)) return follow_ticket(t, node, asset, anomaly, news);
        if (!basis_outgrown(node, asset, anomaly->ticket, of, &anomaly->finding) || news != FINDING_GREW) return true;
    }
    if (!find_ticket(t, node, asset, anomaly)) return false;
    if (finding.end && !anomaly->ticket) pl_count(node, COUNT_UNSURE, 1);
    return true;
}
