/* spectrum.h: the power in bands of a window of even samples.
 *
 *     spectrum_init(&s, 256, 10.0);                  // rows, samples a second
 *     spectrum_take(&s, ring, from);                 // the mean and the slope are taken away; Hann window
 *     double rms = sqrt(spectrum_power(&s, 0.1, 1)); // in units of the signal
 *
 * What a band has is the same however the window is chosen: a sine of amplitude A has the power A^2 / 2. The plan is
 * estimated, not measured, so that a replay gives the same bits.
 */
#ifndef POTLINE_SPECTRAL_SPECTRUM_H
#define POTLINE_SPECTRAL_SPECTRUM_H

#include <stdbool.h>
#include <stdint.h>

struct spectrum {
    uint32_t rows;
    double rate;
    double *window; /* Hann */
    double weight;  /* the sum of its squares */
    double *in;
    void *out;     /* fftw_complex [rows / 2 + 1] */
    void *plan;    /* fftw_plan */
    double *power; /* density, of each line */
};

bool spectrum_init(struct spectrum *s, uint32_t rows, double rate); /* false without memory */
void spectrum_fini(struct spectrum *s);

/* The spectrum of a ring of `rows` values whose oldest stands at `from`. */
void spectrum_take(struct spectrum *s, const double *ring, uint32_t from);

/* The power between two frequencies, Hz: of the lines in [low, high). */
double spectrum_power(const struct spectrum *s, double low, double high);

/* The frequency of the strongest line in [low, high). */
double spectrum_peak(const struct spectrum *s, double low, double high);

#endif
