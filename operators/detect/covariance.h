/* covariance.h: mean and covariance of rows that come one by one, the older ones forgotten exponentially.
 *
 *     mean' = mean + w (row - mean)        cross' = (1 - w) (cross + w (row - mean) (row - mean)')
 *
 * With w = 1/n for the nth row these are mean and covariance (over n) of all; with a constant w a row counts as
 * (1 - w)^age. As many independent rows of the same weight would say as much as 1 / sum of squared weights (Kish 1965):
 * 2/w - 1 in the end. After Finch 2009, Incremental calculation of weighted mean and variance, 9.
 */
#ifndef POTLINE_DETECT_COVARIANCE_H
#define POTLINE_DETECT_COVARIANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Arrays are the caller's. */
struct covariance {
    double *mean;    /* [width] */
    double *cross;   /* lower triangle, [width][stride] */
    double *squares; /* one number: the sum of the squares of the weights */
    uint32_t width, stride;
};

/* From rows [count][stride], all of the same weight; `scratch`: [width]. */
void covariance_learn(struct covariance *c, const double *rows, uint32_t count, double *scratch);

/* False: the row is not one of numbers that can be squared, and has changed nothing. */
bool covariance_add(struct covariance *c, const double *row, double weight, double *scratch);

/* The same of a row of which not all is known (its other numbers may be anything). Of a signal that is unknown its mean
 * and variance stay, and what it has to do with the others is forgotten by half as much: its row and column are scaled
 * by 1 / sqrt(1 - w), so that the matrix remains one of covariances. `weight` is below 1. */
bool covariance_add_known(struct covariance *c, double *row, const bool *unknown, double weight, double *scratch);

/* So many rows, as far as it is known how they scatter; at least 1. */
double covariance_rows(const struct covariance *c);

#endif
