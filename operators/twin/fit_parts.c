#include "fit_parts.h"

#include <math.h>
#include <potline/beta.h>

static const double FAR = 30;

static bool by_logarithm(const struct pl_model_parameter *row) {
    return row->low > 0 && row->high / row->low > FAR;
}

double fit_from_scaled(const struct pl_model_parameter *row, double x) {
    x = fmin(fmax(x, 0), 1);
    return by_logarithm(row) ? row->low * pow(row->high / row->low, x) : row->low + x * (row->high - row->low);
}

double fit_to_scaled(const struct pl_model_parameter *row, double value) {
    double x = by_logarithm(row) ? log(value / row->low) / log(row->high / row->low)
                                 : (value - row->low) / (row->high - row->low);
    return fmin(fmax(x, 0), 1);
}

double fit_stretch(const struct pl_model_parameter *row, double x) {
    return by_logarithm(row) ? fit_from_scaled(row, x) * log(row->high / row->low) : row->high - row->low;
}

double fit_squares(const double *r, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += r[i] * r[i];
    return sum;
}

bool fit_solve(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], const double *b, double damping, double *d) {
    double m[PL_FIT_MAX][PL_FIT_MAX + 1];
    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j < n; j++)
            m[i][j] = a[i][j] * (i == j ? 1 + damping : 1);
        m[i][n] = b[i];
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned pivot = i;
        for (unsigned k = i + 1; k < n; k++)
            if (fabs(m[k][i]) > fabs(m[pivot][i])) pivot = k;
        if (fabs(m[pivot][i]) < 1e-300) return false;
        for (unsigned j = 0; j <= n; j++) {
            double swap = m[i][j];
            m[i][j] = m[pivot][j];
            m[pivot][j] = swap;
        }
        for (unsigned k = 0; k < n; k++) {
            double factor = k == i ? 0 : m[k][i] / m[i][i];
            for (unsigned j = i; j <= n; j++)
                m[k][j] -= factor * m[i][j];
        }
    }
    for (unsigned i = 0; i < n; i++)
        d[i] = m[i][n] / m[i][i];
    return true;
}

bool fit_invert_whole(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], double inverse[PL_FIT_MAX][PL_FIT_MAX]) {
    for (unsigned i = 0; i < n; i++) {
        double unit[PL_FIT_MAX] = {0};
        unit[i] = 1;
        if (!fit_solve(n, a, unit, 0, inverse[i])) return false; /* a row is a column: it is symmetric */
    }
    return true;
}

/* Eigenvalues (on the diagonal of a) and vectors (columns of v) by Jacobi's rotations. */
static void rotate_all(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], double v[PL_FIT_MAX][PL_FIT_MAX]) {
    enum { SWEEPS = 30 };
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            v[i][j] = i == j;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (unsigned p = 0; p + 1 < n; p++)
            for (unsigned q = p + 1; q < n; q++) {
                if (fabs(a[p][q]) < 1e-18) continue;
                double theta = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p]), c = cos(theta), s = sin(theta);
                for (unsigned k = 0; k < n; k++) {
                    double left = a[k][p], right = a[k][q];
                    a[k][p] = c * left - s * right;
                    a[k][q] = s * left + c * right;
                }
                for (unsigned k = 0; k < n; k++) {
                    double left = a[p][k], right = a[q][k];
                    a[p][k] = c * left - s * right;
                    a[q][k] = s * left + c * right;
                }
                for (unsigned k = 0; k < n; k++) {
                    double left = v[k][p], right = v[k][q];
                    v[k][p] = c * left - s * right;
                    v[k][q] = s * left + c * right;
                }
            }
}

double fit_invert(unsigned n, double a[PL_FIT_MAX][PL_FIT_MAX], double inverse[PL_FIT_MAX][PL_FIT_MAX], bool *mixed) {
    const double FLAT = 1e-9, THROUGH = 0.1; /* slopes by differences have no more digits */
    double m[PL_FIT_MAX][PL_FIT_MAX], v[PL_FIT_MAX][PL_FIT_MAX], most = 0, least = INFINITY;
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            m[i][j] = a[i][j] / sqrt(a[i][i] * a[j][j]);
    rotate_all(n, m, v);
    for (unsigned k = 0; k < n; k++) {
        most = fmax(most, m[k][k]);
        least = fmin(least, m[k][k]);
    }
    for (unsigned i = 0; i < n; i++) {
        mixed[i] = false;
        for (unsigned k = 0; k < n; k++)
            mixed[i] = mixed[i] || (m[k][k] < FLAT * most && fabs(v[i][k]) > THROUGH);
        for (unsigned j = 0; j < n; j++) {
            inverse[i][j] = 0;
            for (unsigned k = 0; k < n; k++)
                inverse[i][j] += v[i][k] * v[j][k] / fmax(m[k][k], FLAT * most);
            inverse[i][j] /= sqrt(a[i][i] * a[j][j]);
        }
    }
    if (!n) return 1;
    return least > FLAT * most ? sqrt(most / least) : INFINITY;
}

double fit_fisher(double above, double below) {
    const double MANY = 1e6; /* as good as infinitely many */
    above = fmin(fmax(above, 1), MANY);
    below = fmin(fmax(below, 1), MANY);
    double low = -40, high = 40; /* logarithms */
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high), f = above * exp(middle);
        if (pl_beta_log_share(f / (f + below), above / 2, below / 2) < log(0.95))
            low = middle;
        else
            high = middle;
    }
    return exp(low);
}

double fit_student(double degrees) {
    return sqrt(fit_fisher(1, degrees));
}

double fit_even(unsigned sample, unsigned dimension, unsigned dimensions) {
    double g = 2;
    for (int i = 0; i < 40; i++)
        g = pow(1 + g, 1.0 / (dimensions + 1));
    double whole;
    return modf(0.5 + (sample + 1) * pow(1 / g, dimension + 1), &whole);
}
