/* tell.c: what becomes of tickets, as events and as rows of replies. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tickets.h"

const char *const ticket_state_names[TICKET_STATES + 1] = {"open", "assigned", "resolved", "false-alarm", NULL};

void ticket_id(const struct pl_node *node, uint32_t asset, uint32_t number, char id[TICKET_ID_MAX]) {
    snprintf(id, TICKET_ID_MAX, "%u@%s", number, pl_tags_get(pl_node_tags(node), asset)->name);
}

void pack_time(struct pl_pack *pack, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(pack, key);
    pl_pack_strn(pack, text, time ? (size_t)(pl_text_put_time(text, time) - text) : 0);
}

void pack_parts(const struct pl_node *node, uint32_t asset, const struct finding *finding, struct pl_pack *pack) {
    char name[PL_NAME_MAX + SIGNAL_SIZE + 2];
    const char *of = pl_tags_get(pl_node_tags(node), asset)->name;
    pl_pack_str(pack, "tags");
    pl_pack_array(pack, finding->parts);
    for (uint32_t i = 0; i < finding->parts; i++) {
        /* a detector of single signals speaks of the tag itself */
        const bool own = strcmp(of, finding->part[i].signal) == 0;
        snprintf(name, sizeof name, "%s%s%s", own ? "" : of, own ? "" : ".", finding->part[i].signal);
        pl_pack_map(pack, 2);
        pl_pack_pair_str(pack, "tag", name);
        pl_pack_pair_f64(pack, "share", finding->part[i].share);
    }
}

/* ---- What to do ---- */

static const char *listed_action(const struct tickets *t, const struct finding *finding) {
    static const double much = 0.2;
    const struct action *actions = t->actions.items;
    for (uint32_t k = 0; k < finding->parts; k++) /* the lead has most to do with it */
        for (uint32_t i = 0; i < t->actions.count; i++)
            if (finding->part[k].share >= much && pl_glob(actions[i].signals, finding->part[k].signal))
                return actions[i].action;
    return NULL;
}

void ticket_action(const struct tickets *t, const struct similar *similar, unsigned count, const struct pl_node *node,
                   const struct finding *finding, char text[2 * TEXT_SIZE]) {
    static const double like = 0.8;
    const char *listed = listed_action(t, finding);
    char id[TICKET_ID_MAX];
    if (listed) {
        put_text(text, 2 * TEXT_SIZE, listed);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct ticket *past = similar[i].ticket;
        if (past->state != TICKET_RESOLVED || similar[i].likeness < like || !*past->reason) continue;
        char whole[TICKET_ID_MAX + TEXT_SIZE + 16];
        ticket_id(node, similar[i].asset, similar[i].number, id);
        snprintf(whole, sizeof whole, "as in %s: %s", id, past->reason);
        put_text(text, 2 * TEXT_SIZE, whole);
        return;
    }
    snprintf(text, 2 * TEXT_SIZE, "%s%s", *finding->cause ? "look at: " : "look at the signals", finding->cause);
}

/* ---- Cases like it ---- */

/* The most alike of what the other one rests on. */
static double likeness_of(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                          const struct finding *finding) {
    double most = 0;
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *past = basis_at(node, asset, number, ticket, i);
        const bool counts = past && !(ticket->state == TICKET_RESOLVED && finding_refuted(past));
        const double likeness = counts ? finding_likeness(past, finding) : 0;
        if (likeness > most) most = likeness;
    }
    return most;
}

unsigned tell_similar(struct pl_node *node, uint32_t asset, uint32_t number, const struct finding *finding,
                      struct similar found[SIMILAR]) {
    static const double somewhat_like = 0.5;
    const struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    unsigned count = 0;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct ticket *past = pl_record_data(r);
        if (!ticket_closed(past) || (r->id == asset && (uint32_t)r->sub == number)) continue;
        const double likeness = likeness_of(node, r->id, (uint32_t)r->sub, past, finding);
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

/* ---- A ticket ---- */

static void pack_similar(struct pl_node *node, const struct similar *similar, unsigned count, struct pl_pack *pack) {
    char id[TICKET_ID_MAX];
    pl_pack_str(pack, "similar");
    pl_pack_array(pack, count);
    for (unsigned i = 0; i < count; i++) {
        ticket_id(node, similar[i].asset, similar[i].number, id);
        pl_pack_map(pack, 4);
        pl_pack_pair_str(pack, "ticket", id);
        pl_pack_pair_str(pack, "state", ticket_state_names[similar[i].ticket->state]);
        pl_pack_pair_str(pack, "reason", similar[i].ticket->reason);
        pl_pack_pair_f64(pack, "likeness", similar[i].likeness);
    }
}

/* The id of an event, and what is to be typed to have it explained. */
void pack_event(struct pl_pack *pack, uint64_t id) {
    char text[48];
    snprintf(text, sizeof text, "%" PRIu64, id);
    pl_pack_pair_str(pack, "event", text);
    snprintf(text, sizeof text, "explain event %" PRIu64, id);
    pl_pack_pair_str(pack, "explain", text);
}

void pack_how(struct pl_pack *pack, const struct finding *finding) {
    pl_pack_pair_str(pack, "how", finding_how_names[finding->how < HOWS ? finding->how : HOW_NOT]);
}

const char *side_name(const struct finding *finding) {
    return finding->side > 0 ? "higher" : finding->side < 0 ? "lower" : "";
}

/* One of those that it rests on, and what to do about it. */
static void pack_finding(struct pl_node *node, uint32_t asset, const struct finding *finding, const char *action,
                         struct pl_pack *pack) {
    static const char *const verdicts[] = {"", "real", "false-alarm"};
    pl_pack_map(pack, 15);
    pl_pack_pair_str(pack, "detector", finding->detector);
    pl_pack_pair_str(pack, "what", finding->what);
    pl_pack_pair_str(pack, "side", side_name(finding));
    pl_pack_pair_f64(pack, "score", finding->score);
    pl_pack_pair_f64(pack, "size", finding->size);
    pack_time(pack, "start", finding->start);
    pack_time(pack, "end", finding->end);
    pl_pack_pair_str(pack, "explanation", finding->explanation);
    pl_pack_pair_str(pack, "cause", finding->cause);
    pl_pack_pair_str(pack, "action", action);
    pack_parts(node, asset, finding, pack);
    pack_event(pack, finding->event);
    pack_how(pack, finding);
    pl_pack_pair_str(pack, "verdict", verdicts[finding->verdict <= VERDICT_FALSE ? finding->verdict : VERDICT_NONE]);
}

/* From the first beginning on; as long as one goes on it has no end. */
struct span {
    pl_time start, end;
};

static struct span span_of(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket) {
    struct span span = {INT64_MAX, 0};
    bool on = false;
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const struct finding *finding = basis_at(node, asset, number, ticket, i);
        if (!finding) continue;
        if (finding->start < span.start) span.start = finding->start;
        if (finding->end > span.end) span.end = finding->end;
        on |= !finding->end;
    }
    if (on) span.end = 0;
    return span;
}

/* The most surprising one stands first, and has the action of cases like it. */
static void pack_basis(const struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                       const struct ticket *ticket, const char *action, struct pl_pack *pack) {
    const uint32_t lead = basis_lead(node, asset, number, ticket);
    char other[2 * TEXT_SIZE];
    uint32_t there = 0;
    for (uint32_t i = 0; i < ticket->listed; i++)
        there += basis_at(node, asset, number, ticket, i) != NULL;
    pl_pack_str(pack, "basis");
    pl_pack_array(pack, there);
    for (uint32_t i = 0; i < ticket->listed; i++) {
        const uint32_t place = i == 0 ? lead : i <= lead ? i - 1 : i;
        const struct finding *finding = basis_at(node, asset, number, ticket, place);
        if (!finding) continue;
        if (i) ticket_action(t, NULL, 0, node, finding, other);
        pack_finding(node, asset, finding, i ? other : action, pack);
    }
}

void pack_ticket(const struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, const char *change, struct pl_pack *pack) {
    static const struct finding none = {0};
    char id[TICKET_ID_MAX], action[2 * TEXT_SIZE];
    struct similar similar[SIMILAR];
    const struct finding *finding = basis_at(node, asset, number, ticket, basis_lead(node, asset, number, ticket));
    if (!finding) finding = &none;
    const struct span span = span_of(node, asset, number, ticket);
    const unsigned count = tell_similar(node, asset, number, finding, similar);
    ticket_action(t, similar, count, node, finding, action);
    ticket_id(node, asset, number, id);
    pl_pack_pair_str(pack, "ticket", id);
    pl_pack_pair_str(pack, "change", change);
    pl_pack_pair_str(pack, "state", ticket_state_names[ticket->state]);
    pl_pack_pair_f64(pack, "score", finding->score);
    pl_pack_pair_int(pack, "anomalies", ticket->anomalies);
    pack_time(pack, "opened", ticket->opened);
    pack_time(pack, "start", span.start);
    pack_time(pack, "end", span.end);
    pl_pack_pair_str(pack, "detector", finding->detector);
    pl_pack_pair_str(pack, "what", finding->what);
    pl_pack_pair_str(pack, "side", side_name(finding));
    pl_pack_pair_str(pack, "explanation", finding->explanation);
    pl_pack_pair_str(pack, "cause", finding->cause);
    pl_pack_pair_str(pack, "action", action);
    pack_parts(node, asset, finding, pack);
    pack_event(pack, finding->event);
    pack_basis(t, node, asset, number, ticket, action, pack);
    pack_similar(node, similar, count, pack);
    pl_pack_pair_str(pack, "assignee", ticket->assignee);
    pl_pack_pair_str(pack, "user", ticket->user);
    pl_pack_pair_str(pack, "reason", ticket->reason);
}

static uint16_t severity_of(const struct ticket *ticket, double score) {
    static const double least = 400, most = 900;
    return (uint16_t)(ticket_closed(ticket) ? 200 : least + (most - least) * score);
}

bool tell_ticket(struct tickets *t, struct pl_node *node, const char *change, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, pl_time time) {
    char kind[32];
    const struct finding *lead = basis_at(node, asset, number, ticket, basis_lead(node, asset, number, ticket));
    snprintf(kind, sizeof kind, "ticket.%s", change);
    pl_pack_reset(t->body);
    pl_pack_map(t->body, TICKET_PAIRS);
    pack_ticket(t, node, asset, number, ticket, change, t->body);
    return pl_emit_event(node, 0, time, kind, severity_of(ticket, lead ? lead->score : 0), asset, 0, t->body) !=
           PL_FLOW_FAIL;
}
