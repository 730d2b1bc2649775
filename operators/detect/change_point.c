/* change_point.c: detect.change, the points at which a signal's mean or spread changes (change.h). */
#include <math.h>
#include <potline/potline.h>

#include "change.h"
#include "chosen.h"
#include "detect.h"
#include "verdict.h"

enum { TABLE_SIGNALS };
enum { COUNT_JUDGED, COUNT_CHANGES, COUNT_SKIPPED, COUNT_REFUSED };

struct change_point {
    struct pl_strings include;
    struct pl_strings exclude;
    double threshold;
    int64_t window;
    int64_t least;
    int64_t memory;

    struct verdicts verdicts;
    uint8_t *chosen;
    uint32_t room;
    struct heard heard;
};

/* Of a tag, in front of its struct change. */
struct watched {
    pl_time newest;
    uint64_t rows;
    struct episode episode;
    double before, after; /* of the change that the episode is about, as struct change_found has them */
    uint32_t ago;
    uint32_t kind;
};

static const struct pl_option change_point_options[] = {
    PL_OPT_STRINGS(struct change_point, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct change_point, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_NUMBER(struct change_point, threshold, "threshold", "4", "0.1", "12", PL_LIVE,
                  "The surprise that is a change: 4 is a ratio as rare as one in 10^4."),
    PL_OPT_INT(struct change_point, window, "window", "64", "8", "4096", PL_STATE,
               "Newest rows among which the change is sought, 8 bytes each; time grows with it."),
    PL_OPT_INT(struct change_point, least, "least", "6", "2", "1000", PL_STATE,
               "Rows on each side of a change: how soon it can be told."),
    PL_OPT_INT(struct change_point, memory, "memory", "10000", "100", "1000000000", PL_FIXED,
               "Rows that count of what was before the window; after so many ratios half of them are forgotten."),
    PL_OPT_END,
};

static struct change_test test_of(const struct change_point *c) {
    return (struct change_test){.window = (uint32_t)c->window,
                                .least = (uint32_t)c->least,
                                .memory = (double)c->memory,
                                .threshold = c->threshold};
}

static size_t watched_size(const void *self) {
    const struct change_test test = test_of(self);
    return sizeof(struct watched) + change_size(&test);
}

static const struct pl_table_def change_point_tables[] = {
    [TABLE_SIGNALS] = {.name = "signals",
                       .version = 2,
                       .size_of = watched_size,
                       .doc = "Of each tag: its last rows, what was before them, and how its ratios are spread."},
    {.name = NULL},
};

/* ---- Life ---- */

static void change_point_check(void *self, struct pl_check *check) {
    const struct change_point *c = self;
    if (2 * c->least > c->window)
        pl_check_error(check, "least", "both sides of a change, 2 x %lld rows, do not fit into a window of %lld",
                       (long long)c->least, (long long)c->window);
}

static enum pl_code change_point_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct change_point *c = self;
    return verdicts_init(&c->verdicts, node, true, error);
}

static void change_point_close(void *self, struct pl_node *node) {
    struct change_point *c = self;
    heard_end(&c->heard, node);
    verdicts_fini(&c->verdicts);
    pl_free(c->chosen);
    c->chosen = NULL;
    c->room = 0;
}

/* ---- Judging ---- */

static void keep(struct watched *w, const struct change_found *found) {
    w->before = found->before;
    w->after = found->after;
    w->ago = found->ago;
    w->kind = found->kind;
}

/* An alarm is the row at which a change is known; the next one that is none ends it. What has changed lasts. */
static bool follow_episode(struct change_point *c, uint32_t tag, struct watched *w, pl_time time,
                           const struct verdict *verdict, const struct change_found *found) {
    if (found->changed) keep(w, found);
    const struct change_found kept = {
        .kind = (enum change_kind)w->kind, .ago = w->ago, .before = w->before, .after = w->after};
    char said[160];
    change_explain(&kept, pl_tags_get(pl_node_tags(c->verdicts.node), tag)->unit, said, sizeof said);
    const struct reason reason = {.tag = {tag},
                                  .share = {1},
                                  .tags = 1,
                                  .explanation = said,
                                  .cause = change_cause(&kept),
                                  .what = kept.kind == CHANGE_MEAN ? "mean" : "spread",
                                  .side = kept.after > kept.before ? 1 : -1};
    struct episode *episode = &w->episode;
    if (verdict->alarm && !episode->active) return verdicts_begin(&c->verdicts, tag, episode, time, verdict, &reason);
    if (verdict->alarm) return verdicts_go_on(&c->verdicts, tag, episode, time, verdict, &reason);
    return !episode->active || verdicts_end(&c->verdicts, tag, episode, verdict, &reason, ENDS_LASTING);
}

static bool skip_row(struct change_point *c, uint32_t tag, pl_time time, unsigned count) {
    pl_count(c->verdicts.node, count, 1);
    return verdicts_tell(&c->verdicts, tag, time, &(struct verdict){.threshold = c->threshold});
}

static bool take_row(struct change_point *c, const struct pl_samples *rows, uint32_t i) {
    const uint32_t tag = rows->tag[i];
    const pl_time time = rows->time[i];
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i])) return skip_row(c, tag, time, COUNT_SKIPPED);
    struct watched *w = pl_table_get(pl_node_table(c->verdicts.node, TABLE_SIGNALS), tag, 0);
    if (!w) return skip_row(c, tag, time, COUNT_REFUSED);
    if (w->rows && time < w->newest) return skip_row(c, tag, time, COUNT_SKIPPED);
    w->newest = time;
    w->rows++;
    const struct change_test test = test_of(c);
    const struct change_found found = change_step(&test, (struct change *)(w + 1), rows->value[i]);
    const struct verdict verdict = {
        .surprise = found.surprise, .threshold = c->threshold, .alarm = found.changed, .changepoint = found.changed};
    pl_count(c->verdicts.node, COUNT_JUDGED, 1);
    if (found.changed) pl_count(c->verdicts.node, COUNT_CHANGES, 1);
    return follow_episode(c, tag, w, time, &verdict, &found) && verdicts_tell(&c->verdicts, tag, time, &verdict);
}

static enum pl_flow change_point_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct change_point *c = self;
    struct pl_tags *tags = pl_node_tags(node);
    bool any = false, good = chosen_prepare(&c->chosen, &c->room, tags);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (chosen_ask(c->chosen, tags, batch->samples.tag[i], &c->include, &c->exclude)) {
            any = true;
            good = take_row(c, &batch->samples, i);
        }
    heard_rows(&c->heard, node, batch->rows, any);
    good = good && verdicts_flush(&c->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

const struct pl_operator detect_change = {
    PL_OPERATOR("detect.change", "Tells the points at which the mean or the spread of a signal changes."),
    .doc =
        "A generalised likelihood ratio test: the rows since the last change are held against each other before and "
        "behind every place in the newest `window` rows, once for the mean (Student's t) and once for the spread "
        "(Bartlett). How great such ratios are on this tag is learned from its own history, so that signals whose rows "
        "are not independent have no more alarms than others. A row far off is none: it takes `least` rows. Behind a "
        "change what is known begins with the rows behind it, so the new level is news only once. The alarm is the "
        "row at which a change is known; the event tells how many rows ago it was, and from what to what. It needs "
        "twelve windows of rows to know a signal.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs = PL_PORTS(
        {.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "TAG.score, TAG.alarm and TAG.changepoint, of each row."},
        {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."}),
    .options = change_point_options,
    .counters = PL_COUNTERS([COUNT_JUDGED] = {"judged", "rows", "Rows judged."},
                            [COUNT_CHANGES] = {"changes", "rows", "Of them, those at which a change was known."},
                            [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value, or out of order."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows of tags for which there was no room."}),
    .tables = change_point_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct change_point),
    .check = change_point_check,
    .open = change_point_open,
    .process = change_point_process,
    .close = change_point_close,
};
