#include <math.h>

#include "kpi.h"

/* Faraday: kg of aluminium and coulombs. */
static const double METAL_BY_CHARGE = 9.3214647e-8;
static const double JOULE_BY_KWH = 3.6e6, DAY = 86400, CO2_BY_CARBON = 44.0 / 12;

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
};

const char *const kpi_figure_units[FIGURES] = {
    [FIGURE_ENERGY] = "kWh",         [FIGURE_SPECIFIC] = "kWh/t",     [FIGURE_PRODUCTION] = "kg",
    [FIGURE_THROUGHPUT] = "t/d",     [FIGURE_EFFICIENCY] = "%",       [FIGURE_VOLTAGE] = "V",
    [FIGURE_EFFECTS] = "by pot-day", [FIGURE_EFFECT_MINUTES] = "min", [FIGURE_PFC] = "kg CO2e/t",
    [FIGURE_CO2E] = "kg CO2e/t",     [FIGURE_ALUMINA] = "kg/t",       [FIGURE_COVERED] = "",
};

/* The efficiency that pots have before one is known may be off for all of them: doubts add up as they are. */
void kpi_add(struct kpi_sums *to, const struct kpi_sums *more) {
    to->joule += more->joule;
    to->coulomb += more->coulomb;
    to->volt_seconds += more->volt_seconds;
    to->seconds += more->seconds;
    to->effects += more->effects;
    to->effect_seconds += more->effect_seconds;
    to->effect_doubt += more->effect_doubt; /* each effect's is its own */
    to->fed += more->fed;
    to->made += more->made;
    to->made_doubt += more->made_doubt + 2 * sqrt(fmax(to->made_doubt * more->made_doubt, 0));
}

double kpi_pfc_by_second(const struct kpi_sums *s, const struct kpi_factors *f) {
    double pot_days = s->seconds / DAY;
    return pot_days > 0 ? f->slope / 60 / pot_days * (f->warming_cf4 + f->ratio * f->warming_c2f6) : NAN;
}

void kpi_figures(const struct kpi_sums *s, const struct kpi_factors *f, double pots, double seconds,
                 double out[FIGURES]) {
    double tonnes = s->made > 0 ? s->made / 1000 : NAN, kwh = s->joule / JOULE_BY_KWH, pot_days = s->seconds / DAY;
    out[FIGURE_ENERGY] = kwh;
    out[FIGURE_SPECIFIC] = kwh / tonnes;
    out[FIGURE_PRODUCTION] = s->made;
    out[FIGURE_THROUGHPUT] = pot_days > 0 ? s->made / 1000 / pot_days * pots : NAN;
    out[FIGURE_EFFICIENCY] = s->coulomb > 0 ? 100 * s->made / (s->coulomb * METAL_BY_CHARGE) : NAN;
    out[FIGURE_VOLTAGE] = s->seconds > 0 ? s->volt_seconds / s->seconds : NAN;
    out[FIGURE_EFFECTS] = pot_days > 0 ? s->effects / pot_days : NAN;
    out[FIGURE_EFFECT_MINUTES] = s->effects > 0 ? s->effect_seconds / 60 / s->effects : 0;
    /* Effects a pot-day times minutes each: minutes of effects a pot-day. */
    out[FIGURE_PFC] = s->effect_seconds * kpi_pfc_by_second(s, f);
    out[FIGURE_CO2E] =
        1000 * f->carbon * f->carbon_content * CO2_BY_CARBON + out[FIGURE_PFC] + f->grid * out[FIGURE_SPECIFIC];
    out[FIGURE_ALUMINA] = s->fed / tonnes;
    out[FIGURE_COVERED] = pots > 0 ? s->seconds / (pots * seconds) : NAN;
}
