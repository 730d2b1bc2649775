/* beta.h: the regularised incomplete beta function I_x(a, b), on which Fisher's and Student's distributions rest. */
#ifndef POTLINE_BETA_H
#define POTLINE_BETA_H

#include "abi.h"

/* The natural logarithm of I_x(a, b), for a and b above 0: -inf for x <= 0, 0 for x >= 1, NaN for NaN. By the continued
 * fraction of Abramowitz and Stegun 26.5.8, after Lentz. */
PL_API double pl_beta_log_share(double x, double a, double b);

#endif
