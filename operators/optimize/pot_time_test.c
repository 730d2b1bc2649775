/* The deadline of a pot's whole ladder, by clocks that the machine plays no part in. */
#include "pot_testing.h"

static double time_of_test;
static double ticking(void) {
    return time_of_test += 0.002;
}

/* By a clock that each look at it moves on, so that the machine plays no part. */
static void the_deadline_holds_for_the_whole_ladder(void **state) {
    (void)state;
    struct pot_input input;
    struct pot_setup setup = usual();
    setup.solver.clock = ticking;
    setup.solver.seconds = 0.1;
    struct pl_error *error = NULL;
    static struct pot pot;
    static struct pot_result r;
    for (uint64_t seed = 0; seed < 20; seed++) {
        void *model = pot_of(seed, &input);
        if (seed % 2) input.limit[QUANTITY_LEDGE] = (struct limit){200, 250, seed % 4 == 1};
        assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
        pot_solve(&pot, &r);
        assert_true(r.seconds <= 0.11);
        assert_true(isfinite(r.x[POT_ACD]) && *r.reason);
        twin_cell_model.close(model);
    }
}

static struct pot worker;
static double slowness; /* s that a steady state takes */
static double by_work(void) {
    return slowness * (double)worker.solves;
}

/* On a machine so slow that the deadline is over after so many steady states: it holds for all that is done, what is
 * told of an answer as well, and each of the ladder's rungs. An evaluation in scenarios is five of them. */
static void a_slow_machine_is_not_late(void **state) {
    (void)state;
    static const double states[] = {2000, 500, 200, 150};
    double worst = 0;
    unsigned late = 0, rungs[POT_RUNGS] = {0};
    for (unsigned i = 0; i < PL_COUNT_OF(states); i++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            struct pot_input input;
            struct pot_setup setup = usual();
            struct pl_error *error = NULL;
            static struct pot_result r;
            void *model = pot_of(seed, &input);
            if (seed % 3) input.limit[QUANTITY_LEDGE] = (struct limit){200, 250, seed % 3 == 1};
            if (seed % 2) setup.spread = (struct pot_spread){4, 0.003, 0.01, 0.2, 0.05};
            setup.solver.clock = by_work;
            setup.solver.seconds = 1;
            slowness = 1 / states[i];
            assert_int_equal(pot_open(&worker, &setup, &input, &error), PL_OK);
            pot_solve(&worker, &r);
            worst = fmax(worst, r.seconds);
            late += r.search.late;
            rungs[r.rung]++;
            if (r.seconds > 1.1)
                printf("%g states, pot %lu: %s after %.2f\n", states[i], (unsigned long)seed, pot_rung_names[r.rung],
                       r.seconds);
            assert_true(isfinite(r.x[POT_ACD]) && *r.reason);
            twin_cell_model.close(model);
        }
    printf("at most %.3f of the deadline; %u ended by it; %u optimal, %u relaxed, %u baseline\n", worst, late,
           rungs[POT_OPTIMAL], rungs[POT_RELAXED], rungs[POT_BASELINE]);
    assert_true(worst <= 1.1);
    assert_true(late > 0 && rungs[POT_OPTIMAL] && rungs[POT_RELAXED] && rungs[POT_BASELINE]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_deadline_holds_for_the_whole_ladder),
        cmocka_unit_test(a_slow_machine_is_not_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
