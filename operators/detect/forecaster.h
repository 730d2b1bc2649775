/* forecaster.h: a recurrent network at work: one frame in, the forecast of the next one out.
 *
 * Numbers are floats. Where the machine has AVX2 the same additions are done eight at a time: every machine gives the
 * same bits. One frame of 300 signals with 64 units takes some 20 us.
 */
#ifndef POTLINE_DETECT_FORECASTER_H
#define POTLINE_DETECT_FORECASTER_H

#include "network.h"

struct forecaster {
    struct network_shape shape;
    float *weights; /* of the layers and the head, as struct network has them */
    float *gates;   /* scratch: [2][rows] */
};

/* False without memory. */
bool forecaster_make(struct forecaster *forecaster, const struct network *network);
void forecaster_free(struct forecaster *forecaster);

/* `state` has network_state() numbers, zero at the beginning of a stretch; `next` gets the forecast. */
void forecaster_step(struct forecaster *forecaster, float *state, const float *frame, float *next);

#endif
