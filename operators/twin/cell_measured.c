/* cell_measured.c: what has been published of cells, and what the models say of it. What is published as a range counts
 * as its middle, with half of it as the limit; what the model is made of is marked so; what is published without what a
 * model needs to be asked is told as missed, with that as the reason. */
#include <math.h>
#include <string.h>

#include "bath.h"
#include "kinetics.h"
#include "models.h"
#include "voltage.h"
#include "wall.h"

static const double USUAL = 0.05;

/* ---- Telling ---- */

struct published {
    const char *subject, *quantity, *unit;
    double value, limit;
    const char *error_unit; /* NULL: relative */
    const char *source, *note;
};

static void tell(const struct pl_model_report *report, const struct published *p, double found, bool itself) {
    struct pl_model_finding finding = {.subject = p->subject,
                                       .quantity = p->quantity,
                                       .unit = p->unit,
                                       .expected = p->value,
                                       .found = found,
                                       .limit = p->limit,
                                       .error_unit = p->error_unit,
                                       .source = p->source,
                                       .note = p->note,
                                       .itself = itself};
    models_tell_measured(report, &finding);
}
#define TELL(found, ...) tell(report, &(struct published){__VA_ARGS__}, found, false)
/* A law or a constant of the model is made of it, so that it is no test of the model. */
#define TELL_ITSELF(found, ...) tell(report, &(struct published){__VA_ARGS__}, found, true)

/* ---- The cell model in equilibrium ---- */

static double output(const double *out, const char *name) {
    for (int i = 0; twin_cell_model.outputs[i].name; i++)
        if (strcmp(twin_cell_model.outputs[i].name, name) == 0) return out[i];
    return NAN;
}

struct setting {
    const char *name;
    double value;
};

static enum pl_code settle(const struct setting *set, double days, double *out, struct pl_error **error) {
    double v[PL_MODEL_PARAMETERS_MAX];
    for (int i = 0; twin_cell_model.parameters[i].name; i++) {
        v[i] = twin_cell_model.parameters[i].fallback;
        for (const struct setting *s = set; s->name; s++)
            if (strcmp(s->name, twin_cell_model.parameters[i].name) == 0) v[i] = s->value;
    }
    void *self = NULL;
    enum pl_code code = twin_cell_model.open(&self, v, error);
    if (!code) code = twin_cell_model.advance(self, days * 86400, error);
    if (!code) twin_cell_model.read(self, out);
    twin_cell_model.close(self);
    return code;
}

/* ---- Voltage ---- */

static const char *const POT_126 = "126.6 kA pot", *const POT_500 = "500 kA pot", *const CELLS = "industrial cells";
static const char *const ILLINGWORTH = "record of Illingworth et al. (CellModel)", *const SHEN = "Shen et al.",
                         *const THONSTAD = "Thonstad, Solbu, Larsen 1971", *const DUPUIS = "Dupuis, a model",
                         *const MOHAMMAD = "Mohammad, Dupuis, Funkenbusch, Kelley 2022",
                         *const ENTNER = "Entner, AlPrg", *const HAUPIN = "Haupin 1998, +-0.05 V between carbons",
                         *const KAN = "Kan et al. 2007", *const ENERGIES = "Energies 9 (2016) 170",
                         *const AP60 = "Rio Tinto", *const HYDRO = "Hydro", *const IAI = "IAI 2015";

static double least_resistance(struct bath bath) {
    double best = 1e9, at = 0;
    for (int i = 0; i < 450; i++) {
        bath.alumina = 2.5 + 0.01 * i;
        double u = voltage_of(&voltage_cell_126, &bath, 126500, 2.7).total;
        if (u < best) {
            best = u;
            at = bath.alumina;
        }
    }
    return at;
}

static enum pl_code voltage(const struct pl_model_report *report, struct pl_error **error) {
    (void)error;
    struct bath bath = {2.5, 12, 4.1, 0, 0.25, 963}, other = {2.8, 11, 5, 0, 0.25, 968.98};
    struct voltage pot = voltage_of(&voltage_cell_126, &bath, 126630, 2.7),
                   nearer = voltage_of(&voltage_cell_126, &bath, 126630, 2.8),
                   cell = voltage_of(&voltage_cell_180, &other, 180e3, 4.3),
                   away = voltage_of(&voltage_cell_180, &other, 180e3, 5.3);
    double anode = cell.anode_reaction + cell.anode_concentration;
    TELL(pot.total, POT_126, "voltage", "V", 4.377, USUAL, NULL, ILLINGWORTH,
         "mean of 0-1800 s; nothing fitted, 2.5 wt% alumina is a guess");
    TELL((nearer.total - pot.total) * 10, POT_126, "rise of voltage by distance", "V/cm", 0.54, USUAL, NULL,
         ILLINGWORTH, "the moves were inferred from the voltage itself; 0.47 cm in all, but it ends 0.02 V higher");
    TELL(least_resistance(bath), POT_126, "resistance is least at", "wt%", 4.0, 0.125, NULL, DUPUIS,
         "around 4: 3.5 to 4.5; it is flat, 2 mV between 4.0 and 4.4");
    TELL(anode + cell.reversible + cell.cathode_concentration, "75 kA cells", "decomposition voltage", "V", 1.675,
         0.105, NULL, THONSTAD, "1.50-1.85");
    TELL(anode, CELLS, "anode reaction", "V", 0.75, 0.2, NULL, "aluminum-production.com",
         "0.6-0.9 at no stated density; 0.57 V for the 126.6 kA pot at 1.06 A/cm2");
    TELL(cell.bubbles, CELLS, "bubble drop", "V", 0.25, 0.4, NULL, "Mater. Proc. 3 (2021) 8", "0.15-0.35");
    TELL_ITSELF(cell.cathode, CELLS, "cathode drop", "V", 0.275, 0.28, NULL, "guineamininginsights.com",
                "0.20-0.35 graphitised; a constant of the reference cell");
    TELL(cell.total, CELLS, "voltage", "V", 4.15, 0.0845, NULL, "guineamininginsights.com", "3.8-4.5");
    TELL(away.total - cell.total, "a published cell model", "rise of voltage by distance", "V/cm", 0.275, USUAL, NULL,
         DUPUIS, "another cell, whose current density is not published: 0.61 A/cm2 would give it");
    TELL(NAN, POT_500, "voltage", "V", 4.249, USUAL, NULL, SHEN,
         "not predicted: current, distance and bath of that day are not published");
    return PL_OK;
}

static enum pl_code kinetics(const struct pl_model_report *report, struct pl_error **error) {
    (void)error;
    static const struct {
        const char *name;
        double density, overpotential;
    } points[] = {{"at 0.1 A/cm2", 0.1, 0.2982},
                  {"at 0.5 A/cm2", 0.5, 0.4562},
                  {"at 0.85 A/cm2", 0.85, 0.5084},
                  {"at 1.0 A/cm2", 1.0, 0.5244},
                  {"at 1.2 A/cm2", 1.2, 0.5424}};
    struct kinetics law = {
        .exchange = 29 * pow(2.5, 0.56), .anodic = 1.08, .cathodic = 0.92, .kelvin = 1233.15, .reference = 1};
    for (unsigned i = 0; i < PL_COUNT_OF(points); i++)
        TELL_ITSELF(kinetics_overpotential(&law, points[i].density * 1e4, 1), "anode in cryolite, 2.5 wt%",
                    points[i].name, "V", points[i].overpotential, USUAL, NULL, HAUPIN, "the model's law is this one");
    return PL_OK;
}

/* ---- Heat and energy ---- */

static enum pl_code balance(const struct pl_model_report *report, struct pl_error **error) {
    static const struct setting usual[] = {{.name = NULL}};
    double out[PL_MODEL_OUTPUTS_MAX];
    enum pl_code code = settle(usual, 3, out, error);
    if (code) return code;
    double power = output(out, "voltage") * 180, loss = output(out, "side_loss") + output(out, "bottom_loss") +
                                                        output(out, "bar_loss") + output(out, "top_loss");
    TELL((0.48 + 1.65 * 0.95) * 200, "200 kA, 4.2 V, 95 %", "taken by the reaction", "kW", 409, USUAL, NULL, ENTNER,
         NULL);
    TELL(786 - (0.48 + 1.65 * 0.95) * 200, "200 kA, 4.2 V, 95 %", "heat loss", "kW", 377, USUAL, NULL, ENTNER, NULL);
    TELL(loss / power, CELLS, "heat loss by energy", "", 0.5, 0.1, NULL, ENERGIES, "about 50 %");
    TELL(output(out, "side_loss") / loss, CELLS, "side loss by heat loss", "", 0.35, USUAL, NULL, ENERGIES,
         "about 35 %");
    TELL(output(out, "side_loss") / output(out, "production"), CELLS, "side loss by metal", "kWh/kg", 2.4, USUAL, NULL,
         ENERGIES, "35 % of half of 13.7 kWh/kg; this cell takes 13.3 and loses less of it");
    TELL(output(out, "superheat"), CELLS, "superheat", "K", 10, 5, "K", SHEN, "5-15 K");
    TELL(output(out, "bath_temperature"), CELLS, "bath temperature", "degC", 965, 15, "K", SHEN, "950-980");
    TELL(output(out, "shell_metal"), POT_500, "shell", "degC", 359.5, USUAL, NULL, SHEN,
         "357-363 measured; here of the reference cell");
    TELL(output(out, "ledge_metal"), CELLS, "ledge", "m", 0.075, 0.34, NULL, SHEN, "50-100 mm");
    TELL(NAN, POT_126, "bath temperature", "degC", 963, 2, "K", ILLINGWORTH,
         "not predicted: its walls and cover are not published; its liquidus is 959.1 at 2.5 wt% alumina");
    return PL_OK;
}

static enum pl_code outage(const struct pl_model_report *report, struct pl_error **error) {
    static const struct setting off[] = {
        {"current", 0}, {"feed", 0}, {"fluoride_feed", 0}, {"tapping", 0}, {.name = NULL}};
    double out[PL_MODEL_OUTPUTS_MAX];
    enum pl_code code = settle(off, 0.125, out, error);
    if (!code)
        TELL(output(out, "bath_temperature"), "3 h without current", "bath temperature", "degC", 925, 15, "K",
             "Dupuis, power shutdown", "910-940, read off an axis");
    return code;
}

static enum pl_code distance(const struct pl_model_report *report, struct pl_error **error) {
    static const struct setting usual[] = {{.name = NULL}}, near[] = {{"distance", 0.038}, {.name = NULL}};
    double start[PL_MODEL_OUTPUTS_MAX], nearer[PL_MODEL_OUTPUTS_MAX];
    enum pl_code code = settle(near, 0.001, nearer, error);
    if (!code) code = settle(usual, 0.001, start, error);
    if (code) return code;
    TELL(100 * (output(nearer, "voltage") / output(start, "voltage") - 1), "4.3 to 3.8 cm", "change of power", "%", -4,
         0.06, NULL, MOHAMMAD, NULL);
    TELL(100 * (output(nearer, "bath_drop") / output(start, "bath_drop") - 1), "4.3 to 3.8 cm",
         "change of heat in the bath", "%", -12, 0.06, NULL, MOHAMMAD,
         "read as the heat between anodes and metal; of all heat in the cell it is -8.3 %");
    return PL_OK;
}

/* ---- A 500 kA pot whose walls and resistances are published ---- */

/* The superheat that keeps its ledge at 65 mm. */
static double superheat_by_ledge(double liquidus) {
    const struct wall wall = {.ledge_conductivity = 1.5, .lining = 0.25, .lining_conductivity = 47, .steel = 1e-6};
    const struct stack_side air = {.kind = STACK_FILM, .temperature = 30, .film = 22, .walls = 30};
    double low = 100, high = 1e5;
    for (int i = 0; i < 60; i++) {
        double flux = 0.5 * (low + high);
        if (wall_ledge(&wall, &air, liquidus, flux) > 0.065)
            low = flux;
        else
            high = flux;
    }
    return low * 16 * 7.6e-5;
}

static enum pl_code pot_500(const struct pl_model_report *report, struct pl_error **error) {
    static const struct setting pot[] = {{"current", 500e3},
                                         {"distance", 0.03},
                                         {"anode_area", 54.4},
                                         {"cathode_area", 64},
                                         {"anodes", 48},
                                         {"alumina", 3},
                                         {"excess_fluoride", 11},
                                         {"calcium_fluoride", 6},
                                         {"magnesium_fluoride", 1},
                                         {"superheat", 11.75},
                                         {"bath_wall", 7.2},
                                         {"metal_wall", 8.8},
                                         {"bath_film", 600},
                                         {"metal_film", 1100},
                                         {"lining", 0.25},
                                         {"lining_conductivity", 47},
                                         {"shell_film", 5},
                                         {"top", 1 / 0.001769},
                                         {"ambient", 30},
                                         {"bottom", 64},
                                         {"bath", 22680},
                                         {"metal", 32384},
                                         {"feed", 0.08246},
                                         {"tapping", 0.04365},
                                         {"feed_heat", 2.15e6},
                                         {"fluoride_feed", 0.00165},
                                         {"anode_resistance", 0.9e-6},
                                         {"cathode_resistance", 0.6e-6},
                                         {"external_resistance", 0},
                                         {"bars", 130},
                                         {"edges", 75},
                                         {.name = NULL}};
    struct bath bath = {3, 11, 6, 0, 1, 965};
    double liquidus = bath_liquidus(&bath), out[PL_MODEL_OUTPUTS_MAX], by_ledge = superheat_by_ledge(liquidus);
    enum pl_code code = settle(pot, 2, out, error);
    if (code) return code;
    TELL(liquidus, POT_500, "liquidus", "degC", 953.25, 2, "K", SHEN,
         "their line for 3, 11, 6, 1 wt% Al2O3, AlF3, CaF2, MgF2");
    TELL(by_ledge, POT_500, "superheat, by its ledge", "K", 11.75, 2, "K", SHEN, "65 mm with their wall and films");
    TELL(liquidus + by_ledge, POT_500, "bath temperature, by its ledge", "degC", 965, 2, "K", SHEN, NULL);
    TELL(output(out, "superheat"), POT_500, "superheat, by its heat balance", "K", 11.75, 2, "K", SHEN,
         "their balance takes 33 kW more for reaction and alumina than Entner's and thermochemistry: 2.5 K through "
         "their film");
    return PL_OK;
}

/* ---- What smelters report ---- */

static enum pl_code reported(const struct pl_model_report *report, struct pl_error **error) {
    static const struct setting usual[] = {{.name = NULL}};
    static const char *const OWN = "of the reference cell",
                             *const UNKNOWN =
                                 "of the reference cell: voltage and efficiency of theirs are not published";
    double out[PL_MODEL_OUTPUTS_MAX];
    enum pl_code code = settle(usual, 1, out, error);
    if (code) return code;
    double energy = output(out, "energy") / 1000;
    TELL_ITSELF(570e3 * 86400 * 9.3214647e-11 * 0.937, "AP60", "metal by pot and day", "t", 4.3, USUAL, NULL, AP60,
                "at an efficiency of 0.937, which follows from these figures by Faraday's law");
    TELL_ITSELF(2.97998 * 4.18 / 0.937, "AP60", "energy", "kWh/kg", 13.3, USUAL, NULL, AP60,
                "at 4.18 V and 0.937, which follow from these figures");
    TELL(energy, "AP60, generation 2", "energy", "kWh/kg", 13.0, USUAL, NULL, AP60, UNKNOWN);
    TELL(energy, "APXe", "energy", "kWh/kg", 12.3, USUAL, NULL, AP60, UNKNOWN);
    TELL(energy, "DX", "energy", "kWh/kg", 13.05, USUAL, NULL, "Dubal 2010", UNKNOWN);
    TELL(energy, "HAL4e", "energy", "kWh/kg", 12.27, USUAL, NULL, HYDRO, UNKNOWN);
    TELL(energy, "HAL4e Ultra", "energy", "kWh/kg", 11.8, USUAL, NULL, HYDRO, UNKNOWN);
    TELL(energy, "Hydro, all cells", "energy", "kWh/kg", 13.8, USUAL, NULL, HYDRO, OWN);
    TELL(energy, "world", "energy", "kWh/kg", 13.403, USUAL, NULL, IAI, OWN);
    TELL(energy, "China", "energy", "kWh/kg", 12.875, USUAL, NULL, IAI, OWN);
    TELL(0.41 * (1 - 0.024) * 44 / 12, "HAL4e", "CO2 from anodes", "kg/kg", 1.45, USUAL, NULL, HYDRO,
         "below 1.45; here 0.41 kg/kg of usual net carbon");
    TELL(1.0 / 12 * 21 / 60 * 0.104 * (6630 + 0.057 * 11100), "EGA 2017", "PFC", "kg/t", 22, USUAL, NULL,
         "EGA 2018; Regulation (EU) 2025/2547", NULL);
    return PL_OK;
}

/* ---- Bath ---- */

static double kappa(double lithium, double t) {
    struct bath bath = {2.5, 11, 5, lithium, 0, t};
    return bath_conductivity(&bath);
}

static enum pl_code bath(const struct pl_model_report *report, struct pl_error **error) {
    (void)error;
    TELL_ITSELF(bath_diffusivity(750), "cryolite at 750 degC", "diffusivity of alumina", "m2/s", 2.0e-10, 0.1, NULL,
                "Frazer, Thonstad 2010", "1.8-2.2e-6 cm2/s; the law is made of it");
    TELL_ITSELF(bath_diffusivity(960) / bath_diffusivity(750), "cryolite, 960 by 750 degC", "diffusivity of alumina",
                "", 5, USUAL, NULL, "Frazer, Thonstad 2010", "about five times; the law is made of these two");
    TELL(0.01 * 1.9e6 / 1767, "adding 1 wt% of alumina", "cools the bath by", "K", 11, 1, "K",
         "TMS, mass and heat transfer during dissolution of alumina", "10-12 K");
    TELL(kappa(1, 960) - kappa(0, 960), "conductivity", "by wt% of LiF", "S/cm", 0.0276, USUAL, NULL, KAN,
         "at 15 K superheat; the model takes what LiF adds from Hives et al. 1996");
    TELL(kappa(0, 965) - kappa(0, 964), "conductivity", "by kelvin", "S/cm", 0.003, 0.17, NULL, KAN,
         "one digit: 0.0025-0.0035");
    return PL_OK;
}

const struct pl_model_case twin_cell_measurements[] = {
    {"voltage", "Voltages of cells.", voltage},
    {"kinetics", "Overpotential of an anode.", kinetics},
    {"balance", "Heat of cells.", balance},
    {"outage", "A cell without current.", outage},
    {"distance", "A cell with its anodes nearer.", distance},
    {"pot-500", "A pot whose walls are published.", pot_500},
    {"reported", "What smelters report.", reported},
    {"bath", "Properties of bath.", bath},
    {.name = NULL},
};
