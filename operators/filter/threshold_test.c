#include "../testing.h"

#define S PL_SECOND

static void event_is(const struct test *t, unsigned at, pl_time time, const char *kind, const char *tag) {
    assert_true(at < t->out[0].events);
    const struct event_row *event = &t->out[0].event[at];
    assert_int_equal(event->time, time);
    assert_string_equal(event->kind, kind);
    assert_string_equal(event->tag, tag);
}

static void push_values(struct test *t, const double *values, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        test_push(t, (struct sample[]){{i * S, "l.p.v", values[i], 0}}, 1);
}

static void edges_are_told_and_nothing_between(void **state) {
    (void)state;
    struct test *t = test_open(
        "threshold", "{rules: [{name: hot, tags: '*.v', above: 10, hysteresis: 2, severity: 700, message: Too hot}]}",
        PL_SAMPLES);
    push_values(t, (double[]){9, 10, 10.5, 12, 9, 8.5, 8, 11, 7}, 9);
    assert_int_equal(t->out[0].events, 4);
    event_is(t, 0, 2 * S, "threshold.high", "l.p.v");
    event_is(t, 1, 6 * S, "threshold.cleared", "l.p.v");
    event_is(t, 2, 7 * S, "threshold.high", "l.p.v");
    event_is(t, 3, 8 * S, "threshold.cleared", "l.p.v");
    assert_int_equal(t->out[0].event[0].severity, 700);
    assert_string_equal(t->out[0].event[0].body,
                        "{\"rule\":\"hot\",\"side\":\"high\",\"value\":10.5,\"limit\":10,\"message\":\"Too hot\"}");
    assert_int_equal(test_counter(t, "raised"), 2);
    assert_int_equal(test_counter(t, "cleared"), 2);
    test_close(t);
}

static void both_sides_of_one_rule(void **state) {
    (void)state;
    struct test *t = test_open("threshold", "{rules: [{above: 10, below: 2, hysteresis: 1}]}", PL_SAMPLES);
    push_values(t, (double[]){5, 1, 2.5, 3, 11, 0, 5}, 7);
    static const char *const kinds[] = {"low", "cleared", "high", "cleared", "low", "cleared"};
    static const int times[] = {1, 3, 4, 5, 5, 6};
    assert_int_equal(t->out[0].events, 6);
    for (unsigned i = 0; i < 6; i++) {
        char kind[32];
        snprintf(kind, sizeof kind, "threshold.%s", kinds[i]);
        event_is(t, i, times[i] * S, kind, "l.p.v");
    }
    test_close(t);
}

static void a_limit_that_must_be_crossed_for_a_while(void **state) {
    (void)state;
    const char *options = "{rules: [{above: 10, for: 3s}]}";
    struct test *t = test_open("threshold", options, PL_SAMPLES);
    push_values(t, (double[]){11, 11, 9, 11, 11, 11, 12}, 7);
    assert_int_equal(t->out[0].events, 1);
    event_is(t, 0, 6 * S, "threshold.high", "l.p.v"); /* since 3 s, for 3 s */
    test_close(t);

    t = test_open("threshold", options, PL_SAMPLES); /* by the watermark: the value holds */
    test_push(t, (struct sample[]){{1 * S, "l.p.v", 11, 0}}, 1);
    test_watermark(t, 3 * S);
    test_restore(t);
    assert_int_equal(t->out[0].events, 0);
    test_watermark(t, 5 * S);
    assert_int_equal(t->out[0].events, 1);
    event_is(t, 0, 4 * S, "threshold.high", "l.p.v");
    test_push(t, (struct sample[]){{9 * S, "l.p.v", 5, 0}}, 1);
    event_is(t, 1, 9 * S, "threshold.cleared", "l.p.v");
    test_close(t);

    t = test_open("threshold", options, PL_SAMPLES); /* a value that came back leaves a timer that says nothing */
    test_push(t, (struct sample[]){{1 * S, "l.p.v", 11, 0}, {2 * S, "l.p.v", 5, 0}, {3 * S, "l.p.v", 11, 0}}, 3);
    test_watermark(t, 5 * S);
    assert_int_equal(t->out[0].events, 0);
    test_watermark(t, 7 * S);
    event_is(t, 0, 6 * S, "threshold.high", "l.p.v");
    test_close(t);
}

static void rows_that_change_nothing(void **state) {
    (void)state;
    struct test *t = test_open("threshold", "{rules: [{above: 10}]}", PL_SAMPLES);
    const struct sample rows[] = {{1 * S, "a", 99, PL_Q_BAD},
                                  {2 * S, "a", NAN, 0},
                                  {3 * S, "a", 11, PL_Q_UNCERTAIN},
                                  {2 * S, "a", 5, 0},
                                  {4 * S, "a", 5, PL_Q_BAD}};
    test_push(t, rows, 5);
    assert_int_equal(t->out[0].events, 1);
    assert_int_equal(test_counter(t, "ignored"), 4);
    test_close(t);
    t = test_open("threshold", "{quality: any, rules: [{above: 10}]}", PL_SAMPLES);
    test_push(t, rows, 1);
    assert_int_equal(t->out[0].events, 1);
    test_close(t);
    t = test_open("threshold", "{quality: good, rules: [{above: 10}]}", PL_SAMPLES);
    test_push(t, rows, 5);
    assert_int_equal(t->out[0].events, 0);
    test_close(t);
}

static void rules_find_their_tags(void **state) {
    (void)state;
    struct test *t =
        test_open("threshold",
                  "{rules: [{name: r0, tags: [a.v, b.v, a.v], above: 1}, {name: r1, tags: '*.v', above: 2},"
                  " {name: r2, tags: [c.w, 'b.*'], above: 3}, {name: r3, tags: a.v, below: 0}]}",
                  PL_SAMPLES);
    test_push(
        t, (struct sample[]){{0, "a.v", 9, 0}, {0, "b.v", 9, 0}, {0, "c.w", 9, 0}, {0, "d.x", 9, 0}, {1, "a.v", -1, 0}},
        5);
    static const char *const expected[] = {"r0", "r1", "r0", "r1", "r2", "r2", "r0", "r1", "r3"};
    assert_int_equal(t->out[0].events, 9);
    for (unsigned i = 0; i < 9; i++) {
        char rule[24];
        snprintf(rule, sizeof rule, "\"rule\":\"%s\"", expected[i]);
        if (!strstr(t->out[0].event[i].body, rule)) fail_msg("event %u is %s", i, t->out[0].event[i].body);
    }
    test_close(t);
}

static void a_rule_for_each_of_many_tags(void **state) {
    (void)state;
    enum { RULES = 3000 };
    char *text = malloc(RULES * 64), *at = text;
    at += sprintf(at, "{rules: [");
    for (int i = 0; i < RULES; i++)
        at += sprintf(at, "%s{tags: t%d, above: %d}", i ? ", " : "", i, i);
    strcpy(at, "]}");
    struct test *t = test_open("threshold", text, PL_SAMPLES);
    for (int i = 0; i < RULES; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        struct pl_batch *batch = test_batch(t, (struct sample[]){{0, name, i + (i % 2 ? 1 : -1), 0}}, 1);
        pl_harness_push(t->h, 0, batch);
        struct pl_batch *events = pl_harness_pull(t->h, 0);
        assert_int_equal(events != NULL, i % 2);
        pl_batch_unref(events);
    }
    assert_int_equal(test_counter(t, "raised"), RULES / 2);
    test_close(t);
    free(text);
}

static void windows_are_watched_by_an_aggregate(void **state) {
    (void)state;
    struct test *t = test_open("threshold", "{column: max, rules: [{above: 10}]}", PL_WINDOWS);
    struct pl_batch *batch = pl_batch_new(PL_WINDOWS, 3, 0);
    for (unsigned i = 0; i < 3; i++) {
        batch->windows.tag[i] = test_tag(t, "a.v");
        batch->windows.start[i] = i * S;
        batch->windows.end[i] = (i + 1) * S;
        batch->windows.mean[i] = 0;
        batch->windows.max[i] = i == 0 ? 5 : 11;
        batch->windows.quality[i] = i == 1 ? PL_Q_PROVISIONAL : 0;
    }
    batch->rows = 3;
    test_push_batch(t, batch);
    assert_int_equal(t->out[0].events, 1);
    event_is(t, 0, 3 * S, "threshold.high", "a.v");
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("threshold", "{rules: [{above: 1}, {tags: x}]}");
    assert_non_null(strstr(text, "rules[1]"));
    pl_free(text);
    text = test_refusal("threshold", "{rules: [{above: 1, below: 0, hysteresis: 1}]}");
    assert_non_null(strstr(text, "no room"));
    pl_free(text);
}

/* ---- Against a plain reference ---- */

enum { ROWS = 2000, TAGS = 3 };

static void any_cut_and_restore_gives_what_a_plain_loop_gives(void **state) {
    (void)state;
    static const char *const tags[TAGS] = {"a.v", "b.v", "c.v"};
    static struct sample rows[ROWS];
    uint64_t first_id = 0;
    for (unsigned round = 0; round < 12; round++) {
        srand(round / 2 + 1);
        double level[TAGS] = {0};
        for (unsigned i = 0; i < ROWS; i++) {
            unsigned tag = test_random(TAGS);
            level[tag] += (test_random(201) - 100.0) / 100 - level[tag] * 0.05;
            rows[i] = (struct sample){(pl_time)i * 100 * PL_MILLISECOND, tags[tag], level[tag], 0};
        }
        struct test *t =
            test_open("threshold", "{rules: [{name: r, above: 2, below: -2, hysteresis: 0.5, for: 1s}]}", PL_SAMPLES);
        test_push_at_random(t, rows, ROWS, 0, round % 2);
        unsigned told = 0, expected = 0;
        for (unsigned k = 0; k < TAGS; k++) {
            int side = 0, raised = 0;
            pl_time since = 0;
            told = 0;
            for (unsigned i = 0; i < ROWS; i++) {
                if (rows[i].tag != tags[k]) continue;
                double v = rows[i].value;
                pl_time times[2];
                const char *kinds[2];
                unsigned n = 0;
                if (side && !raised && since + S <= rows[i].time) {
                    raised = 1;
                    times[n] = since + S;
                    kinds[n++] = side > 0 ? "threshold.high" : "threshold.low";
                }
                int now = v > 2 ? 1 : v < -2 ? -1 : 0;
                bool over = raised ? (side > 0 ? v <= 1.5 : v >= -1.5) : side && now != side;
                if (over && raised) {
                    times[n] = rows[i].time;
                    kinds[n++] = "threshold.cleared";
                }
                if (over) side = raised = 0;
                if (now && !side) side = now, since = rows[i].time;
                for (unsigned m = 0; m < n; m++, expected++) {
                    while (told < t->out[0].events && strcmp(t->out[0].event[told].tag, tags[k]) != 0)
                        told++;
                    event_is(t, told++, times[m], kinds[m], tags[k]);
                }
            }
        }
        assert_true(expected > 20);
        assert_true(t->out[0].events - expected <= TAGS); /* the watermark may have raised one more of each */
        if (round % 2 == 0)
            first_id = t->out[0].event[5].id;
        else
            assert_true(t->out[0].event[5].id == first_id); /* the same ids in every run */
        for (unsigned i = 0; i < t->out[0].events; i++)
            for (unsigned m = 0; m < i; m++)
                assert_true(t->out[0].event[i].id != t->out[0].event[m].id);
        test_close(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_told_and_nothing_between),
        cmocka_unit_test(both_sides_of_one_rule),
        cmocka_unit_test(a_limit_that_must_be_crossed_for_a_while),
        cmocka_unit_test(rows_that_change_nothing),
        cmocka_unit_test(rules_find_their_tags),
        cmocka_unit_test(a_rule_for_each_of_many_tags),
        cmocka_unit_test(windows_are_watched_by_an_aggregate),
        cmocka_unit_test(refusals),
        cmocka_unit_test(any_cut_and_restore_gives_what_a_plain_loop_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
