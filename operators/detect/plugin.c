/* plugin.c: what this plugin offers. */
#include <potline/plugin.h>

#include "detect.h"

PL_PLUGIN(detect, "1.0", &detect_univariate, &detect_process, &detect_state, &detect_recurrent, &detect_change,
          &detect_residual, &detect_ensemble)
