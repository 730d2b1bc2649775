/* detect.h: the operators of this plugin. */
#ifndef POTLINE_DETECT_DETECT_H
#define POTLINE_DETECT_DETECT_H

#include <potline/operator.h>

extern const struct pl_operator detect_univariate, detect_process, detect_state, detect_recurrent, detect_change,
    detect_residual, detect_ensemble;

#endif
