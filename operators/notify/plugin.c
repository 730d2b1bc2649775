/* plugin.c: the operators `notify.email` and `notify.webhook`. */
#include <potline/plugin.h>

#include "notify.h"

enum { TICK_MS = 250 };

static void on_timer(uv_timer_t *timer) {
    struct notify *s = timer->data;
    deliver(s);
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct notify *s = self;
    (void)node;
    (void)input;
    for (uint32_t row = 0; row < batch->rows; row++)
        take_row(s, batch, row);
    pl_batch_unref(batch);
    deliver(s);
    return PL_FLOW_OK;
}

static pl_time watermark(void *self, struct pl_node *node, pl_time now) {
    (void)node;
    if (now != PL_TIME_MAX) outbox_forget(self, now);
    return now;
}

static void stop(void *self, struct pl_node *node) {
    struct notify *s = self;
    if (s->stopping) return;
    s->stopping = true;
    s->stopped = pl_now(node);
    deliver(s);
}

/* ---- Life cycle ---- */

static enum pl_code open_with(struct notify *s, struct pl_node *node, const struct carrier *carrier,
                              struct pl_error **error) {
    s->node = node;
    s->carrier = carrier;
    s->body = pl_pack_new();
    s->transfers = transfers_new(pl_node_loop(node), FLYING_MAX, delivered, s);
    if (!s->body || !s->transfers) return pl_error_set(error, PL_NO_MEMORY, "no memory for notifications");
    if (uv_timer_init(pl_node_loop(node), &s->timer)) return pl_error_set(error, PL_IO, "there is no timer");
    s->timer.data = s;
    s->timer_open = true;
    uv_timer_start(&s->timer, on_timer, TICK_MS, TICK_MS);
    return PL_OK;
}

static enum pl_code open_mail(void *self, struct pl_node *node, struct pl_error **error) {
    return open_with(self, node, &mail_carrier, error);
}

static enum pl_code open_hook(void *self, struct pl_node *node, struct pl_error **error) {
    return open_with(self, node, &hook_carrier, error);
}

static void check_mail(void *self, struct pl_check *check) {
    notify_check(self, check, &mail_carrier);
}

static void check_hook(void *self, struct pl_check *check) {
    notify_check(self, check, &hook_carrier);
}

static void close_notify(void *self, struct pl_node *node) {
    struct notify *s = self;
    (void)node;
    if (s->timer_open) uv_close((uv_handle_t *)&s->timer, NULL);
    s->timer_open = false;
    transfers_free(s->transfers);
    pl_pack_free(s->body);
    s->transfers = NULL;
    s->body = NULL;
}

static const struct pl_port inputs[] = {
    {.name = "in", .kinds = PL_SET(PL_EVENTS), .doc = "What happened: alarms, overrides, refusals, any events."},
    {.name = NULL},
};

static const struct pl_counter counters[] = {
    [COUNT_SENT] = {"sent", "notifications", "Notifications that were taken by the other side."},
    [COUNT_RETRIED] = {"retried", "attempts", "Attempts that failed and are made again."},
    [COUNT_FAILED] = {"failed", "notifications", "Notifications that were refused for good, or given up."},
    [COUNT_ALIKE] = {"alike", "notifications", "Notifications that were told lately, or wait already."},
    [COUNT_OFF_DUTY] = {"off_duty", "notifications", "Notifications for people whose colleagues were on duty."},
    [COUNT_ENDED] = {"ended", "notifications", "Steps of escalation that were not needed."},
    [COUNT_DROPPED] = {"dropped", "notifications", "Notifications that there was no room for."},
    {.name = NULL},
};

static const struct pl_table_def tables[] = {
    [TABLE_OUTBOX] = {.name = "outbox",
                      .version = 1,
                      .record_size = sizeof(struct waiting),
                      .doc = "Notifications that wait, by what they are about."},
    [TABLE_TOLD] = {.name = "told",
                    .version = 1,
                    .record_size = sizeof(struct told),
                    .doc = "When a person was told of something the last time."},
    [TABLE_RATES] = {.name = "rates",
                     .version = 1,
                     .record_size = sizeof(struct allowance),
                     .doc = "How many more notifications a person may be sent."},
    {.name = NULL},
};

static const char guarantee[] =
    "At least once, with a checkpoint in between: each notification has an id, which a repeat has as well.";

#define NOTIFY_OPERATOR                                                                                                \
    .guarantee = guarantee, .inputs = inputs, .counters = counters, .tables = tables, .scope = PL_GLOBAL,              \
    .flags = PL_OP_OUTSIDE | PL_OP_ANY_ORDER | PL_OP_BLOCKING, .instance_size = sizeof(struct notify),                 \
    .process = process, .watermark = watermark, .stop = stop, .close = close_notify, .commands = notify_commands

static const struct pl_operator mail_operator = {
    PL_OPERATOR("notify.email", "Tells people of events by mail (SMTP): routes, duty, escalation, retries."),
    .options = mail_options,
    .check = check_mail,
    .open = open_mail,
    NOTIFY_OPERATOR,
};

static const struct pl_operator hook_operator = {
    PL_OPERATOR("notify.webhook", "Tells people or systems of events by HTTP requests made of a template."),
    .options = hook_options,
    .check = check_hook,
    .open = open_hook,
    NOTIFY_OPERATOR,
};

PL_PLUGIN(notify, "1.0", &mail_operator, &hook_operator)
