#include "cleanse.h"

#include <math.h>

static void merge_progress(void *record, const void *other) {
    struct cleanse_progress *progress = record;
    const struct cleanse_progress *more = other;
    if (more->held < progress->held) progress->held = more->held;
    if (more->scanned < progress->scanned) progress->scanned = more->scanned;
    if (!more->begun) progress->begun = 0;
}

static const struct pl_table_def cleanse_tables[] = {
    [TABLE_TRACKS] = {.name = "tracks",
                      .version = TRACK_VERSION,
                      .size_of = cleanse_track_size,
                      .doc = "Of each tag: its last values, median window, profile and gap."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct cleanse_progress),
                        .doc = "How far the watermark is held back.",
                        .merge = merge_progress},
    {.name = NULL},
};

static const struct pl_counter cleanse_counters[] = {
#define CLEANSE_COUNTER(id, name_, doc_) [COUNT_##id] = {.name = (name_), .unit = "rows", .doc = (doc_)},
    CLEANSE_COUNTERS(CLEANSE_COUNTER)
#undef CLEANSE_COUNTER
        {.name = NULL},
};

static enum pl_code cleanse_open(void *self, struct pl_node *node, struct pl_error **error) {
    (void)error;
    struct cleanse *c = self;
    cleanse_derive(c);
    c->tracks = pl_node_table(node, TABLE_TRACKS);
    c->limits = (struct limits){.tags = pl_node_tags(node),
                                .include = c->include,
                                .exclude = c->exclude,
                                .range = c->range_given,
                                .low = c->range_low,
                                .high = c->range_high};
    return PL_OK;
}

static void cleanse_changed(void *self, struct pl_node *node, const struct pl_option *option) {
    (void)node;
    (void)option;
    cleanse_derive(self);
}

static void cleanse_close(void *self, struct pl_node *node) {
    (void)node;
    struct cleanse *c = self;
    output_discard(c);
    limits_fini(&c->limits);
}

/* ---- Only missing and range: nothing is remembered ---- */

/* One byte a row; the rows whose value lies within its bounds. NaN lies nowhere. */
static uint32_t find_good(struct cleanse *c, const struct pl_batch *batch) {
    const struct limit *limit = c->limits.limit;
    const uint32_t *tag = batch->samples.tag;
    const double *value = batch->samples.value;
    uint32_t good = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        const struct limit *of_tag = &limit[tag[i]];
        uint8_t inside = (uint8_t)((value[i] >= of_tag->low) & (value[i] <= of_tag->high));
        c->keep[i] = inside;
        good += inside;
    }
    return good;
}

static bool judge_outside(struct cleanse *c, uint32_t row) {
    const struct pl_samples *rows = &c->batch->samples;
    bool missing = isnan(rows->value[row]);
    if (!c->limits.chosen[rows->tag[row]] || (!missing && pl_quality_bad(rows->quality[row]))) return true;
    c->counts[COUNT_FLAGGED]++;
    c->counts[missing ? COUNT_MISSING : COUNT_RANGE]++;
    if (c->action[missing ? CHECK_MISSING : CHECK_RANGE] == ACTION_DROP) {
        c->counts[COUNT_DROPPED]++;
        output_drop(c, row);
        return true;
    }
    uint16_t flags = missing ? PL_Q_BAD | PL_Q_MISSING : PL_Q_BAD | PL_Q_OUT_OF_RANGE;
    return output_change(c, row, missing ? NAN : rows->value[row], rows->quality[row] | flags);
}

static enum pl_flow process_columns(struct cleanse *c, struct pl_node *node, struct pl_batch *batch) {
    if (find_good(c, batch) == batch->rows) return pl_emit(node, CLEANSE_OUT, &batch);
    c->batch = batch;
    c->dropped = c->emitted = 0;
    bool good = true;
    for (uint32_t row = 0; good && row < c->batch->rows; row++) {
        if (c->keep[row]) continue;
        c->keep[row] = 1;
        good = judge_outside(c, row);
    }
    if (good) return output_end(c, node);
    output_discard(c);
    return pl_fail(node, "no memory to flag rows");
}

/* ---- Everything else ---- */

static bool process_row(struct cleanse *c, struct pl_node *node, uint32_t row) {
    const struct pl_samples *rows = &c->batch->samples;
    uint32_t tag = rows->tag[row];
    pl_time time = rows->time[row];
    if (!c->limits.chosen[tag]) return true;
    struct track *track = pl_table_get(c->tracks, tag, 0);
    if (!track) {
        c->counts[COUNT_REFUSED]++;
        return true;
    }
    struct verdict v = {.value = rows->value[row], .quality = rows->quality[row], .keep = true};
    bool ordered = judge_row(c, track, tag, time, &v);
    bool usable = ordered && !pl_quality_bad(v.quality);
    struct season_point here = {.time = time, .value = v.value};
    if (usable && (c->gaps_given || c->hold) && !fill_gap(c, node, track, row, &here)) return false;
    if (!v.keep) {
        output_drop(c, row);
        return true;
    }
    return output_change(c, row, v.value, v.quality);
}

static enum pl_flow process_rows(struct cleanse *c, struct pl_node *node, struct pl_batch *batch) {
    const struct cleanse_progress *progress = pl_table_find(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    bool good = true;
    c->held = progress ? progress->held : PL_TIME_MIN;
    output_begin(c, batch);
    for (uint32_t row = 0; good && row < c->batch->rows; row++)
        good = process_row(c, node, row);
    if (good) return output_end(c, node);
    output_discard(c);
    return pl_fail(node, "no memory to cleanse a batch");
}

static enum pl_flow cleanse_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct cleanse *c = self;
    if (!limits_prepare(&c->limits)) {
        pl_batch_unref(batch);
        return pl_fail(node, "no memory for the limits of tags");
    }
    enum pl_flow flow = c->stateful ? process_rows(c, node, batch) : process_columns(c, node, batch);
    for (unsigned i = 0; i < COUNTS; i++) {
        if (c->counts[i]) pl_count(node, i, c->counts[i]);
        c->counts[i] = 0;
    }
    return flow;
}

static pl_time cleanse_watermark(void *self, struct pl_node *node, pl_time now) {
    struct cleanse *c = self;
    return c->hold ? fill_watermark(c, node, now) : now;
}

static const struct pl_operator cleanse = {
    PL_OPERATOR("cleanse", "Checks values, flags what is wrong, and fills what is missing."),
    .doc =
        "Checks in this order: missing, range, rate, spike, frozen, gaps, deadband. A row that fails one is flagged; "
        "`on_bad` says whether it is also dropped or its value replaced (flagged replaced, severity uncertain). "
        "Missing, out_of_range, rate and spike make a row bad, frozen makes it uncertain. A row that was bad before "
        "and "
        "has a value is passed on unjudged. Rows older than one of their tag that came before are checked for missing "
        "and range only.\n\n"
        "A gap is the time between two usable rows of a tag (not bad). With a fill, rows are made for it when it "
        "closes "
        "and is not longer than `max`, at the tag's interval, flagged replaced and backfilled, uncertain; until then "
        "the watermark is held back, by `max` at most. Every row itself passes at once.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs =
        PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "The same rows, checked, and rows filled in."},
                 {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "cleanse.gap: a silence longer than gaps.max."}),
    .options = cleanse_options,
    .counters = cleanse_counters,
    .tables = cleanse_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct cleanse),
    .check = cleanse_check,
    .open = cleanse_open,
    .process = cleanse_process,
    .watermark = cleanse_watermark,
    .changed = cleanse_changed,
    .close = cleanse_close,
};

extern const struct pl_operator cleanse_repair;

PL_PLUGIN(cleanse, "1.0", &cleanse, &cleanse_repair)
