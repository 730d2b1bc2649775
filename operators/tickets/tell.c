/* tell.c: what becomes of tickets, as events and as rows of replies. */
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
    for (uint32_t i = 0; i < t->actions.count; i++)
        for (uint32_t k = 0; k < finding->parts; k++)
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

void pack_ticket(const struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, struct pl_pack *pack) {
    char id[TICKET_ID_MAX], action[2 * TEXT_SIZE];
    struct similar similar[SIMILAR];
    const struct finding *finding = &ticket->finding;
    const unsigned count = take_similar(node, finding, similar);
    ticket_action(t, similar, count, node, finding, action);
    ticket_id(node, asset, number, id);
    pl_pack_pair_str(pack, "ticket", id);
    pl_pack_pair_str(pack, "state", ticket_state_names[ticket->state]);
    pl_pack_pair_f64(pack, "score", finding->score);
    pl_pack_pair_int(pack, "anomalies", ticket->anomalies);
    pack_time(pack, "opened", ticket->opened);
    pack_time(pack, "start", finding->start);
    pack_time(pack, "end", finding->end);
    pl_pack_pair_str(pack, "detector", finding->detector);
    pl_pack_pair_str(pack, "explanation", finding->explanation);
    pl_pack_pair_str(pack, "cause", finding->cause);
    pl_pack_pair_str(pack, "action", action);
    pack_parts(node, asset, finding, pack);
    pack_similar(node, similar, count, pack);
    pl_pack_pair_str(pack, "assignee", ticket->assignee);
    pl_pack_pair_str(pack, "user", ticket->user);
    pl_pack_pair_str(pack, "reason", ticket->reason);
}

static uint16_t severity_of(const struct ticket *ticket) {
    static const double least = 400, most = 900;
    const bool closed = ticket->state == TICKET_RESOLVED || ticket->state == TICKET_FALSE_ALARM;
    return (uint16_t)(closed ? 200 : least + (most - least) * ticket->finding.score);
}

bool tell_ticket(struct tickets *t, struct pl_node *node, const char *kind, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, pl_time time) {
    pl_pack_reset(t->body);
    pl_pack_map(t->body, TICKET_PAIRS);
    pack_ticket(t, node, asset, number, ticket, t->body);
    return pl_emit_event(node, 0, time, kind, severity_of(ticket), asset, 0, t->body) != PL_FLOW_FAIL;
}
