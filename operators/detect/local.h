/* local.h: do several signals leave the course of their last hours at once?
 *
 * Each signal's distance from the median of a window of its last rows is measured in its usual distance, which follows
 * slowly; the sum over the signals is judged as a sum of exponential numbers. One signal counts up to a limit, so it
 * takes more than one. A new level is news until the window has come to know it; nothing is learned beforehand.
 */
#ifndef POTLINE_DETECT_LOCAL_H
#define POTLINE_DETECT_LOCAL_H

#include "frame.h"

/* The surprise; view->score[s]: times its usual distance. */
double local_judge(const struct frame_rule *rule, struct frame *frame, struct frame_view *view);

/* The median of a signal's last rows. */
double local_usual(const struct frame_rule *rule, const struct frame_view *view, uint32_t signal);

#endif
