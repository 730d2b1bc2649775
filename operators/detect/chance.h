/* chance.h: how surprising a statistic is: minus the decimal logarithm of the probability of so much or more. */
#ifndef POTLINE_DETECT_CHANCE_H
#define POTLINE_DETECT_CHANCE_H

/* Of a ratio of variances with these degrees of freedom (Fisher); of a Student's t too, as t^2 with above = 1. */
double chance_f(double ratio, double above, double below);

/* The t that has this surprise, both sides together. */
double chance_t_of(double surprise, double freedom);

/* Of the sum of `count` numbers that are exponential with mean 1. */
double chance_sum(double sum, unsigned count);

#endif
