/* pot_testing.h: for tests: pots like those of the plant, each a little different. */
#ifndef OPTIMIZE_POT_TESTING_H
#define OPTIMIZE_POT_TESTING_H

#include <math.h>

#include "../testing.h"
#include "models.h"
#include "pot.h"

static inline double uniform(uint64_t *seed, double low, double high) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return low + (high - low) * (double)(*seed >> 11) * 0x1p-53;
}

static inline void set(double *values, const char *name, double value) {
    int row = twin_cell_row(name);
    if (row < 0) fail_msg("no parameter %s", name);
    values[row] = value;
}

static inline struct pot_setup usual(void) {
    return (struct pot_setup){.objective = {.energy = 1, .tariff = 0.05, .fluoride = 1.5, .grid = 0.3},
                              .feed_time = 8,
                              .dose_time = 48,
                              .noise_quiet = 12,
                              .noise_distance = 0.1,
                              .held = {[POT_CURRENT] = true},
                              .purity = purity_usual,
                              .solver = {.solver = NLP_MULTISTART,
                                         .tolerance = 1e-8,
                                         .keeps = 1e-6,
                                         .seconds = 600,
                                         .evaluations = 600,
                                         .starts = 4}};
}

/* A pot like those of the plant, each a little different, where it may be on a day; seed 0: the usual one. */
static inline void *pot_of(uint64_t seed, struct pot_input *input) {
    double values[PL_MODEL_PARAMETERS_MAX];
    void *self = NULL;
    struct pl_error *error = NULL;
    models_defaults(twin_cell_model.parameters, values);
    set(values, "bath", 6200);
    set(values, "metal", 15000);
    set(values, "excess_fluoride", 12.3);
    set(values, "calcium_fluoride", 5.5);
    set(values, "alumina", 2.45);
    uint64_t s = seed;
    uniform(&s, 0, 1);
    if (seed) {
        set(values, "distance", uniform(&s, 0.040, 0.047));
        set(values, "alumina", uniform(&s, 2.0, 3.4));
        set(values, "excess_fluoride", uniform(&s, 10.2, 13));
        set(values, "superheat", uniform(&s, 5, 13));
        set(values, "efficiency", uniform(&s, 0.91, 0.96));
        set(values, "top", uniform(&s, 175, 220));
        set(values, "current", uniform(&s, 174e3, 186e3));
        set(values, "anode_resistance", uniform(&s, 0.26, 0.34) / 180e3);
        set(values, "cathode_resistance", uniform(&s, 0.26, 0.34) / 180e3);
    }
    if (twin_cell_model.open(&self, values, &error)) fail_msg("%s", error->text);
    *input = (struct pot_input){.model = self, .noise = seed ? uniform(&s, 5, 30) : NAN, .seed = seed};
    limits_of(&(struct limits){.count = 0}, "line1.pot01", input->limit);
    for (int j = 0; j < POT_VARIABLES; j++)
        input->accepted[j] = input->baseline[j] = NAN;
    return self;
}

#endif
