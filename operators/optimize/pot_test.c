/* One pot: the answer against a dense search, gradients, the ladder, what is told. */
#include <string.h>
#include <time.h>

#include "pot_testing.h"

static void the_answer_keeps_all_limits_and_says_why(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    void *model = pot_of(0, &input);
    struct pl_error *error = NULL;
    static struct pot pot;
    static struct pot_result r;
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &r);
    printf("%s\n%ld evaluations, %.1f ms, rest %.2g\n", r.reason, r.evaluations, 1e3 * r.seconds, r.rest);
    for (int i = 0; i < QUANTITIES_OF_POT; i++)
        printf("  %-12s %10.3f -> %10.3f %s\n", quantity_rows[i].name, r.before[i], r.after[i], quantity_rows[i].unit);
    assert_int_equal(r.rung, POT_OPTIMAL);
    assert_true(r.saved > 0 && r.rest < 1e-3 && r.actives > 0);
    for (int i = 0; i < QUANTITIES_OF_POT; i++)
        assert_true(r.after[i] >= input.limit[i].low - 1e-3 && r.after[i] <= input.limit[i].high + 1e-3);
    assert_non_null(strstr(r.reason, "held back by"));
    /* A multiplier says what the limit costs: with a little more room the answer is better by that. */
    for (unsigned i = 0; i < r.actives; i++) {
        const struct pot_active *a = &r.active[i];
        if (a->row.of != QUANTITY_SUPERHEAT && a->row.of != QUANTITY_TEMPERATURE && a->row.of != QUANTITY_ACD_MOVE)
            continue;
        double room = 0.02;
        struct pot_input more = input;
        *(a->row.high ? &more.limit[a->row.of].high : &more.limit[a->row.of].low) += a->row.high ? room : -room;
        static struct pot other;
        static struct pot_result better;
        assert_int_equal(pot_open(&other, &setup, &more, &error), PL_OK);
        pot_solve(&other, &better);
        assert_near((better.saved - r.saved) / room, a->multiplier, 0.1 * a->multiplier + 1);
    }
    twin_cell_model.close(model);
}

static void gradients_are_those_of_differences(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    setup.objective = (struct pot_objective){1, 2, 0.5, 0.05, 1.5, 0.3};
    setup.spread = (struct pot_spread){2, 0.01, 0.03, 0.5, 0.1};
    void *model = pot_of(5, &input);
    struct pl_error *error = NULL;
    static struct pot pot;
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    static const double step[POT_VARIABLES] = {0.02, 2e-3, 2e-3, 0.02};
    double x[POT_VARIABLES] = {43, 2.6, 11.5, 181}, f, g[POT_VARIABLES], c[2][POT_ROWS_MAX], value[POT_ROWS_MAX];
    static double jacobian[POT_ROWS_MAX * POT_VARIABLES];
    assert_true(pot_at(&pot, x, &f, value, g, jacobian));
    for (int j = 0; j < POT_VARIABLES; j++) {
        double at[2];
        for (int k = 0; k < 2; k++) {
            double moved[POT_VARIABLES];
            memcpy(moved, x, sizeof x);
            moved[j] += k ? step[j] : -step[j];
            assert_true(pot_at(&pot, moved, &at[k], c[k], NULL, NULL));
        }
        double by = (at[1] - at[0]) / (2 * step[j]);
        assert_near(g[j], by, 1e-4 * fabs(by) + 1e-7);
        for (unsigned i = 0; i < pot.rows; i++) {
            by = (c[1][i] - c[0][i]) / (2 * step[j]);
            assert_near(jacobian[i * POT_VARIABLES + (unsigned)j], by, 1e-3 * fabs(by) + 1e-5);
        }
    }
    twin_cell_model.close(model);
}

/* ---- Many states against a dense search ---- */

static double best_of_dense(struct pot *pot, bool *feasible) {
    struct nlp_problem problem = {.variables = POT_VARIABLES,
                                  .inequalities = pot->rows,
                                  .low = pot->low,
                                  .high = pot->high,
                                  .self = pot,
                                  .at = pot_at};
    struct nlp_settings settings = pot->setup->solver;
    struct nlp_result r;
    settings.starts = 40;
    settings.evaluations = 20000;
    settings.seed = pot->input->seed + 77;
    double start[POT_VARIABLES];
    for (int j = 0; j < POT_VARIABLES; j++)
        start[j] = 0.5 * (pot->low[j] + pot->high[j]);
    nlp_solve(&problem, &settings, start, &r);
    *feasible = r.feasible;
    return r.objective;
}

static void random_states_end_in_an_answer(void **state) {
    (void)state;
    setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned many = getenv("POTLINE_LONG") ? 1000 : 40, possible = 0, found = 0, rungs[POT_RUNGS] = {0};
    double worst = 0, slowest = 0, *times = calloc(many, sizeof *times), saved = 0;
    for (unsigned i = 0; i < many; i++) {
        struct pot_input input;
        struct pot_setup setup = usual();
        void *model = pot_of(i + 1, &input);
        struct pl_error *error = NULL;
        static struct pot pot, again;
        static struct pot_result r;
        assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
        again = pot;
        clock_t begun = clock();
        pot_solve(&pot, &r);
        rungs[r.rung]++;
        times[i] = (double)(clock() - begun) / CLOCKS_PER_SEC;
        slowest = fmax(slowest, times[i]);
        bool feasible;
        double best = best_of_dense(&again, &feasible), objective, constraint[POT_ROWS_MAX];
        possible += feasible;
        if (r.rung == POT_OPTIMAL) {
            assert_true(pot_at(&again, r.x, &objective, constraint, NULL, NULL));
            for (unsigned k = 0; k < again.rows; k++)
                assert_true(constraint[k] <= 1e-5);
            found += feasible;
            if (feasible) worst = fmax(worst, objective / best - 1);
            if (feasible && objective > 1.001 * best)
                printf("state %u: %.3g %% above the dense search: %s\n", i + 1, 100 * (objective / best - 1), r.reason);
            if (isfinite(r.saved)) saved += r.saved / many;
        } else {
            assert_true(strstr(r.reason, "limits") != NULL); /* never silent */
        }
        twin_cell_model.close(model);
    }
    for (unsigned i = 1; i < many; i++) /* insertion sort */
        for (unsigned k = i; k > 0 && times[k - 1] > times[k]; k--) {
            double swap = times[k];
            times[k] = times[k - 1];
            times[k - 1] = swap;
        }
    printf("%u states: %u optimal, %u relaxed, %u accepted, %u baseline; feasible by the dense search %u, found of "
           "them %u; worst objective +%.2g %%; mean saved %.0f kWh/t; "
           "CPU p50 %.1f ms, p99 %.1f ms, slowest %.1f ms\n",
           many, rungs[0], rungs[1], rungs[2], rungs[3], possible, found, 100 * worst, saved, 1e3 * times[many / 2],
           1e3 * times[many * 99 / 100], 1e3 * slowest);
    free(times);
    assert_true(found >= 0.99 * possible && worst < 1e-3 && possible > many / 4);
}

/* ---- The ladder ---- */

static void what_cannot_hold_is_named(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    void *model = pot_of(0, &input);
    struct pl_error *error = NULL;
    static struct pot pot;
    static struct pot_result r;
    input.limit[QUANTITY_LEDGE] = (struct limit){120, 200, 1};   /* thick ledge */
    input.limit[QUANTITY_SUPERHEAT] = (struct limit){10, 14, 2}; /* and a hot bath */
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &r);
    printf("%s\n", r.reason);
    assert_int_equal(r.rung, POT_RELAXED);
    bool ledge = false, superheat = false;
    for (unsigned i = 0; i < r.conflicts; i++) {
        ledge |= r.conflict[i].row.of == QUANTITY_LEDGE && !r.conflict[i].row.high;
        superheat |= r.conflict[i].row.of == QUANTITY_SUPERHEAT && !r.conflict[i].row.high;
    }
    assert_true(ledge && superheat && r.conflicts == 2);
    assert_true(r.after[QUANTITY_LEDGE] >= 119.9); /* rank 1 holds, rank 2 gives way */
    assert_non_null(strstr(r.reason, "cannot hold together"));
    /* With both of rank 0 there is the baseline, or what was accepted last and still keeps them: here it cannot. */
    input.limit[QUANTITY_LEDGE].rank = input.limit[QUANTITY_SUPERHEAT].rank = 0;
    input.baseline[POT_ACD] = 43;
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &r);
    assert_int_equal(r.rung, POT_BASELINE);
    assert_near(r.x[POT_ACD], 43, 0);
    assert_non_null(strstr(r.reason, "baseline"));
    twin_cell_model.close(model);
}

static void noise_keeps_the_anodes_up(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    void *model = pot_of(0, &input);
    struct pl_error *error = NULL;
    static struct pot pot;
    static struct pot_result r;
    input.noise = 52; /* 40 mV beyond: 4 mm above 39 */
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &r);
    assert_true(r.x[POT_ACD] >= 43 - 1e-9);
    assert_non_null(strstr(r.reason, "noise of 52 mV"));
    twin_cell_model.close(model);
}

/* An answer for all scenarios costs something, and keeps the limits in each of them. */
static void scenarios_keep_away_from_limits(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    void *model = pot_of(0, &input);
    struct pl_error *error = NULL;
    static struct pot pot;
    static struct pot_result plain, robust;
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &plain);
    setup.spread = (struct pot_spread){4, 0.003, 0.01, 0.2, 0.05};
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &robust);
    printf("plain %.1f kWh/t, robust %.1f kWh/t (%s)\n", plain.saved, robust.saved, robust.reason);
    assert_true(robust.rung == POT_OPTIMAL && robust.saved <= plain.saved + 1e-6);
    for (unsigned k = 0; k < pot.scenarios; k++) {
        double value[QUANTITIES];
        assert_true(pot_quantities(&pot, k, robust.x, value, NULL));
        assert_true(value[QUANTITY_SUPERHEAT] >= input.limit[QUANTITY_SUPERHEAT].low - 1e-4);
        assert_true(value[QUANTITY_TEMPERATURE] <= input.limit[QUANTITY_TEMPERATURE].high + 1e-4);
    }
    twin_cell_model.close(model);
}

static void a_pot_without_current_is_refused(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    void *model = pot_of(0, &input);
    struct pl_error *error = NULL;
    static struct pot pot;
    twin_cell_model.set(model, (unsigned)twin_cell_row("current"), 0, &error);
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_RANGE);
    pl_error_free(&error);
    twin_cell_model.close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_keeps_all_limits_and_says_why),
        cmocka_unit_test(gradients_are_those_of_differences),
        cmocka_unit_test(random_states_end_in_an_answer),
        cmocka_unit_test(what_cannot_hold_is_named),
        cmocka_unit_test(noise_keeps_the_anodes_up),
        cmocka_unit_test(scenarios_keep_away_from_limits),
        cmocka_unit_test(a_pot_without_current_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
