/* spectral.c: the power in bands of a signal's spectrum, and whether a band has more or less of it than ever.
 *
 *     even samples --> overlapping windows --> spectrum --> bands --> tail of each band --> verdict
 *
 * A window is `size` rows; the next one begins size * (1 - overlap) rows later. A sample that is not an interval behind
 * the one before begins a new window.
 */
#include <math.h>
#include <potline/potline.h>
#include <stdio.h>
#include <string.h>

#include "bands.h"
#include "chosen.h"
#include "spectrum.h"
#include "tail.h"
#include "verdict.h"

enum { PORT_BANDS = 2 };
enum { TABLE_SIGNALS };
enum { COUNT_WINDOWS, COUNT_ALARMS, COUNT_BROKEN, COUNT_SKIPPED, COUNT_REFUSED };
enum { BANDS_ROWS = 1024 };

struct spectral {
    struct pl_strings include;
    struct pl_strings exclude;
    struct pl_list bands;
    pl_time interval;
    int64_t size;
    double overlap;
    double threshold;
    int64_t memory;
    int64_t adapt;

    struct verdicts verdicts;
    struct spectrum spectrum;
    uint32_t hop;
    uint8_t *chosen;
    uint32_t chosen_room;
    struct pl_batch *out;
    uint32_t (*names)[BANDS_MAX]; /* [tag][band]: of the band's own tag, 0 not asked yet */
    uint32_t room;
};

/* Of a tag; the ring of its last rows follows. */
struct signal {
    pl_time newest;
    uint64_t rows; /* since it was broken last */
    struct tail above[BANDS_MAX];
    struct tail below[BANDS_MAX];
    struct episode episode;
    uint32_t band; /* of the episode's peak */
    uint32_t less;
    uint64_t alarms; /* in a row */
    double ring[];
};

static const struct pl_option spectral_options[] = {
    PL_OPT_STRINGS(struct spectral, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct spectral, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_LIST(struct spectral, bands, "bands", NULL, struct band, band_options, PL_STATE, "The bands, at most 16."),
    PL_OPT_DURATION(struct spectral, interval, "interval", NULL, "1us", "1d", PL_STATE, "From sample to sample."),
    PL_OPT_INT(struct spectral, size, "size", "256", "8", "65536", PL_STATE, "Samples in a window, 8 bytes each."),
    PL_OPT_NUMBER(struct spectral, overlap, "overlap", "0.5", "0", "0.95", PL_FIXED,
                  "Part of a window that the next one has too."),
    PL_OPT_NUMBER(struct spectral, threshold, "threshold", "3", "0.1", "12", PL_LIVE,
                  "The surprise that is an alarm: 3 is a window as rare as one in 10^3."),
    PL_OPT_INT(struct spectral, memory, "memory", "10000", "100", "1000000000", PL_FIXED,
               "Windows after which half of what is known of a tag is forgotten."),
    PL_OPT_INT(struct spectral, adapt, "adapt", "100", "0", "1000000000", PL_FIXED,
               "Windows in a row that are alarms and do not teach; then what they have is the usual."),
    PL_OPT_END,
};

static size_t signal_size(const void *self) {
    return sizeof(struct signal) + (size_t)((const struct spectral *)self)->size * sizeof(double);
}

static const struct pl_table_def spectral_tables[] = {
    [TABLE_SIGNALS] = {.name = "signals",
                       .version = 1,
                       .size_of = signal_size,
                       .doc = "Of each tag: its window, what its bands have had, and its alarm."},
    {.name = NULL},
};

/* ---- Life ---- */

static void spectral_check(void *self, struct pl_check *check) {
    const struct spectral *s = self;
    bands_check(check, &s->bands, s->interval, s->size);
}

static enum pl_code spectral_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct spectral *s = self;
    s->hop = (uint32_t)fmax(1, round((double)s->size * (1 - s->overlap)));
    if (!spectrum_init(&s->spectrum, (uint32_t)s->size, 1e9 / (double)s->interval))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a spectrum of %u rows", (unsigned)s->size);
    return verdicts_init(&s->verdicts, node, false, error);
}

static void spectral_close(void *self, struct pl_node *node) {
    (void)node;
    struct spectral *s = self;
    verdicts_fini(&s->verdicts);
    spectrum_fini(&s->spectrum);
    pl_batch_unref(s->out);
    pl_free(s->chosen);
    pl_free(s->names);
    s->out = NULL;
    s->chosen = NULL;
    s->names = NULL;
}

/* ---- Bands as samples ---- */

static const uint32_t *names_of(struct spectral *s, uint32_t tag) {
    struct pl_tags *tags = pl_node_tags(s->verdicts.node);
    if (tag >= s->room) {
        const uint32_t room = pl_tags_count(tags) + 16;
        uint32_t(*grown)[BANDS_MAX] = pl_realloc(s->names, room * sizeof *grown);
        if (!grown) return NULL;
        memset(grown + s->room, 0, (room - s->room) * sizeof *grown);
        s->names = grown;
        s->room = room;
    }
    const struct band *bands = s->bands.items;
    for (uint32_t i = 0; i < s->bands.count && !s->names[tag][i]; i++) {
        char name[2 * PL_NAME_MAX];
        int length = snprintf(name, sizeof name, "%s.%s", pl_tags_get(tags, tag)->name, bands[i].name);
        uint32_t id = pl_tags_intern(tags, name, (size_t)length);
        if (id == PL_NO_ID) return NULL;
        s->names[tag][i] = id;
    }
    return s->names[tag];
}

static bool tell_bands(struct spectral *s, uint32_t tag, pl_time time, const double *power) {
    struct pl_node *node = s->verdicts.node;
    if (!pl_wanted(node, PORT_BANDS)) return true;
    const uint32_t *names = names_of(s, tag);
    if (s->out && s->out->capacity - s->out->rows < s->bands.count &&
        pl_emit(node, PORT_BANDS, &s->out) == PL_FLOW_FAIL)
        return false;
    if (names && !s->out) s->out = pl_node_batch(node, PL_SAMPLES, BANDS_ROWS, 0);
    if (!names || !s->out) return false;
    for (uint32_t i = 0; i < s->bands.count; i++) {
        const uint32_t row = s->out->rows++;
        s->out->samples.time[row] = time;
        s->out->samples.tag[row] = names[i];
        s->out->samples.value[row] = sqrt(power[i]);
        s->out->samples.quality[row] = PL_Q_GOOD;
    }
    return true;
}

/* ---- Judging ---- */

struct finding {
    double surprise;
    double size; /* ../detect/tail.h */
    uint32_t band;
    bool less;
};

static double level_of(double power) {
    return log(power + 1e-300);
}

static void learn(struct tail *tail, double level, bool alarm, double memory) {
    tail_add(tail, alarm && tail->kept ? fmin(level, tail->largest[0]) : level, memory);
}

/* What is far off teaches no more than the farthest so far, and only once: else one upset would hide the next. */
static void learn_bands(const struct spectral *s, struct signal *signal, const double *power, bool alarm) {
    if (signal->alarms > 1 && signal->alarms <= (uint64_t)s->adapt) return;
    const bool upset = alarm && signal->alarms == 1;
    for (uint32_t i = 0; i < s->bands.count; i++) {
        learn(&signal->above[i], level_of(power[i]), upset, (double)s->memory);
        learn(&signal->below[i], -level_of(power[i]), upset, (double)s->memory);
    }
}

static struct finding judge_bands(const struct spectral *s, const struct signal *signal, const double *power) {
    struct finding most = {0};
    const double windows = (double)s->size / s->hop; /* that share rows with one */
    for (uint32_t i = 0; i < s->bands.count; i++) {
        const double level = level_of(power[i]);
        const double more = tail_size(&signal->above[i], level, windows);
        const double less = tail_size(&signal->below[i], -level, windows);
        const double size = fmax(more, less), surprise = fmin(size, TAIL_SURPRISE_MAX);
        if (surprise > most.surprise) most = (struct finding){surprise, size, i, less > more};
    }
    return most;
}

static bool follow_episode(struct spectral *s, uint32_t tag, struct signal *signal, pl_time time,
                           const struct verdict *verdict, const struct finding *found) {
    const struct band *bands = s->bands.items;
    struct episode *episode = &signal->episode;
    if (verdict->alarm && (!episode->active || verdict->surprise > episode->peak)) {
        signal->band = found->band;
        signal->less = found->less;
    }
    const struct band *band = &bands[signal->band < s->bands.count ? signal->band : 0];
    char said[160];
    snprintf(said, sizeof said, "%.40s (%g to %g Hz) has %s power than it has had, most of it at %g Hz", band->name,
             band->low, band->high, signal->less ? "less" : "more", spectrum_peak(&s->spectrum, band->low, band->high));
    const struct reason reason = {.tag = {tag},
                                  .share = {1},
                                  .tags = 1,
                                  .explanation = said,
                                  .cause = signal->less ? "what usually moves it stands still, or the sensor hangs"
                                                        : "an oscillation, a vibration or noise of that frequency",
                                  .what = band->name,
                                  .side = signal->less ? -1 : 1};
    if (verdict->alarm && !episode->active) return verdicts_begin(&s->verdicts, tag, episode, time, verdict, &reason);
    if (verdict->alarm) return verdicts_go_on(&s->verdicts, tag, episode, time, verdict, &reason);
    return !episode->active || verdicts_end(&s->verdicts, tag, episode, verdict, &reason, episode_ends(episode));
}

static bool judge_window(struct spectral *s, uint32_t tag, struct signal *signal, pl_time time) {
    const struct band *bands = s->bands.items;
    double power[BANDS_MAX] = {0};
    spectrum_take(&s->spectrum, signal->ring, (uint32_t)(signal->rows % (uint64_t)s->size));
    for (uint32_t i = 0; i < s->bands.count; i++)
        power[i] = spectrum_power(&s->spectrum, bands[i].low, bands[i].high);
    const struct finding found = judge_bands(s, signal, power);
    const struct verdict verdict = {.surprise = found.surprise,
                                    .threshold = s->threshold,
                                    .size = found.size,
                                    .alarm = found.surprise >= s->threshold};
    signal->alarms = verdict.alarm ? signal->alarms + 1 : 0;
    if (signal->alarms > (uint64_t)s->adapt) episode_teaches(&signal->episode);
    learn_bands(s, signal, power, verdict.alarm);
    pl_count(s->verdicts.node, COUNT_WINDOWS, 1);
    if (verdict.alarm) pl_count(s->verdicts.node, COUNT_ALARMS, 1);
    return tell_bands(s, tag, time, power) && follow_episode(s, tag, signal, time, &verdict, &found) &&
           verdicts_tell(&s->verdicts, tag, time, &verdict);
}

static bool take_row(struct spectral *s, const struct pl_samples *rows, uint32_t i) {
    struct pl_node *node = s->verdicts.node;
    const uint32_t tag = rows->tag[i];
    const pl_time time = rows->time[i];
    struct signal *signal = pl_table_get(pl_node_table(node, TABLE_SIGNALS), tag, 0);
    if (!signal) return pl_count(node, COUNT_REFUSED, 1), true;
    if (!isfinite(rows->value[i]) || pl_quality_bad(rows->quality[i]) || (signal->rows && time <= signal->newest))
        return pl_count(node, COUNT_SKIPPED, 1), true;
    const double apart = (double)time - (double)signal->newest;
    if (signal->rows && fabs(apart - (double)s->interval) > (double)s->interval / 2) {
        pl_count(node, COUNT_BROKEN, 1);
        signal->rows = 0;
    }
    signal->ring[signal->rows % (uint64_t)s->size] = rows->value[i];
    signal->rows++;
    signal->newest = time;
    const uint64_t beyond = signal->rows - (uint64_t)s->size;
    if (signal->rows < (uint64_t)s->size || beyond % s->hop) return true;
    return judge_window(s, tag, signal, time);
}

static enum pl_flow spectral_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct spectral *s = self;
    struct pl_tags *tags = pl_node_tags(node);
    bool good = chosen_prepare(&s->chosen, &s->chosen_room, tags);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        if (chosen_ask(s->chosen, tags, batch->samples.tag[i], &s->include, &s->exclude))
            good = take_row(s, &batch->samples, i);
    good = good && verdicts_flush(&s->verdicts) && (!s->out || pl_emit(node, PORT_BANDS, &s->out) != PL_FLOW_FAIL);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory, or no room for names of bands");
}

extern const struct pl_operator spectral_spectral;
const struct pl_operator spectral_spectral = {
    PL_OPERATOR("detect.spectral", "Tells bands of a signal's spectrum, and when one has more or less than ever."),
    .doc =
        "Windows of even samples overlap; of each the mean and the slope are taken away, and what is left is weighed "
        "(Hann) and transformed. `bands` gives the root mean square in each band, in the signal's unit: a sine of "
        "amplitude A has A / sqrt(2). Each band is held against the tail of its own history, above and below, as "
        "detect.univariate does it; a verdict is a window's, of the time of its last sample. Missing and bad samples "
        "are left out, which breaks the window.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Even samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "TAG.score and TAG.alarm, of each window."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "detect.began, detect.grew, detect.ended."},
                 {.name = "bands", .kinds = PL_SET(PL_SAMPLES), .doc = "TAG.BAND, of each window."}),
    .options = spectral_options,
    .counters =
        PL_COUNTERS([COUNT_WINDOWS] = {"windows", "windows", "Windows judged."},
                    [COUNT_ALARMS] = {"alarms", "windows", "Of them, those that are alarms."},
                    [COUNT_BROKEN] = {"broken", "rows", "Samples that were not an interval behind the one before."},
                    [COUNT_SKIPPED] = {"skipped", "rows", "Rows without a usable value, or out of order."},
                    [COUNT_REFUSED] = {"refused", "rows", "Rows of tags for which there was no room."}),
    .tables = spectral_tables,
    .scope = PL_KEYED,
    .instance_size = sizeof(struct spectral),
    .check = spectral_check,
    .open = spectral_open,
    .process = spectral_process,
    .close = spectral_close,
};
