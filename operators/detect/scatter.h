/* scatter.h: do the signals of a frame go together as they did, and follow one another as they did?
 *
 * Hotelling's T^2 over all components of the learned correlations: what principal component analysis parts into T^2 and
 * Q is one statistic here, in which each component counts by its own variance. With a `share` there are these two
 * besides: T^2 of the first components that hold so much of the variance, and Q, the squares of what they leave of the
 * row (also SPE). With `lags` a row is a frame and those before it (dynamic: Ku, Storer and Georgakis 1995). The law of
 * a T^2 is Fisher's, that of Q Box's (1954). What the laws do not know (rows that are not independent, signals that are
 * not normal) is measured by leaving out each fifth of the learned rows in turn and judging it by the rest.
 *
 * With `forget` it goes on learning: mean and covariance (covariance.h) are those of frames that were no alarm
 * (teaching.h), so a plant that wears is followed and a fault is not learned. A signal that stands keeps its spread,
 * and none falls under a tenth of what it was at first. How much larger than its law a statistic is stays as measured.
 */
#ifndef POTLINE_DETECT_SCATTER_H
#define POTLINE_DETECT_SCATTER_H

#include "frame.h"

enum { SCATTER_WIDTH_MAX = 360 }; /* of rows: signals * (1 + lags) */

/* False without memory. With fewer frames than it takes, or signals that say nothing, it judges less, or nothing. */
bool scatter_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view);

/* The surprise, and by which statistic (SCATTER_*) it is; view->score[s]: which part of it is the signal's;
 * frame->distance. */
double scatter_judge(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, unsigned *by);

/* Behind the verdict on a frame, with `forget`: the frame that may teach by now does, and now and then the components
 * are calculated anew. *taught: one has. False without memory. */
bool scatter_follow(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, bool alarm,
                    bool *taught);

#endif
