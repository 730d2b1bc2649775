/* bath.h: what cryolite bath is like by composition (weight per cent) and temperature (deg C). */
#ifndef TWIN_BATH_H
#define TWIN_BATH_H

struct bath {
    double alumina, excess, calcium, lithium, magnesium; /* wt%: Al2O3, AlF3 in excess, CaF2, LiF, MgF2 */
    double t;
};

double bath_liquidus(const struct bath *bath);     /* deg C; Solheim and others 1996 */
double bath_ratio(const struct bath *bath);        /* NaF to AlF3 by weight */
double bath_saturation(const struct bath *bath);   /* wt% alumina; Skybakmoen and others 1997 */
double bath_activity(const struct bath *bath);     /* of alumina */
double bath_conductivity(const struct bath *bath); /* S/cm; Wang's form as Haupin 1998 uses it,
                                                       with what LiF adds by Hives et al. 1996 */
double bath_diffusivity(double t);                 /* m2/s of alumina; Frazer and Thonstad 2010, joined by Arrhenius */

/* What a wt% of alumina more does to them, all else in `bath` being as it is. */
struct bath_slopes {
    double ratio, activity, log_conductivity;
};
struct bath_slopes bath_by_alumina(const struct bath *bath);

#endif
