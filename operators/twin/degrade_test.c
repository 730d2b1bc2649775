/* States as numbers, from grid to grid, and models that must go on: budgets, the ladder, what is said of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <potline/alloc.h>
#include <potline/stepper.h>

#include "models.h"
#include "state.h"

static const struct pl_model *const models[] = {&twin_fourier_model, &twin_ledge_model,  &twin_electrode_model,
                                                &twin_alumina_model, &twin_lining_model, &twin_cell_model};

static unsigned row(const struct pl_model *m, const char *name) {
    for (unsigned i = 0; m->parameters[i].name; i++)
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

static void check_numbers(const struct pl_model *m, void *self) {
    double out[PL_MODEL_OUTPUTS_MAX];
    m->read(self, out);
    for (unsigned i = 0; m->outputs[i].name; i++)
        if (!isfinite(out[i])) fail_msg("%s: %s is %g", m->name, m->outputs[i].name, out[i]);
}

/* ---- States ---- */

static void test_what_is_conserved_is_conserved_between_grids(void **state) {
    (void)state;
    static const double size[] = {1, 2, 3, 0.5, 0.5}, amount[] = {5, 1, 9, 2, 4};
    static const double uneven[] = {0.1, 0.3, 0.2, 0.35, 0.05, 0.4, 0.6};
    double to[7], back[5];
    for (int count = 1; count <= 7; count++) {
        double sum = 0;
        state_spread(size, amount, 5, uneven, to, count);
        for (int i = 0; i < count; i++) {
            assert_true(to[i] >= 0);
            sum += to[i];
        }
        assert_true(fabs(sum - 21) < 1e-13);
    }
    state_spread(size, amount, 5, size, back, 5);
    assert_memory_equal(back, amount, sizeof back);
    static const double halves[] = {3, 3, 1}; /* of the same length: 1+2 | 3 | 0.5+0.5 */
    state_spread(size, amount, 5, halves, to, 3);
    assert_true(fabs(to[0] - 6) < 1e-13 && fabs(to[1] - 9) < 1e-13 && fabs(to[2] - 6) < 1e-13);
    /* A straight line stays one, to a finer grid as well. */
    static const double coarse[] = {2, 2}, line[] = {2 * 5, 2 * 7}, fine[] = {1, 1, 1, 1};
    state_spread(coarse, line, 2, fine, to, 4);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(to[i] - (4.5 + i)) < 1e-13);
}

static double *saved(const struct pl_model *m, void *self, size_t *count) {
    *count = m->save(self, NULL);
    double *state = pl_alloc(*count * sizeof *state);
    assert_non_null(state);
    assert_int_equal(m->save(self, state), *count);
    return state;
}

static void open_model(const struct pl_model *m, void **self, double coarser) {
    double values[PL_MODEL_PARAMETERS_MAX];
    models_defaults(m->parameters, values);
    for (unsigned i = 0; m->parameters[i].name; i++)
        if (m->parameters[i].flags & PL_MODEL_GRID) values[i] = ceil(values[i] / coarser);
    assert_int_equal(m->open(self, values, NULL), PL_OK);
}

static void test_a_state_that_is_saved_and_loaded_is_the_same(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        void *a = NULL, *b = NULL;
        open_model(m, &a, 1);
        open_model(m, &b, 1);
        assert_int_equal(m->advance(a, m->until / 7, NULL), PL_OK);
        size_t count, again;
        double *first = saved(m, a, &count), out[2][PL_MODEL_OUTPUTS_MAX] = {{0}};
        assert_int_equal(m->load(b, first, count, NULL), PL_OK);
        double *second = saved(m, b, &again);
        assert_int_equal(again, count);
        for (size_t i = 0; i < count; i++)
            if (fabs(first[i] - second[i]) > 1e-12 * fabs(first[i]))
                fail_msg("%s: number %zu of its state was %.17g, is %.17g", m->name, i, first[i], second[i]);
        assert_int_equal(m->advance(a, m->until / 4, NULL), PL_OK);
        assert_int_equal(m->advance(b, m->until / 4, NULL), PL_OK);
        m->read(a, out[0]);
        m->read(b, out[1]);
        for (unsigned i = 0; m->outputs[i].name; i++)
            if (strstr(m->outputs[i].name, "balance"))
                assert_true(out[1][i] < 1e-8);
            else if (fabs(out[0][i] - out[1][i]) > 3e-3 * (fabs(out[0][i]) + 1e-3))
                fail_msg("%s: %s is %g and %g", m->name, m->outputs[i].name, out[0][i], out[1][i]);
        pl_free(first);
        pl_free(second);
        m->close(a);
        m->close(b);
    }
}

/* To a grid of half as many cells and back: balances hold, and what the coarse one says is near. */
static void test_a_state_goes_to_another_grid(void **state) {
    (void)state;
    static const char *const tell[] = {"mean", "ledge", "surface_alumina", "mean", "mean", "bath_temperature"};
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        void *a = NULL, *b = NULL;
        open_model(m, &a, 1);
        open_model(m, &b, 2);
        assert_int_equal(m->advance(a, m->until / 7, NULL), PL_OK);
        size_t count;
        double *fine = saved(m, a, &count);
        assert_int_equal(m->load(b, fine, count, NULL), PL_OK);
        assert_true(m->save(b, NULL) < count);
        assert_true(output(m, b, "balance") < 1e-8);
        assert_int_equal(m->advance(b, m->until / 4, NULL), PL_OK);
        assert_int_equal(m->advance(a, m->until / 4, NULL), PL_OK);
        assert_true(output(m, b, "balance") < 1e-8);
        double exact = output(m, a, tell[k]), near = output(m, b, tell[k]);
        if (fabs(near / exact - 1) > 0.05) fail_msg("%s: %s is %g, coarse %g", m->name, tell[k], exact, near);
        pl_free(fine);
        m->close(a);
        m->close(b);
    }
}

static void test_what_is_no_state_is_refused(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        void *a = NULL;
        open_model(m, &a, 1);
        size_t count;
        double *good = saved(m, a, &count);
        for (size_t i = 0; i <= count; i++) {
            void *b = NULL;
            struct pl_error *error = NULL;
            open_model(m, &b, 4);
            double was = i < count ? good[i] : 0;
            if (i < count) good[i] = i % 2 ? NAN : INFINITY;
            assert_int_equal(m->load(b, good, i < count ? count : count - 1, &error), PL_CORRUPT);
            assert_non_null(strstr(error->text, m->name));
            pl_error_free(&error);
            if (i < count) good[i] = was;
            m->close(b);
            if (i + 40 < count && i > 200) i += count / 25; /* not each of thousands */
        }
        pl_free(good);
        m->close(a);
    }
}

/* ---- The ladder ---- */

struct journey {
    uint64_t steps[PL_STEPPER_RUNGS];
    long evaluations, most; /* most: of one step */
    double end;             /* of the first output */
    enum pl_code code;
    char text[160];
};

struct event {
    const char *input;
    double at, value; /* a share of the way */
};

/* A model on its way under a budget: what it cost, where it ended, that all of it were numbers. */
static struct journey travel(const struct pl_model *m, long budget, const struct event *event, int steps) {
    struct journey j = {0};
    struct pl_stepper s;
    struct pl_error *error = NULL;
    double values[PL_MODEL_PARAMETERS_MAX];
    models_defaults(m->parameters, values);
    assert_int_equal(pl_stepper_open(&s, m, values, NULL), PL_OK);
    s.budget = budget;
    for (int i = 1; i <= steps && !j.code; i++) {
        for (const struct event *e = event; !j.code && e && e->input; e++)
            if ((int)(e->at * steps) == i - 1) j.code = pl_stepper_set(&s, row(m, e->input), e->value, &error);
        long before = pl_stepper_effort(&s);
        if (!j.code) j.code = pl_stepper_advance(&s, m->until * i / steps, &error);
        j.most = (long)fmax((double)j.most, (double)(pl_stepper_effort(&s) - before));
        check_numbers(m, s.self);
        assert_true(!pl_stepper_uncertain(&s) || j.code || s.why[0] || s.made > PL_STEPPER_SHORT);
    }
    memcpy(j.steps, s.steps, sizeof j.steps);
    j.evaluations = pl_stepper_effort(&s);
    double out[PL_MODEL_OUTPUTS_MAX];
    m->read(s.self, out);
    j.end = out[0];
    if (error) snprintf(j.text, sizeof j.text, "%s", error->text);
    pl_error_free(&error);
    pl_stepper_close(&s);
    return j;
}

static void test_a_budget_that_suffices_changes_nothing(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        void *self = NULL;
        double out[PL_MODEL_OUTPUTS_MAX];
        open_model(m, &self, 1);
        for (int i = 1; i <= 20; i++)
            assert_int_equal(m->advance(self, m->until * i / 20, NULL), PL_OK);
        m->read(self, out);
        m->close(self);
        struct journey j = travel(m, PL_STEPPER_BUDGET, NULL, 20);
        assert_int_equal(j.steps[PL_STEPPER_ASKED], 20);
        assert_true(j.end == out[0]);
    }
}

/* With less and less to spend each model comes down the whole ladder; what it spends stays below five budgets a step,
 * and the same budget gives the same rungs and numbers. */
static void test_every_rung_is_reached_in_turn_and_counted(void **state) {
    (void)state;
    static const struct event swing[] = {{"current", 0.3, 120000}, {"current", 0.5, 200000}, {.input = NULL}},
                              warm[] = {
                                  {"bath_temperature", 0.3, 975}, {"bath_temperature", 0.5, 960}, {.input = NULL}};
    for (unsigned k = 0; k < PL_COUNT_OF(models); k++) {
        const struct pl_model *m = models[k];
        const struct event *event = m == &twin_cell_model || m == &twin_alumina_model ? swing
                                    : m == &twin_ledge_model                          ? warm
                                                                                      : NULL;
        uint64_t seen[PL_STEPPER_RUNGS] = {0};
        for (long budget = 400; budget > 1; budget = budget * 3 / 4) {
            struct journey j = travel(m, budget, event, 40);
            if (j.code && j.code != PL_RANGE) fail_msg("%s: %s", m->name, j.text);
            /* The end of a budget is found when one more is asked for; making an instance costs a few as well. */
            if (j.most > 5 * (budget + 50))
                fail_msg("%s: %ld evaluations with a budget of %ld", m->name, j.most, budget);
            for (int r = 0; r < PL_STEPPER_RUNGS; r++)
                seen[r] += j.steps[r];
            struct journey again = travel(m, budget, event, 40);
            assert_memory_equal(again.steps, j.steps, sizeof j.steps);
            assert_true(again.evaluations == j.evaluations && again.end == j.end);
        }
        for (int r = 0; r < PL_STEPPER_RUNGS; r++)
            if (!seen[r]) fail_msg("%s: never %s", m->name, pl_stepper_rung_name(r));
    }
}

static void test_it_comes_up_again_when_the_trouble_is_over(void **state) {
    (void)state;
    const struct pl_model *m = &twin_cell_model;
    struct pl_stepper s;
    double values[PL_MODEL_PARAMETERS_MAX], t = 0;
    models_defaults(m->parameters, values);
    assert_int_equal(pl_stepper_open(&s, m, values, NULL), PL_OK);
    s.budget = 5;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pl_stepper_advance(&s, t += 60, NULL), PL_OK);
    assert_int_equal(s.rung, PL_STEPPER_HELD);
    assert_true(pl_stepper_uncertain(&s) && s.t == 0 && strstr(s.why, "evaluations"));
    s.budget = 20000;
    assert_int_equal(pl_stepper_advance(&s, t += 60, NULL), PL_OK);
    assert_int_equal(s.rung, PL_STEPPER_COARSE);
    for (int i = 0; i < 60; i++)
        assert_int_equal(pl_stepper_advance(&s, t += 60, NULL), PL_OK);
    assert_int_equal(s.rung, PL_STEPPER_ASKED);
    assert_true(!pl_stepper_uncertain(&s) && s.why[0] == 0 && s.t == t);
    assert_int_equal(s.steps[PL_STEPPER_HELD], 3);
    assert_true(output(m, s.self, "balance") < 1e-8 && output(m, s.self, "alumina_balance") < 1e-8);
    /* All the way as asked it would be about here. */
    void *asked = NULL;
    open_model(m, &asked, 1);
    assert_int_equal(m->advance(asked, t, NULL), PL_OK);
    assert_true(fabs(output(m, asked, "bath_temperature") - output(m, s.self, "bath_temperature")) < 0.5);
    m->close(asked);
    pl_stepper_close(&s);
}

static void test_the_clock_is_a_net(void **state) {
    (void)state;
    const struct pl_model *m = &twin_alumina_model;
    struct pl_stepper s;
    double values[PL_MODEL_PARAMETERS_MAX];
    models_defaults(m->parameters, values);
    assert_int_equal(pl_stepper_open(&s, m, values, NULL), PL_OK);
    s.deadline = 1e-9;
    assert_int_equal(pl_stepper_advance(&s, 3600, NULL), PL_OK);
    assert_int_equal(s.rung, PL_STEPPER_HELD);
    assert_int_equal(s.overdue, 1);
    assert_non_null(strstr(s.why, "clock"));
    s.deadline = 600;
    assert_int_equal(pl_stepper_advance(&s, 3600, NULL), PL_OK);
    assert_true(s.rung != PL_STEPPER_HELD);
    pl_stepper_close(&s);
}

static void test_memory_that_runs_out_is_said_or_held(void **state) {
    (void)state;
    const struct pl_model *m = &twin_cell_model;
    double values[PL_MODEL_PARAMETERS_MAX];
    models_defaults(m->parameters, values);
    int64_t live = pl_alloc_live();
    for (int64_t after = 0;; after++) {
        struct pl_stepper s;
        assert_int_equal(pl_stepper_open(&s, m, values, NULL), PL_OK);
        s.budget = 5;
        pl_alloc_fail_after(after);
        enum pl_code code = pl_stepper_advance(&s, 60, NULL);
        bool pending = pl_alloc_fail_pending();
        pl_alloc_fail_after(-1);
        assert_int_equal(code, PL_OK);
        assert_int_equal(s.rung, PL_STEPPER_HELD);
        check_numbers(m, s.self);
        s.budget = 20000; /* and it goes on when there is memory again */
        assert_int_equal(pl_stepper_advance(&s, 120, NULL), PL_OK);
        assert_true(s.rung != PL_STEPPER_HELD);
        pl_stepper_close(&s);
        assert_int_equal(pl_alloc_live(), live);
        if (pending) break;
    }
}

/* ---- Stress ---- */

static const struct trial {
    const struct pl_model *model;
    const char *what;
    struct event event[4];
    const char *limit; /* what must be named; "": it must get through; NULL: either */
} trials[] = {
    {&twin_cell_model, "no alumina", {{"feed", 0, 0}}, "hotter than"},
    {&twin_cell_model, "an hour without current", {{"current", 0.1, 0}, {"current", 0.225, 180000}}, ""},
    {&twin_cell_model, "current for good gone", {{"current", 0, 0}, {"feed", 0, 0}}, "freezes"},
    {&twin_cell_model,
     "current that swings",
     {{"current", 0.1, 90000}, {"current", 0.15, 260000}, {"current", 0.2, 180000}},
     ""},
    {&twin_cell_model, "six times the current", {{"current", 0, 1e6}}, "hotter than"},
    {&twin_cell_model, "anodes in the metal", {{"distance", 0, 0.005}}, NULL},
    {&twin_cell_model, "anodes far away", {{"distance", 0, 0.2}}, ""},
    {&twin_cell_model, "a shower of alumina", {{"shot", 0, 100}, {"shot", 0.02, 100}, {"feed", 0.1, 2}}, NULL},
    {&twin_cell_model, "an open cover", {{"top", 0, 10000}}, "freezes"},
    {&twin_cell_model, "all metal tapped", {{"tapping", 0, 10}}, "tapped"},
    {&twin_ledge_model,
     "a ledge that goes and comes",
     {{"bath_temperature", 0, 1050}, {"bath_temperature", 0.4, 962}},
     ""},
    {&twin_ledge_model, "the hottest bath", {{"bath_temperature", 0, 1300}, {"film", 0.1, 1e5}}, ""},
    {&twin_ledge_model, "no heat from the bath", {{"film", 0, 0}}, NULL},
    {&twin_ledge_model, "a liquidus out of reach", {{"liquidus", 0, 1100}}, NULL},
    {&twin_alumina_model, "no feed", {{"feed", 0, 0}}, ""},
    {&twin_alumina_model, "too much feed", {{"feed", 0, 2}}, NULL},
    {&twin_electrode_model, "no alumina", {{"alumina", 0.2, 0}}, ""},
    {&twin_electrode_model, "potential at its ends", {{"overpotential", 0, 5}, {"overpotential", 0.5, -2}}, ""},
    {&twin_electrode_model, "current at its ends", {{"current_density", 0.1, 50000}, {"current_density", 0.5, 0}}, ""},
    {&twin_lining_model, "metal at its ends", {{"metal_temperature", 0, 1300}, {"metal_temperature", 0.5, 600}}, ""},
    {&twin_fourier_model, "next to absolute zero", {{"left_temperature", 0, -273}, {"ambient", 0, -273}}, ""},
    {&twin_fourier_model, "a blast of heat", {{"source", 0, 1e12}}, NULL},
};

static void test_stress_gives_numbers_or_a_named_limit(void **state) {
    (void)state;
    for (unsigned k = 0; k < PL_COUNT_OF(trials); k++) {
        const struct trial *t = &trials[k];
        struct event event[5] = {{.input = NULL}};
        memcpy(event, t->event, sizeof t->event);
        for (long budget = 20000; budget >= 200; budget /= 100) {
            struct journey j = travel(t->model, budget, event, 80);
            print_message("%-22s %-28s budget %5ld: %5ld at most, held %2d  %s\n", t->model->name, t->what, budget,
                          j.most, (int)j.steps[PL_STEPPER_HELD], j.text);
            if (j.code && j.code != PL_RANGE) fail_msg("%s: %s", t->what, j.text);
            if (t->limit && *t->limit && !strstr(j.text, t->limit))
                fail_msg("%s: no \"%s\" said: %s", t->what, t->limit, j.text);
            if (t->limit && !*t->limit && j.code) fail_msg("%s: %s", t->what, j.text);
            assert_true(j.most <= 5 * (budget + 50));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_conserved_is_conserved_between_grids),
        cmocka_unit_test(test_a_state_that_is_saved_and_loaded_is_the_same),
        cmocka_unit_test(test_a_state_goes_to_another_grid),
        cmocka_unit_test(test_what_is_no_state_is_refused),
        cmocka_unit_test(test_a_budget_that_suffices_changes_nothing),
        cmocka_unit_test(test_every_rung_is_reached_in_turn_and_counted),
        cmocka_unit_test(test_it_comes_up_again_when_the_trouble_is_over),
        cmocka_unit_test(test_the_clock_is_a_net),
        cmocka_unit_test(test_memory_that_runs_out_is_said_or_held),
        cmocka_unit_test(test_stress_gives_numbers_or_a_named_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
