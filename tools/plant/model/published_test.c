#include "published.h"
#include "rk4.h"
#include "testing.h"

static const double start[PLANT_PUB_STATES] = {3300, 430, 1570, 12300, 9900, 972, 815, 575};

static struct plant_published with_inputs(const struct plant_published *set) {
    struct plant_published p = *set;
    p.feed = 0.0238;
    p.ampere = 140000;
    p.alf3 = 0.000476;
    p.tapping = 0.0062;
    p.distance = 0.05;
    return p;
}

static void auxiliary_values(void **state) {
    (void)state;
    struct plant_published p = with_inputs(&plant_published_set);
    struct plant_published_voltage v = plant_published_voltage_of(&p, start);
    CLOSE(v.liquidus, 966.7609110809, 5e-11);
    CLOSE(v.conductivity, 2.1649337985, 5e-11);
    CLOSE(v.covered, 0.6330472091, 5e-11);
    CLOSE(v.bubble_layer, 0.5032818336, 5e-11);
    CLOSE(v.bubbles, 0.2142989171, 5e-11);
    CLOSE(v.bath, 1.2341050461, 5e-11);
    CLOSE(v.bubbles + v.bath, 1.4484039632, 5e-11);
}

static void rates_as_published(void **state) {
    (void)state;
    static const double known[] = {7.8133449696e-1, 0, 0, -7.8062049696e-1, 2.0e-6, 3.9555610962e-4, 3.5991592607e-2,
                                   1.7730149651e-3};
    struct plant_published p = with_inputs(&plant_published_set);
    double dx[PLANT_PUB_STATES];
    plant_published_rates(&p, start, dx);
    for (int i = 0; i < PLANT_PUB_STATES; i++)
        CLOSE(dx[i], known[i], 5e-11 * fmax(fabs(known[i]), 1e-3));
}

static void rates_corrected(void **state) {
    (void)state;
    static const double known[] = {-2.9563111988e-1, 3.7562e-4,      0, 2.9634511988e-1, 6.19756e-3, -2.6240816638e-4,
                                   -1.5965352129e-2, 1.7730149651e-3};
    struct plant_published p = with_inputs(&plant_published_corrected);
    double dx[PLANT_PUB_STATES];
    plant_published_rates(&p, start, dx);
    for (int i = 0; i < PLANT_PUB_STATES; i++)
        CLOSE(dx[i], known[i], 5e-10 * fmax(fabs(known[i]), 1e-2));
}

/* A day in steps of 10 s, to every digit of the table. */
static void trajectory(void **state) {
    (void)state;
    static const struct {
        int steps;
        double ledge, bath, middle, wall, thickness, volts;
    } known[] = {
        {1080, 3485.10385961, 975.50273758, 809.51617566, 567.65044744, 0.069702, 1.44051224},
        {4320, 3442.86107848, 975.73893980, 811.48988911, 570.43325217, 0.068857, 1.44046620},
        {8640, 3430.23862609, 975.89408028, 812.16693501, 571.34060350, 0.068605, 1.44045251},
    };
    struct plant_published p = with_inputs(&plant_published_set);
    double x[PLANT_PUB_STATES];
    memcpy(x, start, sizeof x);
    int done = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        for (; done < known[i].steps; done++)
            plant_rk4(plant_published_rates, &p, x, PLANT_PUB_STATES, 10);
        struct plant_published_voltage v = plant_published_voltage_of(&p, x);
        CLOSE(x[PLANT_PUB_LEDGE], known[i].ledge, 5e-9);
        CLOSE(x[PLANT_PUB_BATH], known[i].bath, 5e-9);
        CLOSE(x[PLANT_PUB_LEDGE_TEMP], known[i].middle, 5e-9);
        CLOSE(x[PLANT_PUB_WALL_TEMP], known[i].wall, 5e-9);
        CLOSE(p.wall.ledge_per_kg * x[PLANT_PUB_LEDGE], known[i].thickness, 5e-7);
        CLOSE(v.bubbles + v.bath, known[i].volts, 5e-9);
    }
}

/* Composition frozen: the four thermal states settle where the reference says, for both sets. */
static void steady_state(void **state) {
    (void)state;
    static const struct {
        const struct plant_published *set;
        double ledge, bath, middle, wall, tolerance;
    } known[] = {
        {&plant_published_set, 3426.567600, 976.138859, 812.516882, 571.707179, 5e-5},
        {&plant_published_corrected, 3161.57, 965.47, 811.59, 579.42, 6e-3},
    };
    for (size_t i = 0; i < 2; i++) {
        struct plant_published p = with_inputs(known[i].set);
        p.cryolite_gain = 0;
        double x[PLANT_PUB_STATES];
        memcpy(x, start, sizeof x);
        for (int step = 0; step < 60 * 8640; step++) {
            plant_rk4(plant_published_rates, &p, x, PLANT_PUB_STATES, 10);
            memcpy(x + PLANT_PUB_ALUMINA, start + PLANT_PUB_ALUMINA, 4 * sizeof *x);
        }
        CLOSE(x[PLANT_PUB_LEDGE], known[i].ledge, known[i].tolerance);
        CLOSE(x[PLANT_PUB_BATH], known[i].bath, known[i].tolerance);
        CLOSE(x[PLANT_PUB_LEDGE_TEMP], known[i].middle, known[i].tolerance);
        CLOSE(x[PLANT_PUB_WALL_TEMP], known[i].wall, known[i].tolerance);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auxiliary_values), cmocka_unit_test(rates_as_published), cmocka_unit_test(rates_corrected),
        cmocka_unit_test(trajectory),       cmocka_unit_test(steady_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
