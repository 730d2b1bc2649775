/* detect.state: flags that are nearly always the same. */
#include "../testing.h"

#define S PL_SECOND

static void push_value(struct test *t, unsigned row, const char *tag, double value) {
    test_push(t, &(struct sample){row * S, tag, value, 0}, 1);
}

/* Of the nth row; a row has its score, then its alarm. */
static bool alarm_at(const struct test *t, unsigned row) {
    assert_true(2 * row + 1 < t->out[0].samples);
    assert_string_equal(t->out[0].sample[2 * row].tag, "l.m.score");
    assert_string_equal(t->out[0].sample[2 * row + 1].tag, "l.m.alarm");
    assert_int_equal(t->out[0].sample[2 * row].value >= 0.5, t->out[0].sample[2 * row + 1].value);
    return t->out[0].sample[2 * row + 1].value != 0;
}

static void a_flag_that_falls(void **state) {
    (void)state;
    struct test *t = test_open("detect.state", "{include: ['*_ok']}", PL_SAMPLES);
    for (unsigned row = 0; row < 600; row++)
        if (row % 2)
            push_value(t, row, "l.m.position", row);
        else
            push_value(t, row, "l.m.pump_ok", row < 400 || row >= 500);
    for (unsigned row = 0; row < 600; row++) /* rows of other tags tell it, too */
        assert_int_equal(alarm_at(t, row), row >= 400 && row < 500);
    assert_int_equal(t->out[1].events, 2);
    assert_string_equal(t->out[1].event[0].kind, "detect.began");
    assert_int_equal(t->out[1].event[0].time, 400 * S);
    assert_non_null(strstr(t->out[1].event[1].body, "\"tag\":\"l.m.pump_ok\""));
    assert_int_equal(t->out[1].event[1].time, 499 * S);
    assert_non_null(strstr(t->out[1].event[1].body, "\"how\":\"back\""));
    test_close(t);
}

/* What comes and goes is no news. */
static void a_flag_that_chatters(void **state) {
    (void)state;
    struct test *t = test_open("detect.state", "", PL_SAMPLES);
    for (unsigned row = 0; row < 900; row++)
        push_value(t, row, "l.m.busy", row / 7 % 5 == 0);
    for (unsigned row = 0; row < 900; row++)
        assert_false(alarm_at(t, row));
    assert_true(test_counter(t, "departures") > 20);
    test_close(t);
}

/* A mode that lasts becomes the usual one. */
static void a_new_mode(void **state) {
    (void)state;
    struct test *t = test_open("detect.state", "", PL_SAMPLES);
    for (unsigned row = 0; row < 1200; row++)
        push_value(t, row, "l.m.mode", row < 300 ? 1 : 2);
    assert_true(alarm_at(t, 300) && alarm_at(t, 500));
    assert_false(alarm_at(t, 700) || alarm_at(t, 1199));
    assert_int_equal(t->out[1].events, 2);
    assert_non_null(strstr(t->out[1].event[1].body, "\"how\":\"lasts\""));
    test_close(t);
}

static void more_states_than_are_known(void **state) {
    (void)state;
    struct test *t = test_open("detect.state", "", PL_SAMPLES);
    for (unsigned row = 0; row < 300; row++)
        push_value(t, row, "l.m.line", row % 2 ? 0 : row);
    push_value(t, 300, "l.m.line", NAN);
    push_value(t, 10, "l.m.line", 3);
    assert_int_equal(test_counter(t, "skipped"), 2);
    assert_int_equal(t->out[0].samples, 2 * 302);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_that_falls),
        cmocka_unit_test(a_flag_that_chatters),
        cmocka_unit_test(a_new_mode),
        cmocka_unit_test(more_states_than_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
