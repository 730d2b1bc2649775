/* commands.c: what people do: see, acknowledge, shelve, suppress, take out of service. */
#include <inttypes.h>
#include <math.h>
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "alarms.h"

enum { STATE_ATTENTION, STATE_ALL, STATE_FIRST };

static const char *const state_choices[] = {"attention",
                                            "all",
                                            "normal",
                                            "unacknowledged",
                                            "acknowledged",
                                            "returned",
                                            "latched-unacknowledged",
                                            "latched-acknowledged",
                                            "shelved",
                                            "suppressed",
                                            "out-of-service",
                                            NULL};
static const char *const priority_choices[] = {"any", "critical", "high", "medium", "low", NULL};

bool alarm_fits(const char *pattern, const char *id) {
    size_t length = strlen(pattern);
    if (strncmp(id, pattern, length) == 0 && (id[length] == 0 || id[length] == '.')) return true;
    return pl_glob(pattern, id);
}

static void reply_time(struct pl_pack *row, const char *key, pl_time time, bool there) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, there ? (size_t)(pl_text_put_time(text, time) - text) : 0);
}

static void reply_number(struct pl_pack *row, const char *key, double value) {
    pl_pack_str(row, key);
    if (isnan(value))
        pl_pack_nil(row);
    else
        pl_pack_f64(row, value);
}

/* ---- alarms list ---- */

struct list_args {
    const char *alarm;
    uint32_t state, priority;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, alarm, "alarm", "*", PL_FIXED, "Id or pattern of the alarms."),
    PL_OPT_CHOICE(struct list_args, state, "state", "attention", state_choices, PL_FIXED,
                  "A state; `attention`: active, returned unacknowledged or latched."),
    PL_OPT_CHOICE(struct list_args, priority, "priority", "any", priority_choices, PL_FIXED, "Of this priority only."),
    PL_OPT_END,
};

struct entry {
    uint32_t id;
    enum alarm_priority priority;
    const struct alarm *alarm;
};

static bool is_acknowledged(const struct alarm *alarm) {
    enum alarm_state state = alarm_state(alarm);
    return state != ALARM_UNACKNOWLEDGED && state != ALARM_RETURNED && state != ALARM_LATCHED_UNACKNOWLEDGED;
}

/* Most important first, then what nobody has acknowledged, then the newest. */
static int by_urgency(const void *a, const void *b) {
    const struct entry *left = a, *right = b;
    bool left_known = is_acknowledged(left->alarm), right_known = is_acknowledged(right->alarm);
    if (left->priority != right->priority) return left->priority < right->priority ? -1 : 1;
    if (left_known != right_known) return left_known ? 1 : -1;
    if (left->alarm->raised != right->alarm->raised) return left->alarm->raised > right->alarm->raised ? -1 : 1;
    return left->id < right->id ? -1 : left->id > right->id;
}

static bool state_fits(uint32_t choice, enum alarm_state state) {
    if (choice == STATE_ATTENTION) return state >= ALARM_UNACKNOWLEDGED && state <= ALARM_LATCHED_ACKNOWLEDGED;
    return choice == STATE_ALL || state == choice - STATE_FIRST;
}

static void reply_alarm(struct alarms *s, struct pl_node *node, const struct entry *e, struct pl_call *call) {
    const struct alarm *a = e->alarm;
    const struct definition *d = definition_of(s, node, e->id, a);
    struct pl_pack *row = pl_reply_row(call, 16);
    pl_pack_pair_str(row, "alarm", pl_tags_get(pl_node_tags(node), e->id)->name);
    pl_pack_pair_str(row, "state", alarm_state_names[alarm_state(a)]);
    pl_pack_pair_str(row, "priority", alarm_priority_names[e->priority]);
    reply_time(row, "raised", a->raised, a->raised != 0);
    pl_pack_pair_str(row, "message", a->message);
    reply_number(row, "value", a->value);
    reply_number(row, "limit", a->limit);
    pl_pack_pair_str(row, "action", d ? d->action : "");
    pl_pack_pair_str(row, "owner", d ? d->owner : "");
    pl_pack_pair_str(row, "user", a->user);
    pl_pack_pair_str(row, "reason", a->reason);
    reply_time(row, "until", a->until, a->shelved);
    pl_pack_str(row, "defined");
    pl_pack_bool(row, d != NULL);
    pl_pack_str(row, "chattering");
    pl_pack_bool(row, list_chatters(s, a, s->latest));
    pl_pack_str(row, "stale");
    pl_pack_bool(row, a->stale);
    pl_pack_str(row, "unconfirmed");
    pl_pack_bool(row, a->unconfirmed);
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    struct alarms *s = self;
    const struct list_args *wanted = args;
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    struct entry *entries = pl_alloc((pl_table_count(table) + 1) * sizeof *entries);
    size_t count = 0;
    if (!entries) return pl_error_set(error, PL_NO_MEMORY, "no memory for the list");
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct alarm *alarm = pl_record_data(r);
        enum alarm_priority priority = definition_priority(definition_of(s, node, r->id, alarm));
        bool fits = state_fits(wanted->state, alarm_state(alarm)) &&
                    (!wanted->priority || wanted->priority - 1 == priority) &&
                    alarm_fits(wanted->alarm, pl_tags_get(pl_node_tags(node), r->id)->name);
        if (fits) entries[count++] = (struct entry){.id = r->id, .priority = priority, .alarm = alarm};
    }
    qsort(entries, count, sizeof *entries, by_urgency);
    for (size_t i = 0; i < count; i++)
        reply_alarm(s, node, &entries[i], call);
    pl_free(entries);
    return PL_OK;
}

/* ---- What changes alarms ---- */

struct change_args {
    const char *alarm;
    pl_time duration;
    const char *reason;
};

#define ARG_ALARM PL_OPT_STRING(struct change_args, alarm, "alarm", NULL, PL_FIXED, "Id or pattern of the alarms.")
#define ARG_REASON                                                                                                     \
    PL_OPT_STRING(struct change_args, reason, "reason", NULL, PL_FIXED, "Why (it goes into the history).")

static const struct pl_option shelve_args[] = {
    ARG_ALARM,
    PL_OPT_DURATION(struct change_args, duration, "duration", NULL, "1ms", NULL, PL_FIXED, "For how long, like 2h."),
    ARG_REASON,
    PL_OPT_END,
};
static const struct pl_option reason_args[] = {ARG_ALARM, ARG_REASON, PL_OPT_END};
static const struct pl_option maybe_reason_args[] = {
    ARG_ALARM,
    PL_OPT_STRING(struct change_args, reason, "reason", "", PL_FIXED, "Why (it goes into the history)."),
    PL_OPT_END,
};

static enum pl_code change_one(struct alarms *s, struct pl_node *node, uint32_t id, struct decision *decision,
                               struct pl_call *call, struct pl_error **error) {
    const char *name = pl_tags_get(pl_node_tags(node), id)->name;
    char object[PL_NAME_MAX + 8];
    enum alarm_state from;
    enum pl_code code = decision_give(s, node, id, decision, &from, error);
    if (code) return code;
    const char *to = alarm_state_names[alarm_state(list_find(node, id))];
    snprintf(object, sizeof object, "alarm %s", name);
    pl_call_changed(call, object, alarm_state_names[from], to);
    struct pl_pack *row = pl_reply_row(call, 3);
    pl_pack_pair_str(row, "alarm", name);
    pl_pack_pair_str(row, "from", alarm_state_names[from]);
    pl_pack_pair_str(row, "to", to);
    return PL_OK;
}

static struct decision decision_of(enum alarm_action action, const struct change_args *args, const char *user,
                                   pl_time now) {
    struct decision d = {.action = action, .given = now};
    d.until = now > PL_TIME_MAX - args->duration ? PL_TIME_MAX : now + args->duration;
    alarm_text(d.user, sizeof d.user, user, strlen(user));
    alarm_text(d.reason, sizeof d.reason, args->reason, strlen(args->reason));
    return d;
}

/* Every alarm that fits, one after the other; then all of it is kept, and the command has only succeeded if it is. */
static enum pl_code change_all(struct alarms *s, struct pl_node *node, const struct change_args *args,
                               struct pl_call *call, enum alarm_action action, struct pl_error **error) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    struct decision decision = decision_of(action, args, pl_call_user(call), pl_now(node));
    uint64_t fitting = 0, changed = 0;
    enum alarm_state state = ALARM_NORMAL;
    enum pl_code code = PL_OK, kept = PL_OK;
    for (struct pl_record *r = pl_table_next(table, NULL); r && !code; r = pl_table_next(table, r)) {
        if (!alarm_fits(args->alarm, pl_tags_get(pl_node_tags(node), r->id)->name)) continue;
        fitting++;
        state = alarm_state(pl_record_data(r));
        code = change_one(s, node, r->id, &decision, call, error);
        changed += code == PL_OK;
        if (code == PL_CONFLICT) code = PL_OK;
    }
    bool told = tell_flush(s, node, &kept, code ? NULL : error);
    if (code) return code;
    if (!told) return pl_error_set(error, PL_NO_MEMORY, "no memory");
    if (fitting == 0)
        return pl_error_set(error, PL_NOT_FOUND, "no alarm in the list fits %s; see: alarms", args->alarm);
    if (kept) return pl_error_set(error, kept, "the change holds in memory only");
    if (fitting == 1 && changed == 0)
        return pl_error_set(error, PL_CONFLICT, "%s is %s: this changes nothing", args->alarm,
                            alarm_state_names[state]);
    return PL_OK;
}

static enum pl_code need_reason(const struct change_args *args, struct pl_error **error) {
    if (args->reason[strspn(args->reason, " \t")]) return PL_OK;
    return pl_error_set(error, PL_USAGE, "say why: the reason is empty");
}

#define CHANGE(name, action, reasoned)                                                                                 \
    static enum pl_code name(void *self, struct pl_node *node, const void *args, struct pl_call *call,                 \
                             struct pl_error **error) {                                                                \
        if ((reasoned) && need_reason(args, error)) return PL_USAGE;                                                   \
        return change_all(self, node, args, call, action, error);                                                      \
    }
CHANGE(ack_run, ACTION_ACKNOWLEDGE, false)
CHANGE(reset_run, ACTION_RESET, true)
CHANGE(unshelve_run, ACTION_UNSHELVE, false)
CHANGE(suppress_run, ACTION_SUPPRESS, true)
CHANGE(unsuppress_run, ACTION_UNSUPPRESS, false)
CHANGE(remove_run, ACTION_REMOVE, true)
CHANGE(serve_run, ACTION_SERVE, false)

static enum pl_code shelve_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    struct alarms *s = self;
    const struct change_args *wanted = args;
    char text[64];
    if (need_reason(wanted, error)) return PL_USAGE;
    if (wanted->duration > s->max_shelve) {
        *pl_text_put_duration(text, s->max_shelve) = 0;
        return pl_error_set(error, PL_RANGE, "an alarm may be shelved for %s at most (max_shelve)", text);
    }
    return change_all(s, node, wanted, call, ACTION_SHELVE, error);
}

const struct pl_command alarms_commands[] = {
    {.name = "alarms list",
     .doc = "Shows the alarms that need attention, the most urgent first.",
     .roles = PL_MAY_SEE,
     .args = list_args,
     .args_size = sizeof(struct list_args),
     .run = list_run},
    {.name = "alarms ack",
     .doc = "Acknowledges alarms.",
     .roles = PL_MAY_OPERATE,
     .flags = PL_COMMAND_CHANGES,
     .args = maybe_reason_args,
     .args_size = sizeof(struct change_args),
     .run = ack_run},
    {.name = "alarms shelve",
     .doc = "Hides alarms for a time.",
     .roles = PL_MAY_OPERATE,
     .flags = PL_COMMAND_CHANGES,
     .args = shelve_args,
     .args_size = sizeof(struct change_args),
     .run = shelve_run},
    {.name = "alarms unshelve",
     .doc = "Ends a shelving; where the condition holds, it is a new alarm.",
     .roles = PL_MAY_OPERATE,
     .flags = PL_COMMAND_CHANGES,
     .args = maybe_reason_args,
     .args_size = sizeof(struct change_args),
     .run = unshelve_run},
    {.name = "alarms reset",
     .doc = "Ends latched alarms, and active ones that their rule has not confirmed since a restart without a log.",
     .roles = PL_MAY_OPERATE,
     .flags = PL_COMMAND_CHANGES,
     .args = reason_args,
     .args_size = sizeof(struct change_args),
     .run = reset_run},
    {.name = "alarms suppress",
     .doc = "Suppresses alarms by design, until it is undone.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .args = reason_args,
     .args_size = sizeof(struct change_args),
     .run = suppress_run},
    {.name = "alarms unsuppress",
     .doc = "Ends a suppression.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .args = maybe_reason_args,
     .args_size = sizeof(struct change_args),
     .run = unsuppress_run},
    {.name = "alarms out-of-service",
     .doc = "Takes alarms out of service, for maintenance.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .args = reason_args,
     .args_size = sizeof(struct change_args),
     .run = remove_run},
    {.name = "alarms in-service",
     .doc = "Puts alarms back into service.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .args = maybe_reason_args,
     .args_size = sizeof(struct change_args),
     .run = serve_run},
    {.name = "alarms history",
     .doc = "Shows what happened to alarms, from gold.",
     .roles = PL_MAY_SEE,
     .args = history_args,
     .args_size = sizeof(struct history_args),
     .run = history_command},
    {.name = "alarms rate",
     .doc =
         "Shows the figures of ISA-18.2: alarms per 10 minutes, floods, top offenders. Time is that of events; by the "
         "engine's clock only as long as nothing has come in.",
     .roles = PL_MAY_SEE,
     .args = rate_args,
     .args_size = sizeof(struct rate_args),
     .run = rate_command},
    {.name = NULL},
};
