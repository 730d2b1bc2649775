/* teaching.h: which frames scatter goes on learning from, and which signals of them.
 *
 * A frame teaches `late` frames behind it, when there has been no alarm in it, nor in what it is judged with, nor since
 * more than by chance: what an alarm began with is no alarm yet. A signal that repeats its value for longer than it
 * ever did while it was learned (it is missing, its sensor is frozen, or its valve at rest) teaches nothing of itself.
 */
#ifndef POTLINE_DETECT_TEACHING_H
#define POTLINE_DETECT_TEACHING_H

#include "frame.h"

/* From the frames that teach at first: how long signals stand. */
void teaching_begin(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view);

/* The newest frame, behind its verdict. */
void teaching_note(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, bool alarm);

/* Does the `late`th frame before the newest teach? */
bool teaching_may(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view);

/* Did a signal stand in the `back`th frame before the newest? */
bool teaching_stands(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                     uint32_t signal, uint64_t back);

#endif
