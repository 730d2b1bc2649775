/* line_tell.h: a line's answer in words. */
#ifndef OPTIMIZE_LINE_TELL_H
#define OPTIMIZE_LINE_TELL_H

#include "line.h"

void line_tell(const struct line_setup *setup, const struct line_input *input, struct line_result *result);

#endif
