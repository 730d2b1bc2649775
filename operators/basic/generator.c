/* source.generator: rows out of arithmetic: the same ones for the same options.
 *
 * Row i is sample i / tags of tag i mod tags. Everything in it is computed from i and the seed, so the place in the
 * stream is all its state.
 */
#include <math.h>
#include <string.h>

#include "basic.h"

struct signal { /* an entry of `signals` */
    struct pl_strings tags;
    double level, swing, noise;
    pl_time period;
};

struct shape { /* of one tag */
    uint32_t id;
    double level, swing, noise;
    double per_sample; /* parts of a period */
};

struct generator {
    struct pl_strings tags;
    struct pl_list signals;
    pl_time start, step;
    int64_t count, batch, seed;
    double missing, outliers, out_of_range;
    bool live;

    struct pl_node *node;
    struct shape *shapes;
    uint32_t shape_count, shape_capacity;
    uint64_t row;
};

enum { TAGS_MAX = 1000000 };

/* ---- Tags ---- */

static bool fits(const struct signal *signal, const char *name) {
    for (uint32_t i = 0; i < signal->tags.count; i++)
        if (pl_glob(signal->tags.items[i], name)) return true;
    return false;
}

static void give_shape(const struct generator *g, struct shape *shape, const char *name) {
    const struct signal *signals = g->signals.items;
    shape->level = 100;
    shape->swing = 10;
    shape->noise = 1;
    shape->per_sample = (double)g->step / PL_MINUTE;
    for (uint32_t i = 0; i < g->signals.count; i++) {
        if (!fits(&signals[i], name)) continue;
        shape->level = signals[i].level;
        shape->swing = signals[i].swing;
        shape->noise = signals[i].noise;
        shape->per_sample = (double)g->step / (double)signals[i].period;
        return;
    }
}

static bool add_tag(void *user, const char *text, size_t length) {
    struct generator *g = user;
    if (g->shape_count == TAGS_MAX) return false;
    if (g->shape_count == g->shape_capacity) {
        uint32_t capacity = g->shape_capacity ? g->shape_capacity * 2 : 64;
        struct shape *grown = pl_realloc(g->shapes, capacity * sizeof *grown);
        if (!grown) return false;
        g->shapes = grown;
        g->shape_capacity = capacity;
    }
    struct shape *shape = &g->shapes[g->shape_count];
    shape->id = pl_tags_intern(pl_node_tags(g->node), text, length);
    if (shape->id == PL_NO_ID) return false;
    give_shape(g, shape, pl_tags_get(pl_node_tags(g->node), shape->id)->name);
    g->shape_count++;
    return true;
}

static bool any_name(void *user, const char *text, size_t length) {
    uint32_t *count = user;
    (void)text;
    (void)length;
    return ++*count < TAGS_MAX;
}

/* ---- Rows ---- */

/* A number of row `i` and the seed (the mixer of splitmix64: Steele, Lea, Flood 2014). */
static inline uint64_t mix(uint64_t seed, uint64_t i) {
    uint64_t z = seed + i * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Near normal, deviation 1: four uniform numbers of 16 bits have a variance of 4 (2^16)^2 / 12. */
static inline double normal(uint64_t bits) {
    int64_t sum = (int64_t)(bits & 0xffff) + (int64_t)(bits >> 16 & 0xffff) + (int64_t)(bits >> 32 & 0xffff) +
                  (int64_t)(bits >> 48);
    return (double)(sum - 131070) * (1 / 37837.23);
}

/* A wave between -1 and 1 of period 1: a parabola a half. */
static inline double wave(double phase) {
    double x = phase - floor(phase);
    return x < 0.5 ? 16 * x * (0.5 - x) : -16 * (x - 0.5) * (1 - x);
}

static double value_of(const struct generator *g, const struct shape *shape, uint64_t row, uint64_t sample,
                       uint16_t *quality) {
    uint64_t bits = mix((uint64_t)g->seed, 2 * row), fate = mix((uint64_t)g->seed, 2 * row + 1);
    double share = (double)(fate >> 11) * 0x1p-53;
    double phase = (double)sample * shape->per_sample + (double)((shape - g->shapes) % 64) / 64;
    double value = shape->level + shape->swing * wave(phase) + shape->noise * normal(bits);
    *quality = PL_Q_GOOD;
    if (share >= g->missing + g->outliers + g->out_of_range) return value;
    if (share < g->missing) {
        *quality = PL_Q_BAD | PL_Q_MISSING;
        return NAN;
    }
    double jump = shape->swing + 8 * shape->noise;
    if (share < g->missing + g->outliers) return value + (fate & 1 ? jump : -jump);
    return value + 1000 * (fabs(shape->level) + jump);
}

static enum pl_flow generator_produce(void *self, struct pl_node *node) {
    struct generator *g = self;
    uint64_t left = g->count ? (uint64_t)g->count - g->row : UINT64_MAX;
    if (left == 0) return PL_FLOW_END;
    uint32_t rows = left < (uint64_t)g->batch ? (uint32_t)left : (uint32_t)g->batch;
    struct pl_batch *batch = pl_node_batch(node, PL_SAMPLES, rows, 0);
    if (!batch) return pl_fail(node, "no memory for a batch");
    uint64_t sample = g->row / g->shape_count;
    uint32_t tag = (uint32_t)(g->row % g->shape_count);
    pl_time now = g->live ? pl_now(node) : 0;
    struct pl_samples *out = &batch->samples;
    for (uint32_t i = 0; i < rows; i++, g->row++) {
        const struct shape *shape = &g->shapes[tag];
        out->time[i] = g->live ? now : g->start + (pl_time)sample * g->step;
        out->tag[i] = shape->id;
        out->value[i] = value_of(g, shape, g->row, sample, &out->quality[i]);
        if (++tag < g->shape_count) continue;
        tag = 0;
        sample++;
    }
    batch->rows = rows;
    return pl_emit(node, 0, &batch);
}

/* ---- Life cycle ---- */

static void generator_check(void *self, struct pl_check *check) {
    struct generator *g = self;
    uint32_t count = 0;
    const char *why;
    if (g->tags.count == 0) pl_check_error(check, "tags", "names no tag");
    for (uint32_t i = 0; i < g->tags.count; i++)
        if (!pl_pattern_expand(g->tags.items[i], any_name, &count, &why))
            pl_check_error(check, "tags", "\"%s\" %s", g->tags.items[i], why ? why : "makes more than 1,000,000 names");
    if (g->missing + g->outliers + g->out_of_range > 1)
        pl_check_error(check, "missing",
                       "missing, outliers and out_of_range are shares of the same rows: at most 1 in all");
}

static enum pl_code generator_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct generator *g = self;
    const char *why;
    g->node = node;
    for (uint32_t i = 0; i < g->tags.count; i++)
        if (!pl_pattern_expand(g->tags.items[i], add_tag, g, &why))
            return pl_error_set(error, PL_LIMIT, "no room for the tags of \"%s\"", g->tags.items[i]);
    return PL_OK;
}

static void generator_close(void *self, struct pl_node *node) {
    (void)node;
    pl_free(((struct generator *)self)->shapes);
}

static void generator_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    pl_pack_uint(pack, ((const struct generator *)self)->row);
}

static enum pl_code generator_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                      struct pl_error **error) {
    (void)node;
    if (pl_unpack_uint(unpack, &((struct generator *)self)->row)) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "not a place in a stream");
}

/* ---- Descriptor ---- */

static const struct pl_option signal_options[] = {
    PL_OPT_STRINGS(struct signal, tags, "tags", NULL, PL_FIXED,
                   "Globs of the tags it is for; the first signal that fits holds."),
    PL_OPT_NUMBER(struct signal, level, "level", "100", NULL, NULL, PL_FIXED, "The middle of the wave."),
    PL_OPT_NUMBER(struct signal, swing, "swing", "10", "0", NULL, PL_FIXED, "How far the wave goes up and down."),
    PL_OPT_DURATION(struct signal, period, "period", "1m", "1ms", "365d", PL_FIXED, "The wave's period."),
    PL_OPT_NUMBER(struct signal, noise, "noise", "1", "0", NULL, PL_FIXED, "Standard deviation of what is added."),
    PL_OPT_END,
};

static const struct pl_option generator_options[] = {
    PL_OPT_STRINGS(struct generator, tags, "tags", NULL, PL_STATE,
                   "Names, with {1..3}, {01..20} and {a,b} written out: line{1..3}.pot{01..20}.voltage."),
    PL_OPT_LIST(struct generator, signals, "signals", "[]", struct signal, signal_options, PL_STATE,
                "What tags look like; 100, swing 10, noise 1 for those that fit none."),
    PL_OPT_TIME(struct generator, start, "start", "2025-01-01T00:00:00Z", PL_STATE, "Time of the first sample."),
    PL_OPT_DURATION(struct generator, step, "step", "100ms", "1us", "1d", PL_STATE,
                    "From a tag's sample to its next one."),
    PL_OPT_BOOL(struct generator, live, "live", "false", PL_STATE, "Rows carry the time at which they are made."),
    PL_OPT_INT(struct generator, count, "count", "0", "0", NULL, PL_FIXED, "Rows in all; 0: without end."),
    PL_OPT_INT(struct generator, seed, "seed", "1", NULL, NULL, PL_STATE, "Another seed, other noise."),
    PL_OPT_NUMBER(struct generator, missing, "missing", "0", "0", "1", PL_STATE, "Share of rows without a value."),
    PL_OPT_NUMBER(struct generator, outliers, "outliers", "0", "0", "1", PL_STATE,
                  "Share of rows that jump by the swing and eight deviations."),
    PL_OPT_NUMBER(struct generator, out_of_range, "out_of_range", "0", "0", "1", PL_STATE,
                  "Share of rows a thousand times too large."),
    PL_OPT_INT(struct generator, batch, "batch", "4096", "1", "8192", PL_FIXED, "Rows in a batch."),
    PL_OPT_END,
};

const struct pl_operator pl__source_generator = {
    PL_OPERATOR("source.generator", "Makes samples out of arithmetic, the same for the same options."),
    .doc = "Tags take turns; every tag has one sample each `step`. With the common option `rate` it keeps to a rate of "
           "rows, else it goes as fast as the graph takes them.",
    .guarantee = "Replayable: a row depends on its number and the seed alone.",
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "The samples."}),
    .options = generator_options,
    .flags = PL_OP_REPLAYABLE,
    .instance_size = sizeof(struct generator),
    .check = generator_check,
    .open = generator_open,
    .produce = generator_produce,
    .snapshot = generator_snapshot,
    .restore = generator_restore,
    .close = generator_close,
};
