/* tickets.c: the operator `tickets`. */
#include <potline/plugin.h>

#include "tickets.h"

static const struct pl_option action_rows[] = {
    PL_OPT_STRING(struct action, signals, "signals", NULL, PL_FIXED,
                  "A glob of signals, without their asset: one of them has much to do with the anomaly."),
    PL_OPT_STRING(struct action, action, "action", NULL, PL_FIXED, "What to do then."),
    PL_OPT_END,
};

static const struct pl_option tickets_options[] = {
    PL_OPT_NUMBER(
        struct tickets, confidence, "confidence", "0.6", "0", "1", PL_LIVE,
        "The score that an anomaly must reach to open a ticket; 0.5 is the detector's threshold. Detectors tell "
        "how it grows in steps of 0.05."),
    PL_OPT_LIST(struct tickets, actions, "actions", "[]", struct action, action_rows, PL_FIXED,
                "What to do, by signal; the first that fits."),
    PL_OPT_INT(struct tickets, max_tickets, "max_tickets", "10000", "1", "1000000", PL_FIXED,
               "Past it the oldest closed ticket is forgotten; while all are open no new one is opened."),
    PL_OPT_INT(struct tickets, cases, "cases", "50", "1", "10000", PL_FIXED,
               "Closed tickets of an asset that are remembered."),
    PL_OPT_INT(struct tickets, recent, "recent", "20", "1", "10000", PL_FIXED,
               "Anomalies of an asset that are remembered."),
    PL_OPT_END,
};

static const struct pl_table_def tickets_tables[] = {
    [TABLE_TICKETS] = {.name = "tickets",
                       .version = 2,
                       .record_size = sizeof(struct ticket),
                       .doc = "Tickets of an asset, by number."},
    [TABLE_ANOMALIES] = {.name = "anomalies",
                         .version = 2,
                         .record_size = sizeof(struct anomaly),
                         .doc = "The newest anomalies of an asset, by time."},
    [TABLE_BASIS] = {.name = "basis",
                     .version = 1,
                     .record_size = sizeof(struct finding),
                     .doc = "What each ticket rests on: at most eight anomalies."},
    {.name = NULL},
};

static enum pl_code tickets_open(void *self, struct pl_node *node, struct pl_error **error) {
    (void)node;
    struct tickets *t = self;
    t->body = pl_pack_new();
    return t->body ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the bodies of events");
}

static void tickets_close(void *self, struct pl_node *node) {
    (void)node;
    struct tickets *t = self;
    pl_pack_free(t->body);
    t->body = NULL;
}

static enum pl_flow tickets_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    bool good = true;
    for (uint32_t i = 0; good && i < batch->rows; i++)
        good = take_event(self, node, batch, i);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for events of tickets");
}

static const struct pl_operator tickets = {
    PL_OPERATOR("tickets", "Opens maintenance tickets for anomalies, and learns from what people say of them."),
    .doc =
        "Takes the events of detectors (KIND.began, KIND.grew, KIND.ended with a score). An anomaly that is sure "
        "enough "
        "opens a ticket for its asset, or joins the one that is open. A ticket keeps what it rests on, at most eight "
        "anomalies, each with its end and what to do, the most surprising first, and which closed tickets were like "
        "it. "
        "People assign it, and close it as resolved or as a false alarm: of an anomaly like any of a false alarm's "
        "(the "
        "same asset, detector, signals and side) more is asked from then on, but never more than one had that was "
        "real, "
        "nor more than the detector can say. Closed by mistake, it can be reopened, and nothing is asked any more. "
        "Each "
        "change is an event on `out`, which notify.webhook brings to a maintenance system.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_EVENTS), .doc = "Events of detectors."}),
    .outputs = PL_PORTS({.name = "out",
                         .kinds = PL_SET(PL_EVENTS),
                         .doc = "ticket.opened, ticket.joined (an anomaly of another kind), ticket.grew (more "
                                "surprising by 0.05), ticket.assigned, ticket.resolved, ticket.false-alarm, "
                                "ticket.reopened, ticket.judged (one anomaly of it)."}),
    .options = tickets_options,
    .counters =
        PL_COUNTERS([COUNT_ANOMALIES] = {"anomalies", "anomalies", "Anomalies that were told."},
                    [COUNT_OPENED] = {"opened", "tickets", "Tickets opened."},
                    [COUNT_JOINED] = {"joined", "anomalies", "Anomalies that joined a ticket that was open."},
                    [COUNT_GREW] = {"grew", "tickets", "Times that an open ticket became more surprising."},
                    [COUNT_UNSURE] = {"unsure", "anomalies", "Anomalies that ended without a ticket."},
                    [COUNT_HELD] = {"held", "anomalies", "Anomalies held back since their like was a false alarm."},
                    [COUNT_RESOLVED] = {"resolved", "tickets", "Tickets closed as resolved."},
                    [COUNT_FALSE_ALARMS] = {"false_alarms", "tickets", "Tickets closed as false alarms."},
                    [COUNT_REOPENED] = {"reopened", "tickets", "Closed tickets opened again."},
                    [COUNT_IGNORED] = {"ignored", "rows", "Events that are no anomaly of an asset."},
                    [COUNT_DROPPED] = {"dropped", "tickets", "Closed tickets forgotten, past a limit."},
                    [COUNT_REFUSED] = {"refused", "rows", "Anomalies for which there was no room."}),
    .tables = tickets_tables,
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct tickets),
    .open = tickets_open,
    .process = tickets_process,
    .close = tickets_close,
    .commands = tickets_commands,
};

PL_PLUGIN(tickets, "1.0", &tickets)
