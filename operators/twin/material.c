#include "material.h"

#include <math.h>

double law_at(const struct law *l, double t) {
    return fmin(fmax(l->at0 + l->slope * t, l->low), l->high);
}

/* Where the line meets a bound; the lower temperature of the two first. */
static void bends(const struct law *l, double *first, double *second, double *below, double *above) {
    bool rises = l->slope > 0;
    *below = rises ? l->low : l->high;
    *above = rises ? l->high : l->low;
    *first = (*below - l->at0) / l->slope;
    *second = (*above - l->at0) / l->slope;
}

/* The integral of the line without bounds. */
static double line(const struct law *l, double t) {
    return t * (l->at0 + 0.5 * l->slope * t);
}

static double from_first(const struct law *l, double t, double first, double second, double below, double above) {
    if (t <= first) return below * (t - first);
    if (t <= second) return line(l, t) - line(l, first);
    return line(l, second) - line(l, first) + above * (t - second);
}

double law_integral(const struct law *l, double t) {
    if (l->slope == 0 || l->low == l->high) return law_at(l, 0) * t;
    double first, second, below, above;
    bends(l, &first, &second, &below, &above);
    return from_first(l, t, first, second, below, above) - from_first(l, 0, first, second, below, above);
}

double law_inverse(const struct law *l, double integral) {
    if (l->slope == 0 || l->low == l->high) return integral / law_at(l, 0);
    double first, second, below, above;
    bends(l, &first, &second, &below, &above);
    double rest = integral + from_first(l, 0, first, second, below, above);
    if (rest <= 0) return first + rest / below;
    double middle = line(l, second) - line(l, first);
    if (rest >= middle) return second + (rest - middle) / above;
    /* at0 (t - first) + slope/2 (t2 - first2) = rest, with value(first) = below */
    return first + 2 * rest / (below + sqrt(below * below + 2 * l->slope * rest));
}

double material_enthalpy(const struct material *m, double t) {
    if (m->latent == 0 || t <= m->melts) return law_integral(&m->capacity, t);
    return law_integral(&m->capacity, m->melts) + m->latent + law_integral(&m->liquid_capacity, t) -
           law_integral(&m->liquid_capacity, m->melts);
}

double material_temperature(const struct material *m, double enthalpy) {
    if (m->latent == 0) return law_inverse(&m->capacity, enthalpy);
    double solid = law_integral(&m->capacity, m->melts);
    if (enthalpy <= solid) return law_inverse(&m->capacity, enthalpy);
    if (enthalpy <= solid + m->latent) return m->melts;
    return law_inverse(&m->liquid_capacity, enthalpy - solid - m->latent + law_integral(&m->liquid_capacity, m->melts));
}

double material_melted(const struct material *m, double enthalpy) {
    if (m->latent == 0) return 0;
    return fmin(fmax((enthalpy - law_integral(&m->capacity, m->melts)) / m->latent, 0), 1);
}

double material_conductivity(const struct material *m, double t, double melted) {
    double solid = law_at(&m->conductivity, t);
    return melted > 0 ? solid + melted * (law_at(&m->liquid_conductivity, t) - solid) : solid;
}
