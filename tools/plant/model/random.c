#include "random.h"

#include <math.h>

uint64_t plant_random_key(uint64_t seed, unsigned line, unsigned pot, unsigned cause) {
    uint64_t key = plant_random_mix(seed ^ UINT64_C(0x706c616e74));
    key = plant_random_mix(key + line * UINT64_C(0x9e3779b97f4a7c15));
    key = plant_random_mix(key + pot * UINT64_C(0xd1b54a32d192ed03));
    return plant_random_mix(key + cause * UINT64_C(0x8cb92ba72f3d8dd7));
}

double plant_random_between(uint64_t key, uint64_t number, double low, double high) {
    return low + (high - low) * plant_random_uniform(key, number);
}

double plant_random_wait(uint64_t key, uint64_t number, double mean) {
    return -mean * log(plant_random_uniform(key, number));
}

double plant_random_normal(uint64_t key, uint64_t number) {
    return plant_random_quantile(plant_random_uniform(key, number));
}

/* Acklam's rational approximation: 1.2e-9 relative, and 19 draws of 20 need no transcendental function. */
static double tail(double p) {
    double q = sqrt(-2 * log(p));
    double above = ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e+00) * q -
                     2.549732539343734e+00) *
                        q +
                    4.374664141464968e+00) *
                       q +
                   2.938163982698783e+00;
    double below = (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e+00) * q +
                    3.754408661907416e+00) *
                       q +
                   1;
    return above / below;
}

double plant_random_quantile(double p) {
    const double edge = 0.02425;
    if (p < edge) return tail(p);
    if (p > 1 - edge) return -tail(1 - p);

    double q = p - 0.5, r = q * q;
    double above = ((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
                     1.383577518672690e+02) *
                        r -
                    3.066479806614716e+01) *
                       r +
                   2.506628277459239e+00;
    double below = ((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
                     6.680131188771972e+01) *
                        r -
                    1.328068155288572e+01) *
                       r +
                   1;
    return above * q / below;
}
