#include <math.h>
#include <potline/beta.h>

static double away_from_zero(double value) {
    const double TINY = 1e-300;
    return fabs(value) < TINY ? TINY : value;
}

static double fraction(double x, double a, double b) {
    enum { STEPS = 100000 }; /* it takes about the root of the greater of a and b */
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m < STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 / away_from_zero(1 + term * d);
            c = away_from_zero(1 + term / c);
            value *= c * d;
        }
        if (fabs(c * d - 1) < 1e-14) break;
    }
    return value;
}

double pl_beta_log_share(double x, double a, double b) {
    if (isnan(x) || isnan(a) || isnan(b)) return NAN;
    if (!(x > 0)) return -INFINITY;
    if (x >= 1) return 0;
    double front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x);
    if (x < (a + 1) / (a + b + 2)) return front + log(fraction(x, a, b) / a);
    return log1p(-fmin(exp(front) * fraction(1 - x, b, a) / b, 1));
}
