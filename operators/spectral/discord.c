/* discord.c: detect.discord, windows of a signal that are unlike all before them: discords of its left matrix profile.
 *
 *     rows --> ring of `history` --> each `every` rows: distance to the most similar window (likeness.h) --> tail
 *
 * Only distances beyond those that the tail keeps are of interest, so the search ends at the first window that is
 * nearer.
 */
#include <math.h>
#include <potline/potline.h>
#include <stdio.h>

#include "chosen.h"
#include "likeness.h"
#include "tail.h"
#include "verdict.h"

enum { TABLE_SIGNALS };
enum { COUNT_WINDOWS, COUNT_ALARMS, COUNT_BLOCKS, COUNT_SKIPPED, COUNT_REFUSED };

struct discord {
    struct pl_strings include;
    struct pl_strings exclude;
    double threshold;
    int64_t window;
    int64_t history;
    int64_t every;
    double still;
    int64_t memory;

    struct verdicts verdicts;
    struct likeness likeness;
    uint8_t *chosen;
    uint32_t room;
};

/* Of a tag; the ring of its last `history` rows follows, and that of the distances that do not teach yet. */
struct signal {
    pl_time newest;
    uint64_t rows;
    uint64_t judged;             /* windows */
    double count, mean, squares; /* of all rows, at most `memory` of them: how much it moves at all */
    struct tail tail;
    struct episode episode;
    uint64_t quiet;   /* windows since the last beyond the threshold */
    double distance;  /* of the episode's peak */
    uint64_t similar; /* rows from there back to the most similar window */
    double ring[];
};

static const struct pl_option discord_options[] = {
    PL_OPT_STRINGS(struct discord, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct discord, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_NUMBER(struct discord, threshold, "threshold", "3", "0.1", "12", PL_LIVE,
                  "The surprise that is an alarm: 3 is a window as rare as one in 10^3."),
    PL_OPT_INT(struct discord, window, "window", "64", "8", "8192", PL_STATE,
               "Rows whose shape is looked at: about as long as what repeats itself."),
    PL_OPT_INT(struct discord, history, "history", "8192", "32", "1000000", PL_STATE,
               "Rows in which a similar window is looked for, 8 bytes each."),
    PL_OPT_INT(struct discord, every, "every", "8", "1", "8192", PL_STATE, "Rows from one window judged to the next."),
    PL_OPT_NUMBER(struct discord, still, "still", "0.1", "0.000001", "1", PL_FIXED,
                  "Part of the signal's own deviation below which a window has no shape."),
    PL_OPT_INT(struct discord, memory, "memory", "10000", "100", "1000000000", PL_FIXED,
               "Windows after which half of what is known of a tag is forgotten."),
    PL_OPT_END,
};

/* Windows that share rows with one. */
static uint32_t lag_of(const struct discord *d) {
    return (uint32_t)((d->window + d->every - 1) / d->every);
}

static size_t signal_size(const void *self) {
    const struct discord *d = self;
    return sizeof(struct signal) + ((size_t)d->history + lag_of(d)) * sizeof(double);
}

static const struct pl_table_def discord_tables[] = {
    [TABLE_SIGNALS] = {.name = "signals",
                       .version = 1,
                       .size_of = signal_size,
                       .doc = "Of each tag: its history, how unlike its windows have been, and its alarm."},
    {.name = NULL},
};

/* ---- Life ---- */

static void discord_check(void *self, struct pl_check *check) {
    const struct discord *d = self;
    if (d->history < 4 * d->window)
        pl_check_error(check, "history", "holds fewer than four windows of %lld rows: at least %lld",
                       (long long)d->window, 4 * (long long)d->window);
    if (d->every > d->window)
        pl_check_error(check, "every", "%lld rows would be in no window of %lld", (long long)(d->every - d->window),
                       (long long)d->window);
}

static enum pl_code discord_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct discord *d = self;
    if (!likeness_init(&d->likeness, (uint32_t)d->window))
        return pl_error_set(error, PL_NO_MEMORY, "no memory to compare windows of %u rows", (unsigned)d->window);
    return verdicts_init(&d->verdicts, node, false, error);
}

static void discord_close(void *self, struct pl_node *node) {
    (void)node;
    struct discord *d = self;
    verdicts_fini(&d->verdicts);
    likeness_fini(&d->likeness);
    pl_free(d->chosen);
    d->chosen = NULL;
    d->room = 0;
}

/* ---- Judging ---- */

static bool follow_episode(struct discord *d, uint32_t tag, struct signal *s, pl_time time,
                           const struct verdict *verdict, const struct likeness_found *found) {
    struct episode *episode = &s->episode;
    s->quiet = verdict->alarm ? 0 : s->quiet + 1;
    if (verdict->alarm && (!episode->active || verdict->surprise > episode->peak)) {
        s->distance = found->distance;
        s->similar = s->rows - 1 - found->row;
    }
    char said[200];
    snprintf(said, sizeof said,
             "the shape of its last %u rows is %.2f off the most similar one before (0 the same, 1.41 none in common), "
             "which ended %llu rows earlier",
             (unsigned)d->window, s->distance, (unsigned long long)s->similar);
    const struct reason reason = {.tag = {tag},
                                  .share = {1},
                                  .tags = 1,
                                  .explanation = said,
                                  .cause = "a cycle of another shape: a stroke, a feed or a batch that went otherwise"};
    if (verdict->alarm && !episode->active) return verdicts_begin(&d->verdicts, tag, episode, time, verdict, &reason);
    if (verdict->alarm) return verdicts_go_on(&d->verdicts, tag, episode, time, verdict, &reason);
    const bool over = episode->active && s->quiet * (uint64_t)d->every >= (uint64_t)d->window;
    return !over || verdicts_end(&d->verdicts, tag, episode, verdict, &reason, ENDS_BACK);
}

/* A distance teaches when no newer window shares rows with its own, and none of an upset does. */
static void learn(const struct discord *d, struct signal *s, double distance, bool alarm) {
    double *waiting = s->ring + d->history;
    if (!s->judged || alarm) tail_drop_waiting(waiting, lag_of(d));
    if (!alarm) tail_add_late(&s->tail, waiting, lag_of(d), s->judged, distance, (double)d->memory);
    s->judged++;
}

static bool judge_window(struct discord *d, uint32_t tag, struct signal *s, pl_time time) {
    const uint64_t room = (uint64_t)d->history, held = s->rows < room ? s->rows : room;
    const struct likeness_series series = {s->ring, (uint32_t)room, s->rows, held};
    const double enough = s->tail.count >= TAIL_LEAST ? s->tail.largest[s->tail.kept - 1] : 0;
    const double floor = d->still * sqrt(s->squares / s->count);
    struct likeness_found found;
    struct verdict verdict = {.threshold = d->threshold};
    if (likeness_find(&d->likeness, &series, floor, enough, &found)) {
        verdict.size = tail_size(&s->tail, found.distance, (double)d->window / (double)d->every);
        verdict.surprise = fmin(verdict.size, TAIL_SURPRISE_MAX);
        verdict.alarm = verdict.surprise >= d->threshold;
        learn(d, s, found.distance, verdict.alarm);
    }
    pl_count(d->verdicts.node, COUNT_WINDOWS, 1);
    pl_count(d->verdicts.node, COUNT_BLOCKS, found.blocks);
    if (verdict.alarm) pl_count(d->verdicts.node, COUNT_ALARMS, 1);
    return follow_episode(d, tag, s, time, &verdict, &found) && verdicts_tell(&d->verdicts, tag, time, &verdict);
}

/* A value that is no measurement at all must not make sums infinite. */
static void take_value(const struct discord *d, struct signal *s, double value) {
    static const double greatest = 1e140;
    value = fmin(fmax(value, -greatest), greatest);
    s->ring[s->rows % (uint64_t)d->history] = value;
    s->rows++;
    s->count += 1;
    const double apart = value - s->mean, most = (double)d->memory * (double)d->every;
    s->mean += apart / s->count;
    s->squares += apart * (value - s->mean);
    if (s->count <= most) return;
    s->squares *= most / s->count;
    s->count = most;
}

static bool take_row(struct discord *d, const struct pl_samples *rows, uint32_t i) {
    struct pl_node *node = d->verdicts.node;
    const uint32_t tag = rows->tag[i];
    const pl_time time = rows->time[i];
    struct signal *s = pl_table_get(pl_node_table(node, TABLE_SIGNALS), tag, 0);
    if (!s) return pl_count(node, COUNT_REFUSED, 1), true;
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i]) || (s->rows && time < s->newest))
        return pl_count(node, COUNT_SKIPPED, 1), true;
    take_value(d, s, rows->value[i]);
    s->newest = time;
    return s->rows % (uint64_t)d->every || s->rows < 2 * (uint64_t)d->window || judge_window(d, tag, s, time);
}

static enum pl_flow discord_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct discord *d = self;
    struct pl_tags *tags = pl_node_tags(node);
    bool good = chosen_prepare(&d->chosen, &d->room, tags);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (chosen_ask(d->chosen, tags, batch->samples.tag[i], &d->include, &d->exclude))
            good = take_row(d, &batch->samples, i);
    good = good && verdicts_flush(&d->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

extern const struct pl_operator spectral_discord;
const struct pl_operator spectral_discord = {
    PL_OPERATOR("detect.discord", "Tells windows of a signal whose shape is unlike any before them."),
    .doc =
        "Discords of the left matrix profile: each `every` rows the newest `window` rows, brought to mean 0 and "
        "deviation 1, are held against all windows of the `history` that end before they begin, and the distance to "
        "the most similar one against the tail of such distances. Dot products come from Fourier transforms of blocks "
        "(MASS), from the newest block back until one is near enough (DAMP), so a signal that repeats itself costs one "
        "block. Give it a `window` of about a cycle. Missing and bad samples are left out. A verdict is a window's, of "
        "the time of its last sample; what happens twice in a like way is unlike any before only once.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "TAG.score and TAG.alarm, of each window."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."}),
    .options = discord_options,
    .counters = PL_COUNTERS([COUNT_WINDOWS] = {"windows", "windows", "Windows judged."},
                            [COUNT_ALARMS] = {"alarms", "windows", "Of them, those that are alarms."},
                            [COUNT_BLOCKS] = {"blocks", "blocks", "Blocks of the history that were looked at."},
                            [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value, or out of order."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows of tags for which there was no room."}),
    .tables = discord_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct discord),
    .check = discord_check,
    .open = discord_open,
    .process = discord_process,
    .close = discord_close,
};
