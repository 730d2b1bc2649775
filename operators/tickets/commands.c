/* commands.c: what people do with tickets, and ask about anomalies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tickets.h"

static bool name_fits(const char *pattern, const char *name) {
    const size_t length = strlen(pattern);
    if (strncmp(name, pattern, length) == 0 && (name[length] == 0 || name[length] == '.')) return true;
    return pl_glob(pattern, name);
}

/* ---- tickets list, show ---- */

enum { CHOICE_TO_DO, CHOICE_ALL, CHOICE_FIRST };
static const char *const state_choices[] = {"to-do", "all", "open", "assigned", "resolved", "false-alarm", NULL};

struct list_args {
    const char *asset;
    uint32_t state;
};
static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, asset, "asset", "*", PL_FIXED, "Of these assets: a name or pattern."),
    PL_OPT_CHOICE(struct list_args, state, "state", "to-do", state_choices, PL_FIXED,
                  "A state; to-do: open or assigned."),
    PL_OPT_END,
};

static bool state_fits(uint32_t choice, uint32_t state) {
    if (choice == CHOICE_TO_DO) return state == TICKET_OPEN || state == TICKET_ASSIGNED;
    return choice == CHOICE_ALL || state == choice - CHOICE_FIRST;
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    (void)error;
    const struct list_args *wanted = args;
    const struct pl_table *table = pl_node_table(node, TABLE_TICKETS);
    char id[TICKET_ID_MAX], action[2 * TEXT_SIZE];
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct ticket *ticket = pl_record_data(r);
        if (!name_fits(wanted->asset, pl_tags_get(pl_node_tags(node), r->id)->name)) continue;
        if (!state_fits(wanted->state, ticket->state)) continue;
        ticket_id(node, r->id, (uint32_t)r->sub, id);
        static const struct finding none = {0};
        const uint32_t number = (uint32_t)r->sub, lead = basis_lead(node, r->id, number, ticket);
        const struct finding *finding = basis_at(node, r->id, number, ticket, lead);
        if (!finding) finding = &none;
        struct pl_pack *row = pl_reply_row(call, 10);
        pl_pack_pair_str(row, "ticket", id);
        pl_pack_pair_str(row, "state", ticket_state_names[ticket->state]);
        pl_pack_pair_f64(row, "score", finding->score);
        pl_pack_pair_int(row, "anomalies", ticket->anomalies);
        pack_time(row, "opened", ticket->opened);
        pl_pack_pair_str(row, "assignee", ticket->assignee);
        pl_pack_pair_str(row, "explanation", finding->explanation);
        ticket_action(self, NULL, 0, node, finding, action);
        pl_pack_pair_str(row, "action", action);
        pl_pack_pair_str(row, "reason", ticket->reason);
        pack_parts(node, r->id, finding, row);
    }
    return PL_OK;
}

struct ticket_args {
    const char *ticket, *to, *reason, *event;
};
static const struct pl_option show_args[] = {
    PL_OPT_STRING(struct ticket_args, ticket, "ticket", NULL, PL_FIXED, "Its id, as 3@line1.pot07."),
    PL_OPT_END,
};
static const struct pl_option assign_args[] = {
    PL_OPT_STRING(struct ticket_args, ticket, "ticket", NULL, PL_FIXED, "Its id, as 3@line1.pot07."),
    PL_OPT_STRING(struct ticket_args, to, "to", NULL, PL_FIXED, "Who takes care of it."),
    PL_OPT_END,
};
static const struct pl_option reason_args[] = {
    PL_OPT_STRING(struct ticket_args, ticket, "ticket", NULL, PL_FIXED, "Its id, as 3@line1.pot07."),
    PL_OPT_STRING(struct ticket_args, reason, "reason", NULL, PL_FIXED, "What it was; for whoever has the next one."),
    PL_OPT_STRING(struct ticket_args, event, "event", "", PL_FIXED,
                  "Of this anomaly of it alone, by its `event`; the ticket stays as it is."),
    PL_OPT_END,
};

/* PL_NOT_FOUND where the text is no id of a ticket here. */
static enum pl_code find(struct pl_node *node, const char *text, uint32_t *asset, uint32_t *number,
                         struct pl_error **error) {
    const size_t digits = strspn(text, "0123456789");
    int64_t value = 0;
    const bool is_id = digits > 0 && digits < 10 && text[digits] == '@' && pl_text_int(text, digits, &value);
    *asset = is_id ? pl_tags_find(pl_node_tags(node), text + digits + 1, strlen(text + digits + 1)) : PL_NO_ID;
    *number = (uint32_t)value;
    if (*asset != PL_NO_ID && pl_table_find(pl_node_table(node, TABLE_TICKETS), *asset, *number)) return PL_OK;
    return pl_error_set(error, PL_NOT_FOUND, "there is no ticket %s; tickets list --state all shows them", text);
}

static enum pl_code show_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    uint32_t asset, number;
    const enum pl_code code = find(node, ((const struct ticket_args *)args)->ticket, &asset, &number, error);
    if (code) return code;
    const struct ticket *ticket = pl_table_find(pl_node_table(node, TABLE_TICKETS), asset, number);
    pack_ticket(self, node, asset, number, ticket, ticket_state_names[ticket->state], pl_reply_row(call, TICKET_PAIRS));
    return PL_OK;
}

/* ---- tickets assign, resolve, false-alarm, reopen ---- */

enum change { CHANGE_ASSIGN, CHANGE_RESOLVE, CHANGE_REFUTE, CHANGE_REOPEN };

static enum ticket_state state_after(enum change change, const struct ticket *ticket) {
    if (change == CHANGE_RESOLVE) return TICKET_RESOLVED;
    if (change == CHANGE_REFUTE) return TICKET_FALSE_ALARM;
    return change == CHANGE_REOPEN && !*ticket->assignee ? TICKET_OPEN : TICKET_ASSIGNED;
}

static enum pl_code refuse(enum change change, const struct ticket *ticket, const char *id, struct pl_error **error) {
    const char *state = ticket_state_names[ticket->state];
    if (change == CHANGE_REOPEN && !ticket_closed(ticket))
        return pl_error_set(error, PL_CONFLICT, "ticket %s is not closed (%s)", id, state);
    if (change != CHANGE_REOPEN && ticket_closed(ticket))
        return pl_error_set(error, PL_CONFLICT, "ticket %s is closed (%s); tickets reopen takes that back", id, state);
    return PL_OK;
}

static const char *const judged_names[] = {
    [VERDICT_NONE] = "not judged", [VERDICT_REAL] = "real", [VERDICT_FALSE] = "false-alarm"};

/* What is said of one anomaly: it counts at once, and whatever becomes of its ticket. */
static enum pl_code judge_one(struct tickets *t, struct pl_node *node, const struct ticket_args *args,
                              enum change change, uint32_t asset, uint32_t number, struct pl_call *call,
                              struct pl_error **error) {
    static const enum finding_verdict verdicts[] = {
        [CHANGE_RESOLVE] = VERDICT_REAL, [CHANGE_REFUTE] = VERDICT_FALSE, [CHANGE_REOPEN] = VERDICT_NONE};
    struct ticket *ticket = pl_table_get(pl_node_table(node, TABLE_TICKETS), asset, number);
    char *end = NULL;
    const uint64_t event = strtoull(args->event, &end, 10);
    if (!ticket) return pl_error_set(error, PL_NO_MEMORY, "no memory for the ticket");
    if (!event || *end || !basis_judge(node, asset, number, ticket, event, verdicts[change]))
        return pl_error_set(error, PL_NOT_FOUND,
                            "ticket %s rests on no anomaly with the event %s; tickets show has them", args->ticket,
                            args->event);
    ticket->changed = pl_now(node);
    put_text(ticket->user, sizeof ticket->user, pl_call_user(call));
    pl_call_changed(call, args->ticket, "", judged_names[verdicts[change]]);
    return tell_ticket(t, node, "judged", asset, number, ticket, ticket->changed)
               ? PL_OK
               : pl_error_set(error, PL_NO_MEMORY, "no memory for the event");
}

static enum pl_code apply(struct tickets *t, struct pl_node *node, const struct ticket_args *args, enum change change,
                          struct pl_call *call, struct pl_error **error) {
    static const struct {
        const char *name;
        int count; /* negative: none */
    } changes[] = {[CHANGE_ASSIGN] = {"assigned", -1},
                   [CHANGE_RESOLVE] = {"resolved", COUNT_RESOLVED},
                   [CHANGE_REFUTE] = {"false-alarm", COUNT_FALSE_ALARMS},
                   [CHANGE_REOPEN] = {"reopened", COUNT_REOPENED}};
    uint32_t asset, number;
    enum pl_code code = find(node, args->ticket, &asset, &number, error);
    if (code) return code;
    struct ticket *ticket = pl_table_get(pl_node_table(node, TABLE_TICKETS), asset, number);
    if (!ticket) return pl_error_set(error, PL_NO_MEMORY, "no memory for the ticket");
    if (change != CHANGE_ASSIGN && *args->event) return judge_one(t, node, args, change, asset, number, call, error);
    code = refuse(change, ticket, args->ticket, error);
    if (code) return code;
    if (change == CHANGE_REOPEN) basis_judge(node, asset, number, ticket, 0, VERDICT_NONE);
    const char *from = ticket_state_names[ticket->state];
    ticket->state = state_after(change, ticket);
    ticket->changed = pl_now(node);
    put_text(ticket->user, sizeof ticket->user, pl_call_user(call));
    if (change == CHANGE_ASSIGN)
        put_text(ticket->assignee, sizeof ticket->assignee, args->to);
    else
        put_text(ticket->reason, sizeof ticket->reason, args->reason);
    if (changes[change].count >= 0) pl_count(node, (unsigned)changes[change].count, 1);
    pl_call_changed(call, args->ticket, from, ticket_state_names[ticket->state]);
    return tell_ticket(t, node, changes[change].name, asset, number, ticket, ticket->changed)
               ? PL_OK
               : pl_error_set(error, PL_NO_MEMORY, "no memory for the event");
}

static enum pl_code assign_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    return apply(self, node, args, CHANGE_ASSIGN, call, error);
}

static enum pl_code resolve_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                struct pl_error **error) {
    return apply(self, node, args, CHANGE_RESOLVE, call, error);
}

static enum pl_code false_alarm_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                    struct pl_error **error) {
    return apply(self, node, args, CHANGE_REFUTE, call, error);
}

static enum pl_code reopen_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    return apply(self, node, args, CHANGE_REOPEN, call, error);
}

/* ---- anomalies list ---- */

struct anomalies_args {
    const char *asset;
};
static const struct pl_option anomalies_args[] = {
    PL_OPT_STRING(struct anomalies_args, asset, "asset", "*", PL_FIXED, "Of these assets: a name or pattern."),
    PL_OPT_END,
};

static enum pl_code anomalies_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                  struct pl_error **error) {
    (void)error;
    const struct anomalies_args *wanted = args;
    const struct pl_table *table = pl_node_table(node, TABLE_ANOMALIES);
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct anomaly *anomaly = pl_record_data(r);
        const struct finding *finding = &anomaly->finding;
        const char *asset = pl_tags_get(pl_node_tags(node), r->id)->name;
        char id[TICKET_ID_MAX] = "";
        if (!name_fits(wanted->asset, asset)) continue;
        if (anomaly->ticket) ticket_id(node, r->id, anomaly->ticket, id);
        const struct bar bar = bar_of(self, node, r->id, finding);
        struct pl_pack *row = pl_reply_row(call, 17);
        pl_pack_pair_str(row, "asset", asset);
        pack_time(row, "start", finding->start);
        pack_time(row, "end", finding->end);
        pl_pack_pair_f64(row, "score", finding->score);
        pl_pack_pair_f64(row, "needed", bar.score);
        pl_pack_pair_str(row, "detector", finding->detector);
        pl_pack_pair_str(row, "ticket", id);
        pl_pack_pair_str(row, "explanation", finding->explanation);
        pl_pack_pair_str(row, "cause", finding->cause);
        pl_pack_pair_str(row, "what", finding->what);
        pl_pack_pair_str(row, "side", side_name(finding));
        pl_pack_pair_f64(row, "size", finding->size);
        pl_pack_pair_f64(row, "needed_size", bar.size);
        pack_how(row, finding);
        pack_event(row, finding->event);
        pack_parts(node, r->id, finding, row);
    }
    return PL_OK;
}

#define CHANGES .roles = PL_MAY_OPERATE, .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE

const struct pl_command tickets_commands[] = {
    {.name = "tickets list",
     .doc = "The maintenance tickets, by asset.",
     .roles = PL_MAY_SEE,
     .args = list_args,
     .args_size = sizeof(struct list_args),
     .run = list_run},
    {.name = "tickets show",
     .doc = "One ticket, with what it rests on, cases like it, and what to do.",
     .roles = PL_MAY_SEE,
     .args = show_args,
     .args_size = sizeof(struct ticket_args),
     .run = show_run},
    {.name = "tickets assign",
     .doc = "Gives a ticket to somebody.",
     CHANGES,
     .args = assign_args,
     .args_size = sizeof(struct ticket_args),
     .run = assign_run},
    {.name = "tickets resolve",
     .doc = "Closes a ticket: there was something, and it has been seen to.",
     CHANGES,
     .args = reason_args,
     .args_size = sizeof(struct ticket_args),
     .run = resolve_run},
    {.name = "tickets false-alarm",
     .doc = "Closes a ticket: there was nothing; of its like more is asked from now on.",
     CHANGES,
     .args = reason_args,
     .args_size = sizeof(struct ticket_args),
     .run = false_alarm_run},
    {.name = "tickets reopen",
     .doc = "Takes back that a ticket was closed: what was said of it counts no more.",
     CHANGES,
     .args = reason_args,
     .args_size = sizeof(struct ticket_args),
     .run = reopen_run},
    {.name = "anomalies list",
     .doc = "The newest anomalies of each asset, also those that opened no ticket.",
     .roles = PL_MAY_SEE,
     .args = anomalies_args,
     .args_size = sizeof(struct anomalies_args),
     .run = anomalies_run},
    {.name = NULL},
};
