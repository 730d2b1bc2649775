/* lab_curve.h: a record as a curve: the points that count, in columns. */
#ifndef TWIN_LAB_CURVE_H
#define TWIN_LAB_CURVE_H

#include "lab.h"

struct lab_curve {
    size_t points, dropped; /* dropped: were disturbed, and are not among the points */
    double *x, *y, *extra;
};

struct lab_curve *lab_curve_make(void **data, size_t room); /* NULL: no memory; *data is to be freed all the same */
void lab_curve_free(struct lab_curve *curve);
enum pl_code lab_curve_no_memory(struct lab_table *table, struct pl_error **error); /* frees the table */

void lab_curve_observed(const struct lab_curve *curve, double *position, double *value);
/* Rms of the errors of the points with use[i], in per cent of |y| + floor. */
double lab_curve_percent(const struct lab_curve *curve, const double *predicted, const bool *use, double floor);

#endif
