/* recurrent.c: the operator `detect.recurrent`: frames of an asset, each held against what a recurrent network
 * expected.
 *
 * Everything about an asset is one record of a fixed size: the frame at hand, the state of the network, its next
 * forecast, and the tails by which a deviation is judged. The tails begin as the model brings them, and go on with the
 * asset's own frames, as long as there is no alarm.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "detect.h"
#include "recurrent_node.h"

enum { PORT_FORECAST = VERDICT_EVENTS + 1, FORECAST_ROWS = 4096 };

/* ---- The record ---- */

static size_t watched_size(const void *self) {
    const struct recurrent_options *o = self;
    const size_t signals = (size_t)o->signals, state = (size_t)o->state;
    const size_t floats = signals + ROLES * (state + signals);
    return sizeof(struct watched) + signals * sizeof(double) + (floats + drift_room(o) + 1) / 2 * 2 * sizeof(float);
}

static struct watched_view view_of(const struct recurrent *r, struct watched *w) {
    const size_t signals = (size_t)r->o.signals, state = (size_t)r->o.state;
    struct watched_view v = {.value = (double *)(w + 1)};
    v.held = (float *)(void *)(v.value + signals);
    float *at = v.held + signals;
    for (unsigned role = 0; role < ROLES; role++) {
        v.state[role] = at;
        v.forecast[role] = at + state;
        at += state + signals;
    }
    v.seen = (uint32_t *)(void *)at;
    return v;
}

/* Of partitions that become one: the same commands went to all of them. */
static void merge_choice(void *record, const void *other) {
    struct choice *to = record;
    const struct choice *from = other;
    if (from->active > to->active) *to = *from;
}

static const struct pl_table_def recurrent_tables[] = {
    [TABLE_FRAMES] = {.name = "frames",
                      .version = 2,
                      .size_of = watched_size,
                      .doc = "Of each asset: its frame at hand, the network's state and forecast, usual deviations."},
    [TABLE_CHOICE] = {.name = "choice",
                      .version = 1,
                      .record_size = sizeof(struct choice),
                      .doc = "Which versions of the model are at work.",
                      .merge = merge_choice},
    {.name = NULL},
};

/* ---- Life ---- */

static enum pl_code recurrent_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct recurrent *r = self;
    r->frame = pl_alloc((size_t)r->o.signals * sizeof *r->frame);
    r->filled = pl_alloc((size_t)r->o.signals * sizeof *r->filled);
    r->share = pl_alloc((size_t)r->o.signals * sizeof *r->share);
    if (!r->frame || !r->filled || !r->share) return pl_error_set(error, PL_NO_MEMORY, "no memory for a frame");
    r->verdicts.of_assets = true;
    return verdicts_init(&r->verdicts, node, false, error);
}

static void recurrent_close(void *self, struct pl_node *node) {
    struct recurrent *r = self;
    heard_end(&r->heard, node);
    heard_inputs(r, node, true);
    verdicts_fini(&r->verdicts);
    models_fini(r);
    pl_batch_unref(r->forecasts);
    pl_free(r->chosen);
    pl_free(r->slot);
    pl_free(r->frame);
    pl_free(r->filled);
    pl_free(r->share);
    r->forecasts = NULL;
    r->chosen = NULL;
    r->slot = NULL;
    r->frame = r->filled = NULL;
    r->share = NULL;
}

/* ---- Names ---- */

static bool prepare(struct recurrent *r, struct pl_node *node) {
    const uint32_t count = pl_tags_count(pl_node_tags(node));
    if (!models_settle(r, node) || !chosen_prepare(&r->chosen, &r->room, pl_node_tags(node))) return false;
    if (count <= r->slots) return true;
    uint32_t *grown = pl_realloc(r->slot, (count + count / 2) * sizeof *grown);
    if (!grown) return false;
    memset(grown + r->slots, 0, (count + count / 2 - r->slots) * sizeof *grown);
    r->slot = grown;
    r->slots = count + count / 2;
    return true;
}

static uint32_t slot_of(struct recurrent *r, uint32_t tag) {
    if (r->slot[tag]) return r->slot[tag];
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    const char *signal = recurrent_signal(pl_node_tags(r->verdicts.node), tag);
    r->slot[tag] = NO_SLOT;
    for (uint32_t s = 0; s < model->network.shape.signals; s++)
        if (strcmp(model->input[s], signal) == 0) r->slot[tag] = s + FIRST_SLOT;
    return r->slot[tag];
}

uint32_t recurrent_tag(const struct recurrent *r, uint32_t asset, uint32_t signal, const char *ending) {
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    char name[2 * PL_NAME_MAX + 32];
    struct pl_tags *tags = pl_node_tags(r->verdicts.node);
    const char *of = pl_tags_get(tags, asset)->name;
    const int length = snprintf(name, sizeof name, "%s%s%s%s", of, *of ? "." : "",
                                signal < model->network.shape.signals ? model->input[signal] : "score", ending);
    return pl_tags_intern(tags, name, (size_t)length);
}

/* ---- A frame ---- */

static void begin_stretch(struct view *view, const struct loaded *l, float *state) {
    memset(state, 0, network_state(&l->model.network.shape) * sizeof *state);
    if (view->version != l->version) memcpy(view->tail, l->model.tail, sizeof view->tail);
    view->version = l->version;
    view->judge = (struct judge){0};
    view->ready = 0;
}

/* In the scale of a model: as it came, and with what was there before in place of what is missing. */
static void scale_frame(const struct recurrent *r, const struct loaded *l, const struct watched_view *v, bool keep) {
    for (uint32_t s = 0; s < l->model.network.shape.signals; s++) {
        r->frame[s] = (float)((v->value[s] - l->model.mean[s]) / l->model.scale[s]);
        r->filled[s] = isnan(r->frame[s]) ? v->held[s] : r->frame[s];
        if (keep) v->held[s] = r->filled[s];
    }
}

/* Far from all that was learned a network says nothing sensible, so what it is given has a limit. */
static void limit_frame(const struct recurrent *r, uint32_t signals) {
    static const float farthest = 10;
    for (uint32_t s = 0; s < signals; s++)
        r->filled[s] = fminf(fmaxf(r->filled[s], -farthest), farthest);
}

/* One model's view of the frame: its surprise; then the next forecast. */
static double view_frame(struct recurrent *r, unsigned role, struct watched *w, const struct watched_view *v,
                         bool learns) {
    struct loaded *l = &r->loaded[role];
    struct view *view = &w->view[role];
    double statistic[MODEL_STATISTICS], surprise = 0;
    if (view->version != l->version) begin_stretch(view, l, v->state[role]);
    scale_frame(r, l, v, role == ROLE_ACTIVE);
    const double smoothing = (double)r->o.smooth;
    if (role == ROLE_ACTIVE) r->off = (double)NAN;
    if (view->ready &&
        judge_frame(&view->judge, &l->model, r->frame, v->forecast[role], smoothing, statistic, r->share)) {
        surprise = judge_surprise(view->tail, statistic, smoothing);
        if (role == ROLE_ACTIVE) r->off = statistic[STATISTIC_ALL];
        if (learns || surprise < r->o.threshold)
            for (unsigned k = 0; k < MODEL_STATISTICS; k++)
                tail_add(&view->tail[k], statistic[k], (double)r->o.memory);
    }
    limit_frame(r, l->model.network.shape.signals);
    return surprise;
}

static void foresee(struct recurrent *r, unsigned role, struct watched *w, const struct watched_view *v) {
    forecaster_step(&r->loaded[role].forecaster, v->state[role], r->filled, v->forecast[role]);
    w->view[role].ready = 1;
}

/* The signals with most to do with the frame at hand. */
static void blame_signals(const struct recurrent *r, struct watched *w) {
    w->blamed = 0;
    for (uint32_t s = 0; s < r->loaded[ROLE_ACTIVE].model.network.shape.signals; s++) {
        if (!(r->share[s] > 0)) continue; /* it is not there, or as expected */
        unsigned at = w->blamed < VERDICT_TAGS ? w->blamed++ : VERDICT_TAGS;
        while (at > 0 && w->portion[at - 1] < r->share[s]) {
            at--;
            if (at + 1 < VERDICT_TAGS) {
                w->portion[at + 1] = w->portion[at];
                w->blame[at + 1] = w->blame[at];
            }
        }
        if (at == VERDICT_TAGS) continue;
        w->portion[at] = r->share[s];
        w->blame[at] = s;
    }
}

/* What is behind it depends on whether it is one signal or many. */
static bool find_reason(const struct recurrent *r, uint32_t asset, const struct watched *w, struct reason *reason) {
    static const double alone = 0.8;
    *reason =
        (struct reason){.explanation = "the signals go on otherwise than a network expects that has learned their "
                                       "history"};
    for (; reason->tags < w->blamed; reason->tags++) {
        const uint32_t tag = recurrent_tag(r, asset, w->blame[reason->tags], "");
        if (tag == PL_NO_ID) return false;
        reason->tag[reason->tags] = tag;
        reason->share[reason->tags] = w->portion[reason->tags];
    }
    reason->cause = reason->share[0] >= alone ? "one signal alone: its sensor, or what only it can see"
                                              : "several signals at once: the process, or what they are wired to";
    return true;
}

static bool follow_episode(struct recurrent *r, uint32_t asset, struct watched *w, const struct verdict *verdict) {
    struct reason reason;
    const bool beyond = w->beyond > 0;
    w->quiet = beyond ? 0 : w->quiet + 1;
    if (verdict->alarm && (!w->episode.active || verdict->surprise > w->episode.peak)) blame_signals(r, w);
    const bool over = w->episode.active && w->quiet >= (uint32_t)r->o.hold;
    if (!over && !verdict->alarm) return true;
    if (!find_reason(r, asset, w, &reason)) return false;
    if (over) return verdicts_end(&r->verdicts, asset, &w->episode, verdict, &reason, episode_ends(&w->episode));
    if (w->episode.active) return verdicts_go_on(&r->verdicts, asset, &w->episode, w->time, verdict, &reason);
    return verdicts_begin(&r->verdicts, asset, &w->episode, w->time, verdict, &reason);
}

/* There are no more rows. */
static bool stop_episode(struct recurrent *r, uint32_t asset, struct watched *w) {
    const struct verdict here = {.threshold = r->o.threshold};
    struct reason reason;
    if (!w->episode.active) return true;
    return find_reason(r, asset, w, &reason) &&
           verdicts_end(&r->verdicts, asset, &w->episode, &here, &reason, ENDS_OPEN);
}

static bool tell_forecast(struct recurrent *r, uint32_t asset, const struct watched *w, const struct watched_view *v) {
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    struct pl_node *node = r->verdicts.node;
    if (!w->view[ROLE_ACTIVE].ready || !pl_wanted(node, PORT_FORECAST)) return true;
    for (uint32_t s = 0; s < model->network.shape.signals; s++) {
        if (isnan(v->value[s])) continue;
        if (!r->forecasts && !(r->forecasts = pl_node_batch(node, PL_SAMPLES, FORECAST_ROWS, 0))) return false;
        const uint32_t tag = recurrent_tag(r, asset, s, ".expected"), i = r->forecasts->rows;
        if (tag == PL_NO_ID) return false;
        r->forecasts->samples.time[i] = w->time;
        r->forecasts->samples.tag[i] = tag;
        r->forecasts->samples.value[i] = (double)v->forecast[ROLE_ACTIVE][s] * model->scale[s] + model->mean[s];
        r->forecasts->samples.quality[i] = PL_Q_GOOD;
        if (++r->forecasts->rows == r->forecasts->capacity &&
            pl_emit(node, PORT_FORECAST, &r->forecasts) == PL_FLOW_FAIL)
            return false;
    }
    return true;
}

static void view_shadow(struct recurrent *r, struct watched *w, const struct watched_view *v, bool alarm) {
    if (!r->loaded[ROLE_SHADOW].there) return;
    const bool theirs = view_frame(r, ROLE_SHADOW, w, v, false) >= r->o.threshold;
    foresee(r, ROLE_SHADOW, w, v);
    pl_count(r->verdicts.node, COUNT_SHADOWED, 1);
    if (theirs) pl_count(r->verdicts.node, COUNT_SHADOW_ALARMS, 1);
    if (theirs && alarm) pl_count(r->verdicts.node, COUNT_BOTH, 1);
}

/* Behind a gap, or with another version: nothing of before counts, in whose order and scale it is. */
static void begin_anew(struct recurrent *r, struct watched *w, const struct watched_view *v) {
    for (unsigned role = 0; role < ROLES; role++)
        if (r->loaded[role].there) begin_stretch(&w->view[role], &r->loaded[role], v->state[role]);
    for (uint32_t s = 0; s < (uint32_t)r->o.signals; s++) {
        v->value[s] = (double)NAN;
        v->held[s] = 0;
    }
}

/* While a frame was open, or an episode: signals may have other places now. */
static void change_version(struct recurrent *r, struct watched *w, const struct watched_view *v) {
    begin_anew(r, w, v);
    w->drift = (struct drift_watch){0};
    r->drift_news = true;
    memset(v->seen, 0, drift_room(&r->o) * sizeof *v->seen);
    w->blamed = 0;
}

static bool close_frame(struct recurrent *r, uint32_t asset, struct watched *w) {
    static const double just_below = 1 - 1e-9;
    const struct watched_view v = view_of(r, w);
    struct verdict verdict = {.threshold = r->o.threshold};
    if (w->view[ROLE_ACTIVE].version != r->loaded[ROLE_ACTIVE].version) change_version(r, w, &v);
    w->open = 0;
    w->known = w->came;
    if (!tell_forecast(r, asset, w, &v)) return false;
    const bool learns = r->o.accept && w->lasting >= (uint32_t)r->o.accept;
    verdict.surprise = view_frame(r, ROLE_ACTIVE, w, &v, learns);
    if (learns) episode_teaches(&w->episode);
    if (!drift_watch_frame(r, asset, w, v.seen)) return false;
    const bool beyond = verdict.surprise >= r->o.threshold;
    w->beyond = beyond ? w->beyond + (w->beyond < UINT32_MAX) : 0;
    w->lasting = beyond ? w->lasting + (w->lasting < UINT32_MAX) : 0;
    verdict.alarm = beyond && w->beyond >= (uint32_t)r->o.persist;
    if (beyond && !verdict.alarm) verdict.surprise = r->o.threshold * just_below;
    pl_count(r->verdicts.node, COUNT_JUDGED, 1);
    if (verdict.alarm) pl_count(r->verdicts.node, COUNT_ALARMS, 1);
    const bool good = follow_episode(r, asset, w, &verdict) && verdicts_tell(&r->verdicts, asset, w->time, &verdict);
    foresee(r, ROLE_ACTIVE, w, &v);
    view_shadow(r, w, &v, verdict.alarm);
    return good;
}

/* ---- Rows ---- */

static bool open_frame(struct recurrent *r, uint32_t asset, struct watched *w, pl_time time) {
    if (w->open && !close_frame(r, asset, w)) return false;
    const struct watched_view v = view_of(r, w);
    const bool other = w->view[ROLE_ACTIVE].version != r->loaded[ROLE_ACTIVE].version;
    const bool gap = w->view[ROLE_ACTIVE].ready && (uint64_t)time - (uint64_t)w->time > (uint64_t)r->o.gap;
    if (other)
        change_version(r, w, &v);
    else if (gap)
        begin_anew(r, w, &v);
    if (gap) pl_count(r->verdicts.node, COUNT_RESTARTS, 1);
    for (uint32_t s = 0; s < (uint32_t)r->o.signals; s++)
        v.value[s] = (double)NAN;
    w->time = time;
    w->came = 0;
    w->open = 1;
    return true;
}

static bool take_row(struct recurrent *r, const struct pl_samples *rows, uint32_t i) {
    struct pl_node *node = r->verdicts.node;
    const uint32_t slot = slot_of(r, rows->tag[i]), asset = pl_tags_get(pl_node_tags(node), rows->tag[i])->asset;
    const pl_time time = rows->time[i];
    if (slot == NO_SLOT) return pl_count(node, COUNT_UNKNOWN, 1), true;
    struct watched *w = pl_table_get(pl_node_table(node, TABLE_FRAMES), asset, 0);
    if (!w) return pl_count(node, COUNT_REFUSED, 1), true;
    if ((w->open || w->known) && time < w->time) return pl_count(node, COUNT_LATE, 1), true;
    const struct watched_view v = view_of(r, w);
    double *value = &v.value[slot - FIRST_SLOT];
    if (!w->open && w->known && time == w->time) return pl_count(node, COUNT_LATE, 1), true;
    if ((!w->open || time != w->time) && !open_frame(r, asset, w, time)) return false;
    const bool good = isfinite(rows->value[i]) && !pl_quality_bad(rows->quality[i]);
    w->came += isnan(*value);
    *value = good ? rows->value[i] : (double)NAN;
    return w->came < r->loaded[ROLE_ACTIVE].model.network.shape.signals || close_frame(r, asset, w);
}

static bool flush(struct recurrent *r) {
    if (r->forecasts && pl_emit(r->verdicts.node, PORT_FORECAST, &r->forecasts) == PL_FLOW_FAIL) return false;
    return verdicts_flush(&r->verdicts);
}

static enum pl_flow fail(struct recurrent *r, struct pl_node *node) {
    char *why = r->error ? pl_error_text(r->error) : NULL;
    const enum pl_flow flow = pl_fail(node, "%s", why ? why : "no memory, or no room for names of verdicts");
    pl_free(why);
    return flow;
}

static enum pl_flow recurrent_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct recurrent *r = self;
    bool any = false, good = prepare(r, node);
    for (uint32_t i = 0; good && i < batch->rows; i++) {
        if (!chosen_ask(r->chosen, pl_node_tags(node), batch->samples.tag[i], &r->o.include, &r->o.exclude)) continue;
        any = true;
        if (r->loaded[ROLE_ACTIVE].there)
            good = take_row(r, &batch->samples, i);
        else
            pl_count(node, COUNT_UNTRAINED, 1), heard_untrained(r, node);
    }
    heard_rows(&r->heard, node, batch->rows, any);
    heard_inputs(r, node, false);
    good = good && flush(r);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : fail(r, node);
}

/* Frames of which no more can come. */
static pl_time recurrent_watermark(void *self, struct pl_node *node, pl_time now) {
    struct recurrent *r = self;
    bool good = prepare(r, node);
    pl_time oldest = now;
    struct pl_table *frames = pl_node_table(node, TABLE_FRAMES);
    for (struct pl_record *at = pl_table_next(frames, NULL); good && at && r->loaded[ROLE_ACTIVE].there;
         at = pl_table_next(frames, at)) {
        struct watched *w = pl_record_data(at);
        if (!w->open && !(now == PL_TIME_MAX && w->episode.active)) continue;
        if (w->time < now || now == PL_TIME_MAX)
            good = (w = pl_table_get(frames, at->id, at->sub)) && (!w->open || close_frame(r, at->id, w)) &&
                   (now < PL_TIME_MAX || stop_episode(r, at->id, w));
        else if (w->time < oldest)
            oldest = w->time;
    }
    drift_show(r);
    if (!good || !flush(r)) fail(r, node);
    return oldest;
}

const struct pl_operator detect_recurrent = {
    PL_OPERATOR("detect.recurrent", "Tells when signals go on otherwise than a recurrent network expects."),
    .doc =
        "An LSTM or GRU forecasts the next frame of an asset's signals from those before; how far the frame is from "
        "its "
        "forecast, over all signals, smoothed, and of the worst one, is held against how far it was on rows that were "
        "kept "
        "back in training, and on the asset's own since. One model serves all assets that have its signals. `potline "
        "train GRAPH --data DIR` learns it from recorded rows; a file with the names of PyTorch's state_dict works as "
        "well. Until there is a model rows are only counted. Which version is at work is chosen by `detector promote` "
        "and `rollback`; `detector shadow` lets another one judge beside it. A node begins with the newest version "
        "that "
        "can be read and forecasts better than that nothing changes, and says which it left out.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.score and ASSET.alarm, of each frame."},
                 {.name = "events",
                  .kinds = PL_SET(PL_EVENTS),
                  .doc = "detect.began, detect.grew, detect.ended; detect.drifted, detect.settled."},
                 {.name = "forecast",
                  .kinds = PL_SET(PL_SAMPLES),
                  .doc = "TAG.expected: what was forecast for each signal that came."}),
    .options = recurrent_options,
    .counters =
        PL_COUNTERS([COUNT_JUDGED] = {"judged", "frames", "Frames judged."},
                    [COUNT_ALARMS] = {"alarms", "frames", "Of them, those that are alarms."},
                    [COUNT_SHADOWED] = {"shadowed", "frames", "Frames that the shadow has judged, too."},
                    [COUNT_SHADOW_ALARMS] = {"shadow_alarms", "frames", "Of them, those beyond its threshold."},
                    [COUNT_BOTH] = {"both", "frames", "Of them, those that are alarms of both."},
                    [COUNT_DRIFTED] = {"drifted", "windows", "Windows of an asset beyond the limit of `drift`."},
                    [COUNT_RESTARTS] = {"restarts", "pauses", "Pauses behind which the network began anew."},
                    [COUNT_LATE] = {"late", "rows", "Rows older than the newest frame of their asset."},
                    [COUNT_UNKNOWN] = {"unknown", "rows", "Rows of signals that the model does not take."},
                    [COUNT_UNTRAINED] = {"untrained", "rows", "Rows that came while there was no model."},
                    [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room."}),
    .gauges =
        PL_GAUGES([GAUGE_DRIFT] = {"drift", "", "The greatest stability index of the last windows, over its limit.",
                                   PL_GAUGE_MOST}),
    .tables = recurrent_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct recurrent),
    .check = recurrent_check,
    .open = recurrent_open,
    .process = recurrent_process,
    .watermark = recurrent_watermark,
    .close = recurrent_close,
    .commands = recurrent_commands,
    .trainer = &recurrent_trainer,
};
