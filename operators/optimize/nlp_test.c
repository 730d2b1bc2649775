/* The solver layer: published optima, and what a solver must not be believed. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "../testing.h"
#include "hock_schittkowski.h"
#include "nlp.h"

/* ---- Published problems ---- */

/* The book's constraints are >= 0, ours <= 0. */
static bool value_at(const struct hs_problem *p, const double *x, double *objective, double *constraint) {
    *objective = p->objective(x);
    if (p->constraints) p->constraints(x, constraint);
    for (int i = 0; i < p->inequalities; i++)
        constraint[i] = -constraint[i];
    return true;
}

/* Slopes by differences of fourth order: their error is below 1e-9 here. */
static bool hs_at(void *self, const double *x, double *objective, double *constraint, double *gradient,
                  double *jacobian) {
    static const double shift[] = {-2, -1, 1, 2}, weight[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    const struct hs_problem *p = self;
    int n = p->variables, m = p->inequalities + p->equalities;
    for (int j = 0; j < n && gradient; j++) {
        double moved[HS_VARIABLES_MAX], c[HS_CONSTRAINTS_MAX] = {0}, f, step = 1e-3 * fmax(1, fabs(x[j]));
        memcpy(moved, x, (size_t)n * sizeof *x);
        gradient[j] = 0;
        for (int i = 0; i < m; i++)
            jacobian[i * n + j] = 0;
        for (int k = 0; k < 4; k++) {
            moved[j] = x[j] + shift[k] * step;
            value_at(p, moved, &f, c);
            gradient[j] += weight[k] * f / step;
            for (int i = 0; i < m; i++)
                jacobian[i * n + j] += weight[k] * c[i] / step;
        }
    }
    return value_at(p, x, objective, constraint);
}

static struct nlp_problem problem_of(const struct hs_problem *p) {
    return (struct nlp_problem){.variables = (unsigned)p->variables,
                                .inequalities = (unsigned)p->inequalities,
                                .equalities = (unsigned)p->equalities,
                                .low = p->low,
                                .high = p->high,
                                .self = (void *)(uintptr_t)p,
                                .at = hs_at};
}

static struct nlp_settings settings_of(enum nlp_solver solver) {
    return (struct nlp_settings){.solver = solver,
                                 .tolerance = 1e-10,
                                 .keeps = 1e-8,
                                 .seconds = 600,
                                 .evaluations = 10000,
                                 .starts = 10,
                                 .seed = 7};
}

static double missed_by(const struct hs_problem *p, const struct nlp_result *r) {
    return r->feasible ? (r->objective - p->optimum) / fmax(1, fabs(p->optimum)) : INFINITY;
}

/* Of each solver, how many must come within 1e-6. From the book's start a local solver may end in another minimum, and
 * evolution has a limited number of evaluations: what they reach is told, and may not get worse. */
static void published_optima_are_found(void **state) {
    (void)state;
    static const unsigned least[NLP_SOLVERS] = {
        [NLP_SLSQP] = 45, [NLP_MMA] = 30,   [NLP_COBYLA] = 43, [NLP_MULTISTART] = 50,
        [NLP_MLSL] = 40,  [NLP_ISRES] = 42, [NLP_ESCH] = 40,
    };
    unsigned good[NLP_SOLVERS] = {0};
    printf("%-5s %2s %2s %2s %15s", "HS", "n", "<=", "==", "published");
    for (int k = 0; k < NLP_SOLVERS; k++)
        printf(" %10s", nlp_solver_names[k]);
    printf("   (relative error; evaluations of multistart)\n");
    for (unsigned i = 0; i < hs_count; i++) {
        const struct hs_problem *p = &hs_problems[i];
        struct nlp_problem problem = problem_of(p);
        long evaluations = 0;
        printf("%-5d %2d %2d %2d %15.9g", p->number, p->variables, p->inequalities, p->equalities, p->optimum);
        for (int k = 0; k < NLP_SOLVERS; k++) {
            struct nlp_settings settings = settings_of((enum nlp_solver)k);
            struct nlp_result r;
            nlp_solve(&problem, &settings, p->start, &r);
            double error = missed_by(p, &r);
            good[k] += error < 1e-6;
            if (k == NLP_MULTISTART) evaluations = r.evaluations;
            printf(" %10.1e", error);
            assert_true(error > -2e-6); /* below the published optimum: feasible it is not */
        }
        printf(" %6ld\n", evaluations);
    }
    for (int k = 0; k < NLP_SOLVERS; k++)
        printf("%s: %u of %u within 1e-6\n", nlp_solver_names[k], good[k], hs_count);
    assert_true(hs_count >= 30 && good[NLP_MULTISTART] == hs_count);
    for (int k = 0; k < NLP_SOLVERS; k++)
        if (good[k] < least[k]) fail_msg("%s: %u instead of %u", nlp_solver_names[k], good[k], least[k]);
}

/* HS 43: its multipliers are 1, 0 and 2. HS 35: 2/9. */
static void multipliers_are_those_of_lagrange(void **state) {
    (void)state;
    for (unsigned i = 0; i < hs_count; i++) {
        if (hs_problems[i].number != 43 && hs_problems[i].number != 35) continue;
        struct nlp_problem problem = problem_of(&hs_problems[i]);
        struct nlp_settings settings = settings_of(NLP_SLSQP);
        struct nlp_result r;
        double multiplier[HS_CONSTRAINTS_MAX], bound[HS_VARIABLES_MAX];
        nlp_solve(&problem, &settings, hs_problems[i].start, &r);
        double rest = nlp_multipliers(&problem, r.x, 1e-4, multiplier, bound);
        assert_true(rest < 1e-3);
        if (hs_problems[i].number == 43) {
            assert_near(multiplier[0], 1, 1e-3);
            assert_near(multiplier[1], 0, 0);
            assert_near(multiplier[2], 2, 1e-3);
        } else {
            assert_near(multiplier[0], 2.0 / 9, 1e-4);
        }
    }
}

/* ---- What goes wrong ---- */

struct hostile {
    double nan_beyond; /* x[0] */
    bool impossible;
    double slow; /* s of its own clock, by evaluation */
};
static double time_of_test;

static double test_clock(void) {
    return time_of_test;
}

static bool hostile_at(void *self, const double *x, double *objective, double *constraint, double *gradient,
                       double *jacobian) {
    const struct hostile *h = self;
    time_of_test += h->slow;
    *objective = (x[0] - 3) * (x[0] - 3) + (x[1] - 1) * (x[1] - 1);
    constraint[0] = h->impossible ? 1 + x[0] * x[0] : x[0] + x[1] - 3;
    if (gradient) {
        gradient[0] = 2 * (x[0] - 3);
        gradient[1] = 2 * (x[1] - 1);
        jacobian[0] = h->impossible ? 2 * x[0] : 1;
        jacobian[1] = h->impossible ? 0 : 1;
    }
    if (x[0] > h->nan_beyond) *objective = NAN;
    return true;
}

static struct nlp_result solve_hostile(struct hostile *h, enum nlp_solver solver, double seconds) {
    static const double low[] = {-5, -5}, high[] = {5, 5}, start[] = {0, 0};
    struct nlp_problem problem = {
        .variables = 2, .inequalities = 1, .low = low, .high = high, .self = h, .at = hostile_at};
    struct nlp_settings settings = settings_of(solver);
    settings.clock = test_clock;
    settings.seconds = seconds;
    struct nlp_result r;
    time_of_test = 0;
    nlp_solve(&problem, &settings, start, &r);
    return r;
}

static void what_is_no_number_ends_a_search(void **state) {
    (void)state;
    for (int k = 0; k < NLP_SOLVERS; k++) {
        struct hostile h = {.nan_beyond = 1.5};
        struct nlp_result r = solve_hostile(&h, (enum nlp_solver)k, 600);
        assert_true(r.feasible && isfinite(r.objective) && r.x[0] <= 1.5 && r.violation <= 1e-8);
        h.nan_beyond = -INFINITY;
        r = solve_hostile(&h, (enum nlp_solver)k, 600);
        assert_true(r.status == NLP_UNDEFINED && !r.feasible && r.evaluations < 100);
    }
}

static void what_is_impossible_is_no_success(void **state) {
    (void)state;
    for (int k = 0; k < NLP_SOLVERS; k++) {
        struct hostile h = {.nan_beyond = INFINITY, .impossible = true};
        struct nlp_result r = solve_hostile(&h, (enum nlp_solver)k, 600);
        assert_true(r.status == NLP_INFEASIBLE && !r.feasible && r.violation >= 1);
    }
}

/* By its own clock, so that the machine's load plays no part. */
static void a_deadline_holds(void **state) {
    (void)state;
    for (int k = 0; k < NLP_SOLVERS; k++) {
        struct hostile h = {.nan_beyond = INFINITY, .slow = 0.01};
        struct nlp_result r = solve_hostile(&h, (enum nlp_solver)k, 0.1);
        assert_true(r.seconds <= 0.11 + 1e-9);
        assert_true(r.evaluations <= 11 && r.feasible); /* the best so far: the start is feasible */
        assert_true(r.objective < 10 + 1e-9);
    }
}

static void the_same_again_is_the_same(void **state) {
    (void)state;
    for (int k = 0; k < NLP_SOLVERS; k++) {
        struct hostile h = {.nan_beyond = INFINITY};
        struct nlp_result a = solve_hostile(&h, (enum nlp_solver)k, 600);
        struct nlp_result b = solve_hostile(&h, (enum nlp_solver)k, 600);
        assert_true(a.objective == b.objective && a.evaluations == b.evaluations);
        assert_memory_equal(a.x, b.x, 2 * sizeof *a.x);
        assert_near(a.objective, 0.5, 1e-6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_optima_are_found),
        cmocka_unit_test(multipliers_are_those_of_lagrange),
        cmocka_unit_test(what_is_no_number_ends_a_search),
        cmocka_unit_test(what_is_impossible_is_no_success),
        cmocka_unit_test(a_deadline_holds),
        cmocka_unit_test(the_same_again_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
