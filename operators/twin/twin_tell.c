#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/text.h>

#include "twin_cell.h"

enum { TWIN_STATE_PAIRS = 14 };
enum { SAMPLE_ROWS = 2048, EVENT_ROWS = 64, EVENT_HEAP = 256 << 10, PROFILE_ROWS = 64, PROFILE_HEAP = 8192 };
static const double BALANCED = 1e-6; /* of what there is and what has come and gone */

/* Beside what its model tells of a cell (pl_model_told): what the estimator adds. */
enum {
    OWN_VOLTAGE,
    OWN_INNOVATION,
    OWN_HEALTH,
    OWN_DEVIATION,
    OWN_SHARE,
    OWN_LOSS,
    OWN_ADDED,
    OWN_RISK,
    OWN_MINUTES,
    OWN_RUNG,
    OWNS
};
static const char *const own[OWNS] = {[OWN_VOLTAGE] = "voltage",
                                      [OWN_INNOVATION] = "innovation",
                                      [OWN_HEALTH] = "health",
                                      [OWN_DEVIATION] = "alumina_sd",
                                      [OWN_SHARE] = "feed_share",
                                      [OWN_LOSS] = "heat_correction",
                                      [OWN_ADDED] = "alumina_correction",
                                      [OWN_RISK] = "anode_effect_risk",
                                      [OWN_MINUTES] = "anode_effect_minutes",
                                      [OWN_RUNG] = "rung"};

bool twin_flush(struct twin *t, struct pl_node *node) {
    bool good = true;
    for (unsigned port = 0; port < PL_COUNT_OF(t->out); port++)
        if (t->out[port]) good = pl_emit(node, port, &t->out[port]) != PL_FLOW_FAIL && good;
    return good;
}

/* A batch of the port with room for a row, and so much of a heap. */
static struct pl_batch *batch_for(struct twin *t, struct pl_node *node, unsigned port, uint32_t heap) {
    static const struct {
        enum pl_kind kind;
        uint32_t rows, heap;
    } of[] = {
        {PL_SAMPLES, SAMPLE_ROWS, 0}, {PL_PROFILES, PROFILE_ROWS, PROFILE_HEAP}, {PL_EVENTS, EVENT_ROWS, EVENT_HEAP}};
    struct pl_batch **out = &t->out[port];
    bool full =
        *out && ((*out)->rows == (*out)->capacity || (heap && heap > (*out)->heap_capacity[0] - (*out)->heap_used[0]));
    if (full && pl_emit(node, port, out) == PL_FLOW_FAIL) return NULL;
    if (!*out) *out = pl_node_batch(node, of[port].kind, of[port].rows, heap > of[port].heap ? heap : of[port].heap);
    return *out;
}

/* ---- Samples ---- */

static uint32_t tag_of(struct twin *t, struct twin_cell *cell, unsigned index, const char *what) {
    if (cell->tag[index]) return cell->tag[index];
    char name[PL_NAME_MAX + 1];
    int length = snprintf(name, sizeof name, "%s.twin.%s", pl_tags_get(t->tags, cell->asset)->name, what);
    uint32_t id = length > 0 && length < (int)sizeof name ? pl_tags_intern(t->tags, name, (size_t)length) : PL_NO_ID;
    if (id != PL_NO_ID) cell->tag[index] = id;
    return id;
}

static bool tell_value(struct twin *t, struct pl_node *node, struct twin_cell *cell, unsigned index, const char *what,
                       pl_time time, double value, uint16_t quality) {
    uint32_t tag = tag_of(t, cell, index, what);
    if (tag == PL_NO_ID) { /* the registry is full */
        t->refused++;
        return true;
    }
    struct pl_batch *out = batch_for(t, node, TWIN_OUT, 0);
    if (!out) return false;
    uint32_t i = out->rows++;
    out->samples.time[i] = time;
    out->samples.tag[i] = tag;
    out->samples.value[i] = value;
    out->samples.quality[i] = isfinite(value) ? quality : (uint16_t)(PL_Q_BAD | PL_Q_MISSING);
    return true;
}

static double output_named(const struct pl_model *model, const double *out, const char *name) {
    for (unsigned i = 0; model->outputs[i].name; i++)
        if (strcmp(model->outputs[i].name, name) == 0) return out[i];
    return NAN;
}

void twin_see_residuals(struct twin *t, struct pl_node *node, const struct follow_result *result) {
    static const char *const balance[TWIN_BALANCES] = {"balance", "alumina_balance", "charge_balance"};
    for (unsigned i = 0; i < TWIN_BALANCES; i++) {
        double residual = output_named(t->setup.model, result->out, balance[i]);
        if (!(residual <= BALANCED)) pl_count(node, COUNT_UNBALANCED + i, 1);
        t->worst.residual[i] = fmax(t->worst.residual[i], residual);
    }
    t->worst.health = fmin(t->worst.health, result->health);
}

static bool tell_profiles(struct twin *t, struct pl_node *node, struct twin_cell *cell, pl_time time,
                          uint16_t quality) {
    const struct pl_model *model = t->setup.model;
    for (unsigned k = 0; model->profiles[k].name; k++) {
        uint32_t quantity = pl_tags_intern(t->tags, model->profiles[k].name, strlen(model->profiles[k].name));
        unsigned count = model->profile(cell->follow.stepper.self, k, t->position, t->value);
        struct pl_batch *out = quantity == PL_NO_ID ? NULL : batch_for(t, node, TWIN_PROFILES, count);
        if (!out || !pl_batch_heap(out, 0, t->position, count) || !pl_batch_heap(out, 1, t->value, count)) return false;
        uint32_t i = out->rows++;
        out->profiles.asset[i] = cell->asset;
        out->profiles.quantity[i] = quantity;
        out->profiles.time[i] = time;
        out->profiles.quality[i] = quality;
        out->profiles.end[i] = out->heap_used[0];
    }
    return true;
}

bool twin_tell(struct twin *t, struct pl_node *node, struct twin_cell *cell, const struct follow_record *r,
               const struct follow_result *result) {
    uint16_t quality = result->uncertain ? PL_Q_UNCERTAIN : PL_Q_GOOD;
    const double values[OWNS] = {[OWN_VOLTAGE] = result->predicted,
                                 [OWN_INNOVATION] = result->innovation,
                                 [OWN_HEALTH] = result->health,
                                 [OWN_DEVIATION] = result->deviation,
                                 [OWN_SHARE] = r->horizon.now[HORIZON_SHARE],
                                 [OWN_LOSS] = r->estimator.loss / 1000,
                                 [OWN_ADDED] = r->estimator.added,
                                 [OWN_RISK] = result->outlook.probability,
                                 [OWN_MINUTES] = result->outlook.minutes,
                                 [OWN_RUNG] = r->rung};
    const struct pl_model *model = t->setup.model;
    const struct pl_model_told *told = model->told;
    bool good = true;
    for (unsigned i = 0; good && i < OWNS; i++)
        good = tell_value(t, node, cell, i, own[i], r->at, values[i], quality);
    for (unsigned i = 0; good && told[i].name && OWNS + i < TWIN_TAGS; i++)
        good = tell_value(t, node, cell, OWNS + i, told[i].name, r->at,
                          output_named(model, result->out, told[i].output) * told[i].scale, quality);
    bool due = t->profile_every && r->at % t->profile_every == 0 && pl_wanted(node, TWIN_PROFILES);
    return good && (!due || tell_profiles(t, node, cell, r->at, quality));
}

/* ---- Events ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t event_id(const struct pl_node *node, const char *asset, const char *kind, pl_time time) {
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), pl_node_name(node), strlen(pl_node_name(node)) + 1);
    hash = mix(hash, asset, strlen(asset) + 1);
    hash = mix(hash, kind, strlen(kind) + 1);
    hash = mix(hash, &time, sizeof time);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

/* The body at hand as an event. */
static bool emit_event(struct twin *t, struct pl_node *node, const struct twin_cell *cell, pl_time time,
                       const char *kind, uint16_t severity) {
    if (!pl_wanted(node, TWIN_EVENTS)) return true;
    uint32_t size = (uint32_t)pl_pack_size(t->body), id = pl_tags_intern(t->tags, kind, strlen(kind));
    struct pl_batch *out = pl_pack_failed(t->body) || id == PL_NO_ID ? NULL : batch_for(t, node, TWIN_EVENTS, size);
    if (!out || !pl_batch_heap(out, 0, pl_pack_data(t->body), size)) return false;
    uint32_t i = out->rows++;
    out->events.time[i] = time;
    out->events.id[i] = event_id(node, pl_tags_get(t->tags, cell->asset)->name, kind, time);
    out->events.kind[i] = id;
    out->events.severity[i] = severity;
    out->events.asset[i] = cell->asset;
    out->events.tag[i] = 0;
    out->events.end[i] = out->heap_used[0];
    return true;
}

/* Which model, with which constants, how fine: so that every value can be traced. */
static void write_origin(const struct twin *t, const struct follow_record *r, struct pl_pack *pack) {
    pl_pack_pair_str(pack, "model", t->setup.model->name);
    pl_pack_pair_str(pack, "parameters", t->fingerprint);
    pl_pack_pair_str(pack, "fidelity", pl_stepper_rung_name(r ? (enum pl_stepper_rung)r->rung : PL_STEPPER_ASKED));
}

bool twin_tell_event(struct twin *t, struct pl_node *node, const struct twin_cell *cell, pl_time time, const char *kind,
                     uint16_t severity, const struct follow_record *r, const struct follow_result *result,
                     const char *why) {
    pl_pack_reset(t->body);
    pl_pack_map(t->body, 3 + (why ? 1 : 0) + (result ? 5 : 0));
    write_origin(t, r, t->body);
    if (why) pl_pack_pair_str(t->body, "message", why); /* as lists of alarms show it */
    if (result) {
        pl_pack_pair_f64(t->body, "alumina", output_named(t->setup.model, result->out, "alumina"));
        pl_pack_pair_f64(t->body, "rate", result->outlook.rate);
        pl_pack_pair_f64(t->body, "minutes", result->outlook.minutes);
        pl_pack_pair_f64(t->body, "probability", result->outlook.probability);
        pl_pack_pair_f64(t->body, "slope", r->risk.slope * 60e3); /* mV a minute */
    }
    return emit_event(t, node, cell, time, kind, severity);
}

/* All that a model needs to go on from here, and what the twin expects, as pairs: TWIN_STATE_PAIRS of them
 * (graph/what_if.h reads them). What it expects is of the last step, so an event, which is told right behind one, has
 * it whoever was killed before; a command may come before the first step. */
static void write_state(const struct twin *t, const struct twin_cell *cell, const struct follow_record *r,
                        struct pl_pack *pack) {
    unsigned parameters = 0;
    while (t->setup.model->parameters[parameters].name)
        parameters++;
    write_origin(t, r, pack);
    pl_pack_pair_int(pack, "rung", r->made);
    pl_pack_pair_f64(pack, "t", r->t);
    pl_pack_pair_f64(pack, "followed", (double)(r->at - r->begun) * 1e-9);
    pl_pack_pair_f64(pack, "feed", r->feed_rate);
    pl_pack_pair_f64(pack, "fluoride", r->fluoride_rate);
    pl_pack_pair_f64(pack, "risk", cell->stepped ? cell->outlook.probability : (double)NAN);
    pl_pack_pair_f64(pack, "minutes", cell->stepped ? cell->outlook.minutes : (double)NAN);
    pl_pack_pair_f64(pack, "feed_share", r->horizon.now[HORIZON_SHARE]);
    pl_pack_pair_f64(pack, "alumina_sd", sqrt(r->horizon.now_p.at[HORIZON_ALUMINA][HORIZON_ALUMINA]));
    pl_pack_str(pack, "values");
    pl_pack_array(pack, parameters);
    for (unsigned i = 0; i < parameters; i++)
        pl_pack_f64(pack, t->setup.values[i]);
    pl_pack_str(pack, "state");
    pl_pack_array(pack, r->count);
    for (unsigned i = 0; i < r->count; i++)
        pl_pack_f64(pack, r->state[i]);
}

bool twin_tell_state(struct twin *t, struct pl_node *node, const struct twin_cell *cell,
                     const struct follow_record *r) {
    pl_pack_reset(t->body);
    pl_pack_map(t->body, TWIN_STATE_PAIRS);
    write_state(t, cell, r, t->body);
    return emit_event(t, node, cell, r->at, "twin.state", 1);
}

void twin_reply_state(const struct twin *t, const struct twin_cell *cell, const struct follow_record *r,
                      struct pl_call *call) {
    char at[PL_TEXT_TIME_MAX];
    *pl_text_put_time(at, r->at) = 0;
    struct pl_pack *row = pl_reply_row(call, TWIN_STATE_PAIRS + 3);
    pl_pack_pair_str(row, "asset", pl_tags_get(t->tags, cell->asset)->name);
    pl_pack_pair_str(row, "time", at);
    /* Of this process, so no part of what is recorded: that is the same whoever was killed. */
    pl_pack_pair_f64(row, "since_start", cell->resumed ? (double)(r->at - cell->resumed) * 1e-9 : 0);
    write_state(t, cell, r, row);
}
