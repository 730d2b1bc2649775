/* ensemble.c: detect, one verdict for each asset from all that can be known of it.
 *
 *     signals --> series.h, change.h, each by its own past ---+
 *                                                             +--> surprise of each member --> combine.h --> verdict
 *     scores of other detectors --> calibrated (combine.h) ---+
 *
 * A frame is what an asset's members say of one time; it is complete when a later one comes. A surprise fades over
 * `reach` rows of its member, so that detectors that see the same thing a little apart count together.
 */
#include <math.h>
#include <potline/potline.h>
#include <stdio.h>
#include <string.h>

#include "combine.h"
#include "detect.h"
#include "ensemble.h"
#include "faults.h"
#include "verdict.h"

enum { COUNT_JUDGED, COUNT_ALARMS, COUNT_ROWS, COUNT_SKIPPED, COUNT_LATE, COUNT_REFUSED };

/* clang-format off */
static const struct pl_option ensemble_options[] = {
    PL_OPT_STRINGS(struct ensemble, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct ensemble, exclude, "exclude", "['*.alarm', '*.changepoint']", PL_FIXED,
                   "Globs of tags to leave out: what detectors say beside their scores."),
    PL_OPT_STRINGS(struct ensemble, scores, "scores", "['*.score']", PL_FIXED,
                   "Globs of the tags that are scores of other detectors; the rest are signals."),
    PL_OPT_INT(struct ensemble, depth, "depth", "0", "0", "16", PL_STATE,
               "Parts of a name that are its asset. 0: a signal's own; of a score the nearest that has signals."),
    PL_OPT_NUMBER(struct ensemble, threshold, "threshold", "3.5", "0.1", "12", PL_LIVE,
                  "The surprise that is an alarm: 3.5 is a frame of the asset as rare as one in 10^3.5."),
    PL_OPT_INT(struct ensemble, reach, "reach", "10", "1", "10000", PL_FIXED,
               "Rows of a detector over which what it said fades."),
    PL_OPT_INT(struct ensemble, hold, "hold", "60", "1", "1000000", PL_FIXED,
               "Frames without a surprise after which an alarm is over."),
    PL_OPT_INT(struct ensemble, adapt, "adapt", "1000", "0", "1000000000", PL_FIXED,
               "Alarms in a row that do not teach; then what they have is the usual."),
    PL_OPT_INT(struct ensemble, window, "window", "64", "16", "4096", PL_STATE,
               "Rows of a signal in which a change is sought, 24 bytes each."),
    PL_OPT_INT(struct ensemble, history, "history", "0", "0", "100000", PL_STATE,
               "Rows of a signal in which a similar course is looked for, 8 bytes each; 0: none."),
    PL_OPT_INT(struct ensemble, memory, "memory", "100000", "1000", "1000000000", PL_FIXED,
               "Rows after which half of what is known is forgotten."),
    PL_OPT_END,
};
/* clang-format on */

static size_t signal_size(const void *self) {
    return member_signal_size(self);
}

static const struct pl_table_def ensemble_tables[] = {
    [TABLE_ASSETS] = {.name = "assets",
                      .version = 2,
                      .record_size = sizeof(struct asset),
                      .doc = "Of each asset: its frame at hand, how surprising its frames have been, and its alarm."},
    [TABLE_SIGNALS] = {.name = "signals",
                       .version = 4,
                       .size_of = signal_size,
                       .doc = "What is known of each signal, and how surprising it is."},
    [TABLE_SCORES] = {.name = "scores",
                      .version = 3,
                      .record_size = sizeof(struct member_score),
                      .doc = "What each of the other detectors has said, and how surprising it is."},
    {.name = NULL},
};

/* ---- Life ---- */

static void ensemble_check(void *self, struct pl_check *check) {
    const struct ensemble *e = self;
    if (e->history && e->history < MEMBER_HISTORY_LEAST)
        pl_check_error(check, "history", "holds fewer than three courses: at least %d, or 0", MEMBER_HISTORY_LEAST);
}

static enum pl_code ensemble_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct ensemble *e = self;
    e->verdicts.of_assets = true;
    return verdicts_init(&e->verdicts, node, false, error);
}

static void ensemble_close(void *self, struct pl_node *node) {
    struct ensemble *e = self;
    heard_end(&e->heard, node);
    verdicts_fini(&e->verdicts);
    members_fini(&e->members);
}

/* ---- Which tag belongs where ---- */

struct member *ensemble_member(struct ensemble *e, uint32_t tag) {
    const unsigned table = members_kind(&e->members, tag) == MEMBER_SCORE ? TABLE_SCORES : TABLE_SIGNALS;
    const void *record = pl_table_find(pl_node_table(e->verdicts.node, table), tag, 0);
    return (struct member *)(uintptr_t)record;
}

static bool has_signals(void *self, uint32_t asset) {
    struct ensemble *e = self;
    const struct asset *known = pl_table_find(pl_node_table(e->verdicts.node, TABLE_ASSETS), asset, 0);
    return known && known->signals;
}

/* After a restore: the members of each asset, by their records. */
static bool find_again(struct ensemble *e) {
    struct pl_tags *tags = pl_node_tags(e->verdicts.node);
    for (unsigned t = TABLE_SIGNALS; t <= TABLE_SCORES; t++) {
        const struct pl_table *table = pl_node_table(e->verdicts.node, t);
        for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
            const struct member *m = pl_record_data(r);
            if (!members_prepare(&e->members, tags)) return false;
            const uint32_t asset = members_prefix(tags, r->id, m->parts);
            if (asset == PL_NO_ID || !members_prepare(&e->members, tags)) return false;
            if (!members_put(&e->members, asset, r->id, m->slot, t == TABLE_SCORES)) return false;
        }
    }
    return true;
}

static bool prepare(struct ensemble *e) {
    if (!members_prepare(&e->members, pl_node_tags(e->verdicts.node))) return false;
    if (!e->found && !find_again(e)) return false;
    e->found = true;
    return true;
}

/* ---- A complete frame ---- */

double ensemble_counts(const struct ensemble *e, const struct asset *asset, const struct member *m) {
    enum { REACHES = 20 };
    return asset->frames - m->frame > REACHES * (uint64_t)e->reach ? 0 : m->surprise;
}

static struct combine_rule rule_of(const struct ensemble *e) {
    return (struct combine_rule){.threshold = e->threshold, .memory = (double)e->memory, .adapt = (uint64_t)e->adapt};
}

static bool close_frame(struct ensemble *e, uint32_t subject, struct asset *asset) {
    const struct members_of *of = members_of(&e->members, subject);
    const struct combine_rule rule = rule_of(e);
    double worst = 0, sum = 0;
    uint32_t lead = 0;
    for (uint32_t i = 0; i < of->count; i++) {
        const struct member *m = ensemble_member(e, of->tag[i]);
        const double surprise = m ? ensemble_counts(e, asset, m) : 0;
        if (surprise > worst) lead = i;
        worst = fmax(worst, surprise);
        sum += surprise;
    }
    const struct combine_found found = combine_step(&rule, &asset->combined, worst, sum, asset->members);
    const struct verdict verdict = {
        .surprise = found.surprise, .threshold = e->threshold, .alarm = found.surprise >= e->threshold};
    asset->open = 0;
    pl_count(e->verdicts.node, COUNT_JUDGED, 1);
    if (verdict.alarm) pl_count(e->verdicts.node, COUNT_ALARMS, 1);
    const bool good =
        faults_follow(e, subject, asset, &verdict, lead) && verdicts_tell(&e->verdicts, subject, asset->time, &verdict);
    asset->frames++;
    return good;
}

/* ---- Rows that come ---- */

/* NULL with *good: there is no room for it, or too many of the asset. */
static struct member *member_get(struct ensemble *e, uint32_t tag, bool *good) {
    struct pl_tags *tags = pl_node_tags(e->verdicts.node);
    const bool score = members_kind(&e->members, tag) == MEMBER_SCORE;
    struct pl_table *table = pl_node_table(e->verdicts.node, score ? TABLE_SCORES : TABLE_SIGNALS);
    if (members_asset(&e->members, tag)) return pl_table_get(table, tag, 0);
    const uint32_t parts = members_parts(tags, tag, score, (uint32_t)e->depth, has_signals, e);
    const uint32_t asset = members_prefix(tags, tag, parts);
    *good = asset != PL_NO_ID && members_prepare(&e->members, tags);
    struct asset *of = *good ? pl_table_get(pl_node_table(e->verdicts.node, TABLE_ASSETS), asset, 0) : NULL;
    if (!of || of->members == MEMBERS_MAX) return NULL;
    struct member *m = pl_table_get(table, tag, 0);
    if (!m) return NULL;
    m->parts = parts;
    m->slot = of->members;
    *good = members_put(&e->members, asset, tag, m->slot, score);
    of->members += *good;
    of->signals += *good && !score;
    return m;
}

static bool take_row(struct ensemble *e, const struct pl_samples *rows, uint32_t i) {
    struct pl_node *node = e->verdicts.node;
    const uint32_t tag = rows->tag[i];
    const pl_time time = rows->time[i];
    bool good = true;
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i])) return pl_count(node, COUNT_SKIPPED, 1), true;
    struct member *m = member_get(e, tag, &good);
    if (!m || !good) return pl_count(node, COUNT_REFUSED, 1), good;
    const uint32_t subject = members_asset(&e->members, tag);
    struct asset *asset = pl_table_get(pl_node_table(node, TABLE_ASSETS), subject, 0);
    if (!asset) return pl_count(node, COUNT_REFUSED, 1), true;
    if ((asset->frames || asset->open) && time < asset->time) return pl_count(node, COUNT_LATE, 1), true;
    if (asset->open && time > asset->time && !close_frame(e, subject, asset)) return false;
    asset->time = time;
    asset->open = 1;
    m->frame = asset->frames;
    const struct combine_rule rule = rule_of(e);
    if (members_kind(&e->members, tag) == MEMBER_SCORE)
        member_take_score(e, (struct member_score *)m, &rule, rows->value[i]);
    else
        member_take_signal(e, m, rows->value[i]);
    pl_count(node, COUNT_ROWS, 1);
    return true;
}

static enum pl_flow ensemble_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct ensemble *e = self;
    bool any = false, good = prepare(e);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (members_ask(e, pl_node_tags(node), batch->samples.tag[i])) {
            any = true;
            good = take_row(e, &batch->samples, i);
        }
    heard_rows(&e->heard, node, batch->rows, any);
    good = good && verdicts_flush(&e->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

/* Frames of which no more can come; by the order of ids, which is that in which assets first came. */
static pl_time ensemble_watermark(void *self, struct pl_node *node, pl_time now) {
    struct ensemble *e = self;
    bool good = prepare(e);
    pl_time oldest = now;
    struct pl_table *assets = pl_node_table(node, TABLE_ASSETS);
    for (struct pl_record *r = pl_table_next(assets, NULL); good && r; r = pl_table_next(assets, r)) {
        struct asset *asset = pl_record_data(r);
        if (!asset->open && !(now == PL_TIME_MAX && asset->episode.active)) continue;
        if (asset->time < now || now == PL_TIME_MAX)
            good = (asset = pl_table_get(assets, r->id, r->sub)) && (!asset->open || close_frame(e, r->id, asset)) &&
                   (now < PL_TIME_MAX || faults_stop(e, r->id, asset));
        else if (asset->time < oldest)
            oldest = asset->time;
    }
    good = good && verdicts_flush(&e->verdicts);
    if (!good) pl_fail(node, "no memory, or no room for names of verdicts");
    return oldest;
}

const struct pl_operator detect_ensemble = {
    PL_OPERATOR("detect", "One verdict for each asset, from its signals and all other detectors: the default."),
    .doc =
        "Signals are judged by their own past: level, mean and activity (as detect.univariate) and changes of mean and "
        "spread (as detect.change). Scores of other detectors join them: `from: [clean, pumps, noise, "
        "twin_residuals]`. "
        "What a detector says is held against what it has said before, so each speaks the same scale; then the "
        "greatest surprise of an asset and the sum of all are each held against the law of as many independent "
        "detectors and against the asset's own history, and the rarer one is the asset's surprise. One threshold means "
        "one rate of alarms for any asset. Rows of one time are a frame, told when a later one comes. It needs some "
        "300 rows to know a signal, and no settings.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Signals, and scores of other detectors."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.score and ASSET.alarm, of each frame."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."}),
    .options = ensemble_options,
    .counters = PL_COUNTERS([COUNT_JUDGED] = {"judged", "frames", "Frames judged."},
                            [COUNT_ALARMS] = {"alarms", "frames", "Of them, those that are alarms."},
                            [COUNT_ROWS] = {"taken", "rows", "Rows of signals and scores that were taken."},
                            [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value."},
                            [COUNT_LATE] = {"late", "rows", "Rows older than the newest frame of their asset."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room."}),
    .tables = ensemble_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct ensemble),
    .check = ensemble_check,
    .open = ensemble_open,
    .process = ensemble_process,
    .watermark = ensemble_watermark,
    .close = ensemble_close,
};
