/* Calibration by experiments whose answer is known: what the data tell is found within its interval, what they do not
 * tell is said, and what is known before decides there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <potline/alloc.h>

#include "base/random.h"
#include "fit.h"
#include "fit_parts.h"

/* ---- y = scale gain x + offset, with noise: only scale * gain and offset are in the data ---- */

enum { SCALE, GAIN, OFFSET, POINTS = 60 };
static const struct pl_model_parameter rows[] = {
    [SCALE] = {"scale", "", 1, 0, 10, NULL, 0, ""},
    [GAIN] = {"gain", "", 1, 0, 10, NULL, 0, ""},
    [OFFSET] = {"offset", "", 0, -5, 5, NULL, 0, ""},
    {.name = NULL},
};
static const double SLOPE_TRUE = 6, OFFSET_TRUE = 1.5, NOISE = 0.05;
static double bend; /* of what is measured, which the model knows nothing of */

struct line {
    double x[POINTS], y[POINTS];
};

static enum pl_code load(void **data, const char *path, double *parameters, size_t *points, struct pl_error **error) {
    (void)path, (void)parameters, (void)error;
    struct line *line = PL_NEW(struct line);
    *data = line;
    if (!line) return PL_NO_MEMORY;
    struct pl_random random = {7};
    for (int i = 0; i < POINTS; i++) {
        line->x[i] = i / (double)POINTS;
        line->y[i] = SLOPE_TRUE * line->x[i] + bend * line->x[i] * line->x[i] + OFFSET_TRUE +
                     NOISE * (pl_random_unit(&random) - 0.5);
    }
    *points = POINTS;
    return PL_OK;
}

static void observed(const void *data, double *position, double *value) {
    const struct line *line = data;
    memcpy(position, line->x, sizeof line->x);
    memcpy(value, line->y, sizeof line->y);
}

static enum pl_code predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct line *line = data;
    for (int i = 0; i < POINTS; i++)
        value[i] = p[SCALE] * p[GAIN] * line->x[i] + p[OFFSET];
    return PL_OK;
}

static double misfit(const void *data, const double *p, const double *predicted, const bool *use,
                     const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct line *line = data;
    double sum = 0, n = 0;
    for (int i = 0; i < POINTS; i++) {
        if (!use[i]) continue;
        sum += (predicted[i] - line->y[i]) * (predicted[i] - line->y[i]);
        n++;
    }
    return sqrt(sum / n);
}

static void unload(void *data) {
    pl_free(data);
}

static struct pl_model_experiment experiment = {.name = "line",
                                                .parameters = rows,
                                                .along = "x",
                                                .alternate = true,
                                                .load = load,
                                                .observed = observed,
                                                .predict = predict,
                                                .misfit = misfit,
                                                .unload = unload};

static double share = 0.5;

static void fit(struct pl_fit *f, struct pl_fit_file *file, unsigned count, const unsigned *free) {
    *file = (struct pl_fit_file){.path = "none"};
    *f = (struct pl_fit){.experiment = &experiment,
                         .free_count = count,
                         .share = share,
                         .evaluations = 2000,
                         .file = file,
                         .file_count = 1};
    for (unsigned i = 0; i < PL_MODEL_PARAMETERS_MAX; i++)
        f->set[i] = file->own[i] = NAN;
    memcpy(f->free, free, count * sizeof *free);
    struct pl_error *error = NULL;
    if (fit_run(f, &error)) fail_msg("%s", error ? error->text : "no memory");
}

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

static void test_few_points_to_spare_make_wide_intervals(void **state) {
    (void)state;
    static const struct {
        double degrees, quantile; /* of tables */
    } of[] = {{3, 3.182}, {5, 2.571}, {10, 2.228}, {30, 2.042}, {1e6, 1.960}};
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++)
        assert_true(fabs(fit_student(of[i].degrees) / of[i].quantile - 1) < 0.01);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_data_tell_is_within_its_interval),
        cmocka_unit_test(test_what_the_data_do_not_tell_is_said),
        cmocka_unit_test(test_what_is_known_before_decides_where_the_data_do_not),
        cmocka_unit_test(test_what_is_kept_back_lies_between),
        cmocka_unit_test(test_what_is_foreseen_depends_on_what_was_fitted_to),
        cmocka_unit_test(test_a_model_that_does_not_fit_foresees_more),
        cmocka_unit_test(test_what_is_at_odds_with_what_is_known_is_not_told),
        cmocka_unit_test(test_few_points_to_spare_make_wide_intervals),
        cmocka_unit_test(test_an_inverse_is_one_and_a_flat_direction_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
