#include "bath.h"

#include <math.h>

double plant_bath_liquidus(const struct plant_bath *bath) {
    double c = bath->alumina, a = bath->alf3, ca = bath->caf2, li = bath->lif;
    double mixed = ca * a;
    double bent = a > 0 ? a * a * exp(0.2 * log(a)) : 0; /* a^2.2 */
    return 1011 + 0.50 * a - 0.13 * bent - 3.45 * ca / (1 + 0.0173 * ca) + 0.124 * mixed -
           0.00542 * mixed * sqrt(mixed) - 7.93 * c / (1 + c * (0.0936 - 0.0017 * c - 0.0023 * a)) -
           8.90 * li / (1 + 0.0047 * li + 0.0010 * a * a) - 3.95 * bath->mgf2;
}

double plant_bath_saturation(const struct plant_bath *bath, double celsius) {
    double a = bath->alf3, li = bath->lif;
    double lithium = li * sqrt(li);
    double A = 11.9 - 0.062 * a - 0.0031 * a * a - 0.20 * bath->caf2 - 0.50 * li - 0.30 * bath->mgf2 +
               42 * a * li / (2000 + a * li);
    double B = 4.8 - 0.048 * a + 2.2 * lithium / (10 + li + 0.001 * a * a * a);
    return A * exp(B * log(celsius / 1000));
}

double plant_bath_activity(double r) {
    return r * (-0.03791 + r * (2.364 + r * (-2.194 + r * 0.8686)));
}

double plant_bath_ratio(const struct plant_bath *bath) {
    double share = bath->alf3 / (100 - bath->alumina - bath->caf2 - bath->lif - bath->mgf2);
    return (1 - share) / (2.0 / 3 + share);
}

double plant_bath_conductivity(const struct plant_bath *bath, double kelvin) {
    double naf = 0.6 * (100 - bath->alf3 - bath->alumina - bath->caf2 - bath->lif - bath->mgf2);
    double bwr = (naf / 41.99 + bath->lif / 25.94 - bath->mgf2 / 62.31) / 2 / ((bath->alf3 + 2 * naf / 3) / 83.98);
    return exp(1.9362 + 0.3092 * bwr - 0.004132 * bath->caf2 - 0.01755 * bath->alumina + 0.008123 * bath->lif -
               0.00398 * bath->mgf2 - 1751.1 / kelvin);
}
