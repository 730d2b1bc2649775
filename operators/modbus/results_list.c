/* results_list.c: the command `setpoints list`: what stands at each tag of the device. */
#include <potline/text.h>
#include <string.h>

#include "results.h"

struct list_args {
    const char *tag;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, tag, "tag", "*", PL_FIXED, "Name or pattern of the set points."),
    PL_OPT_END,
};

static const char *state_of(const struct pl__slot *slot) {
    static const char *const last[PL__OUTCOMES] = {"verified", "verified",   "refused",  "failed",
                                                   "expired",  "superseded", "withdrawn"};
    if (slot->phase != PL__IDLE) return slot->written ? "written" : "waits";
    return slot->any ? last[slot->last] : "";
}

static void reply_time(struct pl_pack *row, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, time ? (size_t)(pl_text_put_time(text, time) - text) : 0);
}

static void reply(const struct pl__sink *sink, const struct pl__slot *slot, struct pl_call *call) {
    const struct pl_tags *tags = pl_node_tags(sink->node);
    bool troubled = slot->any && slot->last != PL__VERIFIED && slot->last != PL__RENEWED;
    struct pl_pack *row = pl_reply_row(call, 13);
    pl_pack_pair_str(row, "tag", pl_tags_get(tags, slot->target->tag)->name);
    pl_pack_pair_f64(row, "value", slot->order.received ? slot->order.value : __builtin_nan(""));
    pl_pack_pair_f64(row, "read_back", slot->found);
    pl_pack_pair_str(row, "state", state_of(slot));
    pl_pack_pair_str(row, "why", troubled || slot->phase != PL__IDLE ? slot->why : "");
    pl_pack_pair_str(row, "origin", pl_tags_get(tags, slot->order.origin)->name);
    pl_pack_pair_str(row, "model", slot->order.model ? pl_tags_get(tags, slot->order.model)->name : "");
    reply_time(row, "verified", slot->verified_at);
    pl_pack_pair_f64(row, "latency_ms", slot->any ? (double)slot->latency / 1e6 : __builtin_nan(""));
    pl_pack_pair_str(row, "device", slot->manual ? "manual" : "automatic");
    pl_pack_pair_int(row, "renewals", (int64_t)slot->renewals);
    pl_pack_pair_int(row, "failures", (int64_t)slot->failures);
    pl_pack_pair_str(row, "endpoint", sink->endpoint);
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    const struct pl__sink *sink = self;
    const struct list_args *wanted = args;
    (void)error;
    for (uint32_t i = 0; i < sink->targets.count; i++) {
        const struct pl__slot *slot = &sink->writes.slot[i];
        const char *name = pl_tags_get(pl_node_tags(node), slot->target->tag)->name;
        if (pl_glob(wanted->tag, name)) reply(sink, slot, call);
    }
    return PL_OK;
}

const struct pl_command pl__sink_commands[] = {
    {.name = "setpoints list",
     .doc = "Lists the set points of the field: what was wanted, what was read back, and how it ended.",
     .roles = PL_MAY_SEE,
     .args = list_args,
     .args_size = sizeof(struct list_args),
     .run = list_run},
    {.name = NULL},
};
