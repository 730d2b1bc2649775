/* fourier_lab.c: what FourierHeatModel is calibrated with. */
#include "lab_experiments.h"

static const struct pl_model_expected packed_expected[] = {
    {"packing", 1, 0.2, "alumina as dense as its data sheet's; packed, it holds less"},
    {.name = NULL},
};

static const struct pl_model_expected pouch_expected[] = {
    {"capacity", 2.2e6, 3e5, "lithium-ion pouch cells hold 0.9 to 1.1 kJ/kg/K, of 2100 to 2500 kg/m3"},
    {.name = NULL},
};

#define GAIN(sensor)                                                                                                   \
    { "gain_" #sensor, 1, 0.05, "sensors of the same kind in holes of the same kind show a rise within some per cent" }
static const struct pl_model_expected sensors_expected[] = {
    {"film", 10, 3,
     "free convection from a bar of 20 mm is 5 W/m2/K at a rise of 10 K, radiation 1 to 6, a draught some more"},
    GAIN(1),
    GAIN(2),
    GAIN(3),
    GAIN(4),
    GAIN(5),
    GAIN(6),
    {.name = NULL},
};

static const char *const sensors[] = {"sensor 1", "sensor 2", "sensor 3", "sensor 4", "sensor 5", "sensor 6", NULL};

const struct pl_model_experiment twin_fourier_experiments[] = {
    {.name = "needle-probe",
     .doc = "A probe that is heated in its core, in a cylinder of salt or argon: its temperature from 0.2 s on. Medium "
            "by the file's name, power and start by its columns, which may stand without names. The "
            "contact is each run's own, by temperature and filling.",
     .example = "0.01\t25.0\t2.64\t571",
     .headless = true,
     .fit = "contact,packing,lag",
     .along = "time (s)",
     .unit = "K",
     .what = "temperature rise",
     .measure = "rms (% of the final rise)",
     .target = 3,
     .step = 3e-3,
     .alternate = true,
     .expected = packed_expected,
     .scatter = 0.015,
     .weight = twin_probe_weight,
     LAB_CALLS(probe)},
    {.name = "rod",
     .doc =
         "A rod that is heated at one end, on and off, with six sensors along it. When it was switched is seen by the "
         "first sensor. Power and film are each run's own; each sensor shows a rise by some per cent more or less, the "
         "same "
         "on all days.",
     .example = "0,24.8,24.7,24.9,24.8,24.8,24.7",
     .what = "temperature rise",
     .series = sensors,
     .fit = "power,film,end_capacity,gain_1,gain_2,gain_3,gain_4,gain_5,gain_6",
     .along = "time (s)",
     .unit = "K",
     .measure = "rms (K)",
     .target = 1,
     .expected = sensors_expected,
     .scatter = 0.3,
     .sensitive = twin_rod_sensitive,
     LAB_CALLS(rod)},
    {.name = "battery",
     .doc = "The surface of a pouch cell that is discharged and then rests; its voltage, and that of a slow discharge, "
            "are in files beside: 2C_T.csv wants 2C_U.csv and 0.1C_U.csv, of columns t_s (s) and U_V (V).",
     .example = "300,0.82",
     .what = "rise of the surface",
     .fit = "film,capacity",
     .along = "time (s)",
     .unit = "K",
     .measure = "rms (K)",
     .target = 0.5,
     .step = 1e-3,
     .expected = pouch_expected,
     .scatter = 0.1,
     LAB_CALLS(battery)},
    {.name = NULL},
};
