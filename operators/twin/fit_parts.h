/* fit_parts.h: what a fit is made of: constants scaled to 0..1 between their bounds (by their logarithm where the
 * bounds are far apart), small symmetrical systems of equations, points that fill a cube evenly.
 */
#ifndef TWIN_FIT_PARTS_H
#define TWIN_FIT_PARTS_H

#include <potline/model.h>
#include <stddef.h>

double fit_from_scaled(const struct pl_model_parameter *row, double x);
double fit_to_scaled(const struct pl_model_parameter *row, double value);
double fit_stretch(const struct pl_model_parameter *row, double x); /* d value / d scaled */

double fit_squares(const double *r, size_t n);

/* The solution of (A + damping diag A) d = b for small symmetric A; false when it is singular. */
bool fit_solve(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], const double *b, double damping, double *d);

/* The inverse of a symmetric, positive definite matrix; false when it is singular. */
bool fit_invert_whole(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], double inverse[PL_FIT_MAX][PL_FIT_MAX]);

/* The inverse of a symmetric matrix without negative eigenvalues, by those of its scaled form (diagonal 1), and the
 * root of the greatest by the least of them (infinite when it is none). Directions along which the matrix is flat to
 * the last digits count with what they have at the most; `mixed` are the rows that such a one goes through. */
double fit_invert(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], double inverse[PL_FIT_MAX][PL_FIT_MAX], bool *mixed);

/* What the quotient of two mean squares of noise stays below at 95 %, by their degrees of freedom (F's distribution),
 * and what a number of Student's distribution is within at 95 %. */
double fit_fisher(double above, double below);
double fit_student(double degrees);

/* Numbers that fill the unit cube evenly (Roberts' sequence). */
double fit_even(unsigned sample, unsigned dimension, unsigned dimensions);

#endif
