#include "symmetric.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

/* The matrix at hand: V'AV = T, and V grows in its place. */
struct matrix {
    double *at;
    uint32_t n, stride;
};

static double *row_of(const struct matrix *m, uint32_t i) {
    return m->at + (size_t)i * m->stride;
}

/* ---- To tridiagonal form ---- */

/* The vector of the reflection that clears row i left of its subdiagonal, over the row; gives half its square norm. */
static double reflect_row(double *row, uint32_t i, double scale, double *beside) {
    double norm = 0;
    for (uint32_t k = 0; k < i; k++) {
        row[k] /= scale;
        norm += row[k] * row[k];
    }
    const double last = row[i - 1], root = last > 0 ? -sqrt(norm) : sqrt(norm);
    beside[i] = scale * root;
    row[i - 1] = last - root;
    return norm - last * root;
}

/* A - uq' - qu' on the leading part; `beside` is scratch below i, the reflections' columns are kept for V. */
static void apply_row(const struct matrix *m, uint32_t i, double half, double *beside) {
    const double *u = row_of(m, i);
    double sum = 0;
    for (uint32_t j = 0; j < i; j++) {
        double product = 0;
        row_of(m, j)[i] = u[j] / half;
        for (uint32_t k = 0; k <= j; k++)
            product += row_of(m, j)[k] * u[k];
        for (uint32_t k = j + 1; k < i; k++)
            product += row_of(m, k)[j] * u[k];
        beside[j] = product / half;
        sum += beside[j] * u[j];
    }
    for (uint32_t j = 0; j < i; j++) {
        const double q = beside[j] -= sum / (2 * half) * u[j];
        for (uint32_t k = 0; k <= j; k++)
            row_of(m, j)[k] -= u[j] * beside[k] + q * u[k];
    }
}

/* The product of the reflections, from the first on. */
static void gather(const struct matrix *m, double *diagonal) {
    for (uint32_t i = 0; i < m->n; i++) {
        double *row = row_of(m, i);
        for (uint32_t j = 0; j < i && diagonal[i] != 0; j++) {
            double product = 0;
            for (uint32_t k = 0; k < i; k++)
                product += row[k] * row_of(m, k)[j];
            for (uint32_t k = 0; k < i; k++)
                row_of(m, k)[j] -= product * row_of(m, k)[i];
        }
        diagonal[i] = row[i];
        row[i] = 1;
        for (uint32_t j = 0; j < i; j++)
            row[j] = row_of(m, j)[i] = 0;
    }
}

static void make_tridiagonal(const struct matrix *m, double *diagonal, double *beside) {
    for (uint32_t i = m->n - 1; i > 0; i--) {
        double *row = row_of(m, i), scale = 0;
        for (uint32_t k = 0; k < i; k++)
            scale += fabs(row[k]);
        diagonal[i] = 0;
        beside[i] = row[i - 1];
        if (i == 1 || scale == 0) continue;
        diagonal[i] = reflect_row(row, i, scale, beside);
        apply_row(m, i, diagonal[i], beside);
    }
    diagonal[0] = beside[0] = 0;
    gather(m, diagonal);
}

/* ---- To diagonal form ---- */

/* One implicit QL step on [first, last] with Wilkinson's shift; the rotations turn V's columns, too. */
static void turn(const struct matrix *m, double *value, double *beside, uint32_t first, uint32_t last) {
    double g = (value[first + 1] - value[first]) / (2 * beside[first]), r = hypot(g, 1);
    double s = 1, c = 1, p = 0;
    g = value[last] - value[first] + beside[first] / (g + copysign(r, g));
    for (uint32_t i = last; i-- > first;) {
        const double f = s * beside[i], b = c * beside[i];
        beside[i + 1] = r = hypot(f, g);
        if (r == 0) { /* it falls into two by itself */
            value[i + 1] -= p;
            beside[last] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = value[i + 1] - p;
        r = (value[i] - g) * s + 2 * c * b;
        p = s * r;
        value[i + 1] = g + p;
        g = c * r - b;
        for (uint32_t k = 0; k < m->n; k++) {
            double *row = row_of(m, k);
            const double other = row[i + 1];
            row[i + 1] = s * row[i] + c * other;
            row[i] = c * row[i] - s * other;
        }
    }
    value[first] -= p;
    beside[first] = g;
    beside[last] = 0;
}

static bool make_diagonal(const struct matrix *m, double *value, double *beside) {
    enum { STEPS_MAX = 60 };
    for (uint32_t i = 1; i < m->n; i++)
        beside[i - 1] = beside[i];
    beside[m->n - 1] = 0;
    for (uint32_t first = 0; first < m->n; first++)
        for (unsigned steps = 0;; steps++) {
            uint32_t last = first;
            while (last + 1 < m->n && fabs(beside[last]) > DBL_EPSILON * (fabs(value[last]) + fabs(value[last + 1])) &&
                   fabs(beside[last]) > DBL_MIN)
                last++;
            if (last == first) break;
            if (steps == STEPS_MAX) return false;
            turn(m, value, beside, first, last);
        }
    return true;
}

/* ---- In order ---- */

static void transpose(const struct matrix *m) {
    for (uint32_t i = 0; i < m->n; i++)
        for (uint32_t j = 0; j < i; j++) {
            const double upper = row_of(m, j)[i];
            row_of(m, j)[i] = row_of(m, i)[j];
            row_of(m, i)[j] = upper;
        }
}

static void sort_rows(const struct matrix *m, double *value) {
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t most = i;
        for (uint32_t j = i + 1; j < m->n; j++)
            if (value[j] > value[most]) most = j;
        const double least = value[i];
        value[i] = value[most];
        value[most] = least;
        for (uint32_t k = 0; most != i && k < m->n; k++) {
            const double other = row_of(m, i)[k];
            row_of(m, i)[k] = row_of(m, most)[k];
            row_of(m, most)[k] = other;
        }
    }
}

static bool is_finite(const struct matrix *m) {
    for (uint32_t i = 0; i < m->n; i++)
        for (uint32_t j = 0; j <= i; j++)
            if (!isfinite(row_of(m, i)[j])) return false;
    return true;
}

bool symmetric_eigen(double *a, uint32_t n, uint32_t stride, double *value, double *scratch) {
    const struct matrix m = {a, n, stride};
    if (!n) return true;
    if (!is_finite(&m)) return false;
    make_tridiagonal(&m, value, scratch);
    if (!make_diagonal(&m, value, scratch)) return false;
    transpose(&m);
    sort_rows(&m, value);
    return true;
}
