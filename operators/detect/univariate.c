/* univariate.c: each signal by itself, judged by its own past (series.h).
 *
 * What has been told is not told again: for `hold` rows behind a surprise only a greater one counts. So an upset of a
 * hundred rows is one alarm at its beginning, and another one if it becomes worse. When an alarm is over and the signal
 * is not as it was before, that is told; and that it is, when it is.
 */
#include <math.h>
#include <potline/potline.h>
#include <string.h>

#include "chosen.h"
#include "detect.h"
#include "series.h"
#include "verdict.h"

enum { TABLE_SERIES };
enum { COUNT_JUDGED, COUNT_ALARMS, COUNT_SKIPPED, COUNT_REFUSED };

struct univariate {
    struct pl_strings include;
    struct pl_strings exclude;
    uint32_t features;
    int64_t segment;
    int64_t history;
    int64_t memory;
    int64_t hold;
    int64_t accept;
    double threshold;

    struct series_rule rule;
    struct verdicts verdicts;
    uint8_t *chosen; /* [tag]: 0 not asked yet, 1 no, 2 yes */
    uint32_t room;
    struct heard heard;
};

/* Of a tag, in front of its series. */
struct watched {
    pl_time newest;
    double peak; /* the greatest surprise that was told */
    uint64_t since;
    struct episode episode;
    struct peak {
        double seen, expected; /* as struct surprise has them */
        uint32_t feature;
        uint32_t below;
    } of;                      /* the episode's */
    struct series_usual usual; /* before it */
    struct lasting {
        struct episode episode; /* told to last; active: there is one */
        struct peak of;
        struct series_usual usual;
        uint64_t until; /* row */
        uint64_t back;  /* rows in succession in which it is as it was */
    } lasting;
};

static const char *const feature_names[] = {"level",         "mean",    "long_mean", "activity",
                                            "long_activity", "pattern", "discord",   NULL};

static const struct pl_option univariate_options[] = {
    PL_OPT_STRINGS(struct univariate, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct univariate, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_NUMBER(
        struct univariate, threshold, "threshold", "3.5", "0.1", "12", PL_LIVE,
        "The surprise that is an alarm: 3.5 is a number as rare as one in 10^3.5; the README has alarms a day."),
    PL_OPT_SET(struct univariate, features, "features", "[level, mean, long_mean, activity, long_activity, pattern]",
               feature_names, PL_STATE, "What is looked at."),
    PL_OPT_INT(struct univariate, hold, "hold", "200", "0", "1000000", PL_FIXED,
               "For so many rows behind a surprise only a greater one is told; 0: each is."),
    PL_OPT_INT(
        struct univariate, accept, "accept", "0", "0", "1000000000", PL_FIXED,
        "Rows beyond the threshold teach nothing, so that the same upset is told again, until so many have come in "
        "succession; behind the first 1000 rows of a tag. Not so of pattern and discord, which look for the like in "
        "all of "
        "their history. 0: every row teaches, and what has come before is no news."),
    PL_OPT_INT(struct univariate, segment, "segment", "8", "1", "1024", PL_STATE,
               "Rows in one of the 16 segments of a pattern or discord."),
    PL_OPT_INT(struct univariate, history, "history", "4096", "0", "100000", PL_STATE,
               "Rows in which a similar pattern is looked for, 8 bytes each; time grows with it. 0: no patterns."),
    PL_OPT_INT(struct univariate, memory, "memory", "100000", "1000", "1000000000", PL_FIXED,
               "Rows after which half of what is known of a tag is forgotten."),
    PL_OPT_END,
};

static struct series_rule rule_of(const struct univariate *u) {
    return (struct series_rule){.features = u->features,
                                .segment = (uint32_t)u->segment,
                                .history = (uint32_t)u->history,
                                .memory = (double)u->memory,
                                .accept = (uint32_t)u->accept};
}

static size_t watched_size(const void *self) {
    struct series_rule rule = rule_of(self);
    return sizeof(struct watched) + series_size(&rule);
}

static const struct pl_table_def univariate_tables[] = {
    [TABLE_SERIES] = {.name = "series",
                      .version = 4,
                      .size_of = watched_size,
                      .doc = "What is known of each tag, and its alarm."},
    {.name = NULL},
};

/* ---- Life ---- */

static void univariate_check(void *self, struct pl_check *check) {
    const struct univariate *u = self;
    if (!u->features) pl_check_error(check, "features", "there is nothing to look at");
    const int64_t least = 3 * SERIES_SEGMENTS * u->segment;
    if (u->history && u->history < least)
        pl_check_error(check, "history", "holds fewer than three patterns of %d segments of %lld rows: at least %lld",
                       SERIES_SEGMENTS, (long long)u->segment, (long long)least);
}

static enum pl_code univariate_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct univariate *u = self;
    u->rule = rule_of(u);
    return verdicts_init(&u->verdicts, node, false, error);
}

static void univariate_close(void *self, struct pl_node *node) {
    struct univariate *u = self;
    heard_end(&u->heard, node);
    verdicts_fini(&u->verdicts);
    pl_free(u->chosen);
    u->chosen = NULL;
}

/* ---- Judging ---- */

static struct reason reason_of(const struct univariate *u, const struct peak *of, uint32_t tag, char *said,
                               size_t size) {
    const struct surprise peak = {
        .feature = (enum feature)of->feature, .below = of->below, .seen = of->seen, .expected = of->expected};
    series_explain(&peak, pl_tags_get(pl_node_tags(u->verdicts.node), tag)->unit, said, size);
    return (struct reason){.tag = {tag},
                           .share = {1},
                           .tags = 1,
                           .explanation = said,
                           .cause = series_cause(&peak),
                           .what = series_looked_at(peak.feature),
                           .side = peak.below ? -1 : 1};
}

/* Rows behind the last surprise beyond the threshold, after which its alarm is over. */
static uint64_t quiet_rows(const struct univariate *u) {
    return u->hold ? (uint64_t)u->hold : 1;
}

static bool is_back(const struct watched *w, const struct peak *of, const struct series_usual *usual) {
    const enum series_family family = series_family((enum feature)of->feature);
    const double seen = family == SERIES_SHAPES ? (double)NAN : of->seen;
    return series_is_usual((const struct series *)(w + 1), usual, family, false, seen);
}

static bool end_episode(struct univariate *u, uint32_t tag, struct watched *w, const struct verdict *here,
                        const struct reason *reason, bool open) {
    const struct series *series = (const struct series *)(w + 1);
    const bool back = is_back(w, &w->of, &w->usual);
    if (!back && !open)
        w->lasting = (struct lasting){
            .episode = w->episode, .of = w->of, .usual = w->usual, .until = series->rows + (uint64_t)u->memory};
    return verdicts_end(&u->verdicts, tag, &w->episode, here, reason,
                        back   ? ENDS_BACK
                        : open ? ENDS_OPEN
                               : ENDS_LASTING);
}

/* What was told to last is over when the signal has been as it was before for a while. */
static bool watch_lasting(struct univariate *u, uint32_t tag, struct watched *w, pl_time time) {
    struct lasting *l = &w->lasting;
    if (!l->episode.active) return true;
    l->back = is_back(w, &l->of, &l->usual) ? l->back + 1 : 0;
    if (l->back == 1) l->episode.last = time;
    if (((const struct series *)(w + 1))->rows >= l->until) l->episode.active = 0;
    if (!l->episode.active || l->back < SERIES_SHORT) return true;
    char said[200];
    const struct verdict here = {.threshold = u->threshold};
    const struct reason reason = reason_of(u, &l->of, tag, said, sizeof said);
    return verdicts_end(&u->verdicts, tag, &l->episode, &here, &reason, ENDS_BACK);
}

static bool follow_episode(struct univariate *u, uint32_t tag, struct watched *w, pl_time time,
                           const struct surprise *surprise) {
    const struct verdict here = {.surprise = surprise->value, .threshold = u->threshold, .size = surprise->size};
    const bool beyond = surprise->value >= u->threshold;
    if (beyond && !w->episode.active) w->usual = series_usual((const struct series *)(w + 1));
    if (beyond && (!w->episode.active || surprise->value > w->episode.peak))
        w->of = (struct peak){.seen = surprise->seen,
                              .expected = surprise->expected,
                              .feature = surprise->feature,
                              .below = surprise->below};
    const bool over = w->episode.active && !beyond && w->since >= quiet_rows(u), begins = beyond && !w->episode.active;
    if (!beyond && !over) return true;
    char said[200];
    const struct reason reason = reason_of(u, &w->of, tag, said, sizeof said);
    if (over) return end_episode(u, tag, w, &here, &reason, false);
    if (!begins) return verdicts_go_on(&u->verdicts, tag, &w->episode, time, &here, &reason);
    return verdicts_begin(&u->verdicts, tag, &w->episode, time, &here, &reason);
}

static bool judge_row(struct univariate *u, uint32_t tag, struct watched *w, pl_time time, double value) {
    u->rule.upset = u->accept ? u->threshold : 0; /* which may have been set meanwhile */
    struct surprise surprise = series_step(&u->rule, (struct series *)(w + 1), value);
    struct verdict verdict = {.threshold = u->threshold};
    w->newest = time;
    w->since++;
    if (w->since > (uint64_t)u->hold) w->peak = 0;
    if (surprise.value > w->peak) {
        verdict.surprise = w->peak = surprise.value;
        w->since = 0;
    }
    verdict.alarm = verdict.surprise >= u->threshold;
    pl_count(u->verdicts.node, COUNT_JUDGED, 1);
    if (verdict.alarm) pl_count(u->verdicts.node, COUNT_ALARMS, 1);
    return watch_lasting(u, tag, w, time) && follow_episode(u, tag, w, time, &surprise) &&
           verdicts_tell(&u->verdicts, tag, time, &verdict);
}

/* A row that cannot be judged still gets its verdict: nothing is known against it. */
static bool skip_row(struct univariate *u, uint32_t tag, pl_time time, unsigned count) {
    pl_count(u->verdicts.node, count, 1);
    return verdicts_tell(&u->verdicts, tag, time, &(struct verdict){.threshold = u->threshold});
}

static bool take_row(struct univariate *u, const struct pl_samples *rows, uint32_t i) {
    const uint32_t tag = rows->tag[i];
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i]))
        return skip_row(u, tag, rows->time[i], COUNT_SKIPPED);
    struct watched *w = pl_table_get(pl_node_table(u->verdicts.node, TABLE_SERIES), tag, 0);
    if (!w) return skip_row(u, tag, rows->time[i], COUNT_REFUSED);
    const struct series *series = (const struct series *)(w + 1);
    if (series->rows && rows->time[i] < w->newest) return skip_row(u, tag, rows->time[i], COUNT_SKIPPED);
    return judge_row(u, tag, w, rows->time[i], rows->value[i]);
}

static enum pl_flow univariate_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct univariate *u = self;
    bool any = false, good = chosen_prepare(&u->chosen, &u->room, pl_node_tags(node));
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (chosen_ask(u->chosen, pl_node_tags(node), batch->samples.tag[i], &u->include, &u->exclude)) {
            any = true;
            good = take_row(u, &batch->samples, i);
        }
    heard_rows(&u->heard, node, batch->rows, any);
    good = good && verdicts_flush(&u->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

/* At the end of the input what goes on is told to. */
static pl_time univariate_watermark(void *self, struct pl_node *node, pl_time now) {
    struct univariate *u = self;
    struct pl_table *table = pl_node_table(node, TABLE_SERIES);
    bool good = true;
    for (struct pl_record *r = now < PL_TIME_MAX ? NULL : pl_table_next(table, NULL); good && r;
         r = pl_table_next(table, r)) {
        struct watched *w = pl_record_data(r);
        if (!w->episode.active || !(w = pl_table_get(table, r->id, r->sub))) continue;
        char said[200];
        const struct verdict here = {.threshold = u->threshold};
        const struct reason reason = reason_of(u, &w->of, r->id, said, sizeof said);
        good = end_episode(u, r->id, w, &here, &reason, true);
    }
    if (!good || !verdicts_flush(&u->verdicts)) pl_fail(node, "no memory for events");
    return now;
}

const struct pl_operator detect_univariate = {
    PL_OPERATOR("detect.univariate", "Tells rows of a signal that its own past does not explain."),
    .doc =
        "Of each row six numbers are held against their history: the value, its mean and its activity (mean step) over "
        "32 and over 200 rows, and how far the newest stretch is from what followed the most similar course before. "
        "The rarest gives the row's surprise, minus the decimal logarithm of its probability, so one threshold means "
        "one rate of alarms on any tag. The score is 0.5 at the threshold. Rows without a usable value, and those "
        "older than one before, have score 0. It needs some 300 rows to know a signal, and no settings.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "TAG.score and TAG.alarm, of each row."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."}),
    .options = univariate_options,
    .counters = PL_COUNTERS([COUNT_JUDGED] = {"judged", "rows", "Rows judged."},
                            [COUNT_ALARMS] = {"alarms", "rows", "Of them, those that are alarms."},
                            [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value, or out of order."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows of tags for which there was no room."}),
    .tables = univariate_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct univariate),
    .check = univariate_check,
    .open = univariate_open,
    .process = univariate_process,
    .watermark = univariate_watermark,
    .close = univariate_close,
};
