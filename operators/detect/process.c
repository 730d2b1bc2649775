/* process.c: the signals of an asset together, held against how they were when all was well.
 *
 *     samples --> frame (one time, all signals) --> level, scatter, local --> the greatest surprise --> verdict
 *
 * The first `train` frames teach what is normal; with `cut` those before it, and none behind it. After a gap, or when
 * most signals are far from what was learned, it is another regime, which is learned anew.
 */
#include <math.h>
#include <potline/potline.h>
#include <stdio.h>
#include <string.h>

#include "chosen.h"
#include "detect.h"
#include "level.h"
#include "local.h"
#include "process.h"
#include "scatter.h"

enum { NO_SLOT = 256 };

/* Of a tag. */
struct signal {
    uint32_t slot;
};

static const struct pl_table_def process_tables[] = {
    [PROCESS_FRAMES] = {.name = "frames",
                        .version = 6,
                        .size_of = process_record_size,
                        .doc = "Of each asset: what was learned, the frame at hand, and the alarm."},
    [PROCESS_SIGNALS] = {.name = "signals",
                         .version = 1,
                         .record_size = sizeof(struct signal),
                         .doc = "The place of a tag in its asset's frame."},
    {.name = NULL},
};

/* ---- Life ---- */

static enum pl_code process_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct process *p = self;
    p->rule = process_rule(p);
    p->verdicts.of_assets = true;
    return verdicts_init(&p->verdicts, node, p->change, error);
}

static void process_close(void *self, struct pl_node *node) {
    struct process *p = self;
    heard_end(&p->heard, node);
    verdicts_fini(&p->verdicts);
    for (uint32_t i = 0; i < p->room; i++)
        pl_free(p->members[i]);
    pl_free(p->members);
    pl_free(p->slot);
    pl_free(p->chosen);
    p->members = NULL;
    p->slot = NULL;
    p->chosen = NULL;
    p->room = p->chosen_room = 0;
}

/* ---- Which signal is which ---- */

static bool make_room(struct process *p) {
    const uint32_t count = pl_tags_count(pl_node_tags(p->verdicts.node));
    if (count <= p->room) return true;
    const uint32_t room = count + count / 2;
    uint16_t *slot = pl_realloc(p->slot, room * sizeof *slot);
    if (slot) p->slot = slot;
    uint32_t **members = slot ? pl_realloc(p->members, room * sizeof *members) : NULL;
    if (!members) return false;
    p->members = members;
    memset(p->slot + p->room, 0, (room - p->room) * sizeof *slot);
    memset(p->members + p->room, 0, (room - p->room) * sizeof *members);
    p->room = room;
    return true;
}

/* A tag without an asset is one by itself. */
static uint32_t subject_of(const struct process *p, uint32_t tag) {
    uint32_t asset = pl_tags_get(pl_node_tags(p->verdicts.node), tag)->asset;
    return asset ? asset : tag;
}

static bool set_slot(struct process *p, uint32_t tag, uint32_t slot) {
    uint32_t **members = &p->members[subject_of(p, tag)];
    if (!*members) *members = pl_alloc(p->rule.signals * sizeof **members);
    if (!*members) return false;
    (*members)[slot] = tag;
    p->slot[tag] = (uint16_t)(1 + slot);
    return true;
}

/* The first call, maybe after a restore. */
bool process_prepare(struct process *p, struct pl_node *node) {
    bool good = make_room(p) && chosen_prepare(&p->chosen, &p->chosen_room, pl_node_tags(node));
    const struct pl_table *signals = pl_node_table(node, PROCESS_SIGNALS);
    for (struct pl_record *r = p->found ? NULL : pl_table_next(signals, NULL); good && r; r = pl_table_next(signals, r))
        good = set_slot(p, r->id, ((const struct signal *)pl_record_data(r))->slot);
    p->found |= good;
    return good;
}

/* A signal that comes while others are being learned is taken to have been as it is now. */
static void begin_signal(const struct process *p, struct frame *frame, uint32_t slot, double value) {
    struct frame_view view = frame_view(&p->rule, frame);
    if (frame->state != FRAME_LEARNING || !isfinite(value)) return;
    for (uint32_t i = 0; i < frame->learned; i++)
        view.train[(size_t)i * p->rule.signals + slot] = value;
}

/* NO_SLOT: the asset has as many signals as may be. False without memory. */
static bool slot_of(struct process *p, struct frame *frame, uint32_t tag, double value, uint32_t *slot) {
    *slot = p->slot[tag] ? p->slot[tag] - 1u : NO_SLOT;
    if (*slot != NO_SLOT || frame->known == p->rule.signals) return true;
    struct signal *signal = pl_table_get(pl_node_table(p->verdicts.node, PROCESS_SIGNALS), tag, 0);
    if (!signal) return true;
    *slot = signal->slot = frame->known;
    if (!set_slot(p, tag, *slot)) return false;
    frame->known++;
    begin_signal(p, frame, *slot, value);
    return true;
}

/* ---- A complete frame ---- */

static bool is_slow(const struct process *p, uint32_t tag) {
    const char *name = pl_tags_get(pl_node_tags(p->verdicts.node), tag)->name;
    for (uint32_t i = 0; i < p->slow.count; i++)
        if (pl_glob(p->slow.items[i], name)) return true;
    return false;
}

static bool learn(struct process *p, uint32_t subject, struct frame *frame, struct frame_view *view) {
    frame->state = FRAME_JUDGING;
    frame->modelled = frame->known;
    if (p->rule.level) level_learn(&p->rule, frame, view);
    for (uint32_t s = 0; p->rule.level && s < frame->known; s++)
        if (is_slow(p, p->members[subject][s])) view->limit[s] = INFINITY;
    return process_drift_learn(p, frame, view) && (!p->rule.scatter || scatter_learn(&p->rule, frame, view));
}

static bool keep_for_learning(struct process *p, uint32_t subject, struct frame *frame, struct frame_view *view) {
    if (frame->settled < p->settle) return frame->settled++, true;
    memcpy(view->train + (size_t)frame->learned * p->rule.signals, view->value, p->rule.signals * sizeof(double));
    if (!frame->learned++) frame->first = frame->time;
    frame->last = frame->time;
    pl_count(p->verdicts.node, PROCESS_COUNT_LEARNED, 1);
    return frame->learned < p->rule.train || learn(p, subject, frame, view);
}

/* What the parts find. */
struct finding {
    double surprise;
    bool alarm;
    bool given;
    struct frame_reason reason;
};

/* The three signals with the highest scores. */
static void note_reason(const struct frame *frame, const struct frame_view *view, struct frame_reason *reason) {
    double sum = 0;
    reason->tags = 0;
    for (uint32_t s = 0; s < frame->modelled; s++) {
        const double score = view->score[s];
        sum += score;
        if (!(score > 0) || (reason->tags == FRAME_TAGS && score <= reason->share[FRAME_TAGS - 1])) continue;
        uint32_t at = reason->tags < FRAME_TAGS ? reason->tags++ : FRAME_TAGS - 1;
        for (; at > 0 && reason->share[at - 1] < score; at--) {
            reason->share[at] = reason->share[at - 1];
            reason->place[at] = reason->place[at - 1];
        }
        reason->share[at] = score;
        reason->place[at] = s;
    }
    for (uint32_t i = 0; i < reason->tags; i++)
        reason->share[i] /= sum;
}

static void weigh(const struct process *p, const struct frame *frame, const struct frame_view *view,
                  struct finding *most, double surprise, bool alarm, uint32_t why) {
    const bool greater = alarm == most->alarm ? surprise > most->surprise : alarm;
    most->alarm |= alarm;
    if (most->given && !greater) return;
    most->given = true;
    most->surprise = surprise;
    most->reason = (struct frame_reason){.why = why, .alone = frame->modelled == 1};
    note_reason(frame, view, &most->reason);
    if (!alarm || !most->reason.tags) return;
    const uint32_t lead = most->reason.place[0];
    if (why == WHY_LEVEL) {
        most->reason.now = level_now(&p->rule, frame, view, lead);
        most->reason.usual = view->mean[lead];
    } else if (why == WHY_LOCAL) {
        most->reason.now = view->value[lead];
        most->reason.usual = local_usual(&p->rule, view, lead);
    }
}

/* Once: a verdict that rests on nothing looks like a good one. */
static void say_blind(struct process *p, const struct frame *frame, uint32_t subject) {
    if (frame->scatter_signals || p->blind_said) return;
    p->blind_said = true;
    pl_node_diag(p->verdicts.node, PL_WARN,
                 "scatter judges nothing of %s: %u frames of %u signals have taught, too few for so many signals and "
                 "lags, or none of them moves",
                 pl_tags_get(pl_node_tags(p->verdicts.node), subject)->name, (unsigned)frame->learned,
                 (unsigned)frame->modelled);
}

static void say_full(struct process *p, uint32_t subject) {
    if (p->full_said) return;
    p->full_said = true;
    pl_node_diag(p->verdicts.node, PL_WARN, "%s has more signals than `signals` allows, %u: the rest is not judged",
                 pl_tags_get(pl_node_tags(p->verdicts.node), subject)->name, (unsigned)p->rule.signals);
}

static struct finding judge(struct process *p, struct frame *frame, struct frame_view *view, uint32_t subject,
                            double *away) {
    struct finding most = {0};
    const double threshold = p->rule.threshold;
    if (p->rule.level) {
        bool alarm;
        double surprise = level_judge(&p->rule, frame, view, &alarm, away);
        surprise = alarm ? fmax(surprise, threshold) : fmin(surprise, threshold * 0.99); /* it takes time */
        weigh(p, frame, view, &most, surprise, alarm, WHY_LEVEL);
    }
    if (p->rule.scatter) {
        unsigned by;
        pl_count(p->verdicts.node, PROCESS_COUNT_BLIND, !frame->scatter_signals);
        say_blind(p, frame, subject);
        double surprise = scatter_judge(&p->rule, frame, view, &by);
        weigh(p, frame, view, &most, surprise, surprise >= threshold, WHY_SCATTER + by);
    }
    if (p->rule.local) {
        double surprise = local_judge(&p->rule, frame, view);
        weigh(p, frame, view, &most, surprise, surprise >= threshold, WHY_LOCAL);
    }
    return most;
}

/* It is another run, and begins at `time`. */
static bool forget(struct process *p, uint32_t subject, struct frame *frame, pl_time time) {
    frame_forget(frame);
    episode_teaches(&frame->episode);
    pl_count(p->verdicts.node, PROCESS_COUNT_RUNS, 1);
    return process_drift_forget(p, subject, frame, time);
}

static bool judge_frame(struct process *p, uint32_t subject, struct frame *frame, struct frame_view *view) {
    double away = 0;
    memcpy(view->recent + frame->rows % p->rule.rows_kept * p->rule.signals, view->value,
           p->rule.signals * sizeof(double));
    struct finding found = judge(p, frame, view, subject, &away);
    struct verdict verdict = {.surprise = found.surprise, .threshold = p->rule.threshold, .alarm = found.alarm};
    if (p->rule.change) verdict.changepoint = level_changes(&p->rule, frame, view);
    bool taught = false;
    if (p->rule.scatter && !scatter_follow(&p->rule, frame, view, found.alarm, &taught)) return false;
    pl_count(p->verdicts.node, PROCESS_COUNT_FOLLOWED, taught);
    if (taught && p->scatter_accept && frame->alarmed > p->scatter_accept) episode_teaches(&frame->episode);
    frame->rows++;
    if (away > p->regime && !p->cut) {
        if (!forget(p, subject, frame, frame->time)) return false;
        verdict = (struct verdict){.threshold = p->rule.threshold, .changepoint = verdict.changepoint};
    }
    if (frame->state == FRAME_JUDGING && !process_drift_close(p, subject, frame, view)) return false;
    return process_follow(p, subject, frame, &verdict, &found.reason) &&
           verdicts_tell(&p->verdicts, subject, frame->time, &verdict);
}

/* One that moved little by little has jumped, and not to where a sensor is that is clipped or dead, nor from there. */
static bool jumps_alone(const struct process *p, uint32_t subject, const struct frame *frame,
                        const struct frame_view *view) {
    for (uint32_t s = 0; s < frame->known; s++) {
        const struct pl_tag *tag = pl_tags_get(pl_node_tags(p->verdicts.node), p->members[subject][s]);
        const double least = fmin(view->value[s], view->held[s]), most = fmax(view->value[s], view->held[s]);
        const bool inside = least > tag->low && most < tag->high;
        if (inside && frame_jumps_alone(&p->rule, frame, view, s)) return true;
    }
    return false;
}

/* Steps are known after some frames; nothing that is known of the run before holds behind a break. */
static bool note_break(struct process *p, uint32_t subject, struct frame *frame, struct frame_view *view) {
    static const uint32_t least = 20;
    if (!p->jump || p->cut) return true;
    const bool breaks = frame_jumps(frame, view) >= p->jump || (p->jump_alone && jumps_alone(p, subject, frame, view));
    if (!breaks) frame_learn_steps(frame, view);
    const bool known = frame->state == FRAME_JUDGING || frame->learned >= least;
    return !breaks || !known || forget(p, subject, frame, frame->time);
}

static bool close_frame(struct process *p, uint32_t subject, struct frame *frame) {
    struct frame_view view = frame_view(&p->rule, frame);
    frame->open = 0;
    if (!note_break(p, subject, frame, &view)) return false;
    frame->begun = 1;
    process_drift_see(p, frame, &view);
    frame_fill(&p->rule, frame, &view);
    if (frame->teaching) return frame->state != FRAME_LEARNING || keep_for_learning(p, subject, frame, &view);
    if (frame->state == FRAME_JUDGING) return judge_frame(p, subject, frame, &view);
    struct verdict nothing = {.threshold = p->rule.threshold};
    if (p->cut)
        return verdicts_tell(&p->verdicts, subject, frame->time, &nothing); /* nothing was there to learn from */
    return keep_for_learning(p, subject, frame, &view) && verdicts_tell(&p->verdicts, subject, frame->time, &nothing);
}

/* ---- Rows that come ---- */

/* Behind the cut the first frame begins to be judged, and a long gap makes all new. */
static bool turn_over(struct process *p, uint32_t subject, struct frame *frame, pl_time time, bool teaching) {
    struct frame_view view = frame_view(&p->rule, frame);
    const bool taught = frame->teaching && !teaching && frame->state == FRAME_LEARNING && frame->learned > 1;
    if (taught) return learn(p, subject, frame, &view);
    const bool gap = p->gap && !p->cut && frame->begun && (uint64_t)time - (uint64_t)frame->time > (uint64_t)p->gap;
    return !gap || forget(p, subject, frame, time);
}

static bool open_frame(struct process *p, uint32_t subject, struct frame *frame, pl_time time, bool teaching) {
    if (frame->open && !close_frame(p, subject, frame)) return false;
    if (!turn_over(p, subject, frame, time, teaching)) return false;
    struct frame_view view = frame_view(&p->rule, frame);
    for (uint32_t s = 0; s < p->rule.signals; s++)
        view.value[s] = (double)NAN;
    frame->time = time;
    frame->came = 0;
    frame->open = 1;
    frame->teaching = teaching;
    return true;
}

static bool take_row(struct process *p, const struct pl_samples *rows, uint32_t i) {
    struct pl_node *node = p->verdicts.node;
    const uint32_t tag = rows->tag[i], subject = subject_of(p, tag);
    const pl_time time = rows->time[i];
    const bool teaching = p->cut && time < p->cut;
    const double value = pl_quality_bad(rows->quality[i]) ? (double)NAN : rows->value[i];
    uint32_t slot = NO_SLOT;
    struct frame *frame = pl_table_get(pl_node_table(node, PROCESS_FRAMES), subject, 0);
    if (frame && !slot_of(p, frame, tag, value, &slot)) return false;
    if (frame && slot == NO_SLOT) say_full(p, subject);
    if (!frame || slot == NO_SLOT) return pl_count(node, PROCESS_COUNT_REFUSED, 1), true;
    if ((frame->begun || frame->open) && time < frame->time) return pl_count(node, PROCESS_COUNT_LATE, 1), true;
    const struct frame_view view = frame_view(&p->rule, frame);
    const bool next = !frame->open || time != frame->time || isfinite(view.value[slot]);
    if (next && !open_frame(p, subject, frame, time, teaching)) return false;
    view.value[slot] = isfinite(value) ? value : (double)NAN;
    frame->came++;
    return !frame->begun || frame->came < frame->known || close_frame(p, subject, frame);
}

static enum pl_flow process_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct process *p = self;
    bool any = false, good = process_prepare(p, node);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (chosen_ask(p->chosen, pl_node_tags(node), batch->samples.tag[i], &p->include, &p->exclude)) {
            any = true;
            good = take_row(p, &batch->samples, i);
        }
    heard_rows(&p->heard, node, batch->rows, any);
    good = good && verdicts_flush(&p->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

/* Frames of which no more can come; by the order of ids, which is that in which assets first came. */
static pl_time process_watermark(void *self, struct pl_node *node, pl_time now) {
    struct process *p = self;
    bool good = process_prepare(p, node);
    pl_time oldest = now;
    struct pl_table *frames = pl_node_table(node, PROCESS_FRAMES);
    for (struct pl_record *r = pl_table_next(frames, NULL); good && r; r = pl_table_next(frames, r)) {
        struct frame *frame = pl_record_data(r);
        if (!frame->open && !(now == PL_TIME_MAX && frame->episode.active)) continue;
        if (frame->time < now || now == PL_TIME_MAX)
            good = (frame = pl_table_get(frames, r->id, r->sub)) && (!frame->open || close_frame(p, r->id, frame)) &&
                   (now < PL_TIME_MAX || process_stop(p, r->id, frame));
        else if (frame->time < oldest)
            oldest = frame->time;
    }
    good = good && verdicts_flush(&p->verdicts);
    process_drift_show(p);
    if (!good) pl_fail(node, "no memory, or no room for names of verdicts");
    return oldest;
}

const struct pl_operator detect_process = {
    PL_OPERATOR("detect.process", "Tells when the signals of an asset are not as they were learned."),
    .doc =
        "Signals of an asset that have the same time make a frame. The first `train` frames of an asset, or those "
        "before `cut`, teach what is normal; then each frame gets a verdict: does the mean of the last frames leave "
        "the "
        "level learned (level), do the signals go together as they did (scatter, Hotelling's T2 of all components with "
        "contributions), do several leave the course of their last rows at once (local). The greatest surprise counts. "
        "A signal that was constant or wandered while it was learned is not judged by level. While it learns the score "
        "is 0. A frame is complete when every signal of the asset has come, or one with a later time.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs = PL_PORTS({.name = "out",
                         .kinds = PL_SET(PL_SAMPLES),
                         .doc = "ASSET.score, ASSET.alarm and, with change, ASSET.changepoint, of each frame."},
                        {.name = "events",
                         .kinds = PL_SET(PL_EVENTS),
                         .doc = "detect.began, detect.grew, detect.ended; with drift detect.drifted, detect.settled."}),
    .options = process_options,
    .counters =
        PL_COUNTERS([PROCESS_COUNT_JUDGED] = {"judged", "frames", "Frames judged."},
                    [PROCESS_COUNT_ALARMS] = {"alarms", "frames", "Of them, those that are alarms."},
                    [PROCESS_COUNT_LEARNED] = {"learned", "frames", "Frames kept to learn from."},
                    [PROCESS_COUNT_RUNS] = {"runs", "times",
                                            "What was learned was forgotten: a `gap`, a `jump`, or another `regime`."},
                    [PROCESS_COUNT_FOLLOWED] = {"followed", "frames", "Frames that scatter went on learning from."},
                    [PROCESS_COUNT_BLIND] = {"blind", "frames",
                                             "Frames that scatter could not judge: too few have taught for "
                                             "so many signals and lags, or none of them moves."},
                    [PROCESS_COUNT_DRIFTED] = {"drifted", "windows",
                                               "Windows of an asset beyond the limit of `drift`."},
                    [PROCESS_COUNT_LATE] = {"late", "rows", "Rows older than the newest frame of their asset."},
                    [PROCESS_COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room."}),
    .gauges = PL_GAUGES([PROCESS_GAUGE_DRIFT] = {"drift", "",
                                                 "The greatest stability index of the last windows, over its limit.",
                                                 PL_GAUGE_MOST}),
    .tables = process_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct process),
    .check = process_check,
    .open = process_open,
    .process = process_process,
    .watermark = process_watermark,
    .close = process_close,
    .commands = process_commands,
};
