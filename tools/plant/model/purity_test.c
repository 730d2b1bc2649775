#include "purity.h"
#include "testing.h"

static void run(struct plant_cell *cell, struct plant_purity *purity, double days, double ledge, bool effect) {
    struct plant_cell_hold hold = {.alf3 = 6e-4};
    for (int i = 0; i < (int)(days * 8640); i++) {
        if (ledge > 0) cell->y[PLANT_LEDGE] = ledge / cell->set.wall.ledge_per_kg;
        plant_cell_electrify(cell, 180e3, 0);
        plant_cell_add_alumina(cell, 0.303);
        plant_cell_step(cell, &hold, 10);
        plant_purity_step(purity, cell, effect, 10);
    }
}

static void a_pot_behind_its_ledge_makes_smelter_grade(void **state) {
    (void)state;
    struct plant_cell cell;
    struct plant_purity purity;
    plant_cell_init(&cell, &plant_cell_reference);
    plant_purity_init(&purity, &cell);
    BETWEEN(purity.made, 0.06, 0.12); /* 99.9 % */
    BETWEEN(plant_purity_content(&purity, &cell), purity.made - 1e-9, purity.made + 1e-9);
    run(&cell, &purity, 1, 0, false);
    BETWEEN(purity.made, 0.06, 0.12);
    BETWEEN(plant_purity_content(&purity, &cell), 0.06, 0.12);
}

/* wt% of what is made, and of it the silicon in kg that came with it. */
static double made(double ledge, bool effect, double *silicon) {
    struct plant_cell cell;
    struct plant_purity purity;
    plant_cell_init(&cell, &plant_cell_reference);
    plant_purity_init(&purity, &cell);
    double before = purity.silicon;
    run(&cell, &purity, 0.1, ledge, effect);
    *silicon = purity.silicon - before;
    return purity.made;
}

static void a_thin_ledge_and_effects_cost_purity(void **state) {
    (void)state;
    double si[4], thick = made(0.07, false, &si[0]);
    made(0.025, false, &si[1]);
    made(0.005, false, &si[2]);
    BETWEEN(si[0], 0.015, 0.04); /* kg in a tenth of a day: what alumina and anodes bring */
    BETWEEN(si[1] - si[0], 0.02, 0.06);
    assert_true(si[2] > si[1] + 0.1);
    assert_true(made(0.07, true, &si[3]) > thick + 1);
}

/* What is taken up is in the pad or has been tapped with it. */
static void the_pad_is_a_balance(void **state) {
    (void)state;
    struct plant_cell cell;
    struct plant_purity purity;
    plant_cell_init(&cell, &plant_cell_reference);
    plant_purity_init(&purity, &cell);
    double silicon = purity.silicon, content = plant_purity_content(&purity, &cell);
    struct plant_cell_hold tapping = {.alf3 = 6e-4, .tapping = 1.5};
    plant_cell_electrify(&cell, 180e3, 0);
    for (int i = 0; i < 100; i++) {
        plant_cell_step(&cell, &tapping, 10);
        plant_purity_step(&purity, &cell, false, 10);
    }
    BETWEEN(purity.silicon / silicon, 0.88, 0.93); /* 1.5 t of 15 t */
    BETWEEN(plant_purity_content(&purity, &cell) / content, 0.99, 1.01);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pot_behind_its_ledge_makes_smelter_grade),
        cmocka_unit_test(a_thin_ledge_and_effects_cost_purity),
        cmocka_unit_test(the_pad_is_a_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
