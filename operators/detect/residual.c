/* residual.c: detect.residual, tests of what a twin did not expect (innovation.h). */
#include <math.h>
#include <potline/potline.h>

#include "chosen.h"
#include "detect.h"
#include "innovation.h"
#include "verdict.h"

enum { TABLE_MODELS };
enum { COUNT_JUDGED, COUNT_ALARMS, COUNT_SKIPPED, COUNT_REFUSED };

struct residual {
    struct pl_strings include;
    struct pl_strings exclude;
    double threshold;
    int64_t window;
    int64_t hold;
    int64_t adapt;
    bool calibrate;
    int64_t memory;

    struct verdicts verdicts;
    uint8_t *chosen;
    uint32_t room;
    struct heard heard;
};

/* Of a tag, in front of its struct innovation. */
struct watched {
    pl_time newest;
    uint64_t quiet; /* rows since the last beyond the threshold */
    struct episode episode;
    uint32_t kind; /* of the episode's peak */
    uint32_t above;
};

static const struct pl_option residual_options[] = {
    PL_OPT_STRINGS(struct residual, include, "include", "['*.innovation']", PL_FIXED,
                   "Globs of the tags that are innovations: measured less predicted, over the expected deviation."),
    PL_OPT_STRINGS(struct residual, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_NUMBER(struct residual, threshold, "threshold", "3.5", "0.1", "12", PL_LIVE,
                  "The surprise that is an alarm: 3.5 is an innovation as rare as one in 10^3.5."),
    PL_OPT_INT(struct residual, window, "window", "60", "4", "10000", PL_STATE,
               "Innovations over which mean, squares and correlation are taken, 8 bytes each."),
    PL_OPT_INT(struct residual, hold, "hold", "30", "1", "1000000", PL_FIXED,
               "Innovations without a surprise after which an alarm is over."),
    PL_OPT_BOOL(
        struct residual, calibrate, "calibrate", "true", PL_FIXED,
        "A test counts only as far as its own history says so, too. False: as the law of a twin that is right."),
    PL_OPT_INT(struct residual, memory, "memory", "10000", "100", "1000000000", PL_FIXED,
               "Innovations after which half of what is known of a tag is forgotten."),
    PL_OPT_END,
};

static struct innovation_test test_of(const struct residual *r) {
    return (struct innovation_test){.window = (uint32_t)r->window,
                                    .memory = (double)r->memory,
                                    .threshold = r->threshold,
                                    .adapt = (uint64_t)r->adapt,
                                    .calibrate = r->calibrate};
}

static size_t watched_size(const void *self) {
    const struct innovation_test test = test_of(self);
    return sizeof(struct watched) + innovation_size(&test);
}

static const struct pl_table_def residual_tables[] = {
    [TABLE_MODELS] = {.name = "models",
                      .version = 1,
                      .size_of = watched_size,
                      .doc = "Of each tag: its last innovations, how far off they have been, and its alarm."},
    {.name = NULL},
};

/* ---- Life ---- */

static enum pl_code residual_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct residual *r = self;
    return verdicts_init(&r->verdicts, node, false, error);
}

static void residual_close(void *self, struct pl_node *node) {
    struct residual *r = self;
    heard_end(&r->heard, node);
    verdicts_fini(&r->verdicts);
    pl_free(r->chosen);
    r->chosen = NULL;
    r->room = 0;
}

/* ---- Judging ---- */

static struct reason reason_of(const struct watched *w, uint32_t tag) {
    const struct innovation_found peak = {.kind = (enum innovation_kind)w->kind, .above = w->above};
    return (struct reason){.tag = {tag},
                           .share = {1},
                           .tags = 1,
                           .explanation = innovation_explanation(&peak),
                           .cause = innovation_cause(&peak),
                           .what = innovation_name(peak.kind),
                           .side = peak.above ? 1 : -1};
}

static bool follow_episode(struct residual *r, uint32_t tag, struct watched *w, pl_time time,
                           const struct verdict *verdict, const struct innovation_found *found) {
    struct episode *episode = &w->episode;
    w->quiet = verdict->alarm ? 0 : w->quiet + 1;
    if (verdict->alarm && (!episode->active || verdict->surprise > episode->peak)) {
        w->kind = found->kind;
        w->above = found->above;
    }
    const struct reason reason = reason_of(w, tag);
    if (verdict->alarm && !episode->active) return verdicts_begin(&r->verdicts, tag, episode, time, verdict, &reason);
    if (verdict->alarm) return verdicts_go_on(&r->verdicts, tag, episode, time, verdict, &reason);
    const bool over = episode->active && w->quiet >= (uint64_t)r->hold;
    return !over || verdicts_end(&r->verdicts, tag, episode, verdict, &reason, episode_ends(episode));
}

static bool skip_row(struct residual *r, uint32_t tag, pl_time time, unsigned count) {
    pl_count(r->verdicts.node, count, 1);
    return verdicts_tell(&r->verdicts, tag, time, &(struct verdict){.threshold = r->threshold});
}

static bool take_row(struct residual *r, const struct pl_samples *rows, uint32_t i) {
    const uint32_t tag = rows->tag[i];
    const pl_time time = rows->time[i];
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i])) return skip_row(r, tag, time, COUNT_SKIPPED);
    struct watched *w = pl_table_get(pl_node_table(r->verdicts.node, TABLE_MODELS), tag, 0);
    if (!w) return skip_row(r, tag, time, COUNT_REFUSED);
    struct innovation *innovation = (struct innovation *)(w + 1);
    if (innovation->rows && time < w->newest) return skip_row(r, tag, time, COUNT_SKIPPED);
    w->newest = time;
    const struct innovation_test test = test_of(r);
    const struct innovation_found found = innovation_step(&test, innovation, rows->value[i]);
    const struct verdict verdict = {
        .surprise = found.surprise, .threshold = r->threshold, .alarm = found.surprise >= r->threshold};
    if (verdict.alarm && innovation->upset[found.kind] > test.adapt) episode_teaches(&w->episode);
    pl_count(r->verdicts.node, COUNT_JUDGED, 1);
    if (verdict.alarm) pl_count(r->verdicts.node, COUNT_ALARMS, 1);
    return follow_episode(r, tag, w, time, &verdict, &found) && verdicts_tell(&r->verdicts, tag, time, &verdict);
}

static enum pl_flow residual_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct residual *r = self;
    struct pl_tags *tags = pl_node_tags(node);
    bool any = false, good = chosen_prepare(&r->chosen, &r->room, tags);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (chosen_ask(r->chosen, tags, batch->samples.tag[i], &r->include, &r->exclude)) {
            any = true;
            good = take_row(r, &batch->samples, i);
        }
    heard_rows(&r->heard, node, batch->rows, any);
    good = good && verdicts_flush(&r->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

/* At the end of the input what goes on is told to. */
static pl_time residual_watermark(void *self, struct pl_node *node, pl_time now) {
    struct residual *r = self;
    const struct verdict here = {.threshold = r->threshold};
    struct pl_table *table = pl_node_table(node, TABLE_MODELS);
    bool good = true;
    for (struct pl_record *at = now < PL_TIME_MAX ? NULL : pl_table_next(table, NULL); good && at;
         at = pl_table_next(table, at)) {
        struct watched *w = pl_record_data(at);
        if (!w->episode.active || !(w = pl_table_get(table, at->id, at->sub))) continue;
        const struct reason reason = reason_of(w, at->id);
        good = verdicts_end(&r->verdicts, at->id, &w->episode, &here, &reason, ENDS_OPEN);
    }
    if (!good || !verdicts_flush(&r->verdicts)) pl_fail(node, "no memory for events");
    return now;
}

const struct pl_operator detect_residual = {
    PL_OPERATOR("detect.residual", "Tells when what is measured is not what a twin expected."),
    .doc =
        "Takes innovations as twin.cell gives them (ASSET.twin.innovation: measured less predicted, over how far off "
        "it "
        "may be). While the twin is right they are independent, normal and of deviation 1; tested are the newest, and "
        "over the last `window` of them the mean (bias), the sum of squares (chi-square) and the correlation with the "
        "one before (whiteness). The rarest gives the surprise. With `calibrate` a test counts only as far as it is "
        "rare in its own history, too, which takes some 30 innovations, and for sums two windows. A twin that is not "
        "sure gives no innovation: rows without a value have score 0.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Innovations, among other samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "TAG.score and TAG.alarm, of each innovation."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."}),
    .options = residual_options,
    .counters = PL_COUNTERS([COUNT_JUDGED] = {"judged", "rows", "Innovations judged."},
                            [COUNT_ALARMS] = {"alarms", "rows", "Of them, those that are alarms."},
                            [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value, or out of order."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows of tags for which there was no room."}),
    .tables = residual_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct residual),
    .open = residual_open,
    .process = residual_process,
    .watermark = residual_watermark,
    .close = residual_close,
};
