/* purity.h: a proxy of the metal's purity: the iron and silicon that a pot's metal takes up, wt% of what is made.
 *
 *     raw     what alumina and anodes bring, by tonne
 *     tools   iron of tools, stubs and collars, by day; more of a hotter bath
 *     wall    silicon of a side wall (SiC) that its ledge leaves bare: along the wall the ledge's thickness is taken as
 *             normal around the mean that the model knows, and what is bare wears
 *
 * Raw materials: 0.015 % Fe2O3 and 0.013 % SiO2 in alumina, 0.05 % Fe and 0.025 % Si in anodes are what smelters
 * specify. What comes of tools and walls is no textbook's: it is set so that metal of 99.9 % is made behind a whole
 * ledge, and to the side of caution. `raw` is the place to fit it to a laboratory.
 */
#ifndef OPTIMIZE_PURITY_H
#define OPTIMIZE_PURITY_H

#include "steady.h"

struct purity {
    double raw;    /* wt% */
    double tools;  /* kg a day at 965 deg C */
    double uneven; /* mm by which the ledge differs along the wall */
    double wear;   /* mm a day of bare wall */
};
extern const struct purity purity_usual;

/* wt%; `slope`, where it is not NULL, by output of the steady state. */
double purity_of(const struct purity *purity, const struct cell_setup *set, const struct steady_state *state,
                 double slope[STEADY_OUTPUTS]);

#endif
