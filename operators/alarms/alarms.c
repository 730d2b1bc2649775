/* alarms.c: the operator `alarms`: events of rules in, a list of alarms after ISA-18.2, changes out. */
#include "alarms.h"

static bool open_rates(struct alarms *s) {
    uint32_t budget = (uint32_t)budget_allows(s);
    uint32_t flood = s->flood_given ? (uint32_t)s->flood_count : 0;
    uint32_t end = s->flood_end ? (uint32_t)s->flood_end : (flood + 1) / 2;
    return rate_init(&s->flood, flood, end, s->flood_window) &&
           rate_init(&s->over_budget, budget, budget, s->budget_window);
}

static enum pl_code open_alarms(void *self, struct pl_node *node, struct pl_error **error) {
    struct alarms *s = self;
    s->latest = s->reached = s->wait_until = PL_TIME_MIN;
    s->shelf_end = PL_TIME_MAX;
    s->patience = SHELVE_PATIENCE_FIRST;
    if (!open_rates(s)) return pl_error_set(error, PL_NO_MEMORY, "alarms: no memory");
    if (!tell_open(s, node, error)) return PL_UNAVAILABLE;
    if (uv_timer_init(pl_node_loop(node), &s->timer)) return pl_error_set(error, PL_IO, "alarms: no timer");
    s->timer.data = node;
    s->timer_open = true;
    enum pl_code code = keep_load(s, node, error);
    if (code || pl_node_epoch(node)) return code; /* the log, or a checkpoint too, says the rest */
    if (!decisions_stand(s, node)) return pl_error_set(error, PL_NO_MEMORY, "alarms: no memory");
    shelve_schedule(s, node);
    return PL_OK;
}

static void close_alarms(void *self, struct pl_node *node) {
    struct alarms *s = self;
    (void)node;
    if (s->timer_open) uv_close((uv_handle_t *)&s->timer, NULL);
    s->timer_open = false;
    rate_fini(&s->flood);
    rate_fini(&s->over_budget);
    tell_close(s);
}

static enum pl_flow finish(struct alarms *s, struct pl_node *node, bool good) {
    if (good && tell_flush(s, node, NULL, NULL)) return PL_FLOW_OK;
    return pl_fail(node, "no memory for alarms");
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct alarms *s = self;
    bool good = shelve_pass(s, node, batch->header->receive_time);
    (void)input;
    for (uint32_t row = 0; row < batch->rows && good; row++)
        good = incoming_take(s, node, batch, row);
    pl_batch_unref(batch);
    return finish(s, node, good);
}

static bool pass_timer(struct alarms *s, struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie) {
    switch (cookie) {
    case TIMER_DELAY: return step_delay_over(s, node, id, at);
    case TIMER_STALE: return step_notice(s, node, id, at, true);
    case TIMER_OVERDUE: return step_notice(s, node, id, at, false);
    default: return step_rates_settle(s, node, at);
    }
}

static void timer(void *self, struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie) {
    struct alarms *s = self;
    finish(s, node, decisions_reach(s, node, at) && pass_timer(s, node, at, id, cookie));
}

/* The end of all input is no time of an event: more may come in another run. */
static pl_time watermark(void *self, struct pl_node *node, pl_time now) {
    struct alarms *s = self;
    pl_time before = s->reached;
    bool good = decisions_reach(s, node, now);
    if (now == PL_TIME_MAX)
        s->reached = before;
    else if (now > s->latest)
        s->latest = now;
    finish(s, node, good);
    return now;
}

/* ---- State beyond the table ---- */

static void snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    const struct alarms *s = self;
    pl_pack_array(pack, 7);
    rate_pack(&s->flood, pack);
    rate_pack(&s->over_budget, pack);
    list_pack(s, node, pack);
    pl_pack_int(pack, s->latest);
    pl_pack_int(pack, s->reached);
    pl_pack_uint(pack, s->stamp);
    pl_pack_uint(pack, definitions_hash(s));
}

static bool unpack(struct alarms *s, struct pl_node *node, struct pl_unpack *unpack, uint64_t *definitions) {
    uint32_t items;
    uint64_t stamp;
    if (!pl_unpack_array(unpack, &items) || items != 7 || !rate_unpack(&s->flood, unpack) ||
        !rate_unpack(&s->over_budget, unpack) || !list_unpack(s, node, unpack))
        return false;
    if (!pl_unpack_int(unpack, &s->latest) || !pl_unpack_int(unpack, &s->reached) || !pl_unpack_uint(unpack, &stamp) ||
        !pl_unpack_uint(unpack, definitions))
        return false;
    if (stamp > s->stamp) s->stamp = stamp;
    return true;
}

/* Timers come with the state; where definitions have changed, they are not all that there should be. */
static void arm_all(struct alarms *s, struct pl_node *node) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r))
        step_arm(s, node, r->id, pl_record_data(r));
}

static enum pl_code restore(void *self, struct pl_node *node, struct pl_unpack *bytes, struct pl_error **error) {
    struct alarms *s = self;
    uint64_t definitions;
    if (!unpack(s, node, bytes, &definitions))
        return pl_error_set(error, PL_CORRUPT, "alarms: the snapshot's rates are damaged");
    if (definitions != definitions_hash(s)) arm_all(s, node);
    shelve_schedule(s, node);
    if (decisions_restore(s, node) && tell_flush(s, node, NULL, NULL)) return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "alarms: no memory");
}

static void commit(void *self, struct pl_node *node, uint64_t epoch) {
    struct alarms *s = self;
    decisions_commit(s, epoch);
    finish(s, node, true);
}

static const struct pl_table_def tables[] = {
    [TABLE_ALARMS] = {.name = "alarms", .version = 2, .record_size = sizeof(struct alarm), .doc = "By the alarm's id."},
    {.name = NULL},
};

static const struct pl_operator alarms_operator = {
    PL_OPERATOR("alarms", "Keeps the list of alarms after ISA-18.2: states, acknowledging, shelving, floods."),
    .doc =
        "An event that raises has a kind that ends in .raised, .high or .low and a body with `rule`; .cleared of the\n"
        "same rule and tag is the return to normal. Any other event is an alarm when a definition matches its kind.\n"
        "An alarm's id is rule@tag. What fits no definition is listed all the same, with priority low.\n\n"
        "Each change of state is an event alarm.STATE; alarm.overdue, .stale, .chattering, alarms.flood and\n"
        "alarms.over-budget are told besides. With a data folder they are kept in gold under the node's name.\n\n"
        "What people decide is kept before their command is answered. After the death of the process the state is\n"
        "that of the last checkpoint, and what the log says since then comes again, decisions at their places: the\n"
        "same events with the same ids. Without a log an alarm that is acknowledged, shelved, suppressed or out of\n"
        "service stays so; others are raised anew.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_EVENTS), .doc = "Events of rules, and others."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_EVENTS), .doc = "Changes of alarms."}),
    .options = alarms_options,
    .counters =
        PL_COUNTERS([COUNT_ACTIVATIONS] = {"activations", "alarms", "Alarms that became active and were told."},
                    [COUNT_RETURNED] = {"returned", "alarms", "Alarms whose condition has gone."},
                    [COUNT_ACKNOWLEDGED] = {"acknowledged", "alarms", "Alarms acknowledged by people."},
                    [COUNT_UNDEFINED] = {"undefined", "alarms", "Alarms in the list that no definition fits."},
                    [COUNT_IGNORED] = {"ignored", "events",
                                       "Events that are no alarms, or for which there was no room."},
                    [COUNT_REPEATED] = {"repeated", "events",
                                        "Events that are late, or come twice: not newer than one seen."},
                    [COUNT_DROPPED] = {"dropped", "alarms", "Returned alarms that made room for others."},
                    [COUNT_REFUSED] = {"refused", "alarms", "New alarms for which no other could make room."},
                    [COUNT_FLOODS] = {"floods", "events", "Floods that began."},
                    [COUNT_CHATTERING] = {"chattering", "events", "Times that an alarm began to chatter."},
                    [COUNT_STALE] = {"stale", "events", "Times that an alarm became stale."},
                    [COUNT_OVERDUE] = {"overdue", "events",
                                       "Times that nobody acknowledged within the time to respond."},
                    [COUNT_OVER_BUDGET] = {"over_budget", "events", "Times that the alarm-rate budget was exceeded."},
                    [COUNT_UNKEPT] = {"unkept", "writes", "Writes that the data folder did not take."}),
    .tables = tables,
    .scope = PL_GLOBAL,
    .flags = PL_OP_BLOCKING,
    .instance_size = sizeof(struct alarms),
    .check = alarms_check,
    .open = open_alarms,
    .process = process,
    .timer = timer,
    .watermark = watermark,
    .snapshot = snapshot,
    .restore = restore,
    .commit = commit,
    .close = close_alarms,
    .commands = alarms_commands,
};

PL_PLUGIN(alarms, "1.0", &alarms_operator)
