#include <math.h>

#include "kpi.h"

/* Faraday: kg of aluminium and coulombs. */
static const double METAL_BY_CHARGE = 9.3214647e-8;
static const double JOULE_BY_KWH = 3.6e6, DAY = 86400, CO2_BY_CARBON = 44.0 / 12;
static const double HALF = 0.5; /* covered: below it ratios are more guess than measurement */

const char *const kpi_figure_names[FIGURES] = {
    [FIGURE_ENERGY] = "energy",
    [FIGURE_SPECIFIC] = "kwh_per_t",
    [FIGURE_PRODUCTION] = "production",
    [FIGURE_THROUGHPUT] = "throughput",
    [FIGURE_EFFICIENCY] = "current_efficiency",
    [FIGURE_VOLTAGE] = "voltage",
    [FIGURE_EFFECTS] = "anode_effects",
    [FIGURE_EFFECT_MINUTES] = "anode_effect_minutes",
    [FIGURE_PFC] = "pfc",
    [FIGURE_CO2E] = "co2e",
    [FIGURE_ALUMINA] = "alumina",
    [FIGURE_COVERED] = "covered",
    [FIGURE_BRIDGED] = "bridged",
};

const char *const kpi_figure_units[FIGURES] = {
    [FIGURE_ENERGY] = "kWh",         [FIGURE_SPECIFIC] = "kWh/t",     [FIGURE_PRODUCTION] = "kg",
    [FIGURE_THROUGHPUT] = "t/d",     [FIGURE_EFFICIENCY] = "%",       [FIGURE_VOLTAGE] = "V",
    [FIGURE_EFFECTS] = "by pot-day", [FIGURE_EFFECT_MINUTES] = "min", [FIGURE_PFC] = "kg CO2e/t",
    [FIGURE_CO2E] = "kg CO2e/t",     [FIGURE_ALUMINA] = "kg/t",       [FIGURE_COVERED] = "",
    [FIGURE_BRIDGED] = "",
};

/* What the variance `a` grows by, where `b` is off the same way. */
static double both(double a, double b) {
    return b + 2 * sqrt(fmax(a * b, 0));
}

/* The efficiency that pots have before one is known may be off for all of them, and one current flows through all of a
 * line: doubts add up as they are. */
void kpi_add(struct kpi_sums *to, const struct kpi_sums *more) {
    to->joule += more->joule;
    to->coulomb += more->coulomb;
    to->volt_seconds += more->volt_seconds;
    to->seconds += more->seconds;
    to->bridged += more->bridged;
    to->lost += more->lost;
    to->watched += more->watched;
    to->joule_doubt += more->joule_doubt;
    to->coulomb_doubt += both(to->coulomb_doubt, more->coulomb_doubt);
    to->effects += more->effects;
    to->effect_seconds += more->effect_seconds;
    to->effect_doubt += more->effect_doubt; /* each effect's is its own */
    to->fed += more->fed;
    to->unmade += more->unmade;
    to->made += more->made;
    to->made_doubt += both(to->made_doubt, more->made_doubt);
}

/* A pot whose metal nobody measures makes what pots usually do, beside others that are measured. */
void kpi_complete(struct kpi_sums *s, const struct kpi_metal_setup *setup) {
    double kg = s->unmade * METAL_BY_CHARGE;
    if (!(s->made > 0 && kg > 0)) return;
    double doubt = setup->spread * kg;
    s->made_doubt += both(s->made_doubt, doubt * doubt);
    s->made += setup->usual * kg;
}

double kpi_pfc_by_second(const struct kpi_sums *s, const struct kpi_factors *f) {
    double pot_days = s->watched / DAY;
    return pot_days > 0 ? f->slope / 60 / pot_days * (f->warming_cf4 + f->ratio * f->warming_c2f6) : NAN;
}

/* Those of metal and what it took, over the same time. */
static void put_ratios(const struct kpi_sums *s, double covered, double pots, double out[FIGURES]) {
    double known = s->seconds + s->bridged, share = known + s->lost > 0 ? known / (known + s->lost) : NAN;
    double made = s->made > 0 && covered >= HALF ? s->made * share : NAN;
    double efficiency = s->coulomb > 0 ? made / (s->coulomb * METAL_BY_CHARGE) : NAN;
    if (efficiency > 1) made = efficiency = NAN; /* more than charge can make: nothing is known of it */
    out[FIGURE_SPECIFIC] = s->joule / JOULE_BY_KWH / (made / 1000);
    out[FIGURE_THROUGHPUT] = made / 1000 / (known / DAY) * pots;
    out[FIGURE_EFFICIENCY] = 100 * efficiency;
}

void kpi_figures(const struct kpi_sums *s, const struct kpi_factors *f, double pots, double seconds,
                 double out[FIGURES]) {
    double pot_days = s->watched / DAY, known = s->seconds + s->bridged;
    out[FIGURE_COVERED] = pots > 0 ? s->seconds / (pots * seconds) : NAN;
    out[FIGURE_BRIDGED] = pots > 0 ? s->bridged / (pots * seconds) : NAN;
    out[FIGURE_ENERGY] = known > 0 ? s->joule / JOULE_BY_KWH : NAN;
    out[FIGURE_PRODUCTION] = s->made > 0 || (known > 0 && s->coulomb <= 0) ? s->made : NAN;
    put_ratios(s, out[FIGURE_COVERED], pots, out);
    out[FIGURE_VOLTAGE] = known > 0 ? s->volt_seconds / known : NAN;
    out[FIGURE_EFFECTS] = pot_days > 0 ? s->effects / pot_days : NAN;
    out[FIGURE_EFFECT_MINUTES] = s->effects > 0 ? s->effect_seconds / 60 / s->effects : pot_days > 0 ? 0 : NAN;
    /* Effects a pot-day times minutes each: minutes of effects a pot-day. */
    out[FIGURE_PFC] = s->effect_seconds * kpi_pfc_by_second(s, f);
    out[FIGURE_CO2E] = 1000 * f->carbon * f->carbon_content * CO2_BY_CARBON + out[FIGURE_PFC] +
                       (f->grid > 0 ? f->grid * out[FIGURE_SPECIFIC] : 0);
    out[FIGURE_ALUMINA] = s->made > 0 ? s->fed / (s->made / 1000) : NAN;
}
