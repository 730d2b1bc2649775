/* detect.process: whether what is judged still lies as in the frames that taught. */
#include "process_testing.h"

/* From row 2000 on the load is higher by most of a deviation, or power follows it less closely; from 4000 on all is as
 * ever. */
static void play(struct test *t, bool apart, unsigned from, unsigned to) {
    for (unsigned row = from; row < to; row++) {
        const bool other = row >= 2000 && row < 4000;
        const double load = noise() + (other && !apart ? 0.8 : 0);
        const double off = 0.1 * noise() * (other && apart ? 3 : 1);
        const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise(), 0},
                                      {row * S, names[1], 50 + load + off, 0},
                                      {row * S, names[2], 5 + 0.1 * noise(), 0}};
        test_push(t, rows, 3);
    }
    test_watermark(t, to * S);
}

static const struct event_row *event_of(const struct test *t, const char *kind, unsigned nth) {
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (strcmp(t->out[1].event[i].kind, kind) == 0 && nth-- == 0) return &t->out[1].event[i];
    return NULL;
}

static void expect_learned(struct test *t, const char *has) {
    char *reply = NULL;
    assert_int_equal(pl_harness_command(t->h, "detector learned", "", &reply, NULL), PL_OK);
    if (!strstr(reply, has)) fail_msg("%s has no %s", reply, has);
    pl_free(reply);
}

static void what_was_learned_lies_otherwise(void **state) {
    (void)state;
    static const char *const options = "{signals: 3, train: 1000, level: false, scatter: true, drift: {window: 500}}";
    for (unsigned apart = 0; apart < 2; apart++) {
        struct test *whole = test_open("detect.process", options, PL_SAMPLES);
        srand(21);
        expect_learned(whole, "[]");
        play(whole, apart, 0, 900);
        expect_learned(whole, "\"role\":\"learning\"");
        play(whole, apart, 900, 2000);
        assert_null(event_of(whole, "detect.drifted", 0));
        const double before = pl_harness_gauge(whole->h, "drift");
        assert_true(before > 0 && before < 1);
        expect_learned(whole, "\"first\":\"1970-01-01T00:00:00Z\",\"last\":\"1970-01-01T00:16:39Z\",\"frames\":1000");
        play(whole, apart, 2000, 4000);
        const struct event_row *drifted = event_of(whole, "detect.drifted", 0);
        assert_non_null(drifted);
        assert_int_equal(drifted->time, 2499 * S);
        assert_string_equal(drifted->tag, "l.pump");
        assert_non_null(
            strstr(drifted->body, apart ? "\"tags\":[{\"tag\":\"l.pump.score\"" : "\"tag\":\"l.pump.flow\""));
        assert_non_null(strstr(drifted->body, apart ? "go together otherwise" : "does not lie as it did"));
        assert_true(pl_harness_gauge(whole->h, "drift") > 1);
        expect_learned(whole, apart ? "\"drift_of\":\"score\"" : "\"drift_of\":\"l.pump.");
        play(whole, apart, 4000, 5000);
        assert_non_null(event_of(whole, "detect.settled", 0));
        assert_null(event_of(whole, "detect.drifted", 1));
        assert_int_equal(test_counter(whole, "drifted"), 4);

        struct test *first = test_open("detect.process", options, PL_SAMPLES),
                    *second = test_open("detect.process", options, PL_SAMPLES);
        srand(21);
        play(first, apart, 0, 2250); /* in the middle of a window */
        size_t size;
        void *bytes = pl_harness_snapshot(first->h, &size);
        assert_int_equal(pl_harness_restore(second->h, bytes, size, NULL), PL_OK);
        play(second, apart, 2250, 5000);
        assert_string_equal(event_of(second, "detect.drifted", 0)->body, event_of(whole, "detect.drifted", 0)->body);
        assert_string_equal(event_of(second, "detect.settled", 0)->body, event_of(whole, "detect.settled", 0)->body);
        pl_free(bytes);
        test_close(first);
        test_close(second);
        test_close(whole);
    }
}

/* A signal that wanders farther in what teaches than from then on has not drifted; one that is not there counts
 * nowhere. */
static void a_plant_that_wanders_has_not_drifted(void **state) {
    (void)state;
    srand(22);
    struct test *t = test_open("detect.process", "{signals: 2, train: 2000, drift: {window: 500}}", PL_SAMPLES);
    for (unsigned row = 0; row < 12000; row++) {
        const struct sample rows[] = {{row * S, names[0], 100 + 5 * sin(row / 320.0) + noise(), 0},
                                      {row * S, names[2], row % 2 ? NAN : 5 + noise(), 0}};
        test_push(t, rows, 2);
    }
    assert_null(event_of(t, "detect.drifted", 0));
    assert_int_equal(test_counter(t, "drifted"), 0);
    test_close(t);
}

/* What had drifted is over when another run is learned: it is told, and neither gauge nor list keeps it. */
static void another_run_has_not_drifted(void **state) {
    (void)state;
    struct test *t =
        test_open("detect.process",
                  "{signals: 3, train: 1000, level: false, scatter: true, drift: {window: 500}, gap: 1h}", PL_SAMPLES);
    srand(21);
    play(t, false, 0, 3000);
    assert_non_null(event_of(t, "detect.drifted", 0));
    assert_null(event_of(t, "detect.settled", 0));
    assert_true(pl_harness_gauge(t->h, "drift") > 1);
    play(t, false, 10000, 10100);
    const struct event_row *settled = event_of(t, "detect.settled", 0);
    assert_non_null(settled);
    assert_int_equal(settled->time, 10000 * S);
    assert_string_equal(settled->tag, "l.pump");
    assert_non_null(strstr(settled->body, "another run"));
    assert_true(pl_harness_gauge(t->h, "drift") == 0);
    assert_int_equal(test_counter(t, "runs"), 1);
    play(t, false, 10100, 12000);
    assert_null(event_of(t, "detect.settled", 1));
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_learned_lies_otherwise),
        cmocka_unit_test(a_plant_that_wanders_has_not_drifted),
        cmocka_unit_test(another_run_has_not_drifted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
