#include "noise.h"

#include <math.h>

#include "random.h"

#define PI 3.14159265358979323846
#define DAMPING 0.15
#define UNREST_TIME 2400.0 /* s until the metal has calmed down to 1/e */
#define PAD_MAX 0.15       /* V rms */
#define LOSS_PER_VOLT 0.4  /* current efficiency lost to waves: 0.04 % for each mV beyond the calm */

void plant_noise_init(struct plant_noise *noise, uint64_t seed, unsigned line, unsigned pot) {
    uint64_t key = plant_random_key(seed, line, pot, PLANT_CAUSE_PAD);
    *noise = (struct plant_noise){
        .bubble_key = plant_random_key(seed, line, pot, PLANT_CAUSE_BUBBLES),
        .pad_key = key + 1,
        .bubbles = plant_random_between(key, 1, 0.008, 0.013),
        .pad_calm = plant_random_between(key, 2, 0.003, 0.005),
        .frequency = plant_random_between(key, 3, 0.012, 0.030),
    };
}

/* The recursion x = near x1 - far x2 + drive w has the oscillator's poles and, with w of variance 1, variance 1. */
static void fit_step(struct plant_noise *noise, double seconds) {
    double angle = 2 * PI * noise->frequency * seconds, radius = exp(-DAMPING * angle);
    double square = radius * radius;
    noise->seconds = seconds;
    noise->near = 2 * radius * cos(angle);
    noise->far = square;
    noise->drive = sqrt((1 - square) * ((1 + square) * (1 + square) - noise->near * noise->near) / (1 + square));
    noise->decay = exp(-seconds / UNREST_TIME);
}

void plant_noise_step(struct plant_noise *noise, uint64_t number, double distance, double seconds) {
    if (seconds != noise->seconds) fit_step(noise, seconds);
    double x = noise->near * noise->last - noise->far * noise->before +
               noise->drive * plant_random_normal(noise->pad_key, number);
    noise->before = noise->last;
    noise->last = x;

    double rms = noise->pad_calm * exp((0.043 - distance) / 0.003) * (1 + 3 * noise->unrest);
    noise->pad_rms = (rms < PAD_MAX ? rms : PAD_MAX) + noise->roll;
    noise->unrest *= noise->decay;
    noise->volts = noise->pad_rms * x + noise->bubbles * plant_random_normal(noise->bubble_key, number);
}

double plant_noise_efficiency_loss(const struct plant_noise *noise) {
    double beyond = noise->pad_rms - noise->pad_calm;
    return beyond > 0 ? LOSS_PER_VOLT * beyond : 0;
}
