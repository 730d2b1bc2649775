/* level.h: has a signal left the level that was learned?
 *
 * The mean of the last rows is held against the mean of the learned ones. How far it may be off depends on how much was
 * really seen: a signal that wanders gives few independent rows, so its limit is a Student's t with few degrees of
 * freedom, or it is not judged at all. The learned mean follows slowly while there is no alarm.
 *
 * A change is a step between the newest rows and those before them, of the size that would be an alarm.
 */
#ifndef POTLINE_DETECT_LEVEL_H
#define POTLINE_DETECT_LEVEL_H

#include "frame.h"

void level_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view);

/* The greatest surprise of a signal; *alarm, whether one is beyond its limit for long enough; *share, which part of the
 * signals that are judged is far beyond (so that it is another regime rather than a fault). view->score: per signal. */
double level_judge(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, bool *alarm,
                   double *share);

bool level_changes(const struct frame_rule *rule, struct frame *frame, const struct frame_view *view);

/* The mean of a signal that is held against its level, view->mean[s]. */
double level_now(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view, uint32_t s);

#endif
