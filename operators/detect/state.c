/* state.c: signals that have few states: health flags, alarms, modes. One that has been in the same state nearly always
 * is news when it leaves it.
 *
 * A signal's usual state is the one in which it has been longest. Leaving it is the more surprising the more rows of
 * its asset there were and the less often it has left it before: minus the logarithm of (departures + 1) / (rows + 2).
 * The asset has an alarm while a signal is away whose departure was an alarm. A state that lasts becomes the usual one.
 */
#include <math.h>
#include <potline/potline.h>
#include <string.h>

#include "chosen.h"
#include "detect.h"
#include "verdict.h"

enum { TABLE_SIGNALS, TABLE_ASSETS };
enum { COUNT_JUDGED, COUNT_ALARMS, COUNT_DEPARTURES, COUNT_SKIPPED, COUNT_REFUSED };
enum { STATES = 8 };

struct state {
    struct pl_strings include;
    struct pl_strings exclude;
    double threshold;

    struct verdicts verdicts;
    uint8_t *chosen;
    uint32_t room;
    struct heard heard;
};

/* Of a tag. */
struct signal {
    pl_time since; /* its newest row */
    double value[STATES];
    double dwell[STATES]; /* seconds in it */
    uint32_t states;
    uint32_t current;
    uint32_t departures;
    uint32_t away;   /* it is an alarm */
    double surprise; /* of that departure */
};

/* Of an asset. */
struct asset {
    uint64_t rows;
    uint32_t away; /* signals that are */
    uint32_t reserved;
    double surprise; /* the greatest since all were where they belong */
    struct episode episode;
};

static const struct pl_option state_options[] = {
    PL_OPT_STRINGS(struct state, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct state, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_NUMBER(struct state, threshold, "threshold", "2", "0.1", "12", PL_FIXED,
                  "The surprise that is an alarm: 2 is a departure in a hundred rows of the asset."),
    PL_OPT_END,
};

static const struct pl_table_def state_tables[] = {
    [TABLE_SIGNALS] = {.name = "signals",
                       .version = 1,
                       .record_size = sizeof(struct signal),
                       .doc = "The states of a tag, and how long it was in each."},
    [TABLE_ASSETS] = {.name = "assets",
                      .version = 1,
                      .record_size = sizeof(struct asset),
                      .doc = "Rows of an asset, and its alarm."},
    {.name = NULL},
};

static enum pl_code state_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct state *s = self;
    s->verdicts.of_assets = true;
    return verdicts_init(&s->verdicts, node, false, error);
}

static void state_close(void *self, struct pl_node *node) {
    struct state *s = self;
    heard_end(&s->heard, node);
    verdicts_fini(&s->verdicts);
    pl_free(s->chosen);
    s->chosen = NULL;
}

/* ---- A signal ---- */

static uint32_t usual_of(const struct signal *signal) {
    uint32_t usual = 0;
    for (uint32_t i = 1; i < signal->states; i++)
        if (signal->dwell[i] > signal->dwell[usual]) usual = i;
    return usual;
}

/* The place of a state; when there are too many the newest one takes that of the one it was in least. */
static uint32_t place_of(struct signal *signal, double value) {
    for (uint32_t i = 0; i < signal->states; i++)
        if (signal->value[i] == value) return i;
    uint32_t at = 0;
    if (signal->states < STATES)
        at = signal->states++;
    else
        for (uint32_t i = 1; i < STATES; i++)
            if (signal->dwell[i] < signal->dwell[at]) at = i;
    signal->value[at] = value;
    signal->dwell[at] = 0;
    return at;
}

/* `moves`: and not by having stayed away for so long that this is the usual state now. */
static void come_back(struct signal *signal, struct asset *asset, bool moves) {
    if (signal->away && !moves) episode_teaches(&asset->episode);
    asset->away -= signal->away;
    signal->away = 0;
    if (!asset->away) asset->surprise = 0;
}

/* Takes a value. Leaving its usual state by it may be an alarm. */
static void take_value(struct state *s, struct signal *signal, struct asset *asset, pl_time time, double value) {
    if (!signal->states) signal->since = time;
    if (signal->states) signal->dwell[signal->current] += ((double)time - (double)signal->since) / 1e9;
    signal->since = time;
    const uint32_t usual = usual_of(signal), at = place_of(signal, value);
    const bool leaves = signal->states > 1 && signal->current == usual && at != usual, moves = signal->current != at;
    signal->current = at;
    if (at == usual_of(signal)) come_back(signal, asset, moves);
    if (!leaves) return;
    const double surprise = log10((double)(asset->rows + 2) / (signal->departures + 1.0));
    signal->departures++;
    pl_count(s->verdicts.node, COUNT_DEPARTURES, 1);
    if (surprise < s->threshold) return;
    asset->away += !signal->away;
    signal->away = 1;
    signal->surprise = surprise;
    asset->surprise = fmax(asset->surprise, surprise);
}

/* ---- The asset ---- */

static const char explanation[] = "it has left the state that it is nearly always in";
static const char cause[] = "what the flag stands for: a guard, a level, a pump that is not well";

static bool follow_episode(struct state *s, uint32_t subject, uint32_t tag, struct asset *asset, pl_time time,
                           const struct verdict *verdict) {
    const struct reason reason = {.tag = {tag}, .share = {1}, .tags = 1, .explanation = explanation, .cause = cause};
    struct episode *episode = &asset->episode;
    if (verdict->alarm && !episode->active)
        return verdicts_begin(&s->verdicts, subject, episode, time, verdict, &reason);
    if (verdict->alarm) return verdicts_go_on(&s->verdicts, subject, episode, time, verdict, &reason);
    return !episode->active || verdicts_end(&s->verdicts, subject, episode, verdict, &reason, episode_ends(episode));
}

static bool take_row(struct state *s, const struct pl_samples *rows, uint32_t i, bool judged) {
    struct pl_node *node = s->verdicts.node;
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(node), rows->tag[i]);
    const uint32_t subject = tag->asset ? tag->asset : tag->id;
    const pl_time time = rows->time[i];
    struct verdict verdict = {.threshold = s->threshold};
    struct asset *asset = pl_table_get(pl_node_table(node, TABLE_ASSETS), subject, 0);
    const bool usable = isfinite(rows->value[i]) && !pl_quality_bad(rows->quality[i]);
    struct signal *signal = NULL;
    if (asset && judged && usable) signal = pl_table_get(pl_node_table(node, TABLE_SIGNALS), tag->id, 0);
    if (!asset || (judged && usable && !signal)) {
        pl_count(node, COUNT_REFUSED, 1);
        return verdicts_tell(&s->verdicts, subject, time, &verdict);
    }
    if (signal && (!signal->states || time >= signal->since))
        take_value(s, signal, asset, time, rows->value[i]);
    else if (judged)
        pl_count(node, COUNT_SKIPPED, 1);
    asset->rows++;
    verdict.alarm = asset->away > 0;
    verdict.surprise = asset->surprise;
    pl_count(node, COUNT_JUDGED, 1);
    if (verdict.alarm) pl_count(node, COUNT_ALARMS, 1);
    return follow_episode(s, subject, tag->id, asset, time, &verdict) &&
           verdicts_tell(&s->verdicts, subject, time, &verdict);
}

static enum pl_flow state_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct state *s = self;
    struct pl_tags *tags = pl_node_tags(node);
    bool any = false, good = chosen_prepare(&s->chosen, &s->room, tags);
    for (uint32_t i = 0; good && i < batch->rows; i++) {
        const bool judged = chosen_ask(s->chosen, tags, batch->samples.tag[i], &s->include, &s->exclude);
        any |= judged;
        good = take_row(s, &batch->samples, i, judged);
    }
    heard_rows(&s->heard, node, batch->rows, any);
    good = good && verdicts_flush(&s->verdicts);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of verdicts");
}

const struct pl_operator detect_state = {
    PL_OPERATOR("detect.state", "Tells when a signal leaves the state that it is nearly always in."),
    .doc =
        "For flags, alarms and modes that are told as they change. The usual state of a signal is the one in which it "
        "has been longest; up to eight are known. Leaving it is the more surprising the more rows of its asset there "
        "were and the less often it has done so. Every row of the asset gets a verdict, also those of tags that are "
        "not judged: an alarm while a judged signal is away.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.score and ASSET.alarm, of each row."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."}),
    .options = state_options,
    .counters = PL_COUNTERS([COUNT_JUDGED] = {"judged", "rows", "Rows judged."},
                            [COUNT_ALARMS] = {"alarms", "rows", "Of them, those that are alarms."},
                            [COUNT_DEPARTURES] = {"departures", "rows", "Rows by which a signal left its usual state."},
                            [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value, or out of order."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room."}),
    .tables = state_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct state),
    .open = state_open,
    .process = state_process,
    .close = state_close,
};
