/* Where physics end, a run ends with PL_RANGE and the limit by its name; what a bath cannot dissolve stays undissolved.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <potline/model.h>

#include "models.h"

struct setting {
    const char *name;
    double value;
};

struct sample {
    void *self;
    double out[PL_MODEL_OUTPUTS_MAX];
};

static double output(const struct pl_model *m, const struct sample *run, const char *name) {
    for (unsigned i = 0; m->outputs[i].name; i++)
        if (strcmp(m->outputs[i].name, name) == 0) return run->out[i];
    fail_msg("%s has no output %s", m->name, name);
    return NAN;
}

static unsigned row(const struct pl_model *m, const char *name) {
    for (unsigned i = 0; m->parameters[i].name; i++)
        if (strcmp(m->parameters[i].name, name) == 0) return i;
    fail_msg("%s has no parameter %s", m->name, name);
    return 0;
}

/* Steps of a minute, as far as it goes; what it was at the last good one. */
static enum pl_code run(const struct pl_model *m, const struct setting *set, double until, struct sample *run,
                        struct pl_error **error) {
    double values[PL_MODEL_PARAMETERS_MAX];
    for (unsigned i = 0; m->parameters[i].name; i++)
        values[i] = m->parameters[i].fallback;
    for (; set->name; set++)
        values[row(m, set->name)] = set->value;
    enum pl_code code = m->open(&run->self, values, error);
    for (double t = 60; !code && t <= until; t += 60) {
        m->read(run->self, run->out);
        code = m->advance(run->self, t, error);
    }
    if (!code) m->read(run->self, run->out);
    return code;
}

static void ends_with(const struct pl_model *m, const struct setting *set, double until, const char *limit) {
    struct sample at = {0};
    struct pl_error *error = NULL;
    enum pl_code code = run(m, set, until, &at, &error);
    m->close(at.self);
    if (code != PL_RANGE || !strstr(error->text, limit))
        fail_msg("%s: %s, where '%s' is expected", m->name, error ? error->text : "it goes on", limit);
    pl_error_free(&error);
}

static struct sample goes_on(const struct pl_model *m, const struct setting *set, double until) {
    struct sample at = {0};
    struct pl_error *error = NULL;
    if (run(m, set, until, &at, &error)) fail_msg("%s: %s", m->name, error->text);
    m->close(at.self);
    return at;
}

#define SETTINGS(...) ((const struct setting[]){__VA_ARGS__, {.name = NULL}})
enum { FLUX = 0 };
static const double DAY = 86400;

static void nothing_is_colder_than_absolute_zero_nor_hotter_than_any_matter(void **state) {
    (void)state;
    const struct pl_model *m = &twin_fourier_model;
    ends_with(m, SETTINGS({"left", FLUX}, {"left_flux", -1e4}), DAY, "below absolute zero");
    ends_with(m, SETTINGS({"left", FLUX}, {"left_flux", -1e9}), DAY, "at 0 s more heat is taken than there is");
    ends_with(m, SETTINGS({"source", -1e12}), DAY, "below absolute zero");
    ends_with(m, SETTINGS({"source", 1e12}), DAY, "hotter than 6000 deg C");
    goes_on(m, SETTINGS({"left_temperature", -273}, {"right_temperature", -273}, {"initial", -200}), DAY);
    goes_on(m, SETTINGS({"left_temperature", 5000}, {"initial", 3000}), DAY);
}

static void anodes_stay_between_metal_and_where_a_cell_ends(void **state) {
    (void)state;
    const struct pl_model *m = &twin_cell_model;
    ends_with(m, SETTINGS({"drift", -1e-5}), DAY / 3, "the anodes are within 1 mm of the metal");
    ends_with(m, SETTINGS({"drift", 1e-5}), DAY / 3, "more than 0.2 m from the metal");
    struct sample least = goes_on(m, SETTINGS({"distance", 0.005}), 600),
                  most = goes_on(m, SETTINGS({"distance", 0.2}), 600);
    assert_true(output(m, &least, "distance") > 0.0049 && output(m, &most, "distance") < 0.2001);
}

static void a_bath_with_too_much_fluoride_has_no_known_liquidus(void **state) {
    (void)state;
    ends_with(&twin_cell_model, SETTINGS({"fluoride_feed", 1}), DAY / 3, "AlF3 in excess");
}

/* Fed twice what is used, evenly and in shots; fed much; and cooled, which makes it hold less than it has. */
static void a_bath_holds_no_more_than_it_dissolves(void **state) {
    (void)state;
    const struct pl_model *m = &twin_alumina_model;
    for (int shots = 0; shots < 2; shots++) {
        struct sample full = goes_on(m, SETTINGS({"feed", 0.06}, {"shot", 1.8 * shots}), DAY / 2);
        double most = output(m, &full, "most"), saturation = output(m, &full, "saturation");
        assert_true(most < saturation && most > 0.98 * saturation);
        assert_true(output(m, &full, "undissolved") > 100 && output(m, &full, "balance") < 1e-8);
    }
    m = &twin_cell_model;
    struct sample fed = goes_on(m, SETTINGS({"feed", 2}), 2400);
    assert_true(output(m, &fed, "alumina") < 8.3 && output(m, &fed, "undissolved") > 4000);
    assert_true(output(m, &fed, "alumina_balance") < 1e-8 && output(m, &fed, "balance") < 1e-8);
    struct sample cold = goes_on(m, SETTINGS({"current", 0}), 7 * 3600);
    assert_true(output(m, &cold, "bath_temperature") < 860 && output(m, &cold, "alumina") < 4.2);
    assert_true(output(m, &cold, "alumina_balance") < 1e-8);
    struct sample thrown = goes_on(m, SETTINGS({"shot", 100}, {"slow_share", 0}, {"bath", 200}, {"feed", 0}), 60);
    assert_true(output(m, &thrown, "alumina") < 9 && output(m, &thrown, "undissolved") > 80);
}

static void nothing_is_less_than_none(void **state) {
    (void)state;
    const struct pl_model *m = &twin_alumina_model;
    for (int shots = 0; shots < 2; shots++) {
        struct sample at = {0};
        struct pl_error *error = NULL;
        double least = 1;
        for (int hours = 1; hours < 12; hours++) {
            if (run(m, SETTINGS({"feed", 0}, {"shot", 1.8 * shots}), 3600.0 * hours, &at, &error))
                fail_msg("%s", error->text);
            m->close(at.self);
            least = fmin(least, output(m, &at, "least"));
        }
        assert_true(least >= 0);
    }
}

static void a_reversed_current_leaves_no_more_alumina_than_dissolves(void **state) {
    (void)state;
    const struct pl_model *m = &twin_electrode_model;
    ends_with(m, SETTINGS({"control", 1}, {"overpotential", -2}), 60, "wt% alumina at the anode's surface");
    goes_on(m, SETTINGS({"control", 1}, {"overpotential", 0.5}), 60);
    goes_on(m, SETTINGS({"control", 1}, {"overpotential", -0.01}), 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_colder_than_absolute_zero_nor_hotter_than_any_matter),
        cmocka_unit_test(anodes_stay_between_metal_and_where_a_cell_ends),
        cmocka_unit_test(a_bath_with_too_much_fluoride_has_no_known_liquidus),
        cmocka_unit_test(a_bath_holds_no_more_than_it_dissolves),
        cmocka_unit_test(nothing_is_less_than_none),
        cmocka_unit_test(a_reversed_current_leaves_no_more_alumina_than_dissolves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
