#include "twin_cell.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "models.h"

static const struct pl_option twin_options[] = {
    PL_OPT_STRING(struct twin, signal[FOLLOW_VOLTAGE], "voltage", "voltage", PL_FIXED,
                  "The last part of the tag of the cell's voltage, V, its part of the busbars included."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_CURRENT], "current", "current", PL_FIXED,
                  "Likewise of the current, kA unless the tag's unit is A."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_BATH_TEMP], "bath_temp", "bath_temp", PL_FIXED,
                  "Of the bath's temperature, degC; \"\": not measured, as of all that follow."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_ANODE], "anode_pos", "anode_pos", PL_FIXED,
                  "Of the anode beam's position, up is more; mm, or the tag's unit (cm, m)."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_FEED], "feed", "feed_total", PL_FIXED,
                  "Of the count of alumina fed so far, kg: each minute or more often, for anode effects are foreseen "
                  "by it. Behind five minutes without it counts as not known."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_FLUORIDE], "alf3", "alf3_total", PL_FIXED, "Of that of AlF3, kg."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_TAPPED], "tapped", "tapped_total", PL_FIXED,
                  "Of that of metal tapped, kg."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_METAL], "metal_level", "metal_level", PL_FIXED,
                  "Of the height of the metal; cm, or the tag's unit (mm, m)."),
    PL_OPT_STRING(struct twin, signal[FOLLOW_BATH], "bath_level", "bath_level", PL_FIXED,
                  "Of the height of the bath over the metal, likewise."),
    PL_OPT_PAIRS(struct twin, values, "model", "{}", PL_STATE,
                 "Parameters of CellModel that differ from its defaults, { bath: 6200 }: `potline model show "
                 "CellModel` lists them."),
    PL_OPT_DURATION(struct twin, step, "step", "10s", "1s", "10m", PL_STATE, "How often a cell is looked at."),
    PL_OPT_DURATION(struct twin, every, "every", "10s", "1s", "1d", PL_LIVE, "How often its values are told."),
    PL_OPT_DURATION(struct twin, profile_every, "profiles", "10m", "0s", "1d", PL_LIVE,
                    "How often its profiles are told; 0: never."),
    PL_OPT_DURATION(struct twin, state_every, "state", "10m", "0s", "1d", PL_LIVE,
                    "How often its whole state is told, as an event twin.state, which `potline what-if` goes on from; "
                    "0: never."),
    PL_OPT_DURATION(struct twin, hold, "hold", "1h", "0s", "1d", PL_FIXED,
                    "The longest gap without any row that is bridged by the model alone; beyond it a cell begins "
                    "anew."),
    PL_OPT_DURATION(struct twin, frozen, "frozen", "60s", "1s", "1d", PL_FIXED,
                    "A voltage or bath temperature that has not changed for so long is not believed."),
    PL_OPT_INT(struct twin, budget, "budget", "20000", "10", "1000000000", PL_FIXED,
               "Evaluations of the equations that a step may take on each rung of the ladder."),
    PL_OPT_NUMBER(struct twin, effect_voltage, "effect_voltage", "8", "5", "100", PL_FIXED,
                  "V: above it there is an anode effect."),
    PL_OPT_NUMBER(struct twin, effect_alumina, "effect_alumina", "1.9", "0.5", "5", PL_FIXED,
                  "wt% of alumina at which an anode effect begins."),
    PL_OPT_NUMBER(struct twin, effect_spread, "effect_spread", "0.06", "0", "2", PL_FIXED,
                  "wt%: how much that differs from cell to cell."),
    PL_OPT_DURATION(struct twin, lead, "lead", "15m", "1m", "4h", PL_FIXED, "How far an anode effect is looked for."),
    PL_OPT_NUMBER(struct twin, raise, "raise", "0.4", "0", "1", PL_FIXED,
                  "anode_effect_risk is told when the probability of one within `lead` is above that. Less tells more "
                  "of them, sooner, and more often for nothing."),
    PL_OPT_NUMBER(struct twin, clear, "clear", "0.2", "0", "1", PL_FIXED, "And it is over below that."),
    PL_OPT_NUMBER(struct twin, feed_spread, "feed_spread", "0.12", "0", "1", PL_FIXED,
                  "How far the feed of the next `lead` is off what is expected (one standard deviation), as a share of "
                  "what is used: how well this plant's control keeps its rates where there is little alumina."),
    PL_OPT_DURATION(struct twin, feed_memory, "feed_memory", "3h", "1m", "1d", PL_FIXED,
                    "How long the most that a cell was fed is remembered: a control that sees alumina fall is expected "
                    "to feed that again. Some turns of its feeding."),
    PL_OPT_DURATION(
        struct twin, answer, "answer", "6m", "0s", "4h", PL_FIXED,
        "How long a control may take for that, once a risk would be told without it, and as long as more than "
        "that is left. 0: it is not expected to. Where it is not written and `lead` is not longer: half of "
        "`lead`."),
    PL_OPT_DURATION(
        struct twin, attended, "attended", "1h", "0s", "1d", PL_FIXED,
        "How long behind tapping (more than 8 kg in a minute) and an anode change its control feeds evenly, "
        "and is not expected to either."),
    PL_OPT_INT(struct twin, patience, "patience", "3", "1", "1000", PL_FIXED,
               "Steps in a row that the probability must be above `raise`."),
    PL_OPT_END,
};

/* ---- Options ---- */

static int parameter_named(const char *name) {
    for (int i = 0; twin_cell_model.parameters[i].name; i++)
        if (strcmp(twin_cell_model.parameters[i].name, name) == 0) return i;
    return -1;
}

static void check_value(const struct pl_pair *pair, struct pl_check *check) {
    char option[96];
    double value;
    snprintf(option, sizeof option, "model.%s", pair->name);
    int row = parameter_named(pair->name);
    if (row < 0) {
        const char *names[PL_MODEL_PARAMETERS_MAX];
        unsigned count = 0;
        for (; twin_cell_model.parameters[count].name; count++)
            names[count] = twin_cell_model.parameters[count].name;
        const char *nearest = pl_text_nearest(pair->name, names, count);
        pl_check_error(check, "model", "CellModel has no parameter %s%s%s%s", pair->name,
                       nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
        return;
    }
    const struct pl_model_parameter *p = &twin_cell_model.parameters[row];
    if (!pl_text_f64(pair->value, strlen(pair->value), &value) || !(value >= p->low && value <= p->high))
        pl_check_error(check, "model", "%s is a number from %g to %g %s, found '%s'", pair->name, p->low, p->high,
                       p->unit, pair->value);
}

static void twin_check(void *self, struct pl_check *check) {
    const struct twin *t = self;
    const struct pl_pair *pairs = t->values.items;
    for (uint32_t i = 0; i < t->values.count; i++)
        check_value(&pairs[i], check);
    if (t->clear > t->raise)
        pl_check_error(check, "clear", "clear is above raise: what is raised would be over at once");
    if (t->answer >= t->lead && pl_check_given(check, "answer"))
        pl_check_error(check, "answer", "answer is not below lead: what it waits for is over by then");
    if (t->every % t->step != 0) pl_check_error(check, "every", "every is no multiple of step");
}

/* A control has time for its answer within `lead`, also where only that is written. */
static double answer_of(const struct twin *t) {
    return (double)(t->answer < t->lead ? t->answer : t->lead / 2) * 1e-9;
}

static void set_up(struct twin *t) {
    struct follow_setup *s = &t->setup;
    *s = (struct follow_setup){.model = &twin_cell_model,
                               .budget = t->budget,
                               .effect_voltage = t->effect_voltage,
                               .effect_alumina = t->effect_alumina,
                               .frozen = (double)t->frozen * 1e-9,
                               .attended = (double)t->attended * 1e-9,
                               .risk = {.lead = (double)t->lead * 1e-9,
                                        .raise = t->raise,
                                        .clear = t->clear,
                                        .alumina = t->effect_alumina,
                                        .spread = t->effect_spread,
                                        .patience = (double)t->patience,
                                        .feed_spread = t->feed_spread,
                                        .feed_memory = (double)t->feed_memory * 1e-9,
                                        .answer = answer_of(t)}};
    models_defaults(twin_cell_model.parameters, s->values);
    const struct pl_pair *pairs = t->values.items;
    for (uint32_t i = 0; i < t->values.count; i++) {
        int row = parameter_named(pairs[i].name);
        if (row >= 0) pl_text_f64(pairs[i].value, strlen(pairs[i].value), &s->values[row]);
    }
    follow_fingerprint(s, t->fingerprint);
}

/* ---- Life cycle ---- */

static enum pl_code twin_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct twin *t = self;
    set_up(t);
    pl_node_model(node, t->setup.model->name, NULL, t->fingerprint);
    t->tags = pl_node_tags(node);
    t->signals = (struct signals){.name = t->signal, .count = FOLLOW_SIGNALS};
    t->steps = pl_node_table(node, TABLE_STEPS);
    t->cells = pl_node_table(node, TABLE_CELLS);
    t->closed = PL_TIME_MIN;
    t->body = pl_pack_new();
    return t->body ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the bodies of events");
}

static void twin_close(void *self, struct pl_node *node) {
    (void)node;
    struct twin *t = self;
    for (uint32_t i = 0; i < t->count; i++) {
        follow_close(&t->cell[i]->follow);
        pl_free(t->cell[i]);
    }
    pl_free(t->cell);
    signals_free(&t->signals);
    pl_free(t->of_asset);
    pl_free(t->due);
    pl_pack_free(t->body);
    for (unsigned i = 0; i < PL_COUNT_OF(t->out); i++)
        pl_batch_unref(t->out[i]);
    t->cell = NULL;
    t->of_asset = NULL;
    t->due = NULL;
    t->body = NULL;
    t->count = 0;
    memset(t->out, 0, sizeof t->out);
}

/* ---- Data path ---- */

static void count_all(struct twin *t, struct pl_node *node) {
    if (t->ignored) pl_count(node, COUNT_IGNORED, t->ignored);
    if (t->late) pl_count(node, COUNT_LATE, t->late);
    if (t->refused) pl_count(node, COUNT_REFUSED, t->refused);
    t->ignored = t->late = t->refused = 0;
}

static enum pl_flow twin_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct twin *t = self;
    bool good = (t->found || twin_find(t, node)) && twin_take(t, batch);
    pl_batch_unref(batch);
    count_all(t, node);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for cells");
}

static bool keep_closed(struct twin *t, struct pl_node *node, pl_time until) {
    struct twin_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (!progress) return false;
    progress->closed = t->closed = until;
    return true;
}

static pl_time twin_watermark(void *self, struct pl_node *node, pl_time now) {
    struct twin *t = self;
    if (now == PL_TIME_MIN) return now;
    pl_time until = now;
    if (now != PL_TIME_MAX && pl_node_kind(node) == PL_WINDOWS) until--;
    bool good = (t->found || twin_find(t, node)) && twin_close_steps(t, node, until) && twin_flush(t, node);
    if (good && until > t->closed) good = keep_closed(t, node, until);
    count_all(t, node);
    if (!good) pl_fail(node, "no memory to follow cells");
    return now;
}

/* ---- The command ---- */

struct state_args {
    const char *asset;
};

static const struct pl_option state_args[] = {
    PL_OPT_STRING(struct state_args, asset, "asset", NULL, PL_FIXED, "The cell: line1.pot07."),
    PL_OPT_END,
};

/* A copy of some hundred numbers: whoever looks ahead from there does it elsewhere, and the cells here go on. */
static enum pl_code run_state(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                              struct pl_error **error) {
    struct twin *t = self;
    const char *asset = ((const struct state_args *)args)->asset;
    if (!t->found && !twin_find(t, node)) return pl_error_set(error, PL_NO_MEMORY, "no memory for cells");
    for (uint32_t i = 0; i < t->count; i++) {
        const struct follow_record *r = pl_table_find(t->cells, t->cell[i]->asset, 0);
        if (!r || !r->count || strcmp(pl_tags_get(t->tags, t->cell[i]->asset)->name, asset) != 0) continue;
        twin_reply_state(t, t->cell[i], r, call);
        return PL_OK;
    }
    return pl_error_set(error, PL_NOT_FOUND, "no twin follows %s", asset);
}

/* What is late in the one that is farther back is late in both. */
static void merge_progress(void *record, const void *other) {
    struct twin_progress *progress = record;
    const struct twin_progress *more = other;
    if (more->closed < progress->closed) progress->closed = more->closed;
}

static const struct pl_table_def twin_tables[] = {
    [TABLE_STEPS] = {.name = "steps",
                     .version = 1,
                     .record_size = sizeof(struct twin_step),
                     .doc = "By asset and begin: what came in a step that is not over."},
    [TABLE_CELLS] = {.name = "cells",
                     .version = 6,
                     .record_size = sizeof(struct follow_record),
                     .doc = "By asset: the state of model and estimator."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct twin_progress),
                        .doc = "Until when steps are over, which decides what is late.",
                        .merge = merge_progress},
    {.name = NULL},
};

extern const struct pl_operator twin_cell_operator;
const struct pl_operator twin_cell_operator = {
    PL_OPERATOR("twin.cell", "Follows reduction cells with a physical model, and foresees anode effects."),
    .doc =
        "Each asset whose tags end in the names that the options give has a CellModel of its own (`potline model show "
        "CellModel`), which is taken through every step with the current, the feed, the tapping and the anode "
        "movements that were measured, and is then pulled to what was measured: to bath temperature and levels by "
        "Kalman filters, to the voltage by a moving horizon of three hours. What is not measured comes out as "
        "ASSET.twin.NAME: alumina (wt%), its standard "
        "deviation alumina_sd, superheat, liquidus, ledge (mm), acd (mm), all parts of the voltage (u_..., which sum "
        "up to "
        "it outside of an anode effect), and more (`model show CellModel` has their list and what each is); what does "
        "not fit as feed_share (of the counted feed, what arrives) and heat_correction (kW); how well it fits as "
        "innovation (of the voltage, by its expected deviation) and health (0 to 1). `voltage` is what was predicted "
        "before the step's voltage was looked at.\n\n"
        "A row without a value, or bad, changes nothing; neither does a voltage or temperature that has frozen, or a "
        "bath "
        "that jumps by 6 K. A count of the feed that stands still is feed that has stopped, until it goes on by more "
        "than "
        "some shots: then it had frozen, and that was fed evenly meanwhile. Values are "
        "uncertain in an anode effect, beyond what the model is meant for, when health is below 0.5, and where a step "
        "has needed a looser tolerance or a coarser grid (the ladder: `rung`). Without a count of the feed nothing "
        "tells "
        "alumina from distance: alumina is then the usual one, give or take what alumina_sd says (0.2), and the "
        "distance "
        "what is moved. anode_effect_risk is an event when one "
        "is likely within `lead`, and over (.cleared, whose `message` says why) when it is not any more or has begun; "
        "anode_effect is one that has begun. Events name the model, a hash of its parameters and its fidelity.\n\n"
        "Rows come from samples or, cheaper, from windows of ten seconds (mean, min, max, stddev, last).",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS), .doc = "Signals of cells."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.twin.NAME at the end of a step."},
                        {.name = "profiles",
                         .kinds = PL_SET(PL_PROFILES),
                         .doc = "Temperatures of walls and bottom, ledge by height, alumina at the anode."},
                        {.name = "events",
                         .kinds = PL_SET(PL_EVENTS),
                         .doc = "anode_effect_risk, anode_effect, both with .cleared, twin.begun, twin.degraded, "
                                "twin.recovered, twin.lost, twin.state."}),
    .options = twin_options,
    .counters = PL_COUNTERS(
        {"steps", "steps", "Steps of cells."}, {"short", "steps", "Of them, with short steps of the integration."},
        {"loose", "steps", "With a looser tolerance."}, {"coarse", "steps", "On a coarser grid."},
        {"held", "steps", "That kept what was good last."},
        {"lost", "cells", "Times that a cell was beyond the physics and had to begin anew."},
        {"uncertain", "steps", "Whose values were told as uncertain."},
        {"ignored", "rows", "Rows that were bad, frozen or without a value."},
        {"late", "rows", "Rows of steps that were over."},
        {"refused", "rows", "Rows for which there was no room: too many cells, steps or names."},
        {"risks", "events", "Anode effects foreseen."}, {"effects", "events", "Anode effects that began."},
        {"energy_unbalanced", "steps", "With more than a millionth of the heat unaccounted for."},
        {"alumina_unbalanced", "steps", "The same of alumina."},
        {"charge_unbalanced", "steps", "The same of charge: metal made by alumina taken."},
        {"solver_steps", "steps", "Of the solver, within the steps of cells."}),
    .gauges = PL_GAUGES({"cells", "cells", "That are followed.", PL_GAUGE_SUM},
                        {"health", "", "The least of all cells' in the last step.", PL_GAUGE_LEAST},
                        {"energy_residual", "",
                         "Share of the heat that is unaccounted for since a cell was begun: the most of all "
                         "cells' in the last step.",
                         PL_GAUGE_MOST},
                        {"alumina_residual", "", "The same of alumina.", PL_GAUGE_MOST},
                        {"charge_residual", "", "The same of charge: metal made by alumina taken.", PL_GAUGE_MOST}),
    .tables = twin_tables,
    .scope = PL_EITHER,
    .flags = PL_OP_BLOCKING, /* a step of many cells is a second's work and more */
    .instance_size = sizeof(struct twin),
    .check = twin_check,
    .open = twin_open,
    .process = twin_process,
    .watermark = twin_watermark,
    .close = twin_close,
    .commands = PL_COMMANDS({.name = "twin state",
                             .doc = "The whole state of a cell's model as it is now, to look ahead from.",
                             .roles = PL_MAY_SEE,
                             .args = state_args,
                             .args_size = sizeof(struct state_args),
                             .run = run_state}),
};
