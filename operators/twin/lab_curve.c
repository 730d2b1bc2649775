#include "lab_curve.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

struct lab_curve *lab_curve_make(void **data, size_t room) {
    struct lab_curve *c = PL_NEW(struct lab_curve);
    *data = c;
    if (!c) return NULL;
    c->x = pl_alloc(room * sizeof *c->x);
    c->y = pl_alloc(room * sizeof *c->y);
    c->extra = pl_alloc(room * sizeof *c->extra);
    return c->x && c->y && c->extra ? c : NULL;
}

void lab_curve_free(struct lab_curve *c) {
    if (!c) return;
    pl_free(c->x);
    pl_free(c->y);
    pl_free(c->extra);
    pl_free(c);
}

enum pl_code lab_curve_no_memory(struct lab_table *table, struct pl_error **error) {
    lab_free(table);
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a curve");
}

void lab_curve_observed(const struct lab_curve *c, double *position, double *value) {
    memcpy(position, c->x, c->points * sizeof *position);
    memcpy(value, c->y, c->points * sizeof *value);
}

double lab_curve_percent(const struct lab_curve *c, const double *predicted, const bool *use, double floor) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->points; i++) {
        if (!use[i]) continue;
        double wrong = (predicted[i] - c->y[i]) / (fabs(c->y[i]) + floor);
        sum += wrong * wrong;
        n++;
    }
    return n > 0 ? 100 * sqrt(sum / n) : 0;
}
