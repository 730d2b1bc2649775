/* Calibration by experiments whose answer is known: what the data tell is found within its interval, what they do not
 * tell is said, and what is known before decides there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <potline/alloc.h>

#include "fit_parts.h"
#include "fit_testing.h"
#include "lab_experiments.h"

static void test_what_the_data_tell_is_within_its_interval(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file file;
    fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
    assert_int_equal(f.constants, 2);
    assert_false(f.untold[0]);
    assert_false(f.untold[1]);
    assert_true(fabs(f.value[0] - SLOPE_TRUE) < 4 * f.deviation[0]);
    assert_true(fabs(f.value[1] - OFFSET_TRUE) < 4 * f.deviation[1]);
    assert_true(f.deviation[0] < 0.05 && f.deviation[0] > 0.002);
    assert_true(f.condition < 20);
    assert_true(file.judged < NOISE);
    fit_release(&f);
}

static void test_what_the_data_do_not_tell_is_said(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file file;
    fit(&f, &file, 3, (const unsigned[]){SCALE, GAIN, OFFSET});
    assert_true(f.untold[0] && f.untold[1]);
    assert_false(f.untold[2]);
    assert_true(isinf(f.deviation[0]) && isinf(f.deviation[1]));
    assert_true(isinf(f.condition));
    assert_true(fabs(f.value[0] * f.value[1] - SLOPE_TRUE) < 0.1); /* what they predict is right all the same */
    fit_release(&f);
}

static void test_what_is_known_before_decides_where_the_data_do_not(void **state) {
    (void)state;
    static const struct pl_model_expected expected[] = {
        {"scale", 2, 0.1, "a test"}, {"offset", -3, 1, "a test"}, {.name = NULL}};
    struct pl_fit f;
    struct pl_fit_file file;
    experiment.expected = expected;
    experiment.scatter = NOISE / 3;
    fit(&f, &file, 3, (const unsigned[]){SCALE, GAIN, OFFSET});
    experiment.expected = NULL;
    assert_true(fabs(f.value[0] - 2) < 0.05);
    assert_true(fabs(f.value[1] - 3) < 0.1);
    assert_true(fabs(f.value[2] - OFFSET_TRUE) < 0.05); /* the data outweigh what was expected of it */
    assert_false(f.untold[0] || f.untold[1] || f.untold[2]);
    fit_release(&f);
}

static void test_what_is_kept_back_lies_between(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file file;
    fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
    size_t kept = 0;
    for (size_t i = 0; i < file.points; i++)
        kept += file.kept_back[i];
    assert_int_equal(kept, POINTS / 2);
    assert_false(file.kept_back[0] || file.kept_back[POINTS - 1]);
    fit_release(&f);
}

/* Points between are foreseen as they then are; what is far beyond is not said to be known, and of more points it is.
 */
static void test_what_is_foreseen_depends_on_what_was_fitted_to(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file file;
    fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
    assert_true(file.judged <= file.foreseen && file.foreseen < 1.5 * NOISE);
    assert_int_equal(file.beyond, 0);
    fit_release(&f);
    experiment.alternate = false;
    static const double part[] = {0.06, 0.2, 0.8}; /* of the record, the rest is ahead */
    double foreseen[PL_COUNT_OF(part)];
    for (unsigned i = 0; i < PL_COUNT_OF(part); i++) {
        share = part[i];
        fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
        foreseen[i] = file.foreseen;
        assert_int_equal(file.beyond > 0, i < 2); /* the last fifth is near */
        assert_true(file.judged <= file.foreseen);
        fit_release(&f);
    }
    share = 0.5;
    experiment.alternate = true;
    print_message("ahead of 4, 12 and 48 of 60 points: %.3g, %.3g, %.3g\n", foreseen[0], foreseen[1], foreseen[2]);
    assert_true(foreseen[0] > 4 * foreseen[1] && foreseen[1] > 4 * foreseen[2] && foreseen[2] < 3 * NOISE);
}

/* A model that is not quite right leaves residuals that hang together: intervals grow, and so does what is foreseen. */
static void test_a_model_that_does_not_fit_foresees_more(void **state) {
    (void)state;
    struct pl_fit right, bent;
    struct pl_fit_file file, other;
    experiment.alternate = false;
    fit(&right, &file, 2, (const unsigned[]){GAIN, OFFSET});
    bend = 2;
    fit(&bent, &other, 2, (const unsigned[]){GAIN, OFFSET});
    bend = 0;
    experiment.alternate = true;
    assert_true(bent.deviation[0] > 2 * right.deviation[0]);
    assert_true(other.foreseen > 2 * file.foreseen);
    fit_release(&right);
    fit_release(&bent);
}

/* Neighbours hang together: 30 points fitted to and 30 that judge count as 24 stretches each. */
static void test_many_points_are_no_more_than_the_stretches_of_a_record(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file file;
    fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
    double constants = f.quantile * f.quantile * 2 / 30; /* of the noise's square: two of them, by 30 points */
    double expected = sqrt(30 / 28.0 * (fit_fisher(24, 24) + constants));
    assert_true(fabs(file.foreseen / file.fitted - expected) < 0.02);
    fit_release(&f);
}

static void test_a_model_that_fails_beside_the_optimum_leaves_the_fit(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file files[] = {
        {.path = "none"}, {.path = "brittle", .judge = true}, {.path = "none", .judge = true}};
    fit_to(&f, files, 3, 2, (const unsigned[]){GAIN, OFFSET});
    assert_false(f.untold[0] || f.untold[1]);
    assert_true(files[1].judged < NOISE && isinf(files[1].foreseen));
    assert_true(files[2].judged < NOISE && files[2].foreseen < 1.5 * NOISE);
    fit_release(&f);
}

/* No residuals are left: what the data do not tell is not told by that. */
static void test_without_noise_what_is_open_stays_open(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file file;
    noise = 0;
    fit(&f, &file, 3, (const unsigned[]){SCALE, GAIN, OFFSET});
    assert_true(f.untold[0] && f.untold[1] && isinf(file.foreseen));
    fit_release(&f);
    fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
    assert_true(!f.untold[0] && !f.untold[1] && file.foreseen < 1e-6);
    fit_release(&f);
    noise = NOISE;
}

/* What is a file's own comes from its first part; a constant that others have told is not exact there. */
static void test_a_file_with_constants_of_its_own_and_shared_ones_is_not_foreseen(void **state) {
    (void)state;
    struct pl_fit f;
    static struct pl_model_parameter own_offset[PL_COUNT_OF(rows)];
    memcpy(own_offset, rows, sizeof rows);
    own_offset[OFFSET].flags = PL_MODEL_OWN;
    experiment.parameters = own_offset;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct pl_fit_file files[] = {{.path = "none"}, {.path = "none", .judge = true}};
        if (shared)
            fit_to(&f, files, 2, 2, (const unsigned[]){GAIN, OFFSET});
        else
            fit_to(&f, files, 2, 1, (const unsigned[]){OFFSET});
        assert_true(files[1].adapted && !isnan(files[1].judged));
        assert_int_equal(isnan(files[1].foreseen) != 0, shared);
        fit_release(&f);
    }
    experiment.parameters = rows;
}

static void test_what_is_at_odds_with_what_is_known_is_not_told(void **state) {
    (void)state;
    static const struct pl_model_expected near[] = {{"gain", 5.9, 0.1, "a test"}, {.name = NULL}};
    static const struct pl_model_expected far[] = {{"gain", 4, 0.1, "a test"}, {.name = NULL}};
    struct pl_fit f;
    struct pl_fit_file file;
    experiment.scatter = NOISE / 3;
    for (int odd = 0; odd < 2; odd++) {
        experiment.expected = odd ? far : near;
        fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
        assert_int_equal(f.at_odds[0], odd);
        assert_int_equal(f.untold[0], odd);
        assert_false(f.at_odds[1] || f.untold[1]);
        if (odd) assert_true(f.value[0] - f.quantile * f.deviation[0] < 4.2); /* either may be right */
        fit_release(&f);
    }
    experiment.expected = NULL;
}

static void test_quantiles_are_those_of_tables(void **state) {
    (void)state;
    static const struct {
        double degrees, quantile;
    } student[] = {{1, 12.706}, {2, 4.3027}, {3, 3.1824}, {5, 2.5706}, {10, 2.2281}, {30, 2.0423}, {1e6, 1.9600}};
    for (unsigned i = 0; i < PL_COUNT_OF(student); i++)
        assert_true(fabs(fit_student(student[i].degrees) / student[i].quantile - 1) < 1e-4);
    static const struct {
        double above, below, quantile;
    } fisher[] = {{1, 1, 161.45},  {20, 1, 248.01}, {20, 2, 19.446},  {20, 3, 8.6602},    {20, 5, 4.5581},
                  {20, 10, 2.774}, {1, 20, 4.3512}, {24, 24, 1.9838}, {120, 120, 1.3519}, {1e6, 10, 2.5379}};
    for (unsigned i = 0; i < PL_COUNT_OF(fisher); i++)
        assert_true(fabs(fit_fisher(fisher[i].above, fisher[i].below) / fisher[i].quantile - 1) < 1e-4);
}

static void test_an_inverse_is_one_and_a_flat_direction_is_named(void **state) {
    (void)state;
    double a[PL_FIT_MAX][PL_FIT_MAX] = {{4, 1, 0.5}, {1, 3, -1}, {0.5, -1, 200}}, inverse[PL_FIT_MAX][PL_FIT_MAX];
    bool mixed[PL_FIT_MAX];
    double condition = fit_invert(3, a, inverse, mixed);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++) {
            double sum = 0;
            for (unsigned k = 0; k < 3; k++)
                sum += a[i][k] * inverse[k][j];
            assert_true(fabs(sum - (i == j)) < 1e-12);
        }
    assert_true(condition > 1 && condition < 2);
    assert_true(fit_invert_whole(3, a, inverse));
    double unit[PL_FIT_MAX] = {0};
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++)
            unit[i] += a[i][k] * inverse[k][0];
    assert_true(fabs(unit[0] - 1) < 1e-12 && fabs(unit[1]) < 1e-12 && fabs(unit[2]) < 1e-12);
    double flat[PL_FIT_MAX][PL_FIT_MAX] = {{1, 2, 0}, {2, 4, 0}, {0, 0, 1}};
    assert_true(isinf(fit_invert(3, flat, inverse, mixed)));
    assert_true(mixed[0] && mixed[1]);
    assert_false(mixed[2]);
}

/* ---- A rod whose conductivity CVODES moves while it looks for the slopes ---- */

static void test_slopes_of_a_rod_are_those_of_its_temperatures(void **state) {
    (void)state;
    enum { SENSORS = 6, CONDUCTIVITY = 3 };
    char path[] = "/tmp/potline-rod-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fprintf(file, "t_s,T1_C,T2_C,T3_C,T4_C,T5_C,T6_C\n");
    for (int t = 0; t <= 600; t++) {
        fprintf(file, "%d", t);
        for (int s = 0; s < SENSORS; s++)
            fprintf(file, ",%g", 20 + (t > 60 ? (8 - s) * (1 - exp((60 - t) / 300.0)) : 0));
        fprintf(file, "\n");
    }
    fclose(file);
    double p[PL_MODEL_PARAMETERS_MAX], *value[3], *slope;
    for (int i = 0; twin_rod_parameters[i].name; i++)
        p[i] = twin_rod_parameters[i].fallback;
    void *rod = NULL;
    struct pl_model_taken taken = {0};
    assert_int_equal(twin_rod_load(&rod, path, p, &taken, NULL), PL_OK);
    size_t points = taken.points;
    unlink(path);
    slope = pl_alloc(points * sizeof *slope);
    for (int i = 0; i < 3; i++)
        value[i] = pl_alloc(points * sizeof *slope);
    const unsigned free_one[] = {CONDUCTIVITY};
    const double usual = p[CONDUCTIVITY], step = 0.01 * usual;
    assert_int_equal(twin_rod_sensitive(rod, p, free_one, 1, value[0], slope, NULL), PL_OK);
    for (int i = 1; i < 3; i++) {
        p[CONDUCTIVITY] = usual + (i == 1 ? step : -step);
        assert_int_equal(twin_rod_predict(rod, p, value[i], NULL), PL_OK);
    }
    double most = 0, off = 0;
    for (size_t i = 0; i < points; i++) {
        double found = (value[1][i] - value[2][i]) / (2 * step);
        most = fmax(most, fabs(found));
        off = fmax(off, fabs(found - slope[i]));
    }
    assert_true(most > 0.01 && off < 0.02 * most);
    twin_rod_unload(rod);
    pl_free(slope);
    for (int i = 0; i < 3; i++)
        pl_free(value[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_data_tell_is_within_its_interval),
        cmocka_unit_test(test_what_the_data_do_not_tell_is_said),
        cmocka_unit_test(test_what_is_known_before_decides_where_the_data_do_not),
        cmocka_unit_test(test_what_is_kept_back_lies_between),
        cmocka_unit_test(test_what_is_foreseen_depends_on_what_was_fitted_to),
        cmocka_unit_test(test_a_model_that_does_not_fit_foresees_more),
        cmocka_unit_test(test_many_points_are_no_more_than_the_stretches_of_a_record),
        cmocka_unit_test(test_a_model_that_fails_beside_the_optimum_leaves_the_fit),
        cmocka_unit_test(test_without_noise_what_is_open_stays_open),
        cmocka_unit_test(test_a_file_with_constants_of_its_own_and_shared_ones_is_not_foreseen),
        cmocka_unit_test(test_what_is_at_odds_with_what_is_known_is_not_told),
        cmocka_unit_test(test_quantiles_are_those_of_tables),
        cmocka_unit_test(test_an_inverse_is_one_and_a_flat_direction_is_named),
        cmocka_unit_test(test_slopes_of_a_rod_are_those_of_its_temperatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
