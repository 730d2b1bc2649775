/* recurrent.h: what the operator `detect.recurrent` and its training share.
 *
 *     frame     the signals of an asset at one time, in the order of the model's inputs
 *     judge     how far frames are from their forecast, as three numbers: over all signals (root of the mean square),
 * the same smoothed, and the worst signal; each held against a tail of such numbers
 */
#ifndef POTLINE_DETECT_RECURRENT_H
#define POTLINE_DETECT_RECURRENT_H

#include <potline/potline.h>

#include "forecaster.h"
#include "model.h"

enum statistic { STATISTIC_ALL, STATISTIC_SMOOTH, STATISTIC_WORST };
enum { RECURRENT_WARM = 16 }; /* frames from the beginning of a stretch until forecasts are judged */

struct recurrent_training {
    uint32_t network; /* enum network_kind */
    int64_t units, layers, rounds, steps, lanes, seed;
    double rate, judge;
    bool difference;
};

/* The options; what the operator has besides stands behind them. */
struct recurrent_options {
    struct pl_strings include, exclude, inputs;
    const char *model;
    int64_t signals, state;
    double threshold;
    int64_t smooth, persist, hold, accept, memory;
    pl_time gap;
    bool drifts;
    int64_t drift_window;
    double drift_limit;
    bool trains;
    struct recurrent_training training;
};

/* The part of a tag's name behind its asset; the whole name where it has none. */
const char *recurrent_signal(const struct pl_tags *tags, uint32_t tag);

/* Of one stretch of frames. */
struct judge {
    double smooth;   /* the second statistic */
    uint32_t frames; /* of the stretch */
};

/* The three statistics of a frame and its forecast (both in the model's scale, NaN: missing); share[s]: which part of
 * the mean square is the signal's. False: too early, or no signal was there. */
bool judge_frame(struct judge *judge, const struct model *model, const float *frame, const float *forecast,
                 double smoothing, double statistic[MODEL_STATISTICS], double *share);

double judge_surprise(const struct tail tail[MODEL_STATISTICS], const double statistic[MODEL_STATISTICS],
                      double smoothing);

extern const struct pl_trainer recurrent_trainer;

#endif
