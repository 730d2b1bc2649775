/* detect.change: steps and changes of spread are told soon and once, and quiet signals of any kind seldom. */
#include "../testing.h"

#define S PL_SECOND

static double noise(void) {
    double sum = 0;
    for (unsigned i = 0; i < 12; i++)
        sum += test_random(100000) / 100000.0;
    return sum - 6; /* as good as normal, deviation 1 */
}

static void push_value(struct test *t, unsigned row, double value) {
    test_gather(t, (struct sample){row * S, "l.p.v", value, isnan(value) ? PL_Q_BAD | PL_Q_MISSING : 0});
}

enum { SCORE, ALARM, CHANGEPOINT, KINDS };

static double told_at(const struct test *t, unsigned row, unsigned kind) {
    static const char *const names[] = {"l.p.v.score", "l.p.v.alarm", "l.p.v.changepoint"};
    const struct sample *s = &t->out[0].sample[KINDS * row + kind];
    assert_true(KINDS * row + kind < t->out[0].samples);
    assert_string_equal(s->tag, names[kind]);
    assert_int_equal(s->time, row * S);
    return s->value;
}

static unsigned changes_in(const struct test *t, unsigned from, unsigned to) {
    unsigned count = 0;
    for (unsigned row = from; row < to; row++) {
        assert_int_equal(told_at(t, row, ALARM), told_at(t, row, SCORE) >= 0.5);
        assert_int_equal(told_at(t, row, ALARM), told_at(t, row, CHANGEPOINT));
        count += told_at(t, row, CHANGEPOINT) != 0;
    }
    return count;
}

static const struct event_row *began_behind(const struct test *t, unsigned row) {
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (strcmp(t->out[1].event[i].kind, "detect.began") == 0 && t->out[1].event[i].time >= row * S)
            return &t->out[1].event[i];
    fail_msg("nothing began");
    return NULL;
}

static void a_step_is_told_soon_and_once(void **state) {
    (void)state;
    srand(1);
    struct test *t = test_open("detect.change", "{}", PL_SAMPLES);
    for (unsigned row = 0; row < 4000; row++)
        push_value(t, row, 20 + noise() + (row >= 3000 ? 2 : 0));
    test_gathered(t);
    assert_true(changes_in(t, 0, 3000) <= 1);
    assert_int_equal(changes_in(t, 3000, 3030), 1);
    assert_true(changes_in(t, 3030, 4000) <= 1);
    const struct event_row *event = began_behind(t, 3000);
    const int64_t second = event->time / S;
    const double back = atof(strstr(event->body, "some ") + 5), seen = (double)second;
    assert_true(fabs(seen - back + 1 - 3000) <= 6); /* where the step was */
    const char *said = strstr(event->body, "its mean has gone from ");
    assert_non_null(said);
    assert_near(atof(said + strlen("its mean has gone from ")), 20, 0.2);
    assert_int_equal(test_counter(t, "changes"), changes_in(t, 0, 4000));
    test_close(t);
}

/* However large: rows far off are limited, which must not look like another spread. */
static void a_step_is_called_one(void **state) {
    (void)state;
    static const double steps[] = {4, 5, 8, 15, -15, 40, -400, 1e10};
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        srand(6 + i);
        struct test *t = test_open("detect.change", "{}", PL_SAMPLES);
        for (unsigned row = 0; row < 2100; row++)
            push_value(t, row, 20 + noise() + (row >= 2000 ? steps[i] : 0));
        test_gathered(t);
        const struct event_row *event = began_behind(t, 2000);
        const char *said = strstr(event->body, "its mean has gone from ");
        assert_non_null(said);
        assert_true(event->time <= 2020 * S);
        assert_near(atof(strstr(said, " to ") + 4), 20 + steps[i], fabs(steps[i]) > 1e6 ? 1e5 : 2);
        assert_non_null(strstr(event->body, steps[i] > 0 ? "\"side\":\"higher\"" : "\"side\":\"lower\""));
        test_close(t);
    }
}

/* A mean that wanders by itself is no news. */
static void a_spread_of_what_wanders(void **state) {
    (void)state;
    unsigned spreads = 0;
    for (unsigned i = 0; i < 8; i++) {
        srand(20 + i);
        struct test *t = test_open("detect.change", "{}", PL_SAMPLES);
        double wander = 0;
        for (unsigned row = 0; row < 6000; row++) {
            wander = 0.98 * wander + noise();
            push_value(t, row, 20 + wander + (row >= 5000 ? 20 * noise() : 0));
        }
        test_gathered(t);
        spreads += strstr(began_behind(t, 5000)->body, "its spread has gone from ") != NULL;
        test_close(t);
    }
    assert_true(spreads >= 7);
}

static void a_change_of_spread(void **state) {
    (void)state;
    srand(2);
    struct test *t = test_open("detect.change", "{}", PL_SAMPLES);
    for (unsigned row = 0; row < 3000; row++)
        push_value(t, row, 20 + noise() * (row >= 2000 && row < 2500 ? 3 : 1));
    test_gathered(t);
    assert_true(changes_in(t, 0, 2000) <= 1);
    assert_true(changes_in(t, 2000, 2060) >= 1);
    assert_true(changes_in(t, 2500, 2580) >= 1); /* and back */
    assert_non_null(strstr(began_behind(t, 2000)->body, "its spread has gone from"));
    assert_non_null(strstr(began_behind(t, 2000)->body, "\"what\":\"spread\",\"side\":\"higher\""));
    assert_non_null(strstr(began_behind(t, 2500)->body, "\"what\":\"spread\",\"side\":\"lower\""));
    assert_non_null(strstr(began_behind(t, 2500)->body, "damping"));
    for (unsigned i = 0; i < t->out[1].events; i++) /* what has changed lasts */
        if (strcmp(t->out[1].event[i].kind, "detect.ended") == 0)
            assert_non_null(strstr(t->out[1].event[i].body, "\"how\":\"lasts\""));
    test_close(t);
}

/* Neither a spike nor rows that hang together are a change. */
static void what_is_no_change(void **state) {
    (void)state;
    srand(3);
    struct test *t = test_open("detect.change", "{}", PL_SAMPLES);
    double wander = 0;
    for (unsigned row = 0; row < 20000; row++) {
        wander = 0.9 * wander + noise();
        push_value(t, row, 20 + wander + (row % 2500 == 2400 ? 500 : 0));
    }
    test_gathered(t);
    assert_true(changes_in(t, 1000, 20000) <= 8);
    for (unsigned spike = 2400; spike + 20 < 20000; spike += 2500)
        assert_int_equal(changes_in(t, spike, spike + 5), 0);
    test_close(t);
}

static void rows_that_say_nothing(void **state) {
    (void)state;
    struct test *t = test_open("detect.change", "{window: 16}", PL_SAMPLES);
    for (unsigned row = 0; row < 600; row++)
        push_value(t, row, row % 3 ? 7.25 : (double)NAN);
    test_gathered(t);
    assert_int_equal(changes_in(t, 0, 600), 0);
    assert_int_equal(test_counter(t, "skipped"), 200);
    test_push(t, (struct sample[]){{5 * S, "l.p.v", 1e300, 0}, {600 * S, "l.p.v", INFINITY, 0}}, 2);
    assert_int_equal(test_counter(t, "skipped"), 202);
    for (unsigned row = 601; row < 640; row++)
        push_value(t, row, row % 2 ? 1.7e308 : -1.7e308); /* sums of which are no numbers */
    test_gathered(t);
    for (unsigned i = 0; i < t->out[0].samples; i++)
        assert_true(t->out[0].sample[i].value >= 0 && t->out[0].sample[i].value <= 1);
    test_close(t);
}

static void units_do_not_matter(void **state) {
    (void)state;
    struct test *t[2];
    for (unsigned k = 0; k < 2; k++) {
        srand(4);
        t[k] = test_open("detect.change", "{window: 32}", PL_SAMPLES);
        for (unsigned row = 0; row < 900; row++)
            push_value(t[k], row, (noise() + (row > 700 ? 3 : 0)) * (k ? 4096 : 1));
        test_gathered(t[k]);
    }
    for (unsigned i = 0; i < t[0]->out[0].samples; i++)
        assert_true(fabs(t[0]->out[0].sample[i].value - t[1]->out[0].sample[i].value) < 1e-6);
    test_close(t[0]);
    test_close(t[1]);
}

static void a_snapshot_goes_on_alike(void **state) {
    (void)state;
    struct test *t[2];
    for (unsigned k = 0; k < 2; k++) {
        srand(5);
        t[k] = test_open("detect.change", "{window: 32}", PL_SAMPLES);
        for (unsigned row = 0; row < 1500; row++) {
            const unsigned level = row / 400 * 4;
            push_value(t[k], row, noise() + level);
            if (row % 97 == 0) test_gathered(t[k]);
            if (k && row % 97 == 0) {
                const unsigned seed = (unsigned)rand();
                srand(seed);
                test_restore(t[k]);
                srand(seed);
            } else if (row % 97 == 0)
                srand((unsigned)rand());
        }
        test_gathered(t[k]);
    }
    assert_int_equal(t[0]->out[0].samples, t[1]->out[0].samples);
    assert_true(changes_in(t[0], 0, 1500) >= 2);
    for (unsigned i = 0; i < t[0]->out[0].samples; i++)
        assert_true(t[0]->out[0].sample[i].value == t[1]->out[0].sample[i].value);
    test_close(t[0]);
    test_close(t[1]);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("detect.change", "{window: 20, least: 12}");
    assert_non_null(strstr(text, "2 x 12 rows"));
    pl_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_told_soon_and_once),
        cmocka_unit_test(a_step_is_called_one),
        cmocka_unit_test(a_change_of_spread),
        cmocka_unit_test(a_spread_of_what_wanders),
        cmocka_unit_test(what_is_no_change),
        cmocka_unit_test(rows_that_say_nothing),
        cmocka_unit_test(units_do_not_matter),
        cmocka_unit_test(a_snapshot_goes_on_alike),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
