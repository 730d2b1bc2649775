#include "chance.h"

#include <math.h>

static const double surprise_most = 300;

/* The continued fraction of the incomplete beta function, after Lentz. */
static double beta_fraction(double x, double a, double b) {
    enum { STEPS = 400 };
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m <= STEPS; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            const double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            value *= d * c;
        }
        if (fabs(d * c - 1) < 1e-12) break;
    }
    return value;
}

/* The natural logarithm of the regularised incomplete beta function I_x(a, b). */
static double log_beta_share(double x, double a, double b) {
    if (x <= 0) return -INFINITY;
    if (x >= 1) return 0;
    const double front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x);
    if (x < (a + 1) / (a + b + 2)) return front + log(beta_fraction(x, a, b) / a);
    return log1p(-fmin(exp(front) * beta_fraction(1 - x, b, a) / b, 1));
}

double chance_f(double ratio, double above, double below) {
    if (!(ratio > 0)) return 0;
    const double share = log_beta_share(below / (below + above * ratio), below / 2, above / 2);
    return fmin(-share / log(10), surprise_most);
}

double chance_t_of(double surprise, double freedom) {
    double low = 0, high = 1;
    while (high < 1e100 && chance_f(high * high, 1, freedom) < surprise)
        high *= 2;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (chance_f(middle * middle, 1, freedom) < surprise)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double chance_sum(double sum, unsigned count) {
    if (!(sum > 0) || !count) return 0;
    double term = 1, terms = 1;
    for (unsigned i = 1; i < count; i++) {
        term *= sum / i;
        terms += term;
    }
    return fmin(fmax((sum - log(terms)) / log(10), 0), surprise_most);
}
