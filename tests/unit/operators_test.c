/* What every operator must keep, shown on every operator there is:
 *
 *   its descriptor is complete and its defaults are valid
 *   it opens and closes without data; closes after an open that failed
 *   the same rows in other batches, or with a snapshot and a restore in between, give the same rows
 *   each allocation that fails in turn gives an error, no crash and no leak
 *
 * An operator whose options have no defaults needs a line in `samples` below; the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/harness.h>
#include <potline/quality.h>

#include "base/buffer.h"
#include "graph/registry.h"

enum { ROWS = 600, TAGS = 6, FAILURES_MAX = 4000 };

/* Options that make an operator work on the rows of this test; `%s` is a folder for files. */
static const struct sample {
    const char *op;
    const char *options;
} samples[] = {
    {"cleanse",
     "{range: true, spike: {method: hampel, window: 5, k: 3}, frozen: {for: 2s}, gaps: {max: 3s, fill: linear}}"},
    {"repair", "{noise: 1, speed: 5, delay: 2s}"},
    {"map",
     "{values: [{tag: '*.sum', expr: 'v0 + `{line}.pot1.v1`'}, {tag: '*.{signal}_k', expr: 'value / 1000', each: "
     "'*.v1'}]}"},
    {"join", "{take: [v0, line0.pot1.v1, '*'], each: '*.v{1,2}', tag: '*.{left}_{right}', tolerance: 2s}"},
    {"detect.univariate", "{history: 256, segment: 2, hold: 20}"},
    {"detect.change", "{window: 12, least: 3, memory: 100, threshold: 1}"},
    {"detect.residual", "{include: [], window: 8, threshold: 1}"},
    {"detect", "{scores: ['*.v2'], window: 16, threshold: 0.5, hold: 5}"},
    {"detect.coherence", "{interval: 300ms, size: 8, average: 3, pairs: [{name: pair, of: v0, with: v1}], bands: "
                         "[{name: all, low: 0, high: 2}]}"},
    {"detect.discord", "{window: 8, history: 64, every: 2}"},
    {"detect.spectral", "{interval: 300ms, size: 8, bands: [{name: all, low: 0, high: 2}]}"},
    {"detect.state", "{include: ['*.v0'], threshold: 0.5}"},
    {"detect.recurrent", "{model: '%s/forecaster.safetensors', inputs: [v0, v1, v2]}"},
    {"detect.process", "{train: 30, level: {smooth: 5, block: 5, freedom: 0}, change: {recent: 5, before: 5}, scatter: "
                       "{robust: true}, local: {window: 9}, regime: 0.9}"},
    {"filter", "{include: ['*.v0', '*.v1']}"},
    {"threshold", "{rules: [{tags: '*.v0', above: 60, hysteresis: 5}]}"},
    {"window.tumbling", "{size: 2s, lateness: 1s, aggregates: [count, mean, min, max, stddev, first, last]}"},
    {"window.sliding", "{size: 3s, slide: 1s, aggregates: [count, mean, min, max, stddev, first, last]}"},
    {"rules", "{scripts: '%s/rules.lua', budget: 2000}"},
    {"twin.cell", "{voltage: v0, current: v1, bath_temp: v2, step: 1s, every: 1s, profiles: 2s, state: 3s}"},
    {"optimize.setpoints", "{noise: v0, every: 0s, health: 0}"},
    {"kpi", "{voltage: v0, current: v1, feed: v2, per: hour}"},
    {"window.session", "{gap: 300ms, max: 5s, lateness: 500ms, quantiles: [0.5, 0.9]}"},
    {"alarms", "{alarms: [{match: '*', priority: low, consequence: none, action: look, respond: 1m}]}"},
    {"external", "{command: '/bin/true'}"}, /* which ends before it has said anything: its open fails */
    {"sink.external", "{command: '/bin/true'}"},
    {"setpoint.external", "{command: '/bin/true'}"},
    {"source.external", "{command: '/bin/true'}"},
    {"sink.csv", "{path: '%s/out.csv'}"},
    {"sink.ndjson", "{path: '%s/out.ndjson'}"},
    {"sink.lake", "{zone: gold}"}, /* without a data folder its open fails */
    {"sink.socket", "{listen: '127.0.0.1:0'}"},
    {"sink.postgres", "{url: 'host=127.0.0.1 port=1', table: rows}"},
    {"notify.email",
     "{server: 'smtp://127.0.0.1:1', sender: a@b, people: [{user: anna, to: a@b}], routes: [{events: '*', to: anna}]}"},
    {"notify.webhook", "{url: 'http://127.0.0.1:1', people: [{user: anna}], routes: [{events: '*', to: anna}]}"},
    {"sink.kafka", "{brokers: '127.0.0.1:1', topic: rows}"},
    {"source.kafka", "{brokers: '127.0.0.1:1', topic: rows}"},
    {"source.mqtt", "{server: '127.0.0.1:1', topics: [{topic: 'a/{b}'}]}"},
    {"sink.mqtt", "{server: '127.0.0.1:1', linger: 0s}"},
    {"setpoint.mqtt", "{server: '127.0.0.1:1', topic: '{path}/set', tags: [none]}"},
    {"source.sparkplug", "{server: '127.0.0.1:1'}"},
    {"sink.sparkplug", "{server: '127.0.0.1:1', edge: e, linger: 0s}"},
    {"setpoint.sparkplug", "{server: '127.0.0.1:1', tags: [none]}"},
    {"sink.zmq", "{bind: 'inproc://generic-sink'}"},
    {"source.zmq", "{connect: 'inproc://generic-source'}"},
    {"source.csv", "{path: '%s/in.csv'}"},
    {"source.ndjson", "{path: '%s/in.ndjson'}"},
    {"source.socket", "{listen: '127.0.0.1:0'}"},
    {"source.modbus", "{endpoint: '127.0.0.1:1', registers: [{tag: a.b, address: 0, type: uint16}]}"},
    {"sink.modbus", "{endpoint: '127.0.0.1:1', registers: [{tag: a.b, address: 0, type: uint16}]}"},
    {"guard", "{limits: [{tags: '*', low: 0, high: 10}], interlocks: [{name: warm, when: v0 < 50}]}"},
    {"source.generator", "{tags: 'line{1..2}.pot{1..3}.voltage', count: 1000}"},
};

static char folder[] = "/tmp/potline-test-XXXXXX";

static const char *options_of(const struct pl_operator *op) {
    static char text[512];
    for (size_t i = 0; i < PL_COUNT_OF(samples); i++) {
        if (strcmp(samples[i].op, op->name) != 0) continue;
        const char *place = strstr(samples[i].options, "%s");
        if (!place) return samples[i].options;
        snprintf(text, sizeof text, "%.*s%s%s", (int)(place - samples[i].options), samples[i].options, folder,
                 place + 2);
        return text;
    }
    return "";
}

static enum pl_kind kind_for(const struct pl_operator *op) {
    for (unsigned kind = 0; op->inputs && kind < PL_KINDS; kind++)
        if (op->inputs[0].kinds & PL_SET(kind)) return (enum pl_kind)kind;
    return PL_SAMPLES;
}

static struct pl_harness *make(const struct pl_operator *op) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_of(op, options_of(op), kind_for(op), &error);
    if (!h) {
        char *text = pl_error_text(error);
        fail_msg("%s: give it options in `samples` of %s: %s", op->name, __FILE__, text);
    }
    pl_harness_declare(h, "*", -50, 150);
    for (unsigned i = 0; i < TAGS; i++) { /* the same ids in every harness, so the same order */
        char name[32];
        snprintf(name, sizeof name, "line%u.pot%u.v%u", i / 3, i, i % 3);
        pl_harness_tag(h, name);
    }
    return h;
}

/* ---- Rows that have something of everything ---- */

struct row {
    pl_time time;
    unsigned tag;
    double value;
};

static struct row rows[ROWS];
static uint64_t seed = 42;

static uint64_t next_random(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void make_rows(void) {
    for (unsigned i = 0; i < ROWS; i++) {
        rows[i].time = (pl_time)i * 50 * PL_MILLISECOND + (i > ROWS / 2 ? 10 * PL_SECOND : 0);
        rows[i].tag = (unsigned)next_random(TAGS);
        rows[i].value = (double)next_random(1000) / 10;
        if (i % 23 == 0) rows[i].value = __builtin_nan("");
        if (i % 31 == 0) rows[i].value = 1000;
        if (i % 37 == 0) rows[i].time -= 700 * PL_MILLISECOND;
        if (i > 400 && i < 460) rows[i].value = 7;
    }
}

static struct pl_batch *batch_of(struct pl_harness *h, enum pl_kind kind, unsigned from, unsigned count) {
    struct pl_batch *b = pl_batch_new(kind, count, 64);
    if (!b) return NULL;
    const struct pl_kind_info *info = &pl_kind_info[kind];
    for (unsigned c = 0; c < info->columns; c++)
        memset(b->column[c], 0, (size_t)count * pl_type_size(info->column[c].type));
    for (unsigned i = 0; i < count; i++, b->rows++) {
        char name[32];
        const struct row *row = &rows[from + i];
        snprintf(name, sizeof name, "line%u.pot%u.v%u", row->tag / 3, row->tag, row->tag % 3);
        uint32_t id = pl_harness_tag(h, name);
        if (id == PL_NO_ID) { /* an allocation that failed */
            pl_batch_unref(b);
            return NULL;
        }
        ((uint32_t *)b->column[info->key])[i] = id;
        ((pl_time *)b->column[info->time])[i] = row->time;
        if (kind == PL_SAMPLES) b->samples.value[i] = row->value;
        if (kind == PL_WINDOWS) {
            b->windows.start[i] = row->time - PL_SECOND;
            b->windows.count[i] = 1;
            b->windows.mean[i] = b->windows.max[i] = b->windows.min[i] = b->windows.last[i] = row->value;
        }
    }
    return b;
}

/* The same rows into every input that takes such. */
static bool push(struct pl_harness *h, const struct pl_operator *op, unsigned from, unsigned count) {
    enum pl_kind kind = kind_for(op);
    for (unsigned input = 0; op->inputs[input].name; input++) {
        if (!(op->inputs[input].kinds & PL_SET(kind))) continue;
        struct pl_batch *batch = batch_of(h, kind, from, count);
        if (!batch || pl_harness_push(h, input, batch) == PL_FLOW_FAIL) return false;
    }
    return true;
}

/* ---- What came out, as text ---- */

static void write_row(struct pl_buffer *out, struct pl_harness *h, const struct pl_batch *b, uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[b->kind];
    for (unsigned c = 0; c < info->columns; c++) {
        const void *at = (const char *)b->column[c] + (size_t)row * pl_type_size(info->column[c].type);
        if (c == info->end && info->heaps) continue;
        switch (info->column[c].type) {
        case PL_F64: pl_buffer_printf(out, " %.17g", *(const double *)at); break;
        case PL_NAME: pl_buffer_printf(out, " %s", pl_tags_get(pl_harness_tags(h), *(const uint32_t *)at)->name); break;
        case PL_U16: pl_buffer_printf(out, " %u", *(const uint16_t *)at); break;
        case PL_U32: pl_buffer_printf(out, " %u", *(const uint32_t *)at); break;
        default: pl_buffer_printf(out, " %lld", (long long)*(const int64_t *)at); break;
        }
    }
    pl_buffer_putc(out, '\n');
}

static void pull_all(struct pl_harness *h, const struct pl_operator *op, struct pl_buffer out[]) {
    for (unsigned port = 0; op->outputs && op->outputs[port].name; port++)
        for (struct pl_batch *b; (b = pl_harness_pull(h, port));) {
            for (uint32_t i = 0; i < b->rows; i++)
                write_row(&out[port], h, b, i);
            pl_batch_unref(b);
        }
}

/* ---- The rules ---- */

static void for_each(void (*rule)(const struct pl_operator *op)) {
    for (unsigned i = 0; i < pl_registry_count(); i++)
        rule(pl_registry_get(i));
}

static void check_descriptor(const struct pl_operator *op) {
    if (!op->summary || strlen(op->summary) < 10) fail_msg("%s has no summary", op->name);
    for (const struct pl_option *o = op->options; o && o->name; o++)
        if (!o->doc || strlen(o->doc) < 5) fail_msg("%s: option %s has no doc", op->name, o->name);
    for (const struct pl_counter *c = op->counters; c && c->name; c++)
        if (!c->doc || !c->unit) fail_msg("%s: counter %s has no doc or unit", op->name, c->name);
    bool outside = !op->inputs || !op->outputs;
    if (outside && !op->guarantee) fail_msg("%s: a source or sink says what it guarantees", op->name);
}

static void open_and_close(const struct pl_operator *op) {
    struct pl_harness *h = make(op);
    pl_harness_self(h);
    pl_harness_free(h);
}

/* Runs the rows through, cut at random; with `restore` half way into a fresh node by a snapshot. */
static bool run_rows(const struct pl_operator *op, struct pl_buffer out[], bool cut, bool restore) {
    struct pl_harness *h = make(op);
    pl_time highest = PL_TIME_MIN;
    bool sound = true;
    for (unsigned i = 0; i < ROWS && sound;) {
        unsigned until = (i / 60 + 1) * 60; /* watermarks stand at fixed rows, whatever the batches are */
        unsigned count = cut ? 1 + (unsigned)next_random(until - i) : until - i;
        sound = push(h, op, i, count);
        for (unsigned k = i; k < i + count; k++)
            if (rows[k].time > highest) highest = rows[k].time;
        i += count;
        if (i == until) pl_harness_watermark(h, highest - PL_SECOND);
        if (restore && i == until && i >= ROWS / 2) {
            size_t size = 0;
            void *bytes = pl_harness_snapshot(h, &size);
            pull_all(h, op, out);
            pl_harness_free(h);
            h = make(op);
            struct pl_error *error = NULL;
            if (pl_harness_restore(h, bytes, size, &error))
                fail_msg("%s: its snapshot does not restore: %s", op->name, error ? error->text : "?");
            pl_free(bytes);
            restore = false;
        }
    }
    if (sound) pl_harness_end(h);
    if (pl_harness_failure(h) && sound) fail_msg("%s: %s", op->name, pl_harness_failure(h));
    pull_all(h, op, out);
    pl_harness_free(h);
    return sound;
}

static void same_output(const struct pl_operator *op, bool cut, bool restore) {
    enum { PORTS_MAX = 8 };
    struct pl_buffer plain[PORTS_MAX], other[PORTS_MAX];
    if (!op->inputs || !op->outputs) return; /* what a sink writes outside is shown by its own tests */
    for (unsigned i = 0; i < PORTS_MAX; i++) {
        pl_buffer_init(&plain[i], 64 << 20);
        pl_buffer_init(&other[i], 64 << 20);
    }
    run_rows(op, plain, false, false);
    run_rows(op, other, cut, restore);
    for (unsigned i = 0; i < PORTS_MAX; i++) {
        bool same = plain[i].size == other[i].size;
        if (same && plain[i].size) same = memcmp(plain[i].data, other[i].data, plain[i].size) == 0;
        if (!same) {
            size_t at = 0;
            while (at < plain[i].size && at < other[i].size && plain[i].data[at] == other[i].data[at])
                at++;
            fail_msg("%s: port %u gives other rows (%s), from byte %zu: ...%.80s", op->name, i,
                     restore ? "after a restore" : "for other batches", at, other[i].data ? other[i].data + at : "");
        }
        pl_buffer_fini(&plain[i]);
        pl_buffer_fini(&other[i]);
    }
}

static void same_for_other_batches(const struct pl_operator *op) {
    same_output(op, true, false);
}

static void same_after_restore(const struct pl_operator *op) {
    same_output(op, false, true);
}

/* One pass with the n-th allocation failing; true when none was left to fail. */
static bool pass_with_failure(const struct pl_operator *op, int64_t n) {
    struct pl_error *error = NULL;
    pl_alloc_fail_after(n);
    struct pl_harness *h = pl_harness_of(op, options_of(op), kind_for(op), &error);
    if (h && pl_harness_tags(h)) {
        unsigned until = op->flags & PL_OP_OUTSIDE ? 40 : 120; /* without its peer a sink holds the first batch */
        for (unsigned i = 0; i < until && op->inputs; i += 40) {
            if (!push(h, op, i, 40)) break;
            pl_harness_watermark(h, rows[i].time);
        }
        if (!op->inputs) pl_harness_produce(h, PL_MILLISECOND);
    }
    bool spent = pl_alloc_fail_pending();
    pl_alloc_fail_after(-1);
    pl_harness_free(h);
    pl_error_free(&error);
    return spent;
}

static void fail_each_allocation(const struct pl_operator *op) {
    if (op->flags & PL_OP_OUTSIDE && !op->inputs) return;
    for (int64_t n = 0; n < FAILURES_MAX; n++)
        if (pass_with_failure(op, n)) return;
}

#define RULE_TEST(rule)                                                                                                \
    static void test_##rule(void **state) {                                                                            \
        (void)state;                                                                                                   \
        for_each(rule);                                                                                                \
    }
RULE_TEST(check_descriptor)
RULE_TEST(open_and_close)
RULE_TEST(same_for_other_batches)
RULE_TEST(same_after_restore)
RULE_TEST(fail_each_allocation)

static void there_are_operators(void **state) {
    (void)state;
    assert_true(pl_registry_count() > 0);
}

/* One rule of each form: memory, hysteresis, an expression, each row, a signal beside, one that fails now and then. */
/* A GRU of one unit for three signals. */
static bool write_network(void) {
    static const char header[] = "{\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[3,3],\"data_offsets\":[0,36]},"
                                 "\"weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[36,48]},"
                                 "\"head.weight\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[48,60]}}";
    const uint64_t length = sizeof header - 1;
    float weights[15];
    char path[64];
    for (unsigned i = 0; i < 15; i++)
        weights[i] = (float)(i % 4) * 0.3f - 0.4f;
    snprintf(path, sizeof path, "%s/forecaster.safetensors", folder);
    FILE *file = fopen(path, "wb");
    if (!file) return false;
    fwrite(&length, sizeof length, 1, file);
    fwrite(header, 1, length, file);
    fwrite(weights, sizeof weights, 1, file);
    return fclose(file) == 0;
}

static bool write_rules(void) {
    static const char text[] =
        "local top = 60\n"
        "rule { name = 'smooth', params = { limit = top }, memory = { ema = 50, n = 0 }, message = '{tag} {ema:1}',\n"
        "  when = function(value, dt, limit, ema, n) local e = ema + 0.2 * (value - ema)\n"
        "    return e > limit and dt >= 0, e, n + 1 end }\n"
        "rule { name = 'high', tags = '*.v0', when = 'value > 60', clear = 'value < 55', hold = '300ms', release = "
        "'1s' }\n"
        "rule { name = 'all', each = true, quality = 'any', when = function(value, tag, quality)\n"
        "  return tag:sub(-2) == 'v1' and (value ~= value or value > 90) and quality == 'good' end }\n"
        "rule { name = 'two', tags = '*.v1', with = 'v2', fresh = '5s', hold = '1s',\n"
        "  when = function(value, v2) return value + v2 > 100 end }\n"
        "rule { name = 'fails', tags = '*.v2', when = function(value, tag)\n"
        "  if value > 50 then return tag + 1 end for i = 1, 500 do value = value + i end return value < 0 end }\n";
    char path[64];
    snprintf(path, sizeof path, "%s/rules.lua", folder);
    FILE *file = fopen(path, "w");
    if (!file) return false;
    fputs(text, file);
    return fclose(file) == 0;
}

int main(void) {
    char path[64], lines[64];
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/in.csv", folder);
    FILE *in = fopen(path, "w");
    if (!in) return 1;
    fputs("1000,line1.pot1.v,1\n2000,line1.pot1.v,2\n", in);
    fclose(in);
    if (!write_rules() || !write_network()) return 1;
    snprintf(lines, sizeof lines, "%s/in.ndjson", folder);
    if (!(in = fopen(lines, "w"))) return 1;
    fputs("{\"time_ns\":1,\"tag\":\"a.v\",\"value\":1}\n{\"time_ns\":2,\"tag\":\"\\u00e4\",\"value\":2}\n{}\n", in);
    fclose(in);
    make_rows();
    pl_registry_load();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_operators),     cmocka_unit_test(test_check_descriptor),
        cmocka_unit_test(test_open_and_close),     cmocka_unit_test(test_same_for_other_batches),
        cmocka_unit_test(test_same_after_restore), cmocka_unit_test(test_fail_each_allocation),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    unlink(lines);
    snprintf(path, sizeof path, "%s/out.csv", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/rules.lua", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/forecaster.safetensors", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/out.ndjson", folder);
    unlink(path);
    rmdir(folder);
    return failed;
}
