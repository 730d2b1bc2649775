/* combine.h: what several detectors say of one asset, as one surprise.
 *
 * Two numbers speak for all of them: the greatest surprise (one detector is sure), and their sum (many are a little
 * surprised at once). Each counts as far as two judges agree:
 *
 *     law        the greatest of n is n times as often as large (Bonferroni); n independent surprises, in natural
 *                logarithms, are exponential and their sum is Erlang's
 *     history    the tail of what the number was on this asset (tail.h), for detectors that look at the same rows are
 *                not independent, and none is as calibrated as it believes
 *
 * So one threshold means one rate of alarms for any asset, however many detectors look at it.
 */
#ifndef POTLINE_DETECT_COMBINE_H
#define POTLINE_DETECT_COMBINE_H

#include <stdbool.h>

#include "tail.h"

enum { COMBINE_LAG = 64 };    /* what teaches does so when so many others have come (tail.h) */
enum { COMBINE_KNOWN = 300 }; /* frames before anything is said */

struct combine_rule {
    double threshold;
    double memory;  /* of the tails */
    uint64_t adapt; /* alarms in a row that teach nothing; then what they have is the usual */
};

/* ---- A detector's score, calibrated ---- */

struct calibration {
    uint64_t judged;
    struct tail tail;
    double waiting[COMBINE_LAG];
};

/* The surprise of a score in 0..1 (verdict.h) by what the detector has said before. Below its own threshold, 0.5, it
 * counts for no more than it says; beyond, for as much as it is rare. */
double combine_score(const struct combine_rule *rule, struct calibration *calibration, double score);

/* ---- All of an asset ---- */

struct combined {
    uint64_t upset; /* alarms in a row */
    struct calibration worst, sum;
};

struct combine_found {
    double surprise;
    bool many; /* it is the sum that is surprising */
};

struct combine_found combine_step(const struct combine_rule *rule, struct combined *combined, double worst, double sum,
                                  uint32_t members);

#endif
