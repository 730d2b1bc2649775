#include "chance.h"

#include <math.h>
#include <potline/beta.h>

static const double surprise_most = 300;

double chance_f(double ratio, double above, double below) {
    if (!(ratio > 0)) return 0;
    const double share = pl_beta_log_share(below / (below + above * ratio), below / 2, above / 2);
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
