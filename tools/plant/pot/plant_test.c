/* Stability over days, balances and repeatability of whole lines. POTLINE_LONG: 30 days of five seeds instead of three
 * of two. */
#include "../model/testing.h"
#include "plant.h"

static struct plant *make(uint64_t seed, unsigned lines, unsigned pots) {
    struct plant *plant = plant_new(&(struct plant_options){
        .seed = seed, .lines = lines, .pots = pots, .start = 1735689600 * PLANT_SECOND, .step = PLANT_SECOND});
    assert_non_null(plant);
    return plant;
}

struct watch {
    double minute[20]; /* V, being averaged */
    double effect[20]; /* s when the last anode effect was on */
    double low[6], high[6];
    unsigned rows, effects;
    double pot_days;
};

static const struct {
    const char *name;
    double low, high;
} bounds[6] = {
    {"bath temperature", 950, 975}, {"alumina", 1.8, 4.5}, {"voltage", 4.0, 4.6},
    {"superheat", 5, 15},           {"ledge", 40, 120},    {"anode distance", 30, 50},
};

/* Away from anode effects and the three hours after them, mean values of a minute. */
static void watch_pot(struct watch *watch, const struct plant *plant, unsigned index) {
    const struct plant_pot *pot = &plant->lines[0].pots[index];
    double now = plant_elapsed(plant);
    watch->minute[index] += pot->volts / 60;
    watch->effects += plant->lines[0].happened[index].effect_began;
    if (pot->effect.on) watch->effect[index] = now;
    if (plant->step % 60) return;
    const double values[6] = {pot->cell.y[PLANT_BATH_TEMP],
                              pot->cell.bath.alumina,
                              watch->minute[index],
                              plant_cell_superheat(&pot->cell),
                              plant_cell_ledge(&pot->cell) * 1000,
                              pot->cell.distance * 1000};
    watch->minute[index] = 0;
    if (now - watch->effect[index] < 3 * 3600) return;
    watch->rows++;
    for (int i = 0; i < 6; i++) {
        if (values[i] < watch->low[i]) watch->low[i] = values[i];
        if (values[i] > watch->high[i]) watch->high[i] = values[i];
    }
}

static void closes(const struct plant_pot *pot, double energy, double alumina, double metal) {
    const struct plant_cell *cell = &pot->cell;
    const struct plant_cell_meters *m = &cell->meters;
    CLOSE((plant_cell_energy(cell) - energy - plant_cell_balance(cell)) / m->electric, 0, 1e-9);
    CLOSE((cell->y[PLANT_ALUMINA] + cell->y[PLANT_FAST] + cell->y[PLANT_SLOW] + cell->y[PLANT_SLUDGE] - alumina -
           (m->fed - m->used - m->drawn)) /
              m->fed,
          0, 1e-9);
    CLOSE((cell->y[PLANT_METAL] - metal - (m->produced - m->tapped)) / m->produced, 0, 1e-9);
    BETWEEN(m->produced / (m->charge * PLANT_METAL_PER_COULOMB), 0.91, 0.96);
    BETWEEN(m->electric / 3.6e6 / m->produced, 12.5, 14.2); /* kWh/kg */
    BETWEEN(m->carbon / m->produced, 0.35, 0.40);           /* kg/kg, net of air burn */
    BETWEEN(m->alf3 / m->produced * 1000, 20, 75);          /* kg/t */
}

static void days(uint64_t seed, int length, struct watch *watch) {
    struct plant *plant = make(seed, 1, 20);
    double energy[20], alumina[20], metal[20];
    for (unsigned i = 0; i < 20; i++) {
        const struct plant_cell *cell = &plant->lines[0].pots[i].cell;
        energy[i] = plant_cell_energy(cell);
        alumina[i] = cell->y[PLANT_ALUMINA] + cell->y[PLANT_FAST] + cell->y[PLANT_SLOW] + cell->y[PLANT_SLUDGE];
        metal[i] = cell->y[PLANT_METAL];
        watch->effect[i] = -1e9;
        watch->minute[i] = 0;
    }
    for (int64_t step = 0; step < length * INT64_C(86400); step++) {
        plant_step(plant);
        for (unsigned i = 0; i < 20; i++)
            watch_pot(watch, plant, i);
    }
    for (unsigned i = 0; i < 20; i++)
        closes(&plant->lines[0].pots[i], energy[i], alumina[i], metal[i]);
    watch->pot_days += 20.0 * length;
    plant_free(plant);
}

static void stable_and_balanced_for_days(void **state) {
    (void)state;
    bool thorough = getenv("POTLINE_LONG") != NULL;
    struct watch watch = {0};
    for (int i = 0; i < 6; i++)
        watch.low[i] = INFINITY, watch.high[i] = -INFINITY;
    for (uint64_t seed = 1; seed <= (thorough ? 5 : 2); seed++)
        days(seed, thorough ? 30 : 3, &watch);

    for (int i = 0; i < 6; i++)
        print_message("%-18s %8.2f to %8.2f\n", bounds[i].name, watch.low[i], watch.high[i]);
    print_message("anode effects %.3f a pot-day\n", watch.effects / watch.pot_days);
    for (int i = 0; i < 6; i++) {
        BETWEEN(watch.low[i], bounds[i].low, bounds[i].high);
        BETWEEN(watch.high[i], bounds[i].low, bounds[i].high);
    }
    assert_true(watch.rows > watch.pot_days * 1440 * 0.9);
    BETWEEN(watch.effects / watch.pot_days, thorough ? 0.03 : 0, 0.4);
}

/* Every byte of every pot. */
static void same_seed_same_plant(void **state) {
    (void)state;
    struct plant *a = make(7, 2, 5), *b = make(7, 2, 5), *c = make(8, 2, 5);
    for (int step = 0; step < 8 * 3600; step++) {
        plant_step(a);
        plant_step(b);
        plant_step(c);
    }
    for (unsigned l = 0; l < 2; l++) {
        assert_memory_equal(a->lines[l].pots, b->lines[l].pots, 5 * sizeof *a->lines[l].pots);
        assert_true(a->lines[l].ampere == b->lines[l].ampere);
        assert_true(a->lines[l].ampere != c->lines[l].ampere);
    }
    plant_free(a);
    plant_free(b);
    plant_free(c);
}

/* A line is the same whatever stands beside it, and a set point at one pot leaves the noise of all as it was. */
static void causes_do_not_mix(void **state) {
    (void)state;
    struct plant *one = make(7, 1, 4), *three = make(7, 3, 4);
    plant_pot_set_remote(plant_pot(three, 1, 2), PLANT_TARGET_FEED, 110);
    for (int step = 0; step < 3600; step++) {
        plant_step(one);
        plant_step(three);
    }
    assert_true(plant_pot(one, 1, 1)->cell.volts == plant_pot(three, 1, 1)->cell.volts);
    assert_true(plant_pot(one, 1, 2)->cell.volts != plant_pot(three, 1, 2)->cell.volts);
    assert_true(plant_pot(one, 1, 2)->noise.last == plant_pot(three, 1, 2)->noise.last);
    plant_free(one);
    plant_free(three);
}

static void the_current_ramps_and_sags(void **state) {
    (void)state;
    struct plant *plant = make(3, 1, 20);
    struct plant_line *line = &plant->lines[0];
    line->remote = 171e3;
    line->remote_given = true;
    for (int step = 0; step < 150; step++)
        plant_step(plant);
    BETWEEN(line->ampere, 174e3, 177e3); /* 1 % a minute */
    for (int step = 0; step < 300; step++)
        plant_step(plant);
    CLOSE(line->ampere, 171e3, 1e3);

    line->pots[5].effect.force = true;
    for (int step = 0; step < 6; step++)
        plant_step(plant);
    assert_int_equal(plant_effects(line), 1);
    assert_true(line->ampere < 170.3e3);
    assert_null(plant_pot(plant, 1, 21));
    assert_null(plant_pot(plant, 2, 1));
    plant_free(plant);
}

static void coarse_steps_give_the_same_plant(void **state) {
    (void)state;
    double temp[2];
    for (int i = 0; i < 2; i++) {
        struct plant *plant =
            plant_new(&(struct plant_options){.seed = 2, .lines = 1, .pots = 5, .step = (i ? 10 : 1) * PLANT_SECOND});
        for (int step = 0; step < 86400 / (i ? 10 : 1); step++)
            plant_step(plant);
        temp[i] = 0;
        for (unsigned p = 0; p < 5; p++)
            temp[i] += plant->lines[0].pots[p].cell.y[PLANT_BATH_TEMP] / 5;
        plant_free(plant);
    }
    CLOSE(temp[0], temp[1], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stable_and_balanced_for_days),
        cmocka_unit_test(same_seed_same_plant),
        cmocka_unit_test(causes_do_not_mix),
        cmocka_unit_test(the_current_ramps_and_sags),
        cmocka_unit_test(coarse_steps_give_the_same_plant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
