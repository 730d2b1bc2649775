/* What a cell comes to, by algebra, against the model taken there through days; slopes against differences. */
#include "steady.h"

#include <math.h>
#include <string.h>

#include "../testing.h"
#include "models.h"

static double values[PL_MODEL_PARAMETERS_MAX];

static void *open_cell(void) {
    void *self = NULL;
    struct pl_error *error = NULL;
    models_defaults(twin_cell_model.parameters, values);
    if (twin_cell_model.open(&self, values, &error)) fail_msg("%s", error->text);
    return self;
}

static unsigned output(const char *name) {
    for (unsigned i = 0; twin_cell_model.outputs[i].name; i++)
        if (strcmp(twin_cell_model.outputs[i].name, name) == 0) return i;
    fail_msg("no output %s", name);
    return 0;
}

/* Held by a perfect crew: fed what it uses, tapped what it makes, AlF3 kept up with what alumina and cryolite take. */
static void hold(void *self, double hours, double *out) {
    struct pl_error *error = NULL;
    double t0 = 0;
    for (double h = 0; h < hours; h += 0.5) {
        twin_cell_model.read(self, out);
        double used = out[output("consumption")] / 3600;
        struct {
            const char *name;
            double value;
        } set[] = {{"feed", used},
                   {"tapping", out[output("production")] / 3600},
                   {"fluoride_feed", used * (0.02 + 0.03 * out[output("excess_fluoride")] / 100)}};
        for (unsigned i = 0; i < 3; i++)
            if (twin_cell_model.set(self, (unsigned)twin_cell_row(set[i].name), set[i].value, &error))
                fail_msg("%s", error->text);
        if (twin_cell_model.advance(self, t0 + (h + 0.5) * 3600, &error)) fail_msg("%s", error->text);
    }
    twin_cell_model.read(self, out);
}

static void it_is_where_the_model_goes(void **state) {
    (void)state;
    static const struct { double distance, current; } of[] = {{0.043, 180e3}, {0.0415, 180e3}, {0.0445, 183e3}};
    for (unsigned k = 0; k < PL_COUNT_OF(of); k++) {
        void *self = open_cell();
        struct pl_error *error = NULL;
        twin_cell_model.set(self, (unsigned)twin_cell_row("distance"), of[k].distance, &error);
        twin_cell_model.set(self, (unsigned)twin_cell_row("current"), of[k].current, &error);
        double out[PL_MODEL_OUTPUTS_MAX];
        hold(self, 96, out);
        struct steady steady;
        struct steady_state s;
        assert_int_equal(steady_open(&steady, self, 160e3, 200e3, &error), PL_OK);
        struct steady_point p = {
            {of[k].distance, out[output("alumina")], out[output("excess_fluoride")], of[k].current}};
        assert_true(steady_at(&steady, &p, &s, NULL));
        const struct {
            const char *name;
            int of;
            double scale, tolerance;
        } same[] = {{"bath_temperature", STEADY_TEMPERATURE, 1, 0.1},
                    {"superheat", STEADY_SUPERHEAT, 1, 0.05},
                    {"ledge_bath", STEADY_LEDGE_BATH, 1, 0.001},
                    {"ledge_metal", STEADY_LEDGE_METAL, 1, 0.001},
                    {"bath", STEADY_BATH, 1, 20},
                    {"voltage", STEADY_VOLTAGE, 1, 0.002},
                    {"current_efficiency", STEADY_EFFICIENCY, 1, 2e-4},
                    {"energy", STEADY_ENERGY, 1, 5},
                    {"production", STEADY_PRODUCTION, 1, 0.02},
                    {"margin", STEADY_MARGIN, 1, 1e-3}};
        for (unsigned i = 0; i < PL_COUNT_OF(same); i++) {
            printf("%-20s model %12.6f algebra %12.6f\n", same[i].name, out[output(same[i].name)],
                   s.out[same[i].of] * same[i].scale);
            assert_near(out[output(same[i].name)], s.out[same[i].of] * same[i].scale, same[i].tolerance);
        }
        printf("lining: interpolated to %.3g W\n\n", steady.lining_error);
        assert_true(steady.lining_error < 20); /* of some 370 kW */
        twin_cell_model.close(self);
    }
}

static void slopes_are_those_of_differences(void **state) {
    (void)state;
    static const double step[STEADY_INPUTS] = {2e-5, 2e-3, 2e-3, 20};
    void *self = open_cell();
    struct pl_error *error = NULL;
    struct steady steady;
    assert_int_equal(steady_open(&steady, self, 160e3, 200e3, &error), PL_OK);
    struct steady_point p = {{0.043, 2.6, 11.5, 181e3}};
    struct steady_state s, low, high;
    double slope[STEADY_OUTPUTS][STEADY_INPUTS];
    assert_true(steady_at(&steady, &p, &s, slope));
    for (int j = 0; j < STEADY_INPUTS; j++) {
        struct steady_point a = p, b = p;
        a.in[j] -= step[j];
        b.in[j] += step[j];
        assert_true(steady_at(&steady, &a, &low, NULL) && steady_at(&steady, &b, &high, NULL));
        for (int i = 0; i < STEADY_OUTPUTS; i++) {
            double by = (high.out[i] - low.out[i]) / (2 * step[j]);
            assert_near(slope[i][j], by, 1e-4 * fabs(by) + 1e-7 * fabs(s.out[i]) / step[j]);
        }
    }
    twin_cell_model.close(self);
}

static void what_means_nothing_has_no_state(void **state) {
    (void)state;
    void *self = open_cell();
    struct pl_error *error = NULL;
    struct steady steady;
    struct steady_state s;
    assert_int_equal(steady_open(&steady, self, 160e3, 200e3, &error), PL_OK);
    const struct steady_point wild[] = {{{0.043, 2.6, 11.5, 0}},     {{0.043, -1, 11.5, 180e3}},
                                        {{0.043, 2.6, 11.5, 20e3}},  {{NAN, 2.6, 11.5, 180e3}},
                                        {{0.043, NAN, 11.5, 180e3}}, {{0.043, 2.6, NAN, 180e3}}};
    for (unsigned i = 0; i < PL_COUNT_OF(wild); i++)
        assert_false(steady_at(&steady, &wild[i], &s, NULL));
    twin_cell_model.close(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_where_the_model_goes),
        cmocka_unit_test(slopes_are_those_of_differences),
        cmocka_unit_test(what_means_nothing_has_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
