/* What cannot hold together, and what it would cost to give way: found anew by a search of its own. */
#include <string.h>

#include "pot_testing.h"

/* The least energy of a pot from many starts, kWh/t; NaN: no set points keep all limits. */
static double least_energy(const struct pot_setup *setup, const struct pot_input *input) {
    struct pl_error *error = NULL;
    static struct pot pot;
    assert_int_equal(pot_open(&pot, setup, input, &error), PL_OK);
    struct nlp_problem problem = {.variables = POT_VARIABLES,
                                  .inequalities = pot.rows,
                                  .low = pot.low,
                                  .high = pot.high,
                                  .self = &pot,
                                  .at = pot_at};
    struct nlp_settings settings = setup->solver;
    struct nlp_result found;
    double start[POT_VARIABLES], energy, cost, co2e;
    settings.starts = 30;
    settings.evaluations = 10000;
    settings.seed = 77;
    for (int j = 0; j < POT_VARIABLES; j++)
        start[j] = 0.5 * (pot.low[j] + pot.high[j]);
    nlp_solve(&problem, &settings, start, &found);
    if (!found.feasible) return NAN;
    assert_true(pot_figures(&pot, found.x, &energy, &cost, &co2e));
    return energy;
}

static struct pot_input loosened(const struct pot_input *input, const struct pot_row *row, double by) {
    struct pot_input other = *input;
    struct limit *limit = &other.limit[row->of];
    *(row->high ? &limit->high : &limit->low) += row->high ? by : -by;
    return other;
}

/* Limits that exclude each other are named, with by how much each alone would have to give and what that would cost: a
 * little less than that is not enough, and with it the pot comes to the very energy. */
static void giving_way_costs_what_is_said(void **state) {
    (void)state;
    static const struct {
        enum quantity a, b;
        struct limit at_a, at_b;
        unsigned conflicts;
    } of[] = {{QUANTITY_LEDGE, QUANTITY_SUPERHEAT, {120, 200, 1}, {10, 14, 2}, 2},
              {QUANTITY_VOLTAGE, QUANTITY_SUPERHEAT, {3.6, 4.1, 1}, {10, 14, 2}, 1},
              {QUANTITY_LEDGE, QUANTITY_VOLTAGE, {120, 200, 1}, {4.3, 4.9, 2}, 2}};
    struct pot_setup setup = usual();
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        struct pl_error *error = NULL;
        struct pot_input input;
        static struct pot pot;
        static struct pot_result r;
        void *model = pot_of(0, &input);
        input.limit[of[i].a] = of[i].at_a;
        input.limit[of[i].b] = of[i].at_b;
        assert_true(isnan(least_energy(&setup, &input)));
        assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
        pot_solve(&pot, &r);
        assert_int_equal(r.conflicts, of[i].conflicts);
        for (unsigned k = 0; k < r.conflicts; k++) {
            const struct pot_active *a = &r.conflict[k];
            double scale = quantity_rows[a->row.of].scale, room = -a->slack * (1 + 1e-3) + 1e-4 * scale;
            assert_true(a->row.of == of[i].a || a->row.of == of[i].b);
            assert_true(a->slack < 0 && isfinite(a->cost) && a->alone);
            struct pot_input with = loosened(&input, &a->row, room), less = loosened(&input, &a->row, 0.99 * -a->slack);
            double energy = least_energy(&setup, &with) - r.energy[0];
            printf("%s %s: looser by %.3f %s, %+.2f kWh/t, searched anew %+.2f\n", quantity_rows[a->row.of].name,
                   a->row.high ? "high" : "low", -a->slack, quantity_rows[a->row.of].unit, a->cost, energy);
            assert_near(a->cost, energy, 0.02 + 1e-3 * fabs(energy));
            assert_true(isnan(least_energy(&setup, &less)));
        }
        twin_cell_model.close(model);
    }
}

/* Where there is another conflict besides, giving way to one alone is not enough, and no cost of it is told. */
static void what_is_not_known_is_not_said(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    struct pot_setup setup = usual();
    struct pot_input input;
    static struct pot pot;
    static struct pot_result r;
    void *model = pot_of(0, &input);
    input.limit[QUANTITY_LEDGE] = (struct limit){120, 200, 1};
    input.limit[QUANTITY_SUPERHEAT] = (struct limit){10, 14, 2};
    input.limit[QUANTITY_VOLTAGE] = (struct limit){3.6, 3.7, 1}; /* at no distance, whatever the others */
    assert_int_equal(pot_open(&pot, &setup, &input, &error), PL_OK);
    pot_solve(&pot, &r);
    assert_true(r.conflicts > 0);
    for (unsigned k = 0; k < r.conflicts; k++) {
        struct pot_input with = loosened(&input, &r.conflict[k].row, -r.conflict[k].slack * 1.01);
        assert_true(!r.conflict[k].alone && isnan(r.conflict[k].cost) && isnan(least_energy(&setup, &with)));
    }
    assert_non_null(strstr(r.reason, "looser would do for these"));
    /* A cost that there was no time for says nothing of other limits. */
    for (unsigned k = 0; k < r.conflicts; k++)
        r.conflict[k].alone = true;
    pot_tell(&pot, &r);
    assert_non_null(strstr(r.reason, "looser would do)"));
    assert_null(strstr(r.reason, "for these"));
    twin_cell_model.close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(giving_way_costs_what_is_said),
        cmocka_unit_test(what_is_not_known_is_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
