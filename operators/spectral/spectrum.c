#include "spectrum.h"

#include <fftw3.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "planner.h"

bool spectrum_init(struct spectrum *s, uint32_t rows, double rate) {
    const uint32_t lines = rows / 2 + 1;
    *s = (struct spectrum){.rows = rows, .rate = rate};
    s->window = pl_alloc(rows * sizeof *s->window);
    s->power = pl_alloc(lines * sizeof *s->power);
    s->in = pl_alloc_aligned(64, rows * sizeof *s->in);
    s->out = pl_alloc_aligned(64, lines * sizeof(fftw_complex));
    if (!s->window || !s->power || !s->in || !s->out) return false;
    for (uint32_t i = 0; i < rows; i++) {
        s->window[i] = 0.5 - 0.5 * cos(2 * acos(-1) * i / rows);
        s->weight += s->window[i] * s->window[i];
    }
    pthread_mutex_lock(&planner);
    s->plan = fftw_plan_dft_r2c_1d((int)rows, s->in, s->out, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    return s->plan != NULL;
}

void spectrum_fini(struct spectrum *s) {
    pthread_mutex_lock(&planner);
    if (s->plan) fftw_destroy_plan(s->plan);
    pthread_mutex_unlock(&planner);
    pl_free(s->window);
    pl_free(s->power);
    pl_free(s->in);
    pl_free(s->out);
    *s = (struct spectrum){0};
}

/* The straight line through the window is taken away: a drift would be in every band. */
static void take_line_away(double *values, uint32_t rows) {
    const double middle = (rows - 1) / 2.0;
    double mean = 0, slope = 0, squares = 0;
    for (uint32_t i = 0; i < rows; i++)
        mean += values[i] / rows;
    for (uint32_t i = 0; i < rows; i++) {
        slope += (i - middle) * (values[i] - mean);
        squares += (i - middle) * (i - middle);
    }
    slope /= squares;
    for (uint32_t i = 0; i < rows; i++)
        values[i] -= mean + slope * (i - middle);
}

void spectrum_take(struct spectrum *s, const double *ring, uint32_t from) {
    memcpy(s->in, ring + from, (s->rows - from) * sizeof *ring);
    memcpy(s->in + (s->rows - from), ring, from * sizeof *ring);
    take_line_away(s->in, s->rows);
    for (uint32_t i = 0; i < s->rows; i++)
        s->in[i] *= s->window[i];
    fftw_execute(s->plan);
    const fftw_complex *out = s->out;
    for (uint32_t k = 0; k <= s->rows / 2; k++) {
        const double sides = k == 0 || 2 * k == s->rows ? 1 : 2;
        s->power[k] = sides * (out[k][0] * out[k][0] + out[k][1] * out[k][1]) / (s->rate * s->weight);
    }
}

static double frequency(const struct spectrum *s, uint32_t line) {
    return line * s->rate / s->rows;
}

double spectrum_power(const struct spectrum *s, double low, double high) {
    double sum = 0;
    for (uint32_t k = 0; k <= s->rows / 2; k++)
        if (frequency(s, k) >= low && frequency(s, k) < high) sum += s->power[k] * s->rate / s->rows;
    return sum;
}

double spectrum_peak(const struct spectrum *s, double low, double high) {
    double best = 0, at = 0;
    for (uint32_t k = 0; k <= s->rows / 2; k++) {
        if (frequency(s, k) < low || frequency(s, k) >= high || s->power[k] <= best) continue;
        best = s->power[k];
        at = frequency(s, k);
    }
    return at;
}
