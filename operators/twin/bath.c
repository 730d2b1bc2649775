#include "bath.h"

#include <math.h>

static const double KELVIN = 273.15, GAS = 8.314462618;
static const double SODIUM = 0.6; /* NaF in cryolite, by weight */

static double to_three_halves(double x) {
    return x * sqrt(x);
}

double bath_liquidus(const struct bath *b) {
    double a = b->excess, c = b->calcium, o = b->alumina, l = b->lithium;
    return 1011 + 0.50 * a - 0.13 * pow(fmax(a, 0), 2.2) - 3.45 * c / (1 + 0.0173 * c) + 0.124 * c * a -
           0.00542 * to_three_halves(fmax(c * a, 0)) - 7.93 * o / (1 + 0.0936 * o - 0.0017 * o * o - 0.0023 * a * o) -
           8.90 * l / (1 + 0.0047 * l + 0.0010 * a * a) - 3.95 * b->magnesium;
}

double bath_ratio(const struct bath *b) {
    double a = b->excess / (100 - b->alumina - b->calcium - b->lithium - b->magnesium);
    return (1 - a) / (2.0 / 3 + a);
}

double bath_saturation(const struct bath *b) {
    double a = b->excess, l = b->lithium;
    double first = 11.9 - 0.062 * a - 0.0031 * a * a - 0.20 * b->calcium - 0.50 * l - 0.30 * b->magnesium +
                   42 * a * l / (2000 + a * l);
    double second = 4.8 - 0.048 * a + 2.2 * to_three_halves(l) / (10 + l + 0.001 * a * a * a);
    return first * pow(b->t / 1000, second);
}

double bath_activity(const struct bath *b) {
    double r = b->alumina / bath_saturation(b);
    return r * (-0.03791 + r * (2.364 + r * (-2.194 + r * 0.8686)));
}

/* Moles of sodium fluoride to those of aluminium fluoride; LiF is in place of cryolite. */
static double moles(const struct bath *b, double sodium) {
    return (sodium / 41.99 - b->magnesium / 62.31) / 2 / ((b->excess + 2 * sodium / 3) / 83.98);
}

static double sodium_of(const struct bath *b) {
    return SODIUM * (100 - b->excess - b->alumina - b->calcium - b->magnesium);
}

double bath_conductivity(const struct bath *b) {
    double ratio = moles(b, sodium_of(b));
    return exp(1.9362 + 0.3092 * ratio - 0.004132 * b->calcium - 0.01755 * b->alumina + 0.0121 * b->lithium -
               0.00398 * b->magnesium - 1751.1 / (b->t + KELVIN));
}

struct bath_slopes bath_by_alumina(const struct bath *b) {
    double all = 100 - b->alumina - b->calcium - b->lithium - b->magnesium, a = b->excess / all;
    double saturation = bath_saturation(b), r = b->alumina / saturation, sodium = sodium_of(b);
    double fluoride = (b->excess + 2 * sodium / 3) / 83.98;
    double fewer = SODIUM * (0.5 / 41.99 - 2.0 / 3 / 83.98 * moles(b, sodium)) / fluoride;
    return (struct bath_slopes){
        .ratio = -5.0 / 3 * a / all / ((2.0 / 3 + a) * (2.0 / 3 + a)),
        .activity = (-0.03791 + r * (2 * 2.364 + r * (-3 * 2.194 + r * 4 * 0.8686))) / saturation,
        .log_conductivity = -0.3092 * fewer - 0.01755,
    };
}

double bath_diffusivity(double t) {
    return 1.0e-9 * exp(-80400 / GAS * (1 / (t + KELVIN) - 1 / (960 + KELVIN)));
}
