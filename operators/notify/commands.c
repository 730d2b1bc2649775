/* commands.c: notify list, ack, test. */
#include <potline/text.h>
#include <string.h>

#include "notify.h"

struct list_args {
    const char *subject;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, subject, "subject", "*", PL_FIXED, "What it is about, or a pattern."),
    PL_OPT_END,
};

static void reply_time(struct pl_pack *row, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, (size_t)(pl_text_put_time(text, time) - text));
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    const struct notify *s = self;
    const struct list_args *wanted = args;
    struct entry entry;
    (void)error;
    for (struct pl_record *at = NULL; outbox_next(s, &at, &entry);) {
        char id[ID_TEXT];
        const char *subject = outbox_text(s, entry.subject);
        if (!pl_glob(wanted->subject, subject)) continue;
        text_id(id, entry.record->id);
        struct pl_pack *row = pl_reply_row(call, 9);
        pl_pack_pair_str(row, "id", id);
        pl_pack_pair_str(row, "subject", subject);
        pl_pack_pair_str(row, "kind", entry.record->kind);
        pl_pack_pair_str(row, "user", entry.record->user);
        pl_pack_pair_str(row, "waits",
                         outbox_flies(s, entry.record->id)  ? "sending"
                         : entry.record->attempts           ? "again"
                         : entry.record->due > pl_now(node) ? "escalation"
                                                            : "turn");
        reply_time(row, "due", entry.record->due);
        pl_pack_pair_int(row, "attempts", entry.record->attempts);
        pl_pack_pair_str(row, "why", entry.record->why);
        pl_pack_pair_str(row, "node", pl_node_name(node));
    }
    return PL_OK;
}

struct ack_args {
    const char *subject, *reason;
};

static const struct pl_option ack_args[] = {
    PL_OPT_STRING(struct ack_args, subject, "subject", NULL, PL_FIXED, "What it is about, or a pattern."),
    PL_OPT_STRING(struct ack_args, reason, "reason", "", PL_FIXED, "Why."),
    PL_OPT_END,
};

static enum pl_code ack_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                            struct pl_error **error) {
    struct notify *s = self;
    const struct ack_args *wanted = args;
    struct pl_table *table = pl_node_table(node, TABLE_OUTBOX);
    unsigned ended = 0;
    (void)error;
    for (struct pl_record *next, *at = pl_table_next(table, NULL); at; at = next) {
        uint32_t subject = at->id;
        for (next = at; next && next->id == subject;)
            next = pl_table_next(table, next);
        if (pl_glob(wanted->subject, outbox_text(s, subject))) ended += outbox_end(s, subject);
    }
    if (ended == 0) return PL_NOT_FOUND;
    pl_call_changed(call, wanted->subject, "escalating", "acknowledged");
    return PL_OK;
}

struct test_args {
    const char *to, *node, *reason;
};

static const struct pl_option test_args[] = {
    PL_OPT_STRING(struct test_args, to, "to", "*", PL_FIXED, "Name or pattern of people."),
    PL_OPT_STRING(struct test_args, node, "node", "*", PL_FIXED, "Name or pattern of nodes that tell."),
    PL_OPT_STRING(struct test_args, reason, "reason", "a test", PL_FIXED, "What it says."),
    PL_OPT_END,
};

static enum pl_code test_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    struct notify *s = self;
    const struct test_args *wanted = args;
    const struct person *people = s->people.items;
    unsigned found = 0;
    if (!pl_glob(wanted->node, pl_node_name(node))) return PL_NOT_FOUND;
    for (uint32_t i = 0; i < s->people.count; i++) {
        char text[ID_TEXT];
        if (!pl_glob(wanted->to, people[i].user)) continue;
        uint64_t id = take_test(s, &people[i], wanted->reason, pl_now(node));
        if (!id) return pl_error_set(error, PL_LIMIT, "there is no room for another notification; see notify list");
        text_id(text, id);
        struct pl_pack *row = pl_reply_row(call, 4);
        pl_pack_pair_str(row, "id", text);
        pl_pack_pair_str(row, "user", people[i].user);
        pl_pack_pair_str(row, "to", people[i].to);
        pl_pack_pair_str(row, "node", pl_node_name(node));
        found++;
    }
    deliver(s);
    return found ? PL_OK : PL_NOT_FOUND;
}

const struct pl_command notify_commands[] = {
    {.name = "notify list",
     .doc = "Notifications that wait: for their turn, another attempt, or an escalation.",
     .roles = PL_MAY_SEE,
     .args = list_args,
     .args_size = sizeof(struct list_args),
     .run = list_run},
    {.name = "notify ack",
     .doc = "Ends the escalation of what somebody sees to.",
     .roles = PL_MAY_OPERATE,
     .flags = PL_COMMAND_CHANGES,
     .args = ack_args,
     .args_size = sizeof(struct ack_args),
     .run = ack_run},
    {.name = "notify test",
     .doc = "Sends a test to people at once; the audit tells what became of it.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .args = test_args,
     .args_size = sizeof(struct test_args),
     .run = test_run},
    {.name = NULL},
};
