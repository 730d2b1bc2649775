/* lab_impedance.c: spectra of arcs, diffusion and leads; frequencies that something disturbed are left out. */
#include <complex.h>
#include <math.h>
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "lab_curve.h"
#include "lab_experiments.h"

static const double PI = 3.14159265358979323846;

enum { R0, R1, C1, N1, R2, C2, N2, Z0, TAU, L };
static const double NONE = 1e-6; /* ohm */
const struct pl_model_parameter twin_impedance_parameters[] = {
    [R0] = {"R0", "ohm", 0.02, 1e-4, 1e4, NULL, 0, "In series."},
    [R1] = {"R1", "ohm", 0.007, 1e-5, 1e4, NULL, 0, "Of the first arc."},
    [C1] = {"C1", "F", 5, 1e-6, 1e3, NULL, 0, "Of the first arc."},
    [N1] = {"n1", "", 1, 0.4, 1, NULL, 0, "1: a capacitor; less: a flattened arc."},
    [R2] = {"R2", "ohm", 0.004, 1e-6, 1e4, NULL, 0, "Of the second arc; 1e-6: there is none."},
    [C2] = {"C2", "F", 0.3, 1e-6, 1e3, NULL, 0, "Of the second arc."},
    [N2] = {"n2", "", 1, 0.4, 1, NULL, 0, "1: a capacitor; less: a flattened arc."},
    [Z0] = {"Z0", "ohm", 0.05, 1e-6, 1e4, NULL, 0, "Of diffusion in a layer that is closed; 1e-6: there is none."},
    [TAU] = {"tau", "s", 200, 0.1, 1e5, NULL, 0, "Of that: thickness squared by diffusivity."},
    [L] = {"L", "H", 1e-7, 1e-12, 1e-4, NULL, 0, "Inductance of the leads."},
    {.name = NULL},
};

const struct pl_model_column twin_impedance_columns[] = {
    {"f_Hz", NULL, "Hz", 0, "Frequency.", 1e-9, 1e12},
    {"Zre_ohm", NULL, "ohm", 0, "Real part.", -1e9, 1e9},
    {"Zim_ohm", NULL, "ohm", 0, "Imaginary part: below 0 where it is capacitive.", -1e9, 1e9},
    {.name = NULL},
};

/* Where a search may begin, as one reads a plot: the series resistance where the arcs begin, their width, and the
 * frequency of the top. A curve that is highest at its end is one of diffusion, which hides them. */
void twin_impedance_guess(const void *data, double *p) {
    const struct lab_curve *c = data;
    const double *re = c->y, *im = c->y + c->points / 2;
    size_t lowest = 0, first = 0, top = 0;
    for (size_t i = 1; i < c->points / 2; i++) {
        if (c->x[i] < c->x[lowest]) lowest = i;
        if (re[i] < re[first]) first = i;
        if (im[i] < im[top]) top = i;
    }
    double width = re[lowest] - re[first];
    if (!(width > 0) || !(re[first] > 0) || top == lowest) return;
    p[R0] = re[first];
    p[R1] = p[R2] = width / 2;
    p[C1] = 1 / (2 * PI * c->x[top] * p[R1]);
    p[C2] = p[C1] / 10;
    p[Z0] = width / 10;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* How far a number is from the median of it and its neighbours in the record, as many on either side (Hampel): nothing
 * where the record only rises or falls. */
static double apart(const double *y, size_t i, size_t n) {
    enum { BESIDE = 2 };
    double window[2 * BESIDE + 1] = {0};
    size_t count = 0, beside = i < BESIDE ? i : BESIDE;
    if (n - 1 - i < beside) beside = n - 1 - i;
    for (size_t k = i - beside; k <= i + beside; k++)
        window[count++] = y[k];
    return fabs(y[i] - median(window, count));
}

/* Frequencies that something disturbed (the mains, a step of range) stand out of the record itself, whatever the model:
 * by STANDS_OUT times what points usually stand apart, and by LEAST of |Z|. Neither fitted to nor judged by. */
static const double STANDS_OUT = 5, LEAST = 0.05;
static enum pl_code drop_disturbed(struct lab_curve *c, struct pl_error **error) {
    size_t n = c->points / 2, kept = 0;
    double *far = pl_alloc((2 * n + 1) * sizeof *far);
    if (!far) return pl_error_set(error, PL_NO_MEMORY, "no memory for a curve");
    double *sorted = far + n;
    for (size_t i = 0; i < n; i++)
        far[i] = sorted[i] = hypot(apart(c->y, i, n), apart(c->y + n, i, n)) / c->extra[i];
    double usual = n ? median(sorted, n) : 0;
    for (size_t i = 0; i < n; i++)
        if (!(far[i] > LEAST && far[i] > STANDS_OUT * usual)) far[kept++] = (double)i;
    double *re = c->y, *im = c->y + n;
    for (size_t k = 0; k < kept; k++) {
        size_t i = (size_t)far[k];
        c->x[k] = c->x[i];
        re[k] = re[i];
        c->extra[k] = c->extra[i];
    }
    for (size_t k = 0; k < kept; k++)
        re[kept + k] = im[(size_t)far[k]]; /* kept <= n: none is read after it is written */
    memcpy(c->x + kept, c->x, kept * sizeof *c->x);
    memcpy(c->extra + kept, c->extra, kept * sizeof *c->extra);
    pl_free(far);
    c->points = 2 * kept;
    c->dropped = n - kept;
    return PL_OK;
}

/* All real parts, then all imaginary ones. */
enum pl_code twin_impedance_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                                 struct pl_error **error) {
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_impedance_columns, false, taken, error);
    if (code) return code;
    struct lab_curve *c = lab_curve_make(data, 2 * table.rows);
    if (!c) return lab_curve_no_memory(&table, error);
    size_t n = table.rows;
    for (size_t i = 0; i < n; i++) {
        c->x[i] = c->x[n + i] = table.column[0][i];
        c->y[i] = table.column[1][i];
        c->y[n + i] = table.column[2][i];
        c->extra[i] = c->extra[n + i] = hypot(c->y[i], c->y[n + i]);
    }
    c->points = 2 * n;
    lab_free(&table);
    code = drop_disturbed(c, error);
    taken->points = c->points;
    return code;
}

/* Neither a second arc nor diffusion, unless they are set. */
enum pl_code twin_arc_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                           struct pl_error **error) {
    enum pl_code code = twin_impedance_load(data, path, p, taken, error);
    p[R2] = p[Z0] = NONE;
    return code;
}

void twin_impedance_weight(const void *data, double *weight) {
    const struct lab_curve *c = data;
    for (size_t i = 0; i < c->points; i++)
        weight[i] = 1 / c->extra[i];
}

static double complex arc(double r, double c, double n, double complex s) {
    return r > 0 ? 1 / (1 / r + c * cpow(s, n)) : 0;
}

enum pl_code twin_impedance_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct lab_curve *c = data;
    size_t n = c->points / 2;
    for (size_t i = 0; i < n; i++) {
        double complex s = 2 * PI * c->x[i] * I, root = csqrt(s * p[TAU]);
        double complex tail = cabs(root) > 30 ? 1 : ctanh(root);
        double complex z =
            p[R0] + s * p[L] + arc(p[R1], p[C1], p[N1], s) + arc(p[R2], p[C2], p[N2], s) + p[Z0] / (root * tail);
        value[i] = creal(z);
        value[n + i] = cimag(z);
    }
    return PL_OK;
}

static void tell_dropped(const struct lab_curve *c, const struct pl_model_report *report) {
    size_t half = c->points / 2;
    double kept = (double)half, dropped = (double)c->dropped;
    struct pl_model_finding f = {.subject = "frequencies",
                                 .quantity = "not disturbed, and counted",
                                 .unit = "",
                                 .expected = kept + dropped,
                                 .found = kept,
                                 .error = -dropped,
                                 .limit = 0.1 * (kept + dropped),
                                 .error_unit = "frequencies"};
    f.good = dropped <= f.limit;
    report->tell(report->context, &f);
}

double twin_impedance_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                             const struct pl_model_report *report) {
    (void)p;
    const struct lab_curve *c = data;
    if (report && c->dropped) tell_dropped(c, report);
    double sum = 0, count = 0;
    for (size_t i = 0; i < c->points; i++) {
        if (!use[i]) continue;
        double wrong = (predicted[i] - c->y[i]) / c->extra[i];
        sum += 2 * wrong * wrong; /* a frequency has two parts */
        count++;
    }
    return count > 0 ? 100 * sqrt(sum / count) : 0;
}

void twin_impedance_observed(const void *data, double *position, double *value) {
    lab_curve_observed(data, position, value);
}

void twin_impedance_unload(void *data) {
    lab_curve_free(data);
}
