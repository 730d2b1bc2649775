/* scatter.h: do the signals of a frame go together as they did?
 *
 * Hotelling's T^2 over all components of the learned correlations: what principal component analysis parts into T^2 and
 * Q is one statistic here, in which each component counts by its own variance. Its law is Fisher's; what the law does
 * not know (rows that are not independent, signals that are not normal) is measured by leaving out each fifth of the
 * learned rows in turn and judging it by the rest.
 */
#ifndef POTLINE_DETECT_SCATTER_H
#define POTLINE_DETECT_SCATTER_H

#include "frame.h"

/* False without memory. With fewer frames than it takes, or signals that say nothing, it judges less, or nothing. */
bool scatter_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view);

/* The surprise; view->score[s]: which part of it is the signal's. */
double scatter_judge(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view);

#endif
