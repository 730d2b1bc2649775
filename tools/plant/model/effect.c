#include "effect.h"

#include <math.h>

#include "random.h"

#define RISE 1.5    /* s, time constant of the film's growth */
#define FALL 0.8    /* s, of its decay */
#define HAZARD 0.12 /* 1/s that moving anodes end it, with alumina enough */
#define LONELY 0.003

void plant_effect_init(struct plant_effect *effect, uint64_t seed, unsigned line, unsigned pot) {
    *effect = (struct plant_effect){.key = plant_random_key(seed, line, pot, PLANT_CAUSE_EFFECT)};
}

static double clamp(double x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static bool ends(const struct plant_effect *effect, uint64_t number, double ratio, bool anodes_move, double seconds) {
    double hazard = anodes_move ? HAZARD * clamp((0.97 - ratio) / 0.10) : LONELY * clamp((0.85 - ratio) / 0.2);
    return plant_random_uniform(effect->key + 1, number) < 1 - exp(-hazard * seconds);
}

void plant_effect_step(struct plant_effect *effect, uint64_t number, double ratio, bool anodes_move, double seconds) {
    if (!effect->on) {
        if (ratio >= 1 || effect->force) {
            effect->on = true;
            effect->age = 0;
            effect->height = plant_random_between(effect->key, effect->count++, 14, 34);
        } else if (effect->film == 0) {
            return;
        }
    } else {
        effect->age += seconds;
        effect->lasted += seconds;
        if (effect->age > 5 && ends(effect, number, ratio, anodes_move, seconds)) effect->on = false;
    }

    effect->force = false;
    double target = effect->on ? 1 : 0;
    effect->film = target + (effect->film - target) * exp(-seconds / (effect->on ? RISE : FALL));
    if (!effect->on && effect->film < 1e-3) effect->film = 0;
    double wobble = 1 + 0.04 * plant_random_normal(effect->key + 2, number);
    effect->volts = effect->film * effect->height * wobble;
}
