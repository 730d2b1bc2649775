/* cell_cases.c: voltage, chemistry and balances of a cell against reference values, and a cell over a day. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models.h"
#include "voltage.h"

enum { CURRENT, DISTANCE, DRIFT, FEED };

/* ---- Correlations ---- */

static enum pl_code chemistry(const struct pl_model_report *report, struct pl_error **error) {
    (void)error;
    static const struct bath baths[] = {{2.5, 11, 5, 0, 0, 960},
                                        {3, 11, 6, 0, 1, 960},
                                        {4, 10.3, 7, 0, 0.3, 960},
                                        {2.5, 12, 4.1, 0, 0.25, 963},
                                        {2.5, 12, 4.5, 2, 0.3, 960}};
    static const double liquidus[] = {962.733735, 953.666001, 951.731321, 959.089871, 942.579113};
    for (unsigned i = 0; i < PL_COUNT_OF(baths); i++) {
        char quantity[96];
        snprintf(quantity, sizeof quantity, "liquidus of bath %u", i + 1);
        models_tell(report, "bath", quantity, "degC", liquidus[i], bath_liquidus(&baths[i]), 0, 1e-8);
    }
    models_tell(report, "bath", "ratio of NaF to AlF3", "", 1.0951417, bath_ratio(&baths[3]), 0, 1e-7);
    models_tell(report, "bath", "saturation", "wt%", 8.36970288, bath_saturation(&baths[3]), 0, 1e-8);
    models_tell(report, "bath", "activity of alumina", "", 0.148036439, bath_activity(&baths[3]), 0, 1e-8);
    models_tell(report, "bath", "conductivity", "S/cm", 2.21501529, bath_conductivity(&baths[3]), 0, 1e-8);
    return PL_OK;
}

static enum pl_code voltage(const struct pl_model_report *report, struct pl_error **error) {
    (void)error;
    struct bath bath = {2.5, 12, 4.1, 0, 0.25, 963};
    struct voltage v = voltage_of(&voltage_cell_126, &bath, 126500, 2.7);
    const struct {
        const char *name;
        double is, found;
    } parts[] = {{"reversible", 1.2228375, v.reversible},
                 {"anode concentration", 0.0410968332, v.anode_concentration},
                 {"anode reaction", 0.53163183, v.anode_reaction},
                 {"cathode concentration", 0.113468937, v.cathode_concentration},
                 {"bath", 1.294528, v.bath},
                 {"bubbles", 0.311926808, v.bubbles},
                 {"anode", 0.38203, v.anode},
                 {"cathode", 0.271975, v.cathode},
                 {"external", 0.254265, v.external},
                 {"all", 4.4237599, v.total},
                 {"critical density", 1.9749746, v.critical},
                 {"bubble layer", 0.488799449, v.layer},
                 {"cover", 0.570997458, v.cover}};
    for (unsigned i = 0; i < PL_COUNT_OF(parts); i++)
        models_tell(report, "voltage of the 126 kA pot", parts[i].name, "V", parts[i].is, parts[i].found, 0, 1e-6);
    static const double c[] = {1.9, 2.0, 2.2, 2.4, 2.6, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0};
    static const double u[] = {4.790298, 4.599692, 4.482752, 4.437622, 4.413011, 4.386843,
                               4.371852, 4.365653, 4.364278, 4.366005, 4.375492};
    for (unsigned i = 0; i < PL_COUNT_OF(c); i++) {
        char quantity[48];
        snprintf(quantity, sizeof quantity, "U at %g wt%% alumina", c[i]);
        bath.alumina = c[i];
        models_tell(report, "voltage of the 126 kA pot", quantity, "V", u[i],
                    voltage_of(&voltage_cell_126, &bath, 126500, 2.7).total, 0, 1e-6);
    }
    struct bath other = {2.8, 11, 5, 0, 0.25, 0};
    other.t = bath_liquidus(&other) + 9;
    v = voltage_of(&voltage_cell_180, &other, 180e3, 4.3);
    models_tell(report, "voltage of the 180 kA cell", "all", "V", 4.2086, v.total, 0, 2e-5);
    models_tell(report, "voltage of the 180 kA cell", "bath", "V", 1.4362, v.bath, 0, 5e-5);
    models_tell(report, "voltage of the 180 kA cell", "0.5 cm nearer", "V", 4.0416,
                voltage_of(&voltage_cell_180, &other, 180e3, 3.8).total, 0, 2e-5);
    return PL_OK;
}

/* ---- The model ---- */

static int output(const char *name) {
    for (int i = 0; twin_cell_model.outputs[i].name; i++)
        if (strcmp(twin_cell_model.outputs[i].name, name) == 0) return i;
    return 0;
}

static enum pl_code day(const struct pl_model_report *report, struct pl_error **error) {
    double v[PL_MODEL_PARAMETERS_MAX] = {0}, out[PL_MODEL_OUTPUTS_MAX];
    models_defaults(twin_cell_model.parameters, v);
    void *self = NULL;
    enum pl_code code = twin_cell_model.open(&self, v, error);
    for (int hour = 0; hour < 24 && !code; hour++) { /* current and feed swing, as a modulated pot's do */
        code = twin_cell_model.set(self, CURRENT, 180e3 * (hour % 8 < 4 ? 1.05 : 0.95), error);
        if (!code) code = twin_cell_model.set(self, FEED, 0.0298 * (hour % 2 ? 1.3 : 0.7), error);
        if (!code) code = twin_cell_model.advance(self, (hour + 1) * 3600.0, error);
    }
    if (!code) {
        twin_cell_model.read(self, out);
        models_tell_rest(report, "a day of a cell, modulated", "heat unaccounted for", out[output("balance")], 1e-8);
        models_tell_rest(report, "a day of a cell, modulated", "alumina unaccounted for",
                         out[output("alumina_balance")], 1e-8);
        models_tell_rest(report, "a day of a cell, modulated", "charge unaccounted for", out[output("charge_balance")],
                         1e-8);
    }
    twin_cell_model.close(self);
    return code;
}

/* Left alone, the cell finds the equilibrium that its constants were made for. */
static enum pl_code settles(const struct pl_model_report *report, struct pl_error **error) {
    double v[PL_MODEL_PARAMETERS_MAX] = {0}, out[PL_MODEL_OUTPUTS_MAX];
    models_defaults(twin_cell_model.parameters, v);
    void *self = NULL;
    enum pl_code code = twin_cell_model.open(&self, v, error);
    if (!code) code = twin_cell_model.advance(self, 2 * 86400.0, error);
    if (!code) {
        twin_cell_model.read(self, out);
        double all =
            out[output("side_loss")] + out[output("bottom_loss")] + out[output("bar_loss")] + out[output("top_loss")];
        models_tell(report, "a cell after two days", "losses by heat set free", "", 1, all / out[output("heat")], 0,
                    1e-2);
        models_tell(report, "a cell after two days", "voltage is the sum of its parts", "V", out[output("voltage")],
                    out[output("reversible")] + out[output("anode_reaction")] + out[output("anode_concentration")] +
                        out[output("cathode_concentration")] + out[output("bath_drop")] + out[output("bubble_drop")] +
                        out[output("anode_drop")] + out[output("cathode_drop")] + out[output("external_drop")],
                    0, 1e-12);
        models_tell(report, "a cell after two days", "energy by voltage and efficiency", "kWh/t",
                    2979.98 * out[output("voltage")] / out[output("current_efficiency")], out[output("energy")], 0,
                    1e-5);
    }
    twin_cell_model.close(self);
    return code;
}

const struct pl_model_case twin_cell_cases[] = {
    {"chemistry", "Correlations of the bath.", chemistry},
    {"voltage", "Voltage and what it is made of.", voltage},
    {"settles", "A cell that is left alone.", settles},
    {"day", "Balances over a day.", day},
    {.name = NULL},
};
