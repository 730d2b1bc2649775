/* Every model with whatever values its tables allow: numbers or a named limit, never anything else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <potline/alloc.h>
#include <potline/stepper.h>

#include "base/random.h"
#include "models.h"
#include "solver.h"

static const struct pl_model *const models[] = {&twin_fourier_model, &twin_ledge_model,  &twin_electrode_model,
                                                &twin_alumina_model, &twin_lining_model, &twin_cell_model};

static unsigned count(const struct pl_model *m) {
    unsigned n = 0;
    while (m->parameters[n].name)
        n++;
    return n;
}

static void defaults(const struct pl_model *m, double *values) {
    for (unsigned i = 0; i < count(m); i++)
        values[i] = m->parameters[i].fallback;
}

static void advance(const struct pl_model *m, void *self, double until) {
    struct pl_error *error = NULL;
    if (m->advance(self, until, &error)) fail_msg("%s: %s", m->name, error->text);
}

static double any_value(struct pl_random *random, const struct pl_model_parameter *row) {
    double low = row->low, high = row->high, u = pl_random_unit(random), value;
    switch (pl_random_below(random, 5)) {
    case 0: return low;
    case 1: return high;
    case 2: value = low > 0 ? low * pow(high / low, u) : low + u * (high - low); break;
    case 3: value = low + u * (high - low); break;
    default: return row->fallback;
    }
    return row->choices || (row->flags & PL_MODEL_WHOLE) ? floor(value) : value;
}

/* Sums are kept to the round-off of a Jacobian, in units of what Newton's iteration leaves: the looser, the more. Where
 * values are usual ones it is 1e-8 and less (`verify`). */
static double balance_limit(double tolerance) {
    return 1e-7 * fmax(tolerance / 1e-5, 1);
}

static double tolerance_of(const struct pl_model *m, const double *values) {
    for (unsigned i = 0; i < count(m); i++)
        if (m->parameters[i].flags & PL_MODEL_LOOSE) return values ? values[i] : m->parameters[i].fallback;
    return 0;
}

static void check_numbers_at(const struct pl_model *m, void *self, double tolerance) {
    double out[PL_MODEL_OUTPUTS_MAX];
    static double position[PL_MODEL_PROFILE_MAX], value[PL_MODEL_PROFILE_MAX];
    m->read(self, out);
    for (unsigned i = 0; m->outputs[i].name; i++)
        if (!isfinite(out[i]))
            fail_msg("%s: %s is %g", m->name, m->outputs[i].name, out[i]);
        else if (strstr(m->outputs[i].name, "balance") && out[i] > balance_limit(tolerance))
            fail_msg("%s: %s is %.2e, with a tolerance of %g", m->name, m->outputs[i].name, out[i], tolerance);
    for (unsigned k = 0; m->profiles[k].name; k++) {
        unsigned n = m->profile(self, k, position, value);
        assert_in_range(n, 1, PL_MODEL_PROFILE_MAX);
        for (unsigned i = 0; i < n; i++)
            if (!isfinite(value[i])) fail_msg("%s: %s is %g", m->name, m->profiles[k].name, value[i]);
    }
}

static void check_numbers(const struct pl_model *m, void *self) {
    check_numbers_at(m, self, tolerance_of(m, NULL));
}

/* A failure names what was crossed. */
static void check_failure(const struct pl_model *m, enum pl_code code, struct pl_error **error) {
    if (!code) {
        assert_null(*error);
        return;
    }
    if (code != PL_RANGE && code != PL_LIMIT) fail_msg("%s: %s", m->name, pl_code_name(code));
    assert_non_null(*error);
    assert_true(strlen((*error)->text) > 10);
    pl_error_free(error);
}

enum wildness { WILD_INPUTS, WILD_SETUP, WILD_NUMERICS };

static void draw(struct pl_random *random, const struct pl_model *m, enum wildness wild, double *values) {
    defaults(m, values);
    for (unsigned i = 0; i < count(m); i++) {
        bool numerical = m->parameters[i].flags & (PL_MODEL_GRID | PL_MODEL_LOOSE);
        bool input = m->parameters[i].flags & PL_MODEL_INPUT;
        if (wild == WILD_NUMERICS ? numerical : !numerical && (input || wild == WILD_SETUP))
            values[i] = any_value(random, &m->parameters[i]);
    }
}

static double thread_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Evaluations to open with; none where no unknown is algebraic. One that fails may leave nothing to ask, and what comes
 * before a solver is not counted: the clock bounds both. */
static enum pl_code open_bounded(const struct pl_model *m, void **self, const double *values, long *most,
                                 struct pl_error **error) {
    double before = thread_seconds();
    enum pl_code code = m->open(self, values, error);
    assert_true(thread_seconds() - before < 2);
    if (*self && m->effort(*self) > *most) *most = m->effort(*self);
    return code;
}

static void run_wild(struct pl_random *random, const struct pl_model *m, enum wildness wild, unsigned *good,
                     long *opening) {
    double values[PL_MODEL_PARAMETERS_MAX];
    void *self = NULL;
    struct pl_error *error = NULL;
    draw(random, m, wild, values);
    enum pl_code code = open_bounded(m, &self, values, opening, &error);
    for (int step = 1; step <= 4 && !code; step++) {
        check_numbers(m, self);
        unsigned i = (unsigned)pl_random_below(random, count(m));
        if (m->parameters[i].flags & PL_MODEL_INPUT)
            code = m->set(self, i, any_value(random, &m->parameters[i]), &error);
        if (!code) code = m->advance(self, m->until * step / 40, &error);
    }
    *good += !code;
    check_failure(m, code, &error);
    m->close(self);
}

static void test_wild_inputs_give_numbers_or_a_limit(void **state) {
    (void)state;
    int rounds = getenv("POTLINE_LONG") ? 200 : 36; /* of wild cells one in fourteen comes to its end */
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        struct pl_random random = {.state = 17 + k};
        unsigned good = 0;
        long opening = 0;
        for (int i = 0; i < rounds; i++)
            run_wild(&random, models[k], i % 2 ? WILD_SETUP : WILD_INPUTS, &good, &opening);
        print_message("%s: %u of %d to the end, opened with %ld evaluations at the most\n", models[k]->name, good,
                      rounds, opening);
        assert_true(good > 0);
        assert_int_equal(opening > 0, models[k] == &twin_electrode_model);
        assert_true(opening < SOLVER_OPENING / 10); /* the bound is far from all that can be opened */
    }
}

/* The finest grid and the tightest tolerance that a table allows, and any between: a budget bounds what a step takes,
 * and what could not be done as asked is done on a lower rung. */
static void test_wild_grids_and_tolerances_end_within_their_budget(void **state) {
    enum { BUDGET = 600, STEPS = 3 };
    (void)state;
    int rounds = getenv("POTLINE_LONG") ? 60 : 5;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        struct pl_random random = {.state = 91 + k};
        unsigned through = 0;
        for (int i = 0; i < rounds; i++) {
            struct pl_stepper s;
            struct pl_error *error = NULL;
            double values[PL_MODEL_PARAMETERS_MAX];
            draw(&random, m, WILD_NUMERICS, values);
            enum pl_code code = pl_stepper_open(&s, m, values, &error);
            s.budget = BUDGET;
            for (int step = 1; step <= STEPS && !code; step++) {
                long before = pl_stepper_effort(&s);
                code = pl_stepper_advance(&s, m->until * step / 20, &error);
                assert_true(pl_stepper_effort(&s) - before <= 5 * (BUDGET + 100));
                check_numbers_at(m, s.self, pl_stepper_uncertain(&s) ? 1e-2 : tolerance_of(m, values));
            }
            through += !code;
            check_failure(m, code, &error);
            pl_stepper_close(&s);
        }
        print_message("%s: %u of %d to the end\n", m->name, through, rounds);
        assert_true(through > 0);
    }
}

static void test_defaults_are_within_ranges_and_run(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        double values[PL_MODEL_PARAMETERS_MAX];
        assert_true(count(m) <= PL_MODEL_PARAMETERS_MAX);
        defaults(m, values);
        for (unsigned i = 0; i < count(m); i++)
            assert_true(values[i] >= m->parameters[i].low && values[i] <= m->parameters[i].high);
        void *self = NULL;
        assert_int_equal(m->open(&self, values, NULL), PL_OK);
        advance(m, self, m->until / 20);
        check_numbers(m, self);
        m->close(self);
    }
}

/* Outputs do not depend on how often somebody looks. */
static void test_reading_changes_nothing(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        double values[PL_MODEL_PARAMETERS_MAX], once[PL_MODEL_OUTPUTS_MAX], often[PL_MODEL_OUTPUTS_MAX];
        defaults(m, values);
        void *a = NULL, *b = NULL;
        assert_int_equal(m->open(&a, values, NULL), PL_OK);
        assert_int_equal(m->open(&b, values, NULL), PL_OK);
        for (int i = 1; i <= 4; i++) {
            assert_int_equal(m->advance(a, m->until * i / 40, NULL), PL_OK);
            assert_int_equal(m->advance(b, m->until * i / 40, NULL), PL_OK);
            check_numbers(m, b);
            check_numbers(m, b);
        }
        m->read(a, once);
        m->read(b, often);
        for (unsigned i = 0; m->outputs[i].name; i++)
            assert_true(once[i] == often[i]);
        m->close(a);
        m->close(b);
    }
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        double values[PL_MODEL_PARAMETERS_MAX];
        defaults(m, values);
        int64_t live = pl_alloc_live();
        for (int64_t after = 0;; after++) {
            void *self = NULL;
            pl_alloc_fail_after(after);
            enum pl_code code = m->open(&self, values, NULL);
            bool pending = pl_alloc_fail_pending();
            pl_alloc_fail_after(-1);
            m->close(self);
            assert_int_equal(pl_alloc_live(), live);
            if (pending) {
                assert_int_equal(code, PL_OK);
                break;
            }
            assert_int_equal(code, PL_NO_MEMORY);
        }
    }
}

static unsigned row(const struct pl_model *m, const char *name) {
    for (unsigned i = 0; i < count(m); i++)
        if (strcmp(m->parameters[i].name, name) == 0) return i;
    fail_msg("%s has no parameter %s", m->name, name);
    return 0;
}

static double output(const struct pl_model *m, void *self, const char *name) {
    double out[PL_MODEL_OUTPUTS_MAX];
    m->read(self, out);
    for (unsigned i = 0; m->outputs[i].name; i++)
        if (strcmp(m->outputs[i].name, name) == 0) return out[i];
    fail_msg("%s has no output %s", m->name, name);
    return 0;
}

static void test_a_cell_without_current_freezes_by_name(void **state) {
    (void)state;
    const struct pl_model *m = &twin_cell_model;
    double values[PL_MODEL_PARAMETERS_MAX];
    defaults(m, values);
    void *self = NULL;
    struct pl_error *error = NULL;
    assert_int_equal(m->open(&self, values, NULL), PL_OK);
    assert_int_equal(m->set(self, row(m, "current"), 0, NULL), PL_OK);
    assert_int_equal(m->set(self, row(m, "feed"), 0, NULL), PL_OK);
    advance(m, self, 3 * 3600);
    double t = output(m, self, "bath_temperature"), ledge = output(m, self, "ledge_bath");
    assert_true(t < 965 && t > 850);
    assert_true(ledge > 0.11);
    assert_true(output(m, self, "balance") < 1e-8);
    assert_int_equal(m->advance(self, 30 * 86400.0, &error), PL_RANGE);
    assert_non_null(strstr(error->text, "freezes"));
    pl_error_free(&error);
    check_numbers(m, self);
    m->close(self);
}

static void test_a_cell_without_alumina_has_an_anode_effect_that_feed_ends(void **state) {
    (void)state;
    const struct pl_model *m = &twin_cell_model;
    double values[PL_MODEL_PARAMETERS_MAX];
    defaults(m, values);
    values[row(m, "feed")] = 0;
    void *self = NULL;
    assert_int_equal(m->open(&self, values, NULL), PL_OK);
    double t = 0;
    while (t < 4 * 3600 && output(m, self, "anode_effect") == 0)
        advance(m, self, t += 60);
    assert_true(output(m, self, "voltage") > 8);
    assert_int_equal(m->set(self, row(m, "shot"), 100, NULL), PL_OK);
    advance(m, self, t + 300);
    assert_true(output(m, self, "anode_effect") == 0);
    assert_true(output(m, self, "voltage") < 6);
    assert_true(output(m, self, "alumina_balance") < 1e-8);
    m->close(self);
}

static void test_an_anode_is_depleted_and_recovers(void **state) {
    (void)state;
    const struct pl_model *m = &twin_electrode_model;
    double values[PL_MODEL_PARAMETERS_MAX];
    defaults(m, values);
    void *self = NULL;
    assert_int_equal(m->open(&self, values, NULL), PL_OK);
    assert_int_equal(m->set(self, row(m, "current_density"), 30000, NULL), PL_OK);
    advance(m, self, 5);
    assert_true(output(m, self, "anode_effect") == 1);
    assert_true(output(m, self, "alumina_share") < 0.8);
    assert_int_equal(m->set(self, row(m, "current_density"), 5000, NULL), PL_OK);
    advance(m, self, 10);
    assert_true(output(m, self, "anode_effect") == 0);
    assert_true(output(m, self, "balance") < 1e-6);
    m->close(self);
}

static void test_a_ledge_too_thick_is_said(void **state) {
    (void)state;
    const struct pl_model *m = &twin_ledge_model;
    double values[PL_MODEL_PARAMETERS_MAX];
    defaults(m, values);
    values[row(m, "bath_temperature")] = 950;
    values[row(m, "most")] = 0.2;
    void *self = NULL;
    struct pl_error *error = NULL;
    assert_int_equal(m->open(&self, values, NULL), PL_OK);
    assert_int_equal(m->advance(self, 100 * 86400.0, &error), PL_RANGE);
    assert_non_null(strstr(error->text, "0.2 m"));
    pl_error_free(&error);
    check_numbers(m, self);
    m->close(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_within_ranges_and_run),
        cmocka_unit_test(test_reading_changes_nothing),
        cmocka_unit_test(test_wild_inputs_give_numbers_or_a_limit),
        cmocka_unit_test(test_wild_grids_and_tolerances_end_within_their_budget),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_a_cell_without_current_freezes_by_name),
        cmocka_unit_test(test_a_cell_without_alumina_has_an_anode_effect_that_feed_ends),
        cmocka_unit_test(test_an_anode_is_depleted_and_recovers),
        cmocka_unit_test(test_a_ledge_too_thick_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
