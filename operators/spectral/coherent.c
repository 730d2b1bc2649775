#include "coherent.h"

#include <fftw3.h>
#include <math.h>
#include <string.h>

void coherent_take(struct spectrum *s, struct coherent_line *lines, const double *first, const double *second,
                   uint32_t from, double *scratch, uint64_t taken, double average) {
    const uint32_t count = s->rows / 2 + 1;
    const double share = 1 / fmin((double)taken + 1, average);
    spectrum_take(s, first, from);
    memcpy(scratch, s->out, count * sizeof(fftw_complex));
    spectrum_take(s, second, from);
    const fftw_complex *y = s->out;
    for (uint32_t k = 0; k < count; k++) {
        const double re = scratch[2 * (size_t)k], im = scratch[2 * (size_t)k + 1];
        struct coherent_line *line = &lines[k];
        line->first += share * (re * re + im * im - line->first);
        line->second += share * (y[k][0] * y[k][0] + y[k][1] * y[k][1] - line->second);
        line->real += share * (re * y[k][0] + im * y[k][1] - line->real);
        line->imaginary += share * (re * y[k][1] - im * y[k][0] - line->imaginary);
    }
}

double coherent_in(const struct spectrum *s, const struct coherent_line *lines, double low, double high) {
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t k = 0; k <= s->rows / 2; k++) {
        const double frequency = k * s->rate / s->rows, both = lines[k].first * lines[k].second;
        if (frequency < low || frequency >= high) continue;
        count++;
        if (both > 0) sum += (lines[k].real * lines[k].real + lines[k].imaginary * lines[k].imaginary) / both;
    }
    return count ? fmin(sum / count, 1) : 0;
}
