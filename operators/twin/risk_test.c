/* Anode effects foreseen: how probable, how soon, told once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "risk.h"

static const struct risk_setup setup = {900, 0.5, 0.2, 1.9, 0.06, 6, 0.12, 10800, 360};

/* A cell that is fed `feed` of what it uses. */
static struct risk_input input(double t, double alumina, double feed) {
    const double used = 0.0298;
    return (struct risk_input){.t = t,
                               .seconds = 10,
                               .feed = feed * used,
                               .share = 1,
                               .used = used,
                               .alumina = alumina,
                               .mass = 6200,
                               .undissolved = 0.6 * feed * used / 0.0028,
                               .dissolving = 0.0028,
                               .at_once = 0.4,
                               .deviation = 0.03,
                               .share_deviation = 0.05,
                               .voltage = 4.3,
                               .density = 1,
                               .settled = true};
}

static struct risk_outlook after(double alumina, double feed) {
    struct risk risk;
    risk_begin(&risk, feed * 0.0298);
    struct risk_input in = input(3600, alumina, feed);
    return risk_step(&risk, &setup, &in);
}

static void test_less_alumina_and_less_feed_are_more_risk(void **state) {
    (void)state;
    double before = 1;
    for (int i = 0; i < 10; i++) {
        double now = after(1.9 + 0.1 * i, 0.75).probability;
        assert_true(now < before);
        before = now;
    }
    assert_true(after(2.0, 0.5).probability > after(2.0, 1).probability);
    assert_true(after(3, 1).probability < 1e-3);
    assert_true(after(1.85, 0.5).probability > 0.9);
}

static void test_minutes_are_what_the_balance_says(void **state) {
    (void)state;
    /* A quarter less than is used: 0.447 kg a minute are missing of 62 kg a wt%. */
    double minutes = after(2.1, 0.75).minutes;
    assert_true(fabs(minutes - 0.2 * 62 / 0.447) < 1.5);
    assert_int_equal((int)after(2.1, 1.1).minutes, RISK_FAR);
    assert_true(after(1.8, 1).minutes == 0);
}

static void test_it_is_told_once_and_over_when_far(void **state) {
    (void)state;
    struct risk risk;
    risk_begin(&risk, 0.5 * 0.0298);
    int raised = 0, cleared = 0;
    for (int i = 0; i < 600; i++) {
        double alumina = i < 300 ? 2.3 - 0.4 * i / 300 : 1.9 + 0.4 * (i - 300) / 300;
        struct risk_input in = input(3600 + 10 * i, alumina, i < 300 ? 0.5 : 1.4);
        struct risk_outlook out = risk_step(&risk, &setup, &in);
        raised += out.raised;
        cleared += out.cleared;
        if (out.cleared) assert_true(alumina > 2);
    }
    assert_int_equal(raised, 1);
    assert_int_equal(cleared, 1);
}

static void test_an_effect_ends_it_and_a_new_cell_is_left_alone(void **state) {
    (void)state;
    struct risk risk;
    risk_begin(&risk, 0);
    for (int i = 0; i < 20; i++) {
        struct risk_input in = input(100 + 10 * i, 1.9, 0.5);
        assert_false(risk_step(&risk, &setup, &in).raised); /* nothing is known yet */
    }
    int raised = 0;
    for (int i = 0; i < 20; i++) {
        struct risk_input in = input(3600 + 10 * i, 1.9, 0.5);
        raised += risk_step(&risk, &setup, &in).raised;
    }
    assert_int_equal(raised, 1);
    struct risk_input in = input(4000, 1.9, 0.5);
    in.effect = true;
    struct risk_outlook out = risk_step(&risk, &setup, &in);
    assert_true(out.cleared && out.probability == 1 && out.minutes == 0);
}

static void test_a_higher_density_wants_more_alumina(void **state) {
    (void)state;
    struct risk risk;
    risk_begin(&risk, 0.0298);
    struct risk_input usual = input(3600, 2.0, 1), more = usual;
    more.density = 1.06;
    double before = risk_step(&risk, &setup, &usual).probability;
    assert_true(risk_step(&risk, &setup, &more).probability > before);
}

/* Feeders that have stopped are felt at once; a control that feeds less for some minutes hardly. */
static void test_what_arrives_counts_more_than_what_is_asked_for(void **state) {
    (void)state;
    struct risk blocked, lean;
    struct risk_outlook stopped, less;
    risk_begin(&blocked, 0.0298);
    risk_begin(&lean, 0.0298);
    for (int i = 0; i < 30; i++) {
        struct risk_input in = input(3600 + 10 * i, 2.1, 1);
        in.share = 0.2;
        stopped = risk_step(&blocked, &setup, &in);
        in.share = 1;
        in.feed *= 0.7;
        less = risk_step(&lean, &setup, &in);
    }
    assert_true(stopped.raised || stopped.probability > 0.5);
    assert_true(less.probability < 0.2);
}

/* What it has borne for long it will bear; a little less is new again, and so it is a day later. */
static void test_a_cell_bears_what_it_has_borne(void **state) {
    (void)state;
    struct risk risk;
    risk_begin(&risk, 0.0298);
    struct risk_outlook out = {0};
    double first = 0;
    for (int i = 0; i < 360; i++) {
        struct risk_input in = input(3600 + 10 * i, 1.9, 1);
        out = risk_step(&risk, &setup, &in);
        if (i == 0) first = out.probability;
    }
    struct risk stays = risk, falls = risk, later = risk;
    struct risk_input same = input(7200, 1.9, 1), less = input(7200, 1.82, 1);
    double stood = risk_step(&stays, &setup, &same).probability;
    double fallen = risk_step(&falls, &setup, &less).probability;
    for (int i = 0; i < 8640; i++) {
        struct risk_input in = input(7200 + 10 * i, 2.5, 1);
        risk_step(&later, &setup, &in);
    }
    assert_true(first < 0.45); /* an even chance, less what the reading itself has ruled out */
    assert_true(stood < 0.45);
    assert_true(fallen > stood + 0.15);
    struct risk never;
    risk_begin(&never, 0.0298);
    struct risk_input again = input(93600, 2.1, 0.75);
    assert_true(fabs(later.stood - setup.alumina - 0.3) < 0.01);
    assert_true(fabs(risk_step(&later, &setup, &again).probability - risk_step(&never, &setup, &again).probability) <
                0.01);
}

/* Less alumina is never less risk, however long it has been so and wherever it is taken to be. */
static void test_far_below_the_usual_is_no_safe_place(void **state) {
    (void)state;
    double before = 0;
    for (int step = 0; step < 13; step++) {
        struct risk risk;
        const double low = 2.2 - 0.1 * step;
        risk_begin(&risk, 0.0298);
        for (int i = 0; i < 360; i++) {
            struct risk_input in = input(3600 + 10 * i, low, 1);
            risk_step(&risk, &setup, &in);
        }
        struct risk_input less = input(7200, low - 0.1, 1);
        struct risk_outlook out = risk_step(&risk, &setup, &less);
        assert_true(out.probability > before - 0.02);
        before = out.probability;
    }
    assert_true(before > 0.9);
}

/* A control that feeds more has seen why: its last minutes count, not the hour. One that feeds less, the hour. */
static void test_more_feed_counts_at_once(void **state) {
    (void)state;
    struct risk more, less;
    risk_begin(&more, 0.75 * 0.0298);
    risk_begin(&less, 0.0298);
    double before = after(2.05, 0.75).probability, usual = after(2.05, 1).probability;
    struct risk_outlook up, down;
    for (int i = 0; i < 90; i++) {
        struct risk_input in = input(3600 + 10 * i, 2.05, 1.35);
        up = risk_step(&more, &setup, &in);
        in = input(3600 + 10 * i, 2.05, 0.75);
        down = risk_step(&less, &setup, &in);
    }
    assert_true(up.probability < 0.2 * before);
    assert_true(down.probability < usual + 0.1);
}

/* An hour at 0.75 of what is used, behind half an hour at 1.35. */
static struct risk lean(void) {
    struct risk risk;
    risk_begin(&risk, 0.0298);
    for (int i = 0; i < 540; i++) {
        struct risk_input in = input(3600 + 10 * i, 2.5, i < 180 ? 1.35 : 0.75);
        risk_step(&risk, &setup, &in);
    }
    return risk;
}

/* Fed lean at 0.75 by a control that lately fed 1.35: it is expected to, but not for longer than it may take, and not
 * where somebody at the cell has it feed evenly. */
static void test_a_control_is_given_time_to_answer(void **state) {
    (void)state;
    const double low = 1.93;
    struct risk held = lean(), dead = held, answers = held;
    struct risk_input in = input(9000, low, 0.75);
    in.held = true;
    assert_true(risk_step(&held, &setup, &in).probability > setup.raise);
    double raised_at = -1;
    for (int i = 0; i < 90; i++) {
        in = input(9000 + 10 * i, low, 0.75);
        struct risk_outlook out = risk_step(&dead, &setup, &in);
        if (i == 0) assert_true(out.probability < setup.clear);
        if (out.raised) raised_at = 10 * i;
        in = input(9000 + 10 * i, low, i < 12 ? 0.75 : 1.35);
        assert_false(risk_step(&answers, &setup, &in).raised);
    }
    assert_true(raised_at >= setup.answer && raised_at < setup.answer + 10 * setup.patience + 10);
}

/* s that are left before the usual limit when it is told, of a cell that was fed `swing` more and less than it uses in
 * turn, and then only `feed`, from so many wt% on. */
static double told_before(double feed, double from, double swing) {
    const double used = 0.0298, k = 0.0028;
    struct risk risk;
    double alumina = from, undissolved = 0.6 * used / k, left = 0;
    bool told = false;
    risk_begin(&risk, used);
    for (int i = 0; i < 1080; i++) {
        struct risk_input in = input(3600 + 10 * i, from, i / 150 % 2 ? 1 - swing : 1 + swing);
        risk_step(&risk, &setup, &in);
    }
    for (int i = 1080; alumina > 1.9; i++) {
        struct risk_input in = input(3600 + 10 * i, alumina, feed);
        in.undissolved = undissolved;
        told = risk_step(&risk, &setup, &in).raised || told;
        left = told ? left + 10 : 0;
        double gone = undissolved * -expm1(-k * 10);
        undissolved += 0.6 * feed * used * 10 - gone;
        alumina += 100.0 / 6200 * (gone + 0.4 * feed * used * 10 - used * 10);
    }
    return left;
}

/* An empty silo, or a control that stands still: nobody waits for its answer, and the hour before says nothing. A lean
 * feeding that never ends is told once the control has had its time. */
static void test_a_feed_that_is_off_is_told_at_once(void **state) {
    (void)state;
    for (int i = 0; i <= 6; i++) {
        double feed = i / 10.0, short_of = told_before(feed, 2.2, 0.25), long_before = told_before(feed, 2.5, 0);
        if (short_of < 400 || long_before < 600)
            fail_msg("fed %.1f: told %g and %g s before", feed, short_of, long_before);
    }
    assert_true(told_before(0.75, 2.2, 0.25) > 150 && told_before(0.75, 2.5, 0) > 300);
}

/* A probability that goes to and fro about `raise` does not begin its time anew each time. */
static void test_the_wait_does_not_begin_anew(void **state) {
    (void)state;
    struct risk risk = lean();
    double raised_at = -1;
    for (int i = 0; i < 180 && raised_at < 0; i++) {
        struct risk_input in = input(9000 + 10 * i, i % 10 == 9 ? 2.1 : 1.93, 0.75);
        if (risk_step(&risk, &setup, &in).raised) raised_at = 10 * i;
    }
    assert_true(raised_at >= setup.answer && raised_at < 2 * setup.answer);
}

/* Once told, it is not over because the control might feed more: only because there is enough, or it does. */
static void test_hope_clears_nothing(void **state) {
    (void)state;
    struct risk risk = lean();
    int raised = 0, cleared = 0;
    for (int i = 0; i < 180; i++) {
        struct risk_input in = input(9000 + 10 * i, i < 60 ? 1.93 : 2.02, 0.75);
        struct risk_outlook out = risk_step(&risk, &setup, &in);
        raised += out.raised;
        cleared += out.cleared;
    }
    assert_int_equal(raised, 1);
    assert_int_equal(cleared, 0);
}

/* Behind an effect a pot is fed as never else: that is nothing to expect of its control. */
static void test_what_was_fed_behind_an_effect_is_not_expected(void **state) {
    (void)state;
    struct risk risk, usual;
    risk_begin(&risk, 0.0298);
    risk_begin(&usual, 0.0298);
    for (int i = 0; i < 720; i++) {
        struct risk_input in = input(3600 + 10 * i, 2.05, 0.75);
        risk_step(&usual, &setup, &in);
        if (i < 120) in.feed *= 4;
        in.effect = i < 12;
        in.settled = i > 360;
        risk_step(&risk, &setup, &in);
    }
    assert_true(risk.most < 1.05 * usual.most);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_less_alumina_and_less_feed_are_more_risk),
        cmocka_unit_test(test_minutes_are_what_the_balance_says),
        cmocka_unit_test(test_it_is_told_once_and_over_when_far),
        cmocka_unit_test(test_an_effect_ends_it_and_a_new_cell_is_left_alone),
        cmocka_unit_test(test_a_higher_density_wants_more_alumina),
        cmocka_unit_test(test_a_cell_bears_what_it_has_borne),
        cmocka_unit_test(test_far_below_the_usual_is_no_safe_place),
        cmocka_unit_test(test_more_feed_counts_at_once),
        cmocka_unit_test(test_what_arrives_counts_more_than_what_is_asked_for),
        cmocka_unit_test(test_a_control_is_given_time_to_answer),
        cmocka_unit_test(test_a_feed_that_is_off_is_told_at_once),
        cmocka_unit_test(test_the_wait_does_not_begin_anew),
        cmocka_unit_test(test_hope_clears_nothing),
        cmocka_unit_test(test_what_was_fed_behind_an_effect_is_not_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
