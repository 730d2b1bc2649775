/* detect.univariate: what it tells of signals of the usual kinds, and what it does not. */
#include "../testing.h"

#define S PL_SECOND

static double noise(void) {
    return test_random(1000) / 1000.0 + test_random(1000) / 1000.0 - 1;
}

static void push_value(struct test *t, unsigned row, double value) {
    test_push(t, &(struct sample){row * S, "l.p.v", value, isnan(value) ? PL_Q_BAD | PL_Q_MISSING : 0}, 1);
}

/* Of a row: its alarm; each row has its score, then its alarm. */
static bool alarm_at(const struct test *t, unsigned row) {
    const struct sample *score = &t->out[0].sample[2 * row], *alarm = score + 1;
    assert_true(2 * row + 1 < t->out[0].samples);
    assert_string_equal(score->tag, "l.p.v.score");
    assert_string_equal(alarm->tag, "l.p.v.alarm");
    assert_int_equal(score->time, row * S);
    assert_true(score->value >= 0 && score->value < 1);
    assert_int_equal(alarm->value, score->value >= 0.5);
    return alarm->value != 0;
}

static unsigned alarms_in(const struct test *t, unsigned from, unsigned to) {
    unsigned count = 0;
    for (unsigned row = from; row < to; row++)
        count += alarm_at(t, row);
    return count;
}

static void an_upset_is_told_once(void **state) {
    (void)state;
    srand(1);
    struct test *t = test_open("detect.univariate", "{history: 1024}", PL_SAMPLES);
    for (unsigned row = 0; row < 1500; row++)
        push_value(t, row, 20 + noise() + (row >= 1000 && row < 1050 ? 6 : 0));
    assert_int_equal(t->out[0].samples, 2 * 1500);
    assert_true(alarms_in(t, 300, 1000) <= 2);
    assert_true(alarm_at(t, 1000));
    assert_true(alarms_in(t, 1001, 1150) <= 3); /* only where it becomes worse */
    const struct output_rows *events = &t->out[1];
    const struct event_row *ended = NULL;
    for (unsigned i = 0; i < events->events; i++)
        if (strcmp(events->event[i].kind, "detect.ended") == 0 && events->event[i].time >= 1000 * S)
            ended = &events->event[i];
    assert_non_null(ended);
    assert_non_null(strstr(ended->body, "\"start\":1000000000000"));
    assert_non_null(strstr(ended->body, "\"tags\":[{\"tag\":\"l.p.v\",\"share\":1}]"));
    assert_non_null(strstr(ended->body, "\"cause\":\""));
    test_close(t);
}

/* Of what was told from a row on: how many of a kind, and the newest of them. */
static unsigned told(const struct test *t, const char *kind, unsigned from, const struct event_row **newest) {
    unsigned count = 0;
    for (unsigned i = 0; i < t->out[1].events; i++) {
        const struct event_row *event = &t->out[1].event[i];
        if (strcmp(event->kind, kind) != 0 || event->time < from * S) continue;
        *newest = event;
        count++;
    }
    return count;
}

static double number_in(const struct event_row *event, const char *key) {
    const char *at = strstr(event->body, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

/* How each alarm from row 1000 on has ended. */
static void expect_ends(double (*at)(unsigned row), unsigned rows, const char *expected) {
    srand(1);
    char ends[256] = "";
    struct test *t = test_open("detect.univariate", "{history: 0, threshold: 5}", PL_SAMPLES);
    for (unsigned row = 0; row < rows; row++)
        push_value(t, row, at(row));
    test_end(t);
    for (unsigned i = 0; i < t->out[1].events; i++) {
        const struct event_row *event = &t->out[1].event[i];
        const char *how = strstr(event->body, "\"how\":\"");
        if (event->time < 1000 * S || strcmp(event->kind, "detect.ended") != 0) continue;
        assert_non_null(how);
        snprintf(ends + strlen(ends), sizeof ends - strlen(ends), "%.*s ", (int)strcspn(how + 7, "\""), how + 7);
    }
    assert_string_equal(ends, expected);
    test_close(t);
}

static double for_a_while(unsigned row) {
    return 20 + noise() + (row >= 1000 && row < 1050 ? 6 : 0);
}

static double for_long(unsigned row) {
    return 20 + noise() + (row >= 1000 && row < 2000 ? 6 : 0);
}

/* What has been taken for usual is told to last, and to be over when it is. */
static void how_an_upset_ends(void **state) {
    (void)state;
    expect_ends(for_a_while, 1500, "back ");
    expect_ends(for_long, 1900, "lasts ");
    expect_ends(for_long, 2500, "lasts back ");
    expect_ends(for_long, 1010, "open ");
}

/* A leak: it begins mildly, and rises beyond all there was. It is told at each step, at most fifteen times. */
static double leak(unsigned row) {
    return 20 + noise() + (row >= 2000 ? (row - 2000) / 40.0 : 0);
}

static void an_upset_that_grows(void **state) {
    (void)state;
    srand(3);
    static const char options[] = "{history: 0, features: [level], accept: 100000}";
    struct test *t = test_open("detect.univariate", options, PL_SAMPLES);
    struct test *next = test_open("detect.univariate", options, PL_SAMPLES);
    const struct event_row *began = NULL, *grew = NULL, *ended = NULL;
    for (unsigned row = 0; row < 2600; row++) {
        const double value = leak(row);
        push_value(t, row, value);
        if (row > 2080) push_value(next, row, value);
        if (row != 2080) continue; /* within the alarm: another process takes over */
        size_t size;
        void *bytes = pl_harness_snapshot(t->h, &size);
        assert_int_equal(pl_harness_restore(next->h, bytes, size, NULL), PL_OK);
        pl_free(bytes);
    }
    for (unsigned row = 2600; row < 3000; row++) {
        const double value = leak(0);
        push_value(t, row, value);
        push_value(next, row, value);
    }
    assert_int_equal(told(t, "detect.began", 2000, &began), 1);
    assert_int_equal(told(t, "detect.ended", 2000, &ended), 1);
    const unsigned steps = told(t, "detect.grew", 2000, &grew);
    assert_in_range(steps, 5, 15);
    assert_true(number_in(began, "\"score\":") < 0.65);
    assert_true(number_in(grew, "\"score\":") > 0.9); /* as much as it can say, */
    assert_true(number_in(grew, "\"surprise\":") == 12);
    assert_true(number_in(grew, "\"size\":") > 24); /* and how large it is beyond that */
    assert_true(number_in(ended, "\"size\":") >= number_in(grew, "\"size\":"));
    assert_non_null(strstr(grew->body, "\"what\":\"level\",\"side\":\"higher\""));
    assert_true(number_in(grew, "\"start\":") == number_in(began, "\"start\":"));
    /* Behind a restore the same is told. */
    const struct event_row *same = NULL, *later = NULL;
    assert_true(began->time < 2080 * S);
    assert_int_equal(told(next, "detect.grew", 0, &same), told(t, "detect.grew", 2081, &later));
    assert_string_equal(same->body, later->body);
    assert_true(same->id == later->id);
    told(next, "detect.ended", 0, &same);
    assert_string_equal(same->body, ended->body);
    test_close(t);
    test_close(next);
}

static double day(unsigned row, unsigned missing) {
    unsigned at = row % 96;
    return row / 96 == missing ? 20 : (at >= 30 && at < 66 ? 80 : 20);
}

static void a_day_that_does_not_come(void **state) {
    (void)state;
    srand(2);
    struct test *t = test_open("detect.univariate", "{history: 2048, segment: 4}", PL_SAMPLES);
    for (unsigned row = 0; row < 20 * 96; row++)
        push_value(t, row, day(row, 17) + noise());
    assert_true(alarms_in(t, 17 * 96 + 30, 18 * 96) >= 1);
    assert_true(alarms_in(t, 12 * 96, 17 * 96 + 30) <= 1);
    test_close(t);
}

static void a_signal_that_hangs(void **state) {
    (void)state;
    srand(3);
    struct test *t = test_open("detect.univariate", "{features: [activity], history: 0}", PL_SAMPLES);
    for (unsigned row = 0; row < 1000; row++)
        push_value(t, row, row < 800 ? 20 + noise() : 20.1);
    assert_int_equal(alarms_in(t, 800, 840), alarms_in(t, 700, 1000));
    assert_true(alarms_in(t, 800, 840) >= 1);
    assert_non_null(strstr(t->out[1].event[0].body, "hangs"));
    test_close(t);
}

static void rows_that_say_nothing(void **state) {
    (void)state;
    struct test *t = test_open("detect.univariate", "{history: 512, segment: 2}", PL_SAMPLES);
    for (unsigned row = 0; row < 400; row++)
        push_value(t, row, row % 3 ? 1.0 * (row % 7) : (double)NAN);
    assert_int_equal(t->out[0].samples, 800);
    assert_int_equal(alarms_in(t, 0, 400), 0);
    assert_int_equal(test_counter(t, "skipped"), 134);
    test_push(t, (struct sample[]){{5 * S, "l.p.v", 1e300, 0}, {400 * S, "l.p.v", INFINITY, 0}}, 2);
    assert_int_equal(test_counter(t, "skipped"), 136); /* out of order, and no number */
    assert_int_equal(t->out[0].samples, 804);
    test_close(t);
}

/* The scale and the offset of a signal do not matter. */
static void units_do_not_matter(void **state) {
    (void)state;
    struct test *t[2];
    for (unsigned k = 0; k < 2; k++) {
        srand(4);
        t[k] = test_open("detect.univariate", "{history: 512, segment: 2}", PL_SAMPLES);
        for (unsigned row = 0; row < 900; row++)
            push_value(t[k], row, (noise() + (row > 700 ? 3 : 0)) * (k ? 4096 : 1));
    }
    for (unsigned i = 0; i < t[0]->out[0].samples; i++)
        assert_true(fabs(t[0]->out[0].sample[i].value - t[1]->out[0].sample[i].value) < 1e-6);
    test_close(t[0]);
    test_close(t[1]);
}

/* The same spikes come again and again: what has come before is no news, unless upsets teach nothing. A level that
 * stays is what is usual, in the end. */
static void an_upset_that_comes_again(void **state) {
    (void)state;
    for (unsigned accept = 0; accept <= 300; accept += 300) {
        char options[96];
        snprintf(options, sizeof options, "{history: 0, threshold: 4.5, features: [level], accept: %u}", accept);
        srand(7);
        struct test *t = test_open("detect.univariate", options, PL_SAMPLES);
        for (unsigned row = 0; row < 8000; row++) {
            const bool spikes = row >= 1500 && row % 1500 < 100 && row < 7000;
            push_value(t, row, 20 + noise() + (spikes && row % 5 == 0 ? 8 : 0) + (row >= 7000 ? 12 : 0));
        }
        unsigned told = 0;
        for (unsigned at = 1500; at < 7000; at += 1500)
            told += alarms_in(t, at, at + 100) > 0;
        if (accept)
            assert_int_equal(told, 4);
        else
            assert_true(told <= 2);
        assert_true(alarms_in(t, 7000, 7010) > 0);
        assert_int_equal(alarms_in(t, 7600, 8000), 0);
        test_close(t);
    }
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("detect.univariate", "{history: 200, segment: 8}");
    assert_non_null(strstr(text, "at least 384"));
    pl_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upset_is_told_once),
        cmocka_unit_test(how_an_upset_ends),
        cmocka_unit_test(an_upset_that_grows),
        cmocka_unit_test(a_day_that_does_not_come),
        cmocka_unit_test(a_signal_that_hangs),
        cmocka_unit_test(rows_that_say_nothing),
        cmocka_unit_test(units_do_not_matter),
        cmocka_unit_test(an_upset_that_comes_again),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
