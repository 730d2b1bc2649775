/* coherence.c: detect.coherence, whether two signals of an asset still go together in a band of frequencies.
 *
 *     even samples of both --> overlapping windows --> coherence (coherent.h) by band --> tail of each --> verdict
 *
 * What is judged is atanh of the coherence's root, which is nearly normal whatever the coherence is.
 */
#include <math.h>
#include <potline/potline.h>
#include <stdio.h>
#include <string.h>

#include "bands.h"
#include "coherent.h"
#include "tail.h"
#include "verdict.h"

enum { PORT_BANDS = 2 };
enum { TABLE_PAIRS };
enum { COUNT_WINDOWS, COUNT_ALARMS, COUNT_BROKEN, COUNT_SKIPPED, COUNT_REFUSED };
enum { PAIRS_MAX = 16, BANDS_ROWS = 1024 };

struct pair {
    const char *name, *of, *with;
};

/* Which pairs a tag is in, a bit each, as the first or the second. */
struct role {
    uint16_t of, with;
    bool known;
};

struct coherence {
    struct pl_list pairs;
    struct pl_list bands;
    pl_time interval;
    int64_t size;
    double overlap;
    int64_t average;
    double threshold;
    int64_t memory;
    int64_t adapt;

    struct verdicts verdicts;
    struct spectrum spectrum;
    uint32_t hop;
    double *scratch;
    struct role *role; /* [tag] */
    uint32_t room;
    struct pl_batch *out;
};

/* What a band has had, and what of it does not teach yet. */
struct history {
    struct tail above, below;
};

/* Of an asset and a pair; lines, two rings, and two rings of waiting numbers for each band follow. */
struct together {
    pl_time time[2]; /* of the newest sample of either */
    double value[2];
    pl_time newest; /* at which both were there */
    uint64_t rows;  /* since it was broken last */
    uint64_t taken; /* windows in the means */
    uint64_t judged;
    uint64_t alarms; /* in a row */
    struct history band[BANDS_MAX];
    struct episode episode;
    double peak; /* the coherence then */
    uint32_t peak_band, peak_less;
    uint32_t seen; /* bit 0, 1: there is a time of either */
    uint32_t reserved;
};

/* clang-format off */
static const struct pl_option pair_options[] = {
    PL_OPT_STRING(struct pair, name, "name", NULL, PL_STATE, "What ASSET.NAME is called."),
    PL_OPT_STRING(struct pair, of, "of", NULL, PL_STATE, "A signal: the last part of its tag."),
    PL_OPT_STRING(struct pair, with, "with", NULL, PL_STATE, "Another of the same asset."),
    PL_OPT_END,
};

static const struct pl_option coherence_options[] = {
    PL_OPT_LIST(struct coherence, pairs, "pairs", NULL, struct pair, pair_options, PL_STATE, "Pairs of signals, at most 16."),
    PL_OPT_LIST(struct coherence, bands, "bands", NULL, struct band, band_options, PL_STATE, "The bands, at most 16."),
    PL_OPT_DURATION(struct coherence, interval, "interval", NULL, "1us", "1d", PL_STATE, "From sample to sample."),
    PL_OPT_INT(struct coherence, size, "size", "256", "8", "65536", PL_STATE, "Samples in a window, 32 bytes each."),
    PL_OPT_NUMBER(struct coherence, overlap, "overlap", "0.5", "0", "0.95", PL_FIXED,
                  "Part of a window that the next one has too."),
    PL_OPT_INT(struct coherence, average, "average", "8", "3", "1000", PL_STATE, "Windows over which means are taken."),
    PL_OPT_NUMBER(struct coherence, threshold, "threshold", "3", "0.1", "12", PL_LIVE,
                  "The surprise that is an alarm: 3 is a window as rare as one in 10^3."),
    PL_OPT_INT(struct coherence, memory, "memory", "10000", "100", "1000000000", PL_FIXED,
               "Windows after which half of what is known of a pair is forgotten."),
    PL_OPT_INT(struct coherence, adapt, "adapt", "100", "0", "1000000000", PL_FIXED,
               "Windows in a row that are alarms and do not teach; then what they have is the usual."),
    PL_OPT_END,
};
/* clang-format on */

/* ---- The record ---- */

/* Windows that share rows, or a mean, with one. */
static uint32_t lag_of(const struct coherence *c) {
    return (uint32_t)((double)c->average + ceil(1 / (1 - c->overlap)));
}

static size_t lines_of(const struct coherence *c) {
    return (size_t)c->size / 2 + 1;
}

static size_t record_size(const void *self) {
    const struct coherence *c = self;
    const size_t waiting = 2 * (size_t)c->bands.count * lag_of(c);
    return sizeof(struct together) + lines_of(c) * sizeof(struct coherent_line) +
           (2 * (size_t)c->size + waiting) * sizeof(double);
}

static struct coherent_line *lines_in(struct together *t) {
    return (struct coherent_line *)(t + 1);
}

static double *ring_in(const struct coherence *c, struct together *t, unsigned which) {
    return (double *)(lines_in(t) + lines_of(c)) + which * (size_t)c->size;
}

static double *waiting_in(const struct coherence *c, struct together *t, uint32_t band, unsigned side) {
    return ring_in(c, t, 2) + (2 * (size_t)band + side) * lag_of(c);
}

static const struct pl_table_def coherence_tables[] = {
    [TABLE_PAIRS] = {.name = "pairs",
                     .version = 1,
                     .size_of = record_size,
                     .doc =
                         "Of each asset and pair: its windows, mean spectra, what its bands have had, and its alarm."},
    {.name = NULL},
};

/* ---- Life ---- */

static void coherence_check(void *self, struct pl_check *check) {
    const struct coherence *c = self;
    const struct pair *pairs = c->pairs.items;
    if (!c->pairs.count || c->pairs.count > PAIRS_MAX)
        pl_check_error(check, "pairs", "%u pairs; 1 to %d", c->pairs.count, PAIRS_MAX);
    for (uint32_t i = 0; i < c->pairs.count; i++) {
        char option[32];
        snprintf(option, sizeof option, "pairs[%u]", i);
        if (!pairs[i].name[0]) pl_check_error(check, option, "has no name");
        if (strcmp(pairs[i].of, pairs[i].with) == 0)
            pl_check_error(check, option, "goes together with itself: `of` and `with` are the same");
    }
    bands_check(check, &c->bands, c->interval, c->size);
}

static enum pl_code coherence_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct coherence *c = self;
    c->hop = (uint32_t)fmax(1, round((double)c->size * (1 - c->overlap)));
    c->scratch = pl_alloc(2 * lines_of(c) * sizeof(double));
    if (!spectrum_init(&c->spectrum, (uint32_t)c->size, 1e9 / (double)c->interval) || !c->scratch)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a spectrum of %u rows", (unsigned)c->size);
    return verdicts_init(&c->verdicts, node, false, error);
}

static void coherence_close(void *self, struct pl_node *node) {
    (void)node;
    struct coherence *c = self;
    verdicts_fini(&c->verdicts);
    spectrum_fini(&c->spectrum);
    pl_batch_unref(c->out);
    pl_free(c->scratch);
    pl_free(c->role);
    c->out = NULL;
    c->scratch = NULL;
    c->role = NULL;
    c->room = 0;
}

/* ---- Names ---- */

static bool prepare(struct coherence *c) {
    const uint32_t count = pl_tags_count(pl_node_tags(c->verdicts.node));
    if (count <= c->room) return true;
    const uint32_t room = count + count / 2 + 16;
    struct role *grown = pl_realloc(c->role, room * sizeof *grown);
    if (!grown) return false;
    memset(grown + c->room, 0, (room - c->room) * sizeof *grown);
    c->role = grown;
    c->room = room;
    return true;
}

static const struct role *role_of(struct coherence *c, uint32_t tag) {
    struct role *role = &c->role[tag];
    if (role->known) return role;
    const struct pl_tags *tags = pl_node_tags(c->verdicts.node);
    const struct pl_tag *entry = pl_tags_get(tags, tag);
    const char *signal = entry->asset ? entry->name + pl_tags_get(tags, entry->asset)->length + 1 : "";
    const struct pair *pairs = c->pairs.items;
    for (uint32_t i = 0; i < c->pairs.count; i++) {
        if (strcmp(pairs[i].of, signal) == 0) role->of |= (uint16_t)(1u << i);
        if (strcmp(pairs[i].with, signal) == 0) role->with |= (uint16_t)(1u << i);
    }
    role->known = true;
    return role;
}

/* ASSET.FIRST, or ASSET.FIRST.SECOND. */
static uint32_t name_of(struct coherence *c, uint32_t asset, const char *first, const char *second) {
    struct pl_tags *tags = pl_node_tags(c->verdicts.node);
    char name[2 * PL_NAME_MAX];
    const int length = snprintf(name, sizeof name, "%s.%s%s%s", pl_tags_get(tags, asset)->name, first,
                                second ? "." : "", second ? second : "");
    return length < (int)sizeof name ? pl_tags_intern(tags, name, (size_t)length) : PL_NO_ID;
}

static bool tell_bands(struct coherence *c, uint32_t asset, const struct pair *pair, pl_time time,
                       const double *coherent) {
    struct pl_node *node = c->verdicts.node;
    const struct band *bands = c->bands.items;
    if (!pl_wanted(node, PORT_BANDS)) return true;
    if (c->out && c->out->capacity - c->out->rows < c->bands.count &&
        pl_emit(node, PORT_BANDS, &c->out) == PL_FLOW_FAIL)
        return false;
    if (!c->out) c->out = pl_node_batch(node, PL_SAMPLES, BANDS_ROWS, 0);
    if (!c->out) return false;
    for (uint32_t i = 0; i < c->bands.count; i++) {
        const uint32_t tag = name_of(c, asset, pair->name, bands[i].name);
        if (tag == PL_NO_ID) return false;
        const uint32_t row = c->out->rows++;
        c->out->samples.time[row] = time;
        c->out->samples.tag[row] = tag;
        c->out->samples.value[row] = coherent[i];
        c->out->samples.quality[row] = PL_Q_GOOD;
    }
    return true;
}

/* ---- Judging ---- */

struct finding {
    double surprise;
    uint32_t band;
    bool less;
};

static double level_of(double coherent) {
    return atanh(fmin(sqrt(coherent), 1 - 1e-12));
}

static struct finding judge_bands(const struct coherence *c, const struct together *t, const double *coherent) {
    struct finding most = {0};
    for (uint32_t i = 0; i < c->bands.count; i++) {
        const double level = level_of(coherent[i]);
        const double more = tail_surprise(&t->band[i].above, level, lag_of(c));
        const double less = tail_surprise(&t->band[i].below, -level, lag_of(c));
        if (fmax(more, less) > most.surprise) most = (struct finding){fmax(more, less), i, less > more};
    }
    return most;
}

/* Means over windows rise and fall little by little: they teach late, and none of an upset's does (tail.h). */
static void learn_bands(const struct coherence *c, struct together *t, const double *coherent, bool alarm) {
    t->alarms = alarm ? t->alarms + 1 : 0;
    const bool upset = alarm && t->alarms <= (uint64_t)c->adapt;
    for (uint32_t i = 0; i < c->bands.count; i++)
        for (unsigned side = 0; side < 2; side++) {
            double *waiting = waiting_in(c, t, i, side);
            struct tail *tail = side ? &t->band[i].below : &t->band[i].above;
            const double level = (side ? -1 : 1) * level_of(coherent[i]);
            if (!t->judged || upset) tail_drop_waiting(waiting, lag_of(c));
            if (!upset) tail_add_late(tail, waiting, lag_of(c), t->judged, level, (double)c->memory);
        }
    t->judged++;
}

static bool follow_episode(struct coherence *c, uint32_t asset, const struct pair *pair, struct together *t,
                           uint32_t subject, const struct verdict *verdict, const struct finding *found,
                           const double *coherent) {
    const struct band *bands = c->bands.items;
    struct episode *episode = &t->episode;
    if (verdict->alarm && (!episode->active || verdict->surprise > episode->peak)) {
        t->peak_band = found->band;
        t->peak_less = found->less;
        t->peak = coherent[found->band];
    }
    const struct band *band = &bands[t->peak_band < c->bands.count ? t->peak_band : 0];
    const uint32_t of = name_of(c, asset, pair->of, NULL), with = name_of(c, asset, pair->with, NULL);
    if (of == PL_NO_ID || with == PL_NO_ID) return false;
    char said[320];
    snprintf(said, sizeof said, "%.60s and %.60s go together %s than they have in %.40s (%g to %g Hz): coherence %.2f",
             pair->of, pair->with, t->peak_less ? "less" : "more", band->name, band->low, band->high, t->peak);
    const struct reason reason = {.tag = {of, with},
                                  .share = {0.5, 0.5},
                                  .tags = 2,
                                  .explanation = said,
                                  .cause = t->peak_less
                                               ? "what links them: a sensor, a coupling, or a loop that is open"
                                               : "something that moves both: a disturbance from outside",
                                  .what = band->name,
                                  .side = t->peak_less ? -1 : 1};
    if (verdict->alarm && !episode->active)
        return verdicts_begin(&c->verdicts, subject, episode, t->newest, verdict, &reason);
    if (verdict->alarm) return verdicts_go_on(&c->verdicts, subject, episode, t->newest, verdict, &reason);
    return !episode->active || verdicts_end(&c->verdicts, subject, episode, verdict, &reason, episode_ends(episode));
}

static bool judge_window(struct coherence *c, uint32_t asset, const struct pair *pair, struct together *t) {
    const struct band *bands = c->bands.items;
    double coherent[BANDS_MAX] = {0};
    coherent_take(&c->spectrum, lines_in(t), ring_in(c, t, 0), ring_in(c, t, 1),
                  (uint32_t)(t->rows % (uint64_t)c->size), c->scratch, t->taken, (double)c->average);
    if (++t->taken < (uint64_t)c->average) return true; /* of few windows it is large, whatever they are */
    for (uint32_t i = 0; i < c->bands.count; i++)
        coherent[i] = coherent_in(&c->spectrum, lines_in(t), bands[i].low, bands[i].high);
    const struct finding found = judge_bands(c, t, coherent);
    const struct verdict verdict = {
        .surprise = found.surprise, .threshold = c->threshold, .alarm = found.surprise >= c->threshold};
    const uint32_t subject = name_of(c, asset, pair->name, NULL);
    learn_bands(c, t, coherent, verdict.alarm);
    if (t->alarms > (uint64_t)c->adapt) episode_teaches(&t->episode);
    pl_count(c->verdicts.node, COUNT_WINDOWS, 1);
    if (verdict.alarm) pl_count(c->verdicts.node, COUNT_ALARMS, 1);
    return subject != PL_NO_ID && tell_bands(c, asset, pair, t->newest, coherent) &&
           follow_episode(c, asset, pair, t, subject, &verdict, &found, coherent) &&
           verdicts_tell(&c->verdicts, subject, t->newest, &verdict);
}

/* Both are there at one time: a row of the window. */
static bool take_both(struct coherence *c, uint32_t asset, const struct pair *pair, struct together *t) {
    const double apart = (double)t->time[0] - (double)t->newest;
    if (t->rows && fabs(apart - (double)c->interval) > (double)c->interval / 2) {
        pl_count(c->verdicts.node, COUNT_BROKEN, 1);
        t->rows = 0;
    }
    for (unsigned which = 0; which < 2; which++)
        ring_in(c, t, which)[t->rows % (uint64_t)c->size] = t->value[which];
    t->rows++;
    t->newest = t->time[0];
    const uint64_t beyond = t->rows - (uint64_t)c->size;
    return t->rows < (uint64_t)c->size || beyond % c->hop || judge_window(c, asset, pair, t);
}

static bool take_value(struct coherence *c, uint32_t asset, uint32_t index, unsigned which, pl_time time,
                       double value) {
    static const double greatest = 1e140; /* what is no measurement must not make means infinite */
    struct pl_node *node = c->verdicts.node;
    struct together *t = pl_table_get(pl_node_table(node, TABLE_PAIRS), asset, index);
    if (!t) return pl_count(node, COUNT_REFUSED, 1), true;
    if (t->seen >> which & 1 && time <= t->time[which]) return pl_count(node, COUNT_SKIPPED, 1), true;
    t->time[which] = time;
    t->value[which] = fmin(fmax(value, -greatest), greatest);
    t->seen |= 1u << which;
    if (t->seen != 3 || t->time[0] != t->time[1]) return true;
    return take_both(c, asset, (const struct pair *)c->pairs.items + index, t);
}

static bool take_row(struct coherence *c, const struct pl_samples *rows, uint32_t i) {
    const struct role *role = role_of(c, rows->tag[i]);
    if (!role->of && !role->with) return true;
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i]))
        return pl_count(c->verdicts.node, COUNT_SKIPPED, 1), true;
    const struct role is = *role;
    const uint32_t asset = pl_tags_get(pl_node_tags(c->verdicts.node), rows->tag[i])->asset;
    bool good = true;
    for (uint32_t k = 0; good && k < c->pairs.count; k++) {
        if (is.of >> k & 1) good = take_value(c, asset, k, 0, rows->time[i], rows->value[i]);
        if (is.with >> k & 1) good = good && take_value(c, asset, k, 1, rows->time[i], rows->value[i]);
    }
    return good;
}

static enum pl_flow coherence_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct coherence *c = self;
    bool good = prepare(c);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        good = take_row(c, &batch->samples, i);
    good = good && verdicts_flush(&c->verdicts) && (!c->out || pl_emit(node, PORT_BANDS, &c->out) != PL_FLOW_FAIL);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of bands");
}

extern const struct pl_operator spectral_coherence;
const struct pl_operator spectral_coherence = {
    PL_OPERATOR("detect.coherence", "Tells when two signals of an asset go together less, or more, than they did."),
    .doc =
        "The magnitude-squared coherence (Welch) of pairs of signals in bands of frequencies: 1 where one follows the "
        "other through gain and delay, 0 where they have nothing in common, and of noise 1 / `average`. Windows are "
        "those of detect.spectral; a row is a time at which both signals have a sample. `bands` gives the mean "
        "coherence in each band. Each is held against the tail of its own history, above and below; a verdict is a "
        "window's, of the time of its last row. Missing and bad samples are left out, which breaks the window.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Even samples of both signals."}),
    .outputs = PL_PORTS(
        {.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.PAIR.score and ASSET.PAIR.alarm, of each window."},
        {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."},
        {.name = "bands", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.PAIR.BAND, of each window."}),
    .options = coherence_options,
    .counters =
        PL_COUNTERS([COUNT_WINDOWS] = {"windows", "windows", "Windows judged."},
                    [COUNT_ALARMS] = {"alarms", "windows", "Of them, those that are alarms."},
                    [COUNT_BROKEN] = {"broken", "rows", "Rows that were not an interval behind the one before."},
                    [COUNT_SKIPPED] = {"skipped", "rows", "Samples without a usable value, or out of order."},
                    [COUNT_REFUSED] = {"refused", "rows", "Samples of assets for which there was no room."}),
    .tables = coherence_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct coherence),
    .check = coherence_check,
    .open = coherence_open,
    .process = coherence_process,
    .close = coherence_close,
};
