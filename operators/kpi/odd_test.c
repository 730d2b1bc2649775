/* Key figures of what is no ordinary pot: a clock that is wrong, a pot without levels, a line's own current. */
#include "../testing.h"

#define S PL_SECOND
#define H PL_HOUR

static const double FARADAY = 9.3214647e-8; /* kg/C */

enum { VOLTAGE = 1, CURRENT = 2, LEVEL = 4 };

/* Steady, 4.2 V (or `volts`), 180 kA, 94 %. */
static void push_pot(struct test *t, const char *name, pl_time time, double volts, int which) {
    static const char *const signals[] = {"voltage", "current", "metal_level"};
    double made = 0.94 * FARADAY * 180e3 * (double)time / S;
    const double values[] = {volts, 180, 20 + made / (2300 * 32.4) * 100};
    for (unsigned i = 0; i < PL_COUNT_OF(signals); i++)
        if (which & 1 << i) test_push_signals(t, name, time, &signals[i], &values[i], 1);
}

static void push_until(struct test *t, const char *name, pl_time from, pl_time to) {
    for (pl_time time = from; time <= to; time += 10 * S)
        push_pot(t, name, time, 4.2, VOLTAGE | CURRENT | LEVEL);
}

static unsigned told_of(const struct test *t, const char *tag, pl_time time) {
    unsigned count = 0;
    for (unsigned i = 0; i < t->out[0].samples; i++)
        count += strcmp(t->out[0].sample[i].tag, tag) == 0 && t->out[0].sample[i].time == time;
    return count;
}

/* Sixty years have half a million hours: none of them is a pot's that was silent. */
static void a_clock_that_is_years_ahead(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{plant: ''}", PL_SAMPLES);
    push_until(t, "l.p", 0, 2 * H);
    push_pot(t, "l.p", 60 * 365 * PL_DAY, 4.2, VOLTAGE);
    test_watermark(t, 60 * 365 * PL_DAY);
    unsigned quality;
    assert_near(test_told(t, "l.p.kpi.hour.energy", 2 * H, &quality), 756, 1e-6);
    assert_int_equal(quality, PL_Q_GOOD);
    assert_true(t->out[0].samples < 2000);
    test_close(t);
}

/* A pot whose metal nobody measures makes what pots usually do: its line is no worse off than that is uncertain. */
static void a_pot_without_a_level(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    for (pl_time time = 0; time <= 24 * H; time += 10 * S) {
        push_pot(t, "l.p", time, 4.2, VOLTAGE | CURRENT | LEVEL);
        push_pot(t, "l.q", time, 4.2, VOLTAGE | CURRENT);
        push_pot(t, "m.p", time, 4.2, VOLTAGE | CURRENT);
    }
    test_watermark(t, 24 * H);
    double made = 0.94 * FARADAY * 180e3 * 86400;
    unsigned quality;
    assert_near(test_told(t, "l.kpi.day.production", 24 * H, &quality), 2 * made, 0.005 * made);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    assert_near(test_told(t, "l.kpi.day.current_efficiency", 24 * H, &quality), 94, 0.5);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    assert_near(test_told(t, "l.kpi.day.energy", 24 * H, &quality), 2 * 756 * 24, 1e-6);
    assert_int_equal(quality, PL_Q_GOOD);
    static const char *const none[] = {"l.q.kpi.day.production",
                                       "m.kpi.day.production"}; /* nobody measures any of it */
    for (unsigned i = 0; i < PL_COUNT_OF(none); i++) {
        test_told(t, none[i], 24 * H, &quality);
        assert_int_equal(quality, PL_Q_BAD | PL_Q_MISSING);
    }
    test_close(t);
}

/* Thirty volts on both sides of twenty minutes are two effects, and not one of twenty minutes. */
static void a_gap_between_two_effects(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: hour, plant: ''}", PL_SAMPLES);
    for (pl_time time = 0; time <= 2 * H; time += 10 * S) {
        bool gap = time >= H + 20 * PL_MINUTE && time < H + 40 * PL_MINUTE;
        bool effect = time >= H + 20 * PL_MINUTE - 20 * S && time < H + 40 * PL_MINUTE + 20 * S;
        if (!gap) push_pot(t, "l.p", time, effect ? 30 : 4.2, VOLTAGE | CURRENT | LEVEL);
    }
    test_watermark(t, 2 * H);
    unsigned quality;
    test_told(t, "l.p.kpi.hour.energy", 2 * H, &quality);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    test_close(t);
}

/* A current that is away hides no effect, in whatever steps the voltage comes. */
static void steps_that_are_no_whole_seconds(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: day, shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    for (int i = 0; i * (700 * PL_MILLISECOND) <= 24 * H + S; i++) {
        pl_time time = i * (700 * PL_MILLISECOND);
        bool away = time >= H + 20 * PL_MINUTE && time < H + 30 * PL_MINUTE;
        push_pot(t, "l.p", time, 4.2, away ? VOLTAGE : VOLTAGE | CURRENT);
    }
    test_watermark(t, 24 * H);
    unsigned quality;
    assert_near(test_told(t, "l.p.kpi.day.energy", 24 * H, &quality), 24 * 756, 0.5);
    assert_int_equal(quality, PL_Q_GOOD);
    test_close(t);
}

/* line1.current is no pot's: the line is told once, as the sum of its pots. */
static void a_current_of_the_line(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{plant: ''}", PL_SAMPLES);
    for (pl_time time = 0; time <= 3 * H; time += 10 * S) {
        push_pot(t, "l", time, 4.2, CURRENT);
        push_pot(t, "l.p", time, 4.2, VOLTAGE | CURRENT | LEVEL);
        if (time % H == 0) test_watermark(t, time);
    }
    unsigned quality;
    assert_int_equal(told_of(t, "l.kpi.hour.energy", 2 * H), 1);
    assert_near(test_told(t, "l.kpi.hour.energy", 2 * H, &quality), 756, 1e-6);
    assert_int_equal(quality, PL_Q_GOOD);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_years_ahead), cmocka_unit_test(a_pot_without_a_level),
        cmocka_unit_test(a_gap_between_two_effects),   cmocka_unit_test(steps_that_are_no_whole_seconds),
        cmocka_unit_test(a_current_of_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
