/* A cell that is followed: resumed from its record it goes on to the last bit; what is wrong is not believed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <potline/alloc.h>

#include "cell.h"
#include "follow.h"
#include "models.h"

enum { STEP = 10 };

static int64_t budget = 20000;

static const struct follow_setup *usual(void) {
    static struct follow_setup s;
    s = (struct follow_setup){.model = &twin_cell_model,
                              .budget = budget,
                              .effect_voltage = 8,
                              .effect_alumina = 1.9,
                              .frozen = 60,
                              .attended = 3600,
                              .risk = {900, 0.5, 0.2, 1.9, 0.06, 6, 0.12, 10800, 360}};
    models_defaults(twin_cell_model.parameters, s.values);
    return &s;
}

static double noise(double size) {
    return size * (rand() / (RAND_MAX + 1.0) - 0.5);
}

static struct follow_reading reading(double value, double spread) {
    return (struct follow_reading){.mean = value + noise(spread),
                                   .deviation = 0.01,
                                   .low = value - spread,
                                   .high = value + spread,
                                   .last = value + noise(spread),
                                   .count = 10};
}

/* A plausible minute, or values that no cell has. */
static void make_readings(struct follow_reading *in, int step, bool wild) {
    memset(in, 0, FOLLOW_SIGNALS * sizeof *in);
    double volts = 4.27 + 0.03 * sin(step / 200.0);
    in[FOLLOW_VOLTAGE] = reading(wild ? 50 + noise(100) : volts, 0.01);
    in[FOLLOW_CURRENT] = reading(wild ? 50e3 + noise(100e3) : 180e3, 100);
    in[FOLLOW_BATH_TEMP] = reading(wild ? 50 + noise(100) : 962, 0.4);
    in[FOLLOW_FEED] = reading(1.5 * floor(step * 0.2), 0);
    if (step > 120 && step < 240) memset(&in[FOLLOW_FEED], 0, sizeof *in); /* nobody counts it for a while */
    if (wild && step % 3 == 0) memset(&in[FOLLOW_CURRENT], 0, sizeof *in);
    if (wild && step % 7 == 0) memset(&in[FOLLOW_VOLTAGE], 0, sizeof *in);
}

static void go(struct follow *f, struct follow_record *r, const struct follow_reading *in, pl_time end) {
    struct follow_result result;
    struct pl_error *error = NULL;
    enum pl_code code = r->count ? PL_OK : follow_begin(f, r, usual(), in, end - STEP * PL_SECOND, &error);
    if (!code) code = follow_step(f, r, usual(), in, end, &result, &error);
    if (!code) return;
    pl_error_free(&error);
    follow_close(f);
    memset(r, 0, sizeof *r); /* lost: begins anew */
}

static void compare(const struct follow_record *a, const struct follow_record *b, int step) {
    if (memcmp(a, b, sizeof *a) == 0) return;
    for (unsigned i = 0; i < a->count; i++)
        if (a->state[i] != b->state[i])
            fail_msg("step %d: number %u is %.17g and %.17g", step, i, a->state[i], b->state[i]);
    fail_msg("step %d: the record differs beside the model's state", step);
}

static uint64_t rungs_taken;

static void resume_each_step(bool wild, int steps) {
    struct follow one = {0}, other = {0};
    static struct follow_record a, b;
    memset(&a, 0, sizeof a);
    struct follow_reading in[FOLLOW_SIGNALS];
    for (int i = 1; i <= steps; i++) {
        make_readings(in, i, wild);
        in[FOLLOW_TAPPED] = reading(i > 40 ? fmin(5.0 * (i - 40), 500) : 0, 1);
        b = a;
        if (b.count) assert_int_equal(follow_resume(&other, &b, usual(), NULL), PL_OK);
        go(&one, &a, in, (pl_time)i * STEP * PL_SECOND);
        go(&other, &b, in, (pl_time)i * STEP * PL_SECOND);
        compare(&a, &b, i);
        follow_close(&other);
    }
    rungs_taken = a.steps - a.rungs[PL_STEPPER_ASKED];
    follow_close(&one);
}

static void test_a_resumed_cell_goes_on_to_the_last_bit(void **state) {
    (void)state;
    resume_each_step(false, 300);
}

static void test_also_where_nothing_fits(void **state) {
    (void)state;
    resume_each_step(true, 60);
}

/* Some steps need a lower rung, some are held; up again, too. */
static void test_also_on_the_ladder(void **state) {
    (void)state;
    uint64_t low = 0;
    for (budget = 12; budget <= 48; budget += 12) {
        resume_each_step(false, 60);
        low += rungs_taken;
    }
    budget = 20000;
    assert_true(low > 20);
}

/* Nobody counts the feed for more than an hour: what it is not sure of it says, and the anodes stay where they are. */
static void test_without_a_count_of_the_feed_it_is_not_sure(void **state) {
    (void)state;
    struct follow f = {0};
    static struct follow_record r;
    memset(&r, 0, sizeof r);
    struct follow_reading in[FOLLOW_SIGNALS];
    struct follow_result result;
    bool sure = false;
    for (int i = 1; i <= 400; i++) {
        make_readings(in, i, false);
        memset(&in[FOLLOW_FEED], 0, sizeof *in);
        pl_time end = (pl_time)i * STEP * PL_SECOND;
        if (i == 1) assert_int_equal(follow_begin(&f, &r, usual(), in, end - STEP * PL_SECOND, NULL), PL_OK);
        assert_int_equal(follow_step(&f, &r, usual(), in, end, &result, NULL), PL_OK);
        if (i == 100) sure = !result.uncertain;
    }
    follow_close(&f);
    assert_true(sure);
    assert_true(result.uncertain && result.health < 0.5);
    assert_true(result.deviation > 0.1 && result.deviation < 0.4);
    assert_true(fabs(r.distance - 4.3) < 0.2);
}

/* Feeders tell a stroke, or a minute's: what came in between is known then. What nobody tells for long is not. */
static void test_a_count_that_is_told_seldom_is_a_count(void **state) {
    (void)state;
    struct follow f = {0};
    static struct follow_record r;
    memset(&r, 0, sizeof r);
    struct follow_reading in[FOLLOW_SIGNALS];
    double untold = 0;
    for (int i = 1; i <= 160; i++) {
        make_readings(in, i, false);
        if (i % 6 != 0 || i > 96) memset(&in[FOLLOW_FEED], 0, sizeof *in);
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
        if (i < 120) assert_true(r.minute.uncounted == 0);
        untold = fmax(untold, r.minute.uncounted);
    }
    follow_close(&f);
    assert_true(untold > 0);
}

/* Told once a minute it brings what it brings told each step: also when feeders stop, which no rate foresees. */
static void test_a_count_each_minute_is_as_good(void **state) {
    (void)state;
    static struct follow f[2];
    static struct follow_record r[2];
    memset(r, 0, sizeof r);
    struct follow_reading in[FOLLOW_SIGNALS];
    for (int i = 1; i <= 360; i++) {
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(fmin(i, 180) * 0.2), 0);
        go(&f[0], &r[0], in, (pl_time)i * STEP * PL_SECOND);
        if (i % 6 != 0) memset(&in[FOLLOW_FEED], 0, sizeof *in);
        go(&f[1], &r[1], in, (pl_time)i * STEP * PL_SECOND);
    }
    const struct horizon *often = &r[0].horizon, *seldom = &r[1].horizon;
    double variance[] = {often->now_p.at[0][0], seldom->now_p.at[0][0]};
    assert_true(fabs(often->now[HORIZON_ALUMINA] - seldom->now[HORIZON_ALUMINA]) < 0.02);
    assert_true(fabs(sqrt(variance[1] / variance[0]) - 1) < 0.1);
    assert_true(r[1].feed_rate < 0.2 * 0.03 && fabs(r[1].feed_rate - r[0].feed_rate) < 0.002);
    for (unsigned i = 0; i < 2; i++)
        follow_close(&f[i]);
}

/* wt% that the alumina is off, at the most, from two minutes behind on, beside the same cell whose count is always
 * told. `frozen`: the count is told from then on, and stands still; else it is not told. From `from` to `to` (steps).
 */
static double off_by_a_count(bool frozen, int from, int to, double *health) {
    static struct follow f[2];
    static struct follow_record r[2];
    struct follow_reading in[FOLLOW_SIGNALS];
    struct follow_result result;
    double worst = 0;
    *health = 1;
    memset(r, 0, sizeof r);
    for (int i = 1; i <= to + 360; i++) {
        pl_time end = (pl_time)i * STEP * PL_SECOND;
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
        go(&f[0], &r[0], in, end);
        if (i >= from && i < to) {
            in[FOLLOW_FEED] = reading(1.5 * floor(from * 0.2), 0);
            if (!frozen) memset(&in[FOLLOW_FEED], 0, sizeof *in);
        }
        if (i == 1) assert_int_equal(follow_begin(&f[1], &r[1], usual(), in, end - STEP * PL_SECOND, NULL), PL_OK);
        assert_int_equal(follow_step(&f[1], &r[1], usual(), in, end, &result, NULL), PL_OK);
        if (i >= to + 12)
            worst = fmax(worst, fabs(r[1].horizon.now[HORIZON_ALUMINA] - r[0].horizon.now[HORIZON_ALUMINA]));
        *health = fmin(*health, result.health);
    }
    for (unsigned i = 0; i < 2; i++)
        follow_close(&f[i]);
    return worst;
}

/* A count that stands still may be one that has frozen. When it goes on it tells in one step what came in all that
 * time: that was not fed in the step. So does one that comes back. */
static void test_a_count_that_comes_back_is_no_meal(void **state) {
    (void)state;
    double health = 0;
    srand(1);
    assert_true(off_by_a_count(true, 720, 900, &health) < 0.2); /* half an hour */
    assert_true(health < 0.7);
    assert_true(off_by_a_count(true, 720, 1260, &health) < 0.4); /* an hour and a half */
    assert_true(health < 0.5);
    assert_true(off_by_a_count(false, 720, 1800, &health) < 0.1);
}

/* A thermocouple that was exchanged, or comes loose: no bath is so much warmer at once. */
static void test_a_bath_does_not_jump(void **state) {
    (void)state;
    struct follow f = {0};
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    struct follow_result result;
    memset(&r, 0, sizeof r);
    for (int i = 1; i <= 720; i++) {
        make_readings(in, i, false);
        if (i > 300) in[FOLLOW_BATH_TEMP].mean += 15;
        pl_time end = (pl_time)i * STEP * PL_SECOND;
        if (i == 1) assert_int_equal(follow_begin(&f, &r, usual(), in, end - STEP * PL_SECOND, NULL), PL_OK);
        assert_int_equal(follow_step(&f, &r, usual(), in, end, &result, NULL), PL_OK);
        double t = cell_temperature(twin_cell_of(f.stepper.self), solver_state(twin_cell_of(f.stepper.self)->solver));
        if (i == 300) assert_true(fabs(t - 962) < 1 && result.health > 0.8);
        if (i == 470) assert_true(fabs(t - 962) < 3 && result.health < 0.9);
        if (i == 720) assert_true(fabs(t - 977) < 2); /* what stays is believed */
    }
    follow_close(&f);
}

/* Tapping, and anodes that carry nothing yet: its control feeds evenly then, and for a while behind it. */
static void test_somebody_at_the_cell_is_noticed(void **state) {
    (void)state;
    struct follow f = {0};
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    memset(&r, 0, sizeof r);
    for (int i = 1; i <= 900; i++) {
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
        in[FOLLOW_TAPPED] = reading(i < 100 ? 0 : fmin(5.0 * (i - 100), 500), 0);
        if (i >= 600) in[FOLLOW_VOLTAGE].mean += 0.12; /* one anode of twenty has no part in the current */
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
        if (i == 90) assert_true(r.visited < 0);
        if (i == 590) assert_true(fabs(r.visited - 2000) < 1); /* the last metal came in step 200 */
    }
    assert_true(r.visited >= 6000 && r.visited < 6100);
    follow_close(&f);
}

/* cm: how well the distance is known half an hour behind an anode change that has left waves of so many volts, and a
 * minute after the anodes have gone a way that makes so many. */
static double distance_known(double waves, double way) {
    struct follow f = {0};
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    memset(&r, 0, sizeof r);
    for (int i = 1; i <= 798; i++) {
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
        if (i >= 600) in[FOLLOW_VOLTAGE].mean += 0.12; /* one anode of twenty has no part in the current */
        if (i > 606) in[FOLLOW_VOLTAGE].mean += waves * sin(1.3 * i);
        if (i > 790) in[FOLLOW_VOLTAGE].mean += way;
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
    }
    follow_close(&f);
    assert_true(fabs(horizon_new_anodes(&r.horizon) - 1) < 1e-6);
    return sqrt(r.horizon.now_p.at[HORIZON_DISTANCE][HORIZON_DISTANCE]);
}

/* Waves of the metal are no way of the anodes. A way among waves is one, where it is more than they make. */
static void test_waves_do_not_make_the_distance_uncertain(void **state) {
    (void)state;
    double quiet = distance_known(0, 0), among_waves = distance_known(0.14, 0), moved = distance_known(0.14, 0.9);
    assert_true(among_waves < 1.2 * quiet);
    assert_true(moved > 1.3 * among_waves);
}

/* cm: by how much the distance is found to have grown where the anodes have gone a way of 0.5 V, in a quiet cell with a
 * new anode. */
static double way_found(bool effect) {
    struct follow f = {0};
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    double before = 0;
    memset(&r, 0, sizeof r);
    for (int i = 1; i <= 1002; i++) {
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
        if (i >= 600) in[FOLLOW_VOLTAGE].mean += 0.12;
        if (effect && i >= 700 && i < 703) in[FOLLOW_VOLTAGE].mean += i - 699; /* it rises for half a minute */
        if (effect && i >= 703 && i < 715) in[FOLLOW_VOLTAGE].mean = in[FOLLOW_VOLTAGE].high = 30;
        if (i > 990) in[FOLLOW_VOLTAGE].mean += 0.5;
        if (i == 991) before = r.horizon.now[HORIZON_DISTANCE];
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
    }
    follow_close(&f);
    return r.horizon.now[HORIZON_DISTANCE] - before;
}

/* The rise to an anode effect is no wave of the metal, and does not hide a way of the anodes an hour later. */
static void test_an_effect_is_no_unrest(void **state) {
    (void)state;
    double quiet = way_found(false), behind_effect = way_found(true);
    assert_true(quiet > 1 && fabs(behind_effect - quiet) < 0.2);
}

/* What the anodes change in the waves that a new one leaves, unmeasured, is found to be the distance: not alumina. */
static void test_a_way_among_waves_is_no_alumina(void **state) {
    (void)state;
    static const double ways[] = {0, 0.15, -0.15, 0.2, -0.2, 0.3, -0.3, 0.5, -0.5};
    for (unsigned k = 0; k < sizeof ways / sizeof *ways; k++) {
        struct follow f = {0};
        static struct follow_record r;
        struct follow_reading in[FOLLOW_SIGNALS];
        double before[HORIZON_STATES] = {0};
        memset(&r, 0, sizeof r);
        for (int i = 1; i <= 840; i++) {
            make_readings(in, i, false);
            in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
            if (i >= 600) in[FOLLOW_VOLTAGE].mean += 0.12; /* one anode of twenty has no part in the current */
            if (i > 606) in[FOLLOW_VOLTAGE].mean += 0.14 * sin((k % 2 ? 0.5 : 1.3) * i);
            if (i == 781) memcpy(before, r.horizon.now, sizeof before);
            if (i > 780 + (int)k % 6) in[FOLLOW_VOLTAGE].mean += ways[k];
            go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
        }
        follow_close(&f);
        double alumina = r.horizon.now[HORIZON_ALUMINA] - before[HORIZON_ALUMINA];
        double distance = r.horizon.now[HORIZON_DISTANCE] - before[HORIZON_DISTANCE];
        if (!(fabs(alumina) < 0.1) || !(fabs(distance - 2.78 * ways[k]) < 0.15))
            fail_msg("%g V of a way: alumina %+.2f wt%%, distance %+.2f cm", ways[k], alumina, distance);
    }
}

/* A cell with a new anode and waves of the metal, up to a step; `effect`: with an anode effect, 5 minutes before it. */
static void make_restless(struct follow *f, struct follow_record *r, int steps, bool effect) {
    struct follow_reading in[FOLLOW_SIGNALS];
    memset(r, 0, sizeof *r);
    for (int i = 1; i <= steps; i++) {
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
        if (i >= 600) in[FOLLOW_VOLTAGE].mean += 0.12;
        if (i > 606) in[FOLLOW_VOLTAGE].mean += 0.14 * sin(1.3 * i);
        if (effect && i > steps - 36 && i < steps - 30) in[FOLLOW_VOLTAGE].mean = in[FOLLOW_VOLTAGE].high = 30;
        go(f, r, in, (pl_time)i * STEP * PL_SECOND);
    }
    assert_true(r->unrest > 0.005);
}

/* The voltage falls, among waves, a few minutes behind an effect: somebody has fed by hand. */
static void test_feeding_by_hand_is_no_wave(void **state) {
    (void)state;
    static struct follow f, other;
    static struct follow_record r, more;
    int jumps = 0, ordinary = 0;
    enum { STEPS = 750 };
    make_restless(&f, &r, STEPS, true);
    follow_close(&f);
    r.minute.doubt_alumina = 0;
    for (unsigned k = 1; k < 40; k++) {
        const double fall = 0.05 * k;
        struct follow_reading in[FOLLOW_SIGNALS];
        struct follow_result result;
        more = r;
        make_readings(in, STEPS + 1, false);
        memset(&in[FOLLOW_FEED], 0, sizeof *in);
        in[FOLLOW_VOLTAGE].mean += 0.12 - fall;
        assert_int_equal(follow_resume(&other, &more, usual(), NULL), PL_OK);
        pl_time end = (STEPS + 1) * (pl_time)STEP * PL_SECOND;
        assert_int_equal(follow_step(&other, &more, usual(), in, end, &result, NULL), PL_OK);
        bool jump = result.innovation < -5;
        assert_true(more.minute.doubt_alumina == (jump ? 900 : 400));
        jumps += jump;
        ordinary += !jump;
    }
    follow_close(&other);
    assert_true(jumps > 5 && ordinary > 2);
}

/* Two readings a minute tell nothing of waves: what was known of them stays. */
static void test_what_is_not_measured_is_not_calm(void **state) {
    (void)state;
    static struct follow f;
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    make_restless(&f, &r, 702, false);
    double before = r.unrest;
    for (int i = 703; i <= 822; i++) {
        make_readings(in, i, false);
        in[FOLLOW_FEED] = reading(1.5 * floor(i * 0.2), 0);
        in[FOLLOW_VOLTAGE].mean += 0.12;
        if (i % 3) memset(&in[FOLLOW_VOLTAGE], 0, sizeof *in);
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
    }
    follow_close(&f);
    assert_true(r.unrest == before);
}

/* A scale that nobody taps into still tells some kg more or less. */
static void test_a_scale_that_jitters_is_nobody(void **state) {
    (void)state;
    struct follow f = {0};
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    memset(&r, 0, sizeof r);
    for (int i = 1; i <= 400; i++) {
        make_readings(in, i, false);
        in[FOLLOW_TAPPED] = reading(20000, 0);
        in[FOLLOW_TAPPED].last += noise(6);
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
    }
    assert_true(r.visited < 0);
    follow_close(&f);
}

/* A feed of 1.25 and 0.75 of the usual, half an hour each, that is told each 15 minutes: a count brings what was fed
 * since the one before, and its control is not taken to have fed it all at once. */
static void test_what_a_late_count_brings_was_not_fed_at_once(void **state) {
    (void)state;
    struct follow f = {0};
    static struct follow_record r;
    struct follow_reading in[FOLLOW_SIGNALS];
    const double usual_feed = 0.03;
    double fed = 0, most = 0;
    memset(&r, 0, sizeof r);
    for (int i = 1; i <= 1440; i++) {
        make_readings(in, i, false);
        fed += STEP * usual_feed * (i / 180 % 2 ? 0.75 : 1.25);
        in[FOLLOW_FEED] = reading(fed, 0);
        if (i % 90 != 1) memset(&in[FOLLOW_FEED], 0, sizeof *in);
        go(&f, &r, in, (pl_time)i * STEP * PL_SECOND);
        if (i > 360) most = fmax(most, r.risk.recent);
    }
    follow_close(&f);
    assert_true(most > 1.05 * usual_feed && most < 1.27 * usual_feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_resumed_cell_goes_on_to_the_last_bit),
        cmocka_unit_test(test_also_where_nothing_fits),
        cmocka_unit_test(test_also_on_the_ladder),
        cmocka_unit_test(test_without_a_count_of_the_feed_it_is_not_sure),
        cmocka_unit_test(test_a_count_that_is_told_seldom_is_a_count),
        cmocka_unit_test(test_a_count_each_minute_is_as_good),
        cmocka_unit_test(test_a_count_that_comes_back_is_no_meal),
        cmocka_unit_test(test_a_bath_does_not_jump),
        cmocka_unit_test(test_somebody_at_the_cell_is_noticed),
        cmocka_unit_test(test_waves_do_not_make_the_distance_uncertain),
        cmocka_unit_test(test_an_effect_is_no_unrest),
        cmocka_unit_test(test_a_way_among_waves_is_no_alumina),
        cmocka_unit_test(test_feeding_by_hand_is_no_wave),
        cmocka_unit_test(test_what_is_not_measured_is_not_calm),
        cmocka_unit_test(test_a_scale_that_jitters_is_nobody),
        cmocka_unit_test(test_what_a_late_count_brings_was_not_fed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
