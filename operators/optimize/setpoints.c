#include "setpoints.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

/* ---- Signals ---- */

static bool ends_in(const char *name, const char *end) {
    size_t a = strlen(name), b = strlen(end);
    return b && a > b + 1 && name[a - b - 1] == '.' && strcmp(name + a - b, end) == 0;
}

/* The watch of a tag + 1, or UINT8_MAX. Looked up by its name once. */
static uint8_t watch_of(struct optimize *s, uint32_t tag) {
    if (tag >= s->tag_room) {
        uint32_t room = tag + 256;
        uint8_t *more = pl_realloc(s->of_tag, room);
        if (!more) return UINT8_MAX;
        memset(more + s->tag_room, 0, room - s->tag_room);
        s->of_tag = more;
        s->tag_room = room;
    }
    const char *const end[WATCHED] = {[WATCHED_HEALTH] = "twin.health",
                                      [WATCHED_RISK] = "twin.anode_effect_risk",
                                      [WATCHED_NOISE] = s->noise,
                                      [WATCHED_STANDS] = s->target[TARGET_ACD]};
    const char *line = s->current == CURRENT_LINE ? s->target[TARGET_CURRENT] : "";
    if (s->of_tag[tag]) return s->of_tag[tag];
    const char *name = pl_tags_get(pl_node_tags(s->node), tag)->name;
    s->of_tag[tag] = UINT8_MAX;
    for (int i = 0; i < WATCHED; i++)
        if (ends_in(name, end[i])) s->of_tag[tag] = (uint8_t)(i + 1);
    if (ends_in(name, line)) s->of_tag[tag] = WATCHED_STANDS + 1;
    return s->of_tag[tag];
}

/* The twin's own signals stand one level below the pot: line1.pot07.twin.health. */
static uint32_t pot_of(struct optimize *s, uint32_t tag, uint8_t watch) {
    const struct pl_tag *t = pl_tags_get(pl_node_tags(s->node), tag);
    if (watch != WATCHED_HEALTH + 1 && watch != WATCHED_RISK + 1) return t->asset;
    size_t length = strlen(t->name) - strlen(watch == WATCHED_HEALTH + 1 ? ".twin.health" : ".twin.anode_effect_risk");
    return pl_tags_intern(pl_node_tags(s->node), t->name, length);
}

static void take_samples(struct optimize *s, const struct pl_batch *batch) {
    const struct pl_samples *in = &batch->samples;
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint8_t watch = watch_of(s, in->tag[i]);
        if (watch == UINT8_MAX || in->quality[i] & PL_Q_BAD || !isfinite(in->value[i])) continue;
        uint32_t asset = pot_of(s, in->tag[i], watch);
        if (asset == PL_NO_ID) continue; /* the registry is full */
        struct pot_record *r = pl_table_get(pl_node_table(s->node, TABLE_POTS), asset, 0);
        if (r) r->watch[watch - 1] = (struct watch){in->value[i], in->time[i]}; /* else it is one too many (max_keys) */
    }
}

static bool take_events(struct optimize *s, const struct pl_batch *batch) {
    const struct pl_events *in = &batch->events;
    bool good = true;
    for (uint32_t i = 0; i < batch->rows && good; i++) {
        uint32_t size;
        const void *body = pl_batch_heap_row(batch, 0, i, &size);
        if (in->kind[i] == s->kind_begun) answer_begun(s, in->asset[i], in->time[i]);
        if (in->kind[i] == s->kind_state) good = answer_state(s, in->asset[i], in->time[i], body, size);
        if (in->kind[i] == s->kind_evaluate) good = answer_evaluate(s, in->asset[i], in->time[i], body, size);
        if (in->kind[i] == s->kind_line) good = line_again(s, in->asset[i], in->time[i], body, size);
        if (in->kind[i] == s->kind_run) good = answer_again(s, in->asset[i], in->time[i], body, size);
    }
    return good;
}

/* ---- Life cycle ---- */

static enum pl_code optimize_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct optimize *s = self;
    struct pl_tags *tags = pl_node_tags(node);
    s->node = node;
    s->run = PL_NEW(struct run);
    s->result = PL_NEW(struct pot_result);
    s->body = pl_pack_new();
    s->kind_state = pl_tags_intern(tags, "twin.state", strlen("twin.state"));
    s->kind_begun = pl_tags_intern(tags, "twin.begun", strlen("twin.begun"));
    s->kind_run = pl_tags_intern(tags, "optimize.run", strlen("optimize.run"));
    s->kind_line = pl_tags_intern(tags, "optimize.line", strlen("optimize.line"));
    s->kind_evaluate = pl_tags_intern(tags, "optimize.evaluate", strlen("optimize.evaluate"));
    s->own = pl_tags_intern(tags, pl_node_name(node), strlen(pl_node_name(node)));
    if (!s->run || !s->result || !s->body || s->kind_state == PL_NO_ID || s->kind_begun == PL_NO_ID ||
        s->kind_run == PL_NO_ID || s->kind_line == PL_NO_ID || s->kind_evaluate == PL_NO_ID || s->own == PL_NO_ID)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for an optimiser");
    pl_node_model(node, NULL, NULL, NULL);
    s->limits.count = 0;
    enum pl_code code = optimize_limits(s, error);
    if (!code && s->current == CURRENT_LINE) code = line_check(s, error);
    return code ? code : constraints_load(s, error);
}

static void optimize_close(void *self, struct pl_node *node) {
    struct optimize *s = self;
    (void)node;
    pl_free(s->run);
    pl_free(s->result);
    pl_free(s->of_tag);
    pl_pack_free(s->body);
}

static enum pl_flow optimize_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct optimize *s = self;
    (void)input;
    bool good = true;
    if (batch->kind == PL_SAMPLES)
        take_samples(s, batch);
    else
        good = take_events(s, batch);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for an answer");
}

static pl_time optimize_watermark(void *self, struct pl_node *node, pl_time now) {
    bool known = now != PL_TIME_MIN && now != PL_TIME_MAX;
    if (known && !answer_renew(self, now)) pl_fail(node, "no memory for set points");
    return now;
}

static void merge_progress(void *record, const void *other) {
    struct progress_record *p = record;
    const struct progress_record *more = other;
    if (more->token > p->token) p->token = more->token;
}

extern const struct pl_operator optimize_setpoints_operator;
const struct pl_operator optimize_setpoints_operator = {
    PL_OPERATOR("optimize.setpoints", "Set points of least energy a tonne within limits, by the twin's steady state."),
    .doc =
        "Each time that twin.cell tells a pot's state (twin.state), the least energy by tonne (or cost, or CO2e) is "
        "searched for that the pot would come to, over anode distance, alumina and AlF3 as they are held and, where it "
        "is free, the line's current: within limits of throughput, superheat, bath temperature, ledge, distance to an "
        "anode effect, ratings, what one move may be, and the least distance that the pot's noise allows. The steady "
        "state is that of the CellModel, with sensitivities as gradients; `scenarios` let limits hold for uncertain "
        "parameters, too.\n\n"
        "With `current: line` the current of a line is decided, too, for all its pots together (`line_every`): within "
        "the "
        "contract (limit `current`) and `current_move`, the throughput of the line, the rectifier's power and voltage "
        "(`line_throughput`, `line_power`, `line_voltage`), and where no pot is worse off than at the present one. "
        "With "
        "`tariff_by_hour` and a weight of cost it is a schedule of 24 hours, of which the first is set. The answer is "
        "LINE.current_set, and an event optimize.line with all that it follows from.\n\n"
        "Answers are set points ASSET.acd_set, .feed_set, .alf3_set for a guard: leases with a generation and a "
        "reason, renewed until the next answer. Where not all limits can be kept, those of the highest rank give way "
        "(optimize.relaxed); where those of rank 0 cannot, what was accepted last holds if it keeps them "
        "(optimize.accepted), else the baseline (optimize.baseline). An unhealthy twin, an anode effect that is near "
        "and a state that cannot be read end in optimize.held; anodes whose noise is not known are not lowered, and "
        "those "
        "whose set point cannot be read are left where they are (optimize.blind); without an answer for `hold`, set "
        "points are no longer "
        "renewed (optimize.lapsed). Every run is an event optimize.run with all that it follows from, so that "
        "`potline optimize --replay` gives the same numbers.",
    .inputs =
        PL_PORTS({.name = "in",
                  .kinds = PL_SET(PL_EVENTS) | PL_SET(PL_SAMPLES),
                  .doc = "twin.state, .begun; the twin's health and risk, noise, and what stands in the set points."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SETPOINTS), .doc = "Set points, for a guard."},
                 {.name = "events",
                  .kinds = PL_SET(PL_EVENTS),
                  .doc = "optimize.run, .line, .relaxed, .accepted, .baseline, .held, .blind, .lapsed, .replayed."}),
    .options = optimize_options,
    .counters = PL_COUNTERS({"runs", "runs", "Pots decided."}, {"optimal", "runs", "Of them, within all limits."},
                            {"relaxed", "runs", "With limits that gave way."},
                            {"accepted", "runs", "That fell back on what was accepted last."},
                            {"baseline", "runs", "That fell back on the baseline."},
                            {"held", "states", "States that nothing was decided by."},
                            {"late", "runs", "That the deadline has ended."},
                            {"lapsed", "pots", "Times that an answer became too old."},
                            {"sent", "set points", "Set points sent, renewals included."},
                            {"replayed", "runs", "Recorded runs done again."}),
    .tables = PL_TABLES({.name = "pots",
                         .version = 2,
                         .record_size = sizeof(struct pot_record),
                         .doc = "By asset, pots and lines: what was accepted, what is being sent, the newest signals."},
                        {.name = "progress",
                         .version = 1,
                         .record_size = sizeof(struct progress_record),
                         .doc = "The highest generation given out.",
                         .merge = merge_progress},
                        {.name = "followed",
                         .version = 1,
                         .record_size = sizeof(struct followed_record),
                         .doc = "By asset: since when its twin follows it."},
                        {.name = "states",
                         .version = 1,
                         .record_size = sizeof(struct state_record),
                         .doc = "By asset: what its twin has told last, where a line's current is decided."}),
    .scope = PL_EITHER,
    .flags = PL_OP_BLOCKING | PL_OP_RECOMPUTES | PL_OP_MIXED,
    .instance_size = sizeof(struct optimize),
    .check = optimize_check,
    .open = optimize_open,
    .process = optimize_process,
    .watermark = optimize_watermark,
    .close = optimize_close,
    .commands = optimize_commands,
};
