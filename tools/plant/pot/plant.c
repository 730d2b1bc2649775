#include "plant.h"

#include <stdlib.h>

struct plant *plant_new(const struct plant_options *options) {
    struct plant *plant = calloc(1, sizeof *plant);
    if (!plant) return NULL;
    plant->options = *options;
    plant->seconds = (double)options->step / PLANT_SECOND;
    plant->lines = calloc(options->lines, sizeof *plant->lines);
    bool made = plant->lines != NULL;
    for (unsigned i = 0; made && i < options->lines; i++)
        made =
            plant_line_init(&plant->lines[i], &plant_practices[options->practice], options->seed, i + 1, options->pots);
    if (made) return plant;
    plant_free(plant);
    return NULL;
}

void plant_free(struct plant *plant) {
    if (!plant) return;
    for (unsigned i = 0; plant->lines && i < plant->options.lines; i++)
        plant_line_fini(&plant->lines[i]);
    free(plant->lines);
    free(plant);
}

void plant_step(struct plant *plant) {
    plant->step++;
    for (unsigned i = 0; i < plant->options.lines; i++)
        plant_line_step(&plant->lines[i], plant->step, plant->seconds);
}

int64_t plant_time(const struct plant *plant) {
    return plant->options.start + (int64_t)plant->step * plant->options.step;
}

double plant_elapsed(const struct plant *plant) {
    return (double)plant->step * plant->seconds;
}

struct plant_pot *plant_pot(struct plant *plant, unsigned line, unsigned pot) {
    if (line < 1 || line > plant->options.lines || pot < 1 || pot > plant->options.pots) return NULL;
    return &plant->lines[line - 1].pots[pot - 1];
}

unsigned plant_effects(const struct plant_line *line) {
    unsigned count = 0;
    for (unsigned i = 0; i < line->pot_count; i++)
        count += line->pots[i].effect.on;
    return count;
}
