#include "kinetics.h"

#include <math.h>

enum { ITERATIONS = 100 };

struct kinetics_line kinetics_line(const struct kinetics *k, double overpotential) {
    double f = KINETICS_FARADAY / (KINETICS_GAS * k->kelvin);
    return (struct kinetics_line){.a = k->exchange / k->reference * exp(k->anodic * f * overpotential),
                                  .b = k->exchange * exp(-k->cathodic * f * overpotential)};
}

double kinetics_current(const struct kinetics *k, double overpotential, double concentration) {
    struct kinetics_line line = kinetics_line(k, overpotential);
    return line.a * concentration - line.b;
}

/* Newton's method on asinh of the current, in which the law is almost straight. */
double kinetics_overpotential(const struct kinetics *k, double current, double concentration) {
    double f = KINETICS_FARADAY / (KINETICS_GAS * k->kelvin), wanted = asinh(current / k->exchange);
    double eta = 2 * asinh(current / (2 * k->exchange)) / (f * (k->anodic + k->cathodic));
    for (int n = 0; n < ITERATIONS; n++) {
        struct kinetics_line line = kinetics_line(k, eta);
        double i = (line.a * concentration - line.b) / k->exchange;
        double slope = f * (k->anodic * line.a * concentration + k->cathodic * line.b) / k->exchange / sqrt(1 + i * i);
        double step = (wanted - asinh(i)) / slope;
        eta += fmin(fmax(step, -0.5), 0.5);
        if (fabs(step) < 1e-14 * (1 + fabs(eta))) break;
    }
    return eta;
}
