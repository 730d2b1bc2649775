/* bands.h: bands of frequencies, as options say them. */
#ifndef POTLINE_SPECTRAL_BANDS_H
#define POTLINE_SPECTRAL_BANDS_H

#include <potline/potline.h>

enum { BANDS_MAX = 16 };

struct band {
    const char *name;
    double low, high; /* Hz, [low, high) */
};

extern const struct pl_option band_options[];

/* Whether they are bands that windows of `size` samples, `interval` apart, can tell. */
void bands_check(struct pl_check *check, const struct pl_list *bands, pl_time interval, int64_t size);

#endif
