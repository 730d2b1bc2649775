/* kinetics.h: Butler and Volmer's law of an electrode:
 *
 *     i = i0 [ c/c0 exp(alpha_a F eta / R T) - exp(-alpha_c F eta / R T) ]
 *
 * which is a line in the concentration c at the surface, i = a c - b; that is all that a diffusion layer needs of it.
 */
#ifndef TWIN_KINETICS_H
#define TWIN_KINETICS_H

#define KINETICS_FARADAY 96485.33212
#define KINETICS_GAS 8.314462618

struct kinetics {
    double exchange; /* A/m2 at the concentration `reference` */
    double anodic, cathodic;
    double kelvin;
    double reference; /* mol/m3 */
};

struct kinetics_line {
    double a, b; /* A/m2 by mol/m3, A/m2 */
};

struct kinetics_line kinetics_line(const struct kinetics *k, double overpotential);
double kinetics_current(const struct kinetics *k, double overpotential, double concentration);

/* The overpotential at which a current flows, at a concentration at the surface above 0. */
double kinetics_overpotential(const struct kinetics *k, double current, double concentration);

#endif
