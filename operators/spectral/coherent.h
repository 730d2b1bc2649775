/* coherent.h: how much two signals go together, by frequency: the magnitude-squared coherence, after Welch.
 *
 *     C(f) = |mean of X* Y|^2 / (mean of |X|^2  mean of |Y|^2)
 *
 * X and Y are the spectra (spectrum.h) of the same window of both; means go over the last windows, newer ones counting
 * more. 1: one follows the other through a linear system, whatever its gain and delay; 0: nothing in common. Of n
 * windows of noise it is 1 / n, not 0.
 */
#ifndef POTLINE_SPECTRAL_COHERENT_H
#define POTLINE_SPECTRAL_COHERENT_H

#include "spectrum.h"

struct coherent_line {
    double first, second; /* power of either */
    double real, imaginary;
};

/* Takes the newest window of both rings (as spectrum_take) into the means over about `average` windows, the `taken`th
 * of which it is from 0 on. `scratch` holds 2 * (rows / 2 + 1) doubles. */
void coherent_take(struct spectrum *s, struct coherent_line *lines, const double *first, const double *second,
                   uint32_t from, double *scratch, uint64_t taken, double average);

/* The mean of the lines in [low, high), Hz; 0 without any. */
double coherent_in(const struct spectrum *s, const struct coherent_line *lines, double low, double high);

#endif
