/* detect.discord: a cycle of another shape is told, and cycles that are alike, of any size, are not. */
#include "../testing.h"

#define S PL_SECOND

enum { CYCLE = 50 };

static double noise(void) {
    return test_random(1000) / 1000.0 + test_random(1000) / 1000.0 - 1;
}

static void push_value(struct test *t, unsigned row, double value) {
    test_gather(t, (struct sample){row * S, "l.p.v", value, isnan(value) ? PL_Q_BAD | PL_Q_MISSING : 0});
}

static unsigned alarms_in(const struct test *t, unsigned from, unsigned to) {
    unsigned count = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        const struct sample *score = &t->out[0].sample[i - 1], *alarm = &t->out[0].sample[i];
        assert_string_equal(alarm->tag, "l.p.v.alarm");
        assert_int_equal(alarm->value, score->value >= 0.5);
        if (alarm->time >= from * S && alarm->time < to * S) count += alarm->value != 0;
    }
    return count;
}

/* Up in 20 rows and down in 30, or where it is `odd` the other way round; its size and its level go up and down. */
static double cycle(unsigned row, bool odd) {
    const unsigned at = odd ? CYCLE - 1 - row % CYCLE : row % CYCLE;
    const double size = 4 + 2 * sin(row / CYCLE), level = 100 + 20 * cos(row / 700.0);
    return level + size * (at < 20 ? at / 20.0 : (CYCLE - at) / 30.0) + 0.05 * noise();
}

static void a_cycle_of_another_shape(void **state) {
    (void)state;
    srand(1);
    struct test *t = test_open("detect.discord", "{window: 50, every: 5, history: 4000}", PL_SAMPLES);
    for (unsigned row = 0; row < 200 * CYCLE; row++)
        push_value(t, row, cycle(row, row / CYCLE == 160));
    test_gathered(t);
    assert_int_equal(t->out[0].samples, 2 * (200 * CYCLE / 5 - 19));
    assert_true(alarms_in(t, 160 * CYCLE, 162 * CYCLE) >= 2);
    assert_true(alarms_in(t, 50 * CYCLE, 160 * CYCLE) <= 4); /* of 1,100 windows */
    assert_true(alarms_in(t, 163 * CYCLE, 200 * CYCLE) <= 2);
    const struct event_row *event = NULL;
    for (unsigned i = 0; i < t->out[1].events && !event; i++)
        if (t->out[1].event[i].time >= 160 * CYCLE * S) event = &t->out[1].event[i];
    assert_non_null(event);
    assert_string_equal(event->kind, "detect.began");
    assert_non_null(strstr(event->body, "the shape of its last 50 rows"));
    assert_true(test_counter(t, "blocks") < 3 * test_counter(t, "windows")); /* of ten in the history */
    test_close(t);
}

static void rows_that_say_nothing(void **state) {
    (void)state;
    struct test *t = test_open("detect.discord", "{window: 8, every: 1, history: 64}", PL_SAMPLES);
    for (unsigned row = 0; row < 400; row++)
        push_value(t, row, row % 3 ? 7.25 : (double)NAN);
    test_gathered(t);
    assert_int_equal(alarms_in(t, 0, 400), 0);
    assert_int_equal(test_counter(t, "skipped"), 134);
    test_push(t, (struct sample[]){{5 * S, "l.p.v", 1e300, 0}, {400 * S, "l.p.v", INFINITY, 0}}, 2);
    assert_int_equal(test_counter(t, "skipped"), 136);
    for (unsigned row = 401; row < 500; row++)
        push_value(t, row, row % 2 ? 1.7e308 : -1.7e308);
    test_gathered(t);
    for (unsigned i = 0; i < t->out[0].samples; i++)
        assert_true(t->out[0].sample[i].value >= 0 && t->out[0].sample[i].value <= 1);
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("detect.discord", "{window: 100, history: 300, every: 200}");
    assert_non_null(strstr(text, "at least 400"));
    assert_non_null(strstr(text, "100 rows would be in no window"));
    pl_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cycle_of_another_shape),
        cmocka_unit_test(rows_that_say_nothing),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
