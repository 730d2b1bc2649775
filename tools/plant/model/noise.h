/* noise.h: what the voltage of a pot does beside its mean: bubbles that leave, and waves of the metal pad.
 *
 * Bubbles are white at the steps of a second; the pad rolls at its own frequency (a damped oscillator driven at
 * random), the more the nearer the anodes come and while the metal is unrested by tapping, an anode change or a fault.
 */
#ifndef PLANT_NOISE_H
#define PLANT_NOISE_H

#include <stdint.h>

struct plant_noise {
    uint64_t bubble_key, pad_key;
    double bubbles;   /* V rms */
    double pad_calm;  /* V rms at 43 mm */
    double frequency; /* Hz, of the pad */
    double unrest;    /* 0: at rest; decays */
    double roll;      /* V rms that something adds from outside */
    /* of the last step */
    double pad_rms; /* V */
    double volts;
    /* the oscillator, with rms 1, for steps of `seconds` */
    double before, last;
    double seconds, near, far, drive, decay;
};

void plant_noise_init(struct plant_noise *noise, uint64_t seed, unsigned line, unsigned pot);

/* Step `number`, with the anodes `distance` metres from the metal. */
void plant_noise_step(struct plant_noise *noise, uint64_t number, double distance, double seconds);

double plant_noise_efficiency_loss(const struct plant_noise *noise);

#endif
