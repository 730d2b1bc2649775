/* likeness.h: how far the newest window of a series is from the most similar one before it.
 *
 * The distance is Euclid's between windows of mean 0 and deviation 1, as a root mean square, so that level and
 * amplitude do not matter: 0 the same shape, sqrt(2) none in common. A window that hardly moves is divided by `floor`
 * instead of its own deviation: noise around a standstill has no shape (De Paepe, Avendano and Van Hoecke 2019).
 *
 * All dot products of the window with a block of the series are one Fourier transform there and one back (MASS; Mueen
 * and others 2015), and blocks are looked at from the newest back until one is near enough (DAMP; Lu and others 2022):
 * of a series that repeats itself that is the first one, and the memory is that of one block however long the history.
 */
#ifndef POTLINE_SPECTRAL_LIKENESS_H
#define POTLINE_SPECTRAL_LIKENESS_H

#include <stdbool.h>
#include <stdint.h>

struct likeness {
    uint32_t window; /* rows */
    uint32_t block;  /* rows of a transform, a power of two */
    double *in;      /* [block] */
    double *rows;    /* [block]: of the series, about their mean */
    void *query;     /* fftw_complex [block / 2 + 1]: the window's spectrum */
    void *out;
    void *there, *back; /* fftw_plan */
};

bool likeness_init(struct likeness *l, uint32_t window); /* false without memory */
void likeness_fini(struct likeness *l);

/* A series as a ring of `room` values; the newest has number `rows` - 1, and the last `held` are there. */
struct likeness_series {
    const double *ring;
    uint32_t room;
    uint64_t rows;
    uint64_t held;
};

struct likeness_found {
    double distance; /* at most this; exactly, when it is more than `enough` */
    uint64_t row;    /* where the most similar window that was seen ends */
    unsigned blocks; /* that were looked at */
};

/* Of the newest window to those that end before it begins. False: there is none yet. */
bool likeness_find(struct likeness *l, const struct likeness_series *series, double floor, double enough,
                   struct likeness_found *found);

#endif
