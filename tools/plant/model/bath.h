/* bath.h: what the electrolyte is, by its composition.
 *
 * Weight per cent everywhere; `alf3` is the excess over neutral cryolite. Correlations as published by the authors
 * named; their ranges: alf3, caf2, lif below 20, mgf2 below 5, alumina up to saturation.
 */
#ifndef PLANT_BATH_H
#define PLANT_BATH_H

struct plant_bath {
    double alumina;
    double alf3;
    double caf2;
    double lif;
    double mgf2;
};

double plant_bath_liquidus(const struct plant_bath *bath);                    /* Celsius; Solheim et al. 1996 */
double plant_bath_saturation(const struct plant_bath *bath, double celsius);  /* alumina, wt%; Skybakmoen et al. 1997 */
double plant_bath_activity(double share);                                     /* of alumina; share of saturation */
double plant_bath_ratio(const struct plant_bath *bath);                       /* NaF to AlF3 by weight */
double plant_bath_conductivity(const struct plant_bath *bath, double kelvin); /* S/cm; Haupin 1998 */

#endif
