/* What a row costs in each operator, by itself: CPU time of process and watermark, without edges and sources; and how
 * large its snapshot is behind them, which is what it keeps of a tag.
 *
 *     operators_bench [ROWS]         (1,000,000 rows of 300 tags by default; medians of five passes)
 *
 * Rows are as those of the clean-window job: ten a second and tag, those of an asset at one time, 0.5 % outliers, 0.2 %
 * missing, 0.1 % out of range.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <potline/harness.h>
#include <potline/quality.h>

enum { TAGS = 300, BATCH = 1024, AHEAD = 64, PASSES = 5 };

static const struct work {
    const char *title;
    const char *op;
    const char *options;
} works[] = {
    {"filter by tag, all pass", "filter", "{include: '*'}"},
    {"filter by tag, half pass", "filter", "{include: ['*.v0', '*.v1']}"},
    {"filter by value, half pass", "filter", "{above: 50}"},
    {"threshold, nothing to tell", "threshold", "{rules: [{tags: '*', above: 1e9}]}"},
    {"cleanse: missing and range, flag", "cleanse", "{range: true}"},
    {"cleanse: missing and range, drop", "cleanse", "{range: true, on_bad: drop}"},
    {"cleanse: rate", "cleanse", "{rate: {max: 100}}"},
    {"cleanse: spike, window 5", "cleanse", "{spike: {window: 5}}"},
    {"cleanse: spike, window 11", "cleanse", "{spike: {window: 11}}"},
    {"cleanse: spike, window 51", "cleanse", "{spike: {window: 51}}"},
    {"cleanse: spike, window 101", "cleanse", "{spike: {window: 101}}"},
    {"cleanse: frozen", "cleanse", "{frozen: {for: 1m}}"},
    {"cleanse: gaps, linear", "cleanse", "{gaps: {max: 5s, fill: linear}}"},
    {"cleanse: deadband", "cleanse", "{deadband: 0.01}"},
    {"cleanse: range, spike 11, gaps", "cleanse", "{range: true, spike: {window: 11}, gaps: {max: 5s, fill: linear}}"},
    {"repair", "repair", "{noise: 0.5, speed: 1, delay: 2s}"},
    {"detect.univariate, no patterns", "detect.univariate", "{history: 0}"},
    {"detect.univariate, history 1024", "detect.univariate", "{history: 1024}"},
    {"detect.univariate, history 4096", "detect.univariate", "{history: 4096}"},
    {"detect.process: level", "detect.process", "{signals: 8}"},
    {"detect.process: scatter", "detect.process", "{signals: 8, level: false, scatter: true}"},
    {"detect.process: scatter, 2 lags", "detect.process", "{signals: 8, level: false, scatter: {lags: 2}}"},
    {"detect.process: scatter, 8 lags", "detect.process", "{signals: 8, level: false, scatter: {lags: 8}}"},
    {"detect.process: scatter, components", "detect.process", "{signals: 8, level: false, scatter: {components: 0.9}}"},
    {"detect.process: local, window 121", "detect.process", "{signals: 8, train: 2, level: false, local: true}"},
    {"detect.process: scatter, robust", "detect.process", "{signals: 8, level: false, scatter: {robust: true}}"},
    {"detect.process: scatter, forget", "detect.process", "{signals: 8, level: false, scatter: {forget: 1000}}"},
    {"detect.process: scatter, forget, 2 lags", "detect.process",
     "{signals: 8, level: false, scatter: {forget: 1000, lags: 2, components: 0.9}}"},
    {"detect.state", "detect.state", ""},
    {"detect.change, window 64", "detect.change", "{}"},
    {"detect.change, window 256", "detect.change", "{window: 256}"},
    {"detect.change, window 1024", "detect.change", "{window: 1024}"},
    {"detect.residual, window 60", "detect.residual", "{include: []}"},
    {"detect.discord, history 1024", "detect.discord", "{history: 1024}"},
    {"detect.discord, history 8192", "detect.discord", "{history: 8192}"},
    {"detect.coherence, 256 rows", "detect.coherence",
     "{interval: 100ms, pairs: [{name: pair, of: v0, with: v1}], bands: [{name: low, low: 0.1, high: 1}]}"},
    {"detect, signals alone", "detect", "{}"},
    {"detect.spectral, 256 rows", "detect.spectral",
     "{interval: 100ms, size: 256, bands: [{name: low, low: 0.1, high: 1}, {name: high, low: 1, high: 5}]}"},
    {"detect.spectral, 1024 rows", "detect.spectral",
     "{interval: 100ms, size: 1024, bands: [{name: low, low: 0.1, high: 1}, {name: high, low: 1, high: 5}]}"},
    {"window.tumbling 10s, all but stddev", "window.tumbling",
     "{size: 10s, aggregates: [count, mean, min, max, last]}"},
    {"window.tumbling 10s, all", "window.tumbling", "{size: 10s}"},
    {"window.tumbling 10s, by asset", "window.tumbling", "{size: 10s, by: asset}"},
    {"window.sliding 10s by 1s", "window.sliding", "{size: 10s, slide: 1s}"},
};

static uint64_t seed;

static double next_random(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) / (double)(UINT64_C(1) << 53);
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void make_tags(struct pl_harness *h, uint32_t id[TAGS]) {
    pl_harness_declare(h, "*", 0, 100);
    for (unsigned i = 0; i < TAGS; i++) {
        char name[48];
        snprintf(name, sizeof name, "line%u.pot%02u.v%u", i / 100 + 1, i / 5 % 20 + 1, i % 5);
        id[i] = pl_harness_tag(h, name);
    }
}

static struct pl_batch *make_batch(const uint32_t id[TAGS], uint64_t first) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, BATCH, 0);
    for (uint32_t i = 0; batch && i < BATCH; i++) {
        uint64_t row = first + i;
        unsigned tag = (unsigned)(row % TAGS);
        double odd = next_random();
        double value = 30 + tag % 5 * 10 + 3 * sin((double)row / 9000 + tag) + next_random();
        if (odd < 0.001)
            value = 500;
        else if (odd < 0.003)
            value = NAN;
        else if (odd < 0.008)
            value += 20;
        batch->samples.time[i] = (pl_time)(row / TAGS) * 100 * PL_MILLISECOND + tag / 5 * 1500 * PL_MICROSECOND;
        batch->samples.tag[i] = id[tag];
        batch->samples.value[i] = value;
        batch->samples.quality[i] = isnan(value) ? PL_Q_BAD | PL_Q_MISSING : PL_Q_GOOD;
        batch->rows++;
    }
    return batch;
}

static void drain(struct pl_harness *h) {
    for (unsigned port = 0; port < 3; port++)
        for (struct pl_batch *batch; (batch = pl_harness_pull(h, port));)
            pl_batch_unref(batch);
}

/* CPU nanoseconds a row; *bytes: of state, a tag. */
static double run(const struct work *work, uint64_t rows, double *bytes) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new(work->op, work->options, PL_SAMPLES, &error);
    if (!h) {
        pl_error_print(stderr, error);
        exit(1);
    }
    uint32_t id[TAGS];
    make_tags(h, id);
    double spent = 0;
    uint64_t done = 0;
    while (done < rows) {
        struct pl_batch *ahead[AHEAD];
        pl_time last[AHEAD];
        for (unsigned i = 0; i < AHEAD; i++, done += BATCH) {
            ahead[i] = make_batch(id, done);
            last[i] = ahead[i]->samples.time[BATCH - 1];
        }
        double from = cpu_seconds();
        for (unsigned i = 0; i < AHEAD; i++) {
            pl_harness_push(h, 0, ahead[i]);
            pl_harness_watermark(h, last[i]);
            drain(h);
        }
        spent += cpu_seconds() - from;
    }
    if (pl_harness_failure(h)) fprintf(stderr, "%s: %s\n", work->op, pl_harness_failure(h));
    size_t size = 0;
    pl_free(pl_harness_snapshot(h, &size));
    *bytes = (double)size / TAGS;
    pl_harness_free(h);
    return spent * 1e9 / (double)done;
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv) {
    const uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const char *only = argc > 2 ? argv[2] : ""; /* how titles begin */
    printf("%-40s %10s %10s %10s %12s\n", "CPU ns a row", "median", "least", "most", "bytes a tag");
    for (size_t i = 0; i < PL_COUNT_OF(works); i++) {
        double pass[PASSES], bytes = 0;
        if (strncmp(works[i].title, only, strlen(only)) != 0) continue;
        for (unsigned k = 0; k < PASSES; k++) {
            seed = 7;
            pass[k] = run(&works[i], rows, &bytes);
        }
        qsort(pass, PASSES, sizeof *pass, ascending);
        printf("%-40s %10.2f %10.2f %10.2f %12.0f\n", works[i].title, pass[PASSES / 2], pass[0], pass[PASSES - 1],
               bytes);
    }
    return 0;
}
