#include "likeness.h"

#include <fftw3.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "planner.h"

/* A block of so many windows: larger ones take longer for nothing when the first is near enough. */
enum { WINDOWS_IN_BLOCK = 8 };

bool likeness_init(struct likeness *l, uint32_t window) {
    *l = (struct likeness){.window = window, .block = 64};
    while (l->block < WINDOWS_IN_BLOCK * window)
        l->block *= 2;
    const size_t lines = l->block / 2 + 1;
    l->in = pl_alloc_aligned(64, l->block * sizeof *l->in);
    l->rows = pl_alloc(l->block * sizeof *l->rows);
    l->query = pl_alloc_aligned(64, lines * sizeof(fftw_complex));
    l->out = pl_alloc_aligned(64, lines * sizeof(fftw_complex));
    if (!l->in || !l->rows || !l->query || !l->out) return false;
    pthread_mutex_lock(&planner);
    l->there = fftw_plan_dft_r2c_1d((int)l->block, l->in, l->out, FFTW_ESTIMATE);
    l->back = fftw_plan_dft_c2r_1d((int)l->block, l->out, l->in, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    return l->there && l->back;
}

void likeness_fini(struct likeness *l) {
    pthread_mutex_lock(&planner);
    if (l->there) fftw_destroy_plan(l->there);
    if (l->back) fftw_destroy_plan(l->back);
    pthread_mutex_unlock(&planner);
    pl_free(l->in);
    pl_free(l->rows);
    pl_free(l->query);
    pl_free(l->out);
    *l = (struct likeness){0};
}

/* ---- The window ---- */

/* `count` rows of the series up to number `behind`, about their mean. */
static void take_rows(const struct likeness_series *s, uint64_t behind, uint32_t count, double *rows) {
    uint32_t at = (uint32_t)((behind - count) % s->room);
    double mean = 0;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = s->ring[at];
        mean += rows[i] / count;
        if (++at == s->room) at = 0;
    }
    for (uint32_t i = 0; i < count; i++)
        rows[i] -= mean;
}

static double variance_of(const double *rows, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += rows[i] * rows[i];
    return sum / count;
}

/* The window as a spectrum to multiply with; its variance, and the deviation it is divided by. */
struct query {
    double variance, deviation;
};

static struct query take_query(struct likeness *l, const struct likeness_series *s, double floor) {
    memset(l->in, 0, l->block * sizeof *l->in);
    take_rows(s, s->rows, l->window, l->in);
    const double variance = variance_of(l->in, l->window);
    fftw_execute(l->there);
    memcpy(l->query, l->out, (l->block / 2 + 1) * sizeof(fftw_complex));
    return (struct query){variance, fmax(sqrt(variance), floor)};
}

/* ---- A block ---- */

/* in[i]: the dot product of the window with the rows from i on, times `block`. */
static void multiply(struct likeness *l, uint32_t count) {
    memcpy(l->in, l->rows, count * sizeof *l->in);
    memset(l->in + count, 0, (l->block - count) * sizeof *l->in);
    fftw_execute(l->there);
    fftw_complex *out = l->out;
    const fftw_complex *query = l->query;
    for (uint32_t k = 0; k <= l->block / 2; k++) { /* by the conjugate */
        const double real = out[k][0] * query[k][0] + out[k][1] * query[k][1];
        out[k][1] = out[k][1] * query[k][0] - out[k][0] * query[k][1];
        out[k][0] = real;
    }
    fftw_execute(l->back);
}

/* The squares of distances of all windows in the block; the least that is less than `best`. The newest first, so that
 * of equals it is the one told. */
static void seek(struct likeness *l, const struct query *query, double floor, uint64_t first, uint32_t count,
                 double *best, uint64_t *row) {
    const double window = l->window;
    double sum = 0, squares = 0;
    multiply(l, count);
    for (uint32_t i = count; i-- > 0;) { /* l->rows[i .. i + window) */
        sum += l->rows[i];
        squares += l->rows[i] * l->rows[i];
        if (i + l->window < count) {
            const double gone = l->rows[i + l->window];
            sum -= gone;
            squares -= gone * gone;
        }
        if (i + l->window > count) continue;
        const double variance = fmax((squares - sum * sum / window) / window, 0);
        const double deviation = fmax(sqrt(variance), floor), dot = l->in[i] / l->block / window;
        const double square = query->variance / (query->deviation * query->deviation) +
                              variance / (deviation * deviation) - 2 * dot / (query->deviation * deviation);
        if (!(square < *best)) continue;
        *best = square;
        *row = first + i + l->window - 1;
    }
}

bool likeness_find(struct likeness *l, const struct likeness_series *series, double floor, double enough,
                   struct likeness_found *found) {
    const uint64_t oldest = series->rows - series->held;
    double best = INFINITY;
    *found = (struct likeness_found){0};
    if (series->held < 2 * (uint64_t)l->window || !(floor > 0)) return false;
    const struct query query = take_query(l, series, floor);
    uint64_t behind = series->rows - l->window; /* blocks share rows, so that no window falls between two */
    while (behind >= oldest + l->window && !(best <= enough * enough)) {
        const uint32_t count = behind - oldest < l->block ? (uint32_t)(behind - oldest) : l->block;
        take_rows(series, behind, count, l->rows);
        seek(l, &query, floor, behind - count, count, &best, &found->row);
        found->blocks++;
        behind -= count - (l->window - 1);
    }
    found->distance = sqrt(fmax(best, 0));
    return isfinite(best);
}
