/* symmetric.h: eigenvalues and eigenvectors of a symmetric matrix.
 *
 * Householder reflections make it tridiagonal, implicit QL steps diagonal (Golub and Van Loan, Matrix Computations,
 * 8.3; Bowdler, Martin, Reinsch and Wilkinson 1968): some 9 n^3 operations.
 */
#ifndef POTLINE_DETECT_SYMMETRIC_H
#define POTLINE_DETECT_SYMMETRIC_H

#include <stdbool.h>
#include <stdint.h>

/* `a` [n][stride], of which the lower triangle counts, becomes the eigenvectors, one a row; `value` [n] their
 * eigenvalues, both by descending value. `scratch`: [n]. False: it is not finite, or did not converge. */
bool symmetric_eigen(double *a, uint32_t n, uint32_t stride, double *value, double *scratch);

#endif
