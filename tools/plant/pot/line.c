#include "line.h"

#include <math.h>
#include <stdlib.h>

#include "../model/random.h"

#define RAMP (0.01 / 60)    /* of the nominal current a second */
#define WANDER 0.0006       /* relative */
#define WANDER_TIME 25.0    /* s */
#define RIPPLE 0.0004       /* relative */
#define SAG 0.0015          /* relative, for each volt the rectifier has not yet made up for */
#define REGULATION_TIME 8.0 /* s */

double plant_line_target(const struct plant_line *line) {
    return line->remote_given ? line->remote : line->local;
}

bool plant_line_init(struct plant_line *line, const struct plant_practice *practice, uint64_t seed, unsigned number,
                     unsigned pots) {
    *line = (struct plant_line){
        .key = plant_random_key(seed, number, 0, PLANT_CAUSE_CURRENT),
        .number = number,
        .pot_count = pots,
        .pots = calloc(pots, sizeof *line->pots),
        .happened = calloc(pots, sizeof *line->happened),
        .local = PLANT_AMPERE,
        .ramped = PLANT_AMPERE,
        .ampere = PLANT_AMPERE,
    };
    if (!line->pots || !line->happened) return false;
    for (unsigned i = 0; i < pots; i++) {
        plant_pot_init(&line->pots[i], practice, seed, number, i + 1, pots);
        plant_pot_begin(&line->pots[i], line->ampere);
        line->volts += line->pots[i].volts;
    }
    return true;
}

void plant_line_fini(struct plant_line *line) {
    free(line->pots);
    free(line->happened);
    *line = (struct plant_line){0};
}

static void drive(struct plant_line *line, uint64_t number, double seconds) {
    double step = RAMP * PLANT_AMPERE * seconds, off = plant_line_target(line) - line->ramped;
    line->ramped += off > step ? step : off < -step ? -step : off;

    double keep = exp(-seconds / WANDER_TIME);
    line->wander = keep * line->wander + WANDER * sqrt(1 - keep * keep) * plant_random_normal(line->key, 2 * number);
    double ripple = RIPPLE * plant_random_normal(line->key, 2 * number + 1);

    double excess = 0;
    for (unsigned i = 0; i < line->pot_count; i++)
        excess += line->pots[i].effect.volts;
    line->regulated += (excess - line->regulated) * (1 - exp(-seconds / REGULATION_TIME));
    double sag = SAG * (excess - line->regulated) * 20 / line->pot_count;
    if (sag > 0.3) sag = 0.3;
    line->ampere = line->ramped * (1 + line->wander + ripple - sag);
}

void plant_line_step(struct plant_line *line, uint64_t number, double seconds) {
    drive(line, number, seconds);
    double nominal = plant_line_target(line);
    line->volts = 0;
    for (unsigned i = 0; i < line->pot_count; i++) {
        plant_pot_step(&line->pots[i], number, seconds, line->ampere, nominal, &line->happened[i]);
        line->volts += line->pots[i].volts;
    }
}
