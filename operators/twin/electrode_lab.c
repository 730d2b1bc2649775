/* electrode_lab.c: what ElectrodeKineticsModel is calibrated with. */
#include "lab_experiments.h"

#define IMPEDANCE                                                                                                      \
    .example = "0.1,0.0412,-0.0087", .what = "impedance", .series = parts, .blocks = true, .nyquist = true,            \
    .along = "frequency (Hz)", .unit = "ohm", .target = 3, .measure = "rms of |dZ| (% of |Z|)", .alternate = true,     \
    .guess = twin_impedance_guess, .weight = twin_impedance_weight
static const char *const parts[] = {"real part", "imaginary part", NULL};

#define ELECTROLYSER                                                                                                   \
    .along = "current (A, or A/cm2)", .what = "voltage", .unit = "V", .target = 10, .measure = "rms (mV)",             \
    .alternate = true, .load = twin_electrolyser_load, LAB_RUNS(electrolyser)

static const struct pl_model_expected leads_expected[] = {
    {"L", 1e-7, 1e-7, "a wire has 1 uH/m, and the leads of a cell some 10 cm that no return runs beside"},
    {.name = NULL},
};

const struct pl_model_experiment twin_electrode_experiments[] = {
    {.name = "koutecky-levich",
     .doc = "A rotating disk: current by potential and speed, between 0.1 and 0.7 V. Kinetics by Tafel's law and "
            "diffusion "
            "in series (Koutecky and Levich), and what a carbon with a large surface draws by itself, which a record "
            "holds "
            "unless it was subtracted: the same at all speeds, and seen where no oxygen is reduced yet. Taken for "
            "oxygen's "
            "it bends Levich's line and counts an electron too many (--set background=0 --fit "
            "electrons,electrons_slope,film for the straight line; one speed does not tell its constants apart).",
     .example = "0.4,-3.1",
     .what = "current density",
     .fit = "electrons,background_slope",
     .along = "potential (V)",
     .unit = "A/m2",
     .measure = "rms (%)",
     .target = 3,
     .alternate = true,
     .weight = twin_disk_weight,
     LAB_CALLS(disk)},
    {.name = "voltammetry",
     .doc =
         "A cycle of a fast couple at a disk: diffusion with Butler and Volmer's law, through a solution that mixes "
         "by itself farther away (Amatore et al. 2001), and from the disk's side. Without either a slow sweep has its "
         "current 10 % too high. "
         "The cycle before it is run too, from a uniform solution. Judged by the separation of the peaks, and by the "
         "current between them and all along (5 % of it).",
     .example = "0.122,0.678,4.1e-07",
     .what = "current",
     .fit = "rate,standard,concentration,layer",
     .along = "potential (V)",
     .unit = "A",
     .measure = "error of the peaks' separation (mV; the current is among the figures)",
     .figure = true,
     .target = 5,
     .step = 3e-3,
     .weight = twin_voltammetry_weight,
     LAB_CALLS(voltammetry)},
    {.name = "polarisation",
     .doc =
         "A corroding metal: dissolution through a film, and another one from where the film breaks down; a reduction "
         "that diffusion limits, hydrogen; and the drop in the solution.",
     .example = "-0.433,1.2e-05",
     .what = "current",
     .fit = "dissolution,dissolution_slope,limiting,reduction,reduction_slope,hydrogen,hydrogen_slope,ohmic,breakdown",
     .along = "potential (V)",
     .unit = "A",
     .measure = "rms (% of |I| + 30 uA)",
     .target = 5,
     .alternate = true,
     .guess = twin_metal_guess,
     .weight = twin_metal_weight,
     LAB_CALLS(metal)},
    {.name = "electrolyser",
     .doc = "Water electrolysis: U = base + slope ln I + resistance I.",
     .example = "2.5,1.512",
     .fit = "base,slope,resistance",
     .columns = twin_electrolyser_columns,
     ELECTROLYSER},
    {.name = "electrolyser-warming",
     .doc = "The same with the resistance by temperature, where the cell cools or warms on the way.",
     .example = "0.2,1.84,341.2",
     .fit = "base,slope,resistance",
     .columns = twin_electrolyser_warming_columns,
     ELECTROLYSER},
    {.name = "impedance",
     .doc = "Two arcs, diffusion in a closed layer (Warburg), leads.",
     .fit = "R0,R1,C1,n1,R2,C2,n2,Z0,tau,L",
     .starts = 7,
     .expected = leads_expected,
     .scatter = 0.01,
     IMPEDANCE,
     LAB_CALLS(impedance)},
    {.name = "impedance-arc",
     .doc = "One flattened arc and a resistance in series.",
     .fit = "R0,R1,C1,n1",
     .starts = 3,
     IMPEDANCE,
     LAB_RUNS(impedance),
     .columns = twin_impedance_columns,
     .load = twin_arc_load},
    {.name = NULL},
};
