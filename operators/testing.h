/* testing.h: what tests of operators share: rows in, rows out, as plain arrays.
 *
 *     struct test *t = test_open("cleanse", "{range: true}", PL_SAMPLES);
 *     test_push(t, (struct sample[]){{1, "a.x", 2.0, 0}}, 1);
 *     test_watermark(t, 5);
 *     assert_int_equal(t->out[0].samples, 1);
 */
#ifndef POTLINE_OPERATORS_TESTING_H
#define POTLINE_OPERATORS_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/harness.h>
#include <potline/quality.h>

struct sample {
    pl_time time;
    const char *tag;
    double value;
    unsigned quality;
};

struct window_row {
    const char *key;
    pl_time start, end;
    unsigned count, skipped;
    double mean, min, max, stddev, first, last;
    unsigned quality;
};

struct event_row {
    pl_time time;
    const char *kind;
    const char *tag;
    uint64_t id;
    unsigned severity;
    char *body; /* JSON */
};

struct output_rows {
    struct sample *sample;
    struct window_row *window;
    struct event_row *event;
    unsigned samples, windows, events;
};

enum { TEST_PORTS = 3 };

struct test {
    struct pl_harness *h;
    const char *op, *options;
    enum pl_kind kind;
    const char *declare; /* a glob whose tags have the range low..high */
    double low, high;
    pl_time watermark; /* the output's */
    bool in_order;     /* no input is late, so no output may be */
    struct output_rows out[TEST_PORTS];
};

static inline void test_make(struct test *t) {
    struct pl_error *error = NULL;
    t->h = pl_harness_new(t->op, t->options, t->kind, &error);
    if (!t->h) {
        char *text = pl_error_text(error);
        fail_msg("%s: %s", t->op, text);
    }
    if (t->declare) pl_harness_declare(t->h, t->declare, t->low, t->high);
    t->watermark = PL_TIME_MIN;
}

static inline struct test *test_open_ranged(const char *op, const char *options, enum pl_kind kind, const char *declare,
                                            double low, double high) {
    struct test *t = calloc(1, sizeof *t);
    *t = (struct test){.op = op, .options = options, .kind = kind, .declare = declare, .low = low, .high = high};
    test_make(t);
    return t;
}

static inline struct test *test_open(const char *op, const char *options, enum pl_kind kind) {
    return test_open_ranged(op, options, kind, NULL, 0, 0);
}

/* The problem that these options have, as text (to be freed); fails when they have none. */
static inline char *test_refusal(const char *op, const char *options) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new(op, options, PL_SAMPLES, &error);
    if (h) fail_msg("%s takes %s", op, options);
    char *text = pl_error_text(error);
    pl_error_free(&error);
    return text;
}

static inline uint32_t test_tag(struct test *t, const char *name) {
    return pl_harness_tag(t->h, name);
}

static inline const char *test_name(struct test *t, uint32_t id) {
    /* copied: rows outlive a harness that was restored into another */
    static char names[4096][48];
    static unsigned used;
    const char *name = pl_tags_get(pl_harness_tags(t->h), id)->name;
    for (unsigned i = 0; i < used; i++)
        if (strcmp(names[i], name) == 0) return names[i];
    assert_true(used < 4096 && strlen(name) < 48);
    return strcpy(names[used++], name);
}

/* Room for one more: doubled when it is full, since a sanitizer copies all of it each time. */
#define TEST_MORE(array, count)                                                                                        \
    ((count) & ((count)-1) ? (void)0                                                                                   \
                           : (void)((array) = realloc((array), ((count) ? 2 * (count) : 1) * sizeof *(array))),        \
     &(array)[(count)++])

static inline void test_take_events(struct test *t, struct output_rows *out, const struct pl_batch *b) {
    for (uint32_t i = 0; i < b->rows; i++) {
        uint32_t length;
        const void *body = pl_batch_heap_row(b, 0, i, &length);
        char *json = length ? pl_pack_json(body, length) : NULL;
        *TEST_MORE(out->event, out->events) = (struct event_row){.time = b->events.time[i],
                                                                 .kind = test_name(t, b->events.kind[i]),
                                                                 .tag = test_name(t, b->events.tag[i]),
                                                                 .id = b->events.id[i],
                                                                 .severity = b->events.severity[i],
                                                                 .body = json ? strdup(json) : NULL};
        pl_free(json);
    }
}

/* What a node makes (windows, rows filled in) is not older than the watermark it has told. */
static inline void test_promise(const struct test *t, const struct pl_batch *b) {
    for (uint32_t i = 0; i < b->rows; i++) {
        bool made = b->kind == PL_WINDOWS || (b->kind == PL_SAMPLES && b->samples.quality[i] & PL_Q_BACKFILLED);
        if ((made || t->in_order) && pl_batch_times(b)[i] < t->watermark)
            fail_msg("%s: a row behind the node's own watermark", t->op);
    }
}

static inline void test_take(struct test *t, struct output_rows *out, const struct pl_batch *b) {
    const struct pl_windows *w = &b->windows;
    const struct pl_samples *s = &b->samples;
    for (uint32_t i = 0; i < b->rows && b->kind == PL_SAMPLES; i++)
        *TEST_MORE(out->sample, out->samples) =
            (struct sample){s->time[i], test_name(t, s->tag[i]), s->value[i], s->quality[i]};
    for (uint32_t i = 0; i < b->rows && b->kind == PL_WINDOWS; i++)
        *TEST_MORE(out->window, out->windows) = (struct window_row){test_name(t, w->tag[i]),
                                                                    w->start[i],
                                                                    w->end[i],
                                                                    w->count[i],
                                                                    w->skipped[i],
                                                                    w->mean[i],
                                                                    w->min[i],
                                                                    w->max[i],
                                                                    w->stddev[i],
                                                                    w->first[i],
                                                                    w->last[i],
                                                                    w->quality[i]};
    if (b->kind == PL_EVENTS) test_take_events(t, out, b);
}

static inline void test_pull(struct test *t) {
    for (unsigned port = 0; port < TEST_PORTS; port++)
        for (struct pl_batch *b; (b = pl_harness_pull(t->h, port));) {
            if (port == 0) test_promise(t, b);
            test_take(t, &t->out[port], b);
            pl_batch_unref(b);
        }
    if (pl_harness_failure(t->h)) fail_msg("%s: %s", t->op, pl_harness_failure(t->h));
}

static inline struct pl_batch *test_batch(struct test *t, const struct sample *rows, unsigned count) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, count, 0);
    assert_non_null(b);
    for (unsigned i = 0; i < count; i++) {
        b->samples.time[i] = rows[i].time;
        b->samples.tag[i] = test_tag(t, rows[i].tag);
        b->samples.value[i] = rows[i].value;
        b->samples.quality[i] = (uint16_t)rows[i].quality;
    }
    b->rows = count;
    return b;
}

static inline void test_push_batch(struct test *t, struct pl_batch *b) {
    assert_int_equal(pl_harness_push(t->h, 0, b), PL_FLOW_OK);
    test_pull(t);
}

static inline void test_push(struct test *t, const struct sample *rows, unsigned count) {
    test_push_batch(t, test_batch(t, rows, count));
}

/* Rows that go in together, since a batch for each is slow under a sanitizer; test_gathered sends what is left. */
enum { TEST_GATHER = 512 };
static struct sample test_gathering[TEST_GATHER];
static unsigned test_gathered_rows;

static inline void test_gathered(struct test *t) {
    if (test_gathered_rows) test_push(t, test_gathering, test_gathered_rows);
    test_gathered_rows = 0;
}

/* The name must stay. */
static inline void test_gather(struct test *t, struct sample row) {
    test_gathering[test_gathered_rows++] = row;
    if (test_gathered_rows == TEST_GATHER) test_gathered(t);
}

static inline pl_time test_watermark(struct test *t, pl_time now) {
    pl_time out = pl_harness_watermark(t->h, now);
    if (out < t->watermark) fail_msg("%s: the watermark goes back", t->op);
    assert_true(out <= now);
    test_pull(t);
    t->watermark = out;
    return out;
}

static inline void test_end(struct test *t) {
    pl_harness_end(t->h);
    test_pull(t);
}

/* Into a fresh node by a snapshot; names are interned in another order first, so that ids differ. */
static inline void test_restore(struct test *t) {
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    assert_non_null(bytes);
    pl_harness_free(t->h);
    pl_time watermark = t->watermark;
    test_make(t);
    t->watermark = watermark;
    char name[32];
    for (int i = rand() % 5; i >= 0; i--) {
        snprintf(name, sizeof name, "other%d.x", i);
        test_tag(t, name);
    }
    struct pl_error *error = NULL;
    if (pl_harness_restore(t->h, bytes, size, &error)) fail_msg("%s: %s", t->op, pl_error_text(error));
    pl_free(bytes);
}

static inline uint64_t test_counter(struct test *t, const char *name) {
    uint64_t n = pl_harness_counter(t->h, name);
    if (n == UINT64_MAX) fail_msg("%s has no counter %s", t->op, name);
    return n;
}

static inline void test_forget(struct test *t) {
    for (unsigned port = 0; port < TEST_PORTS; port++) {
        for (unsigned i = 0; i < t->out[port].events; i++)
            free(t->out[port].event[i].body);
        free(t->out[port].sample);
        free(t->out[port].window);
        free(t->out[port].event);
        t->out[port] = (struct output_rows){0};
    }
}

static inline void test_close(struct test *t) {
    test_forget(t);
    pl_harness_free(t->h);
    free(t);
}

/* Uniform in [0, below). */
static inline unsigned test_random(unsigned below) {
    return (unsigned)(rand() / (RAND_MAX + 1.0) * below);
}

/* Pushes rows cut at random, with snapshots in between and, behind each cut, a watermark `behind` the highest time. */
static inline void test_push_at_random(struct test *t, const struct sample *rows, unsigned count, pl_time behind,
                                       bool restore) {
    pl_time highest = PL_TIME_MIN;
    for (unsigned i = 0; i < count;) {
        unsigned n = 1 + test_random(count - i < 50 ? count - i : 50);
        test_push(t, rows + i, n);
        for (unsigned k = i; k < i + n; k++)
            if (rows[k].time > highest) highest = rows[k].time;
        i += n;
        if (test_random(3) == 0 && highest - behind > t->watermark) test_watermark(t, highest - behind);
        if (restore && test_random(4) == 0) test_restore(t);
    }
}

#define assert_near(a, b, tolerance)                                                                                   \
    do {                                                                                                               \
        double near_a = (a), near_b = (b);                                                                             \
        if (isnan(near_a) != isnan(near_b) || fabs(near_a - near_b) > (tolerance))                                     \
            fail_msg("%s:%d: %.17g is not %.17g", __FILE__, __LINE__, near_a, near_b);                                 \
    } while (0)

/* The value of a tag at a time on the first port; fails without it. `quality` may be NULL. */
static inline double test_told(const struct test *t, const char *tag, pl_time time, unsigned *quality) {
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *s = &t->out[0].sample[i];
        if (s->time != time || strcmp(s->tag, tag) != 0) continue;
        if (quality) *quality = s->quality;
        return s->value;
    }
    fail_msg("no %s at %lld s", tag, (long long)(time / PL_SECOND));
    return 0;
}

/* A second of an asset: a value for each of its signals, NaN is bad and missing. */
static inline void test_push_signals(struct test *t, const char *asset, pl_time time, const char *const *signals,
                                     const double *values, unsigned count) {
    struct sample rows[8];
    char names[8][64];
    assert_true(count <= 8);
    for (unsigned i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%s.%s", asset, signals[i]);
        rows[i] = (struct sample){time, names[i], values[i], isnan(values[i]) ? PL_Q_BAD | PL_Q_MISSING : 0};
    }
    test_push(t, rows, count);
}

#endif
