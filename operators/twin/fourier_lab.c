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

const struct pl_model_experiment twin_fourier_experiments[] = {
    {.name = "needle-probe",
     .doc =
         "A probe that is heated in its core, in a cylinder of salt or argon: its temperature from 0.2 s on. Medium "
         "by the file's name, power and start by its columns (time, temperature, volts, milliamperes; no header). The "
         "contact is each run's own, by temperature and filling.",
     .columns = "0.000000\t",
     .fit = "contact,packing,lag",
     .along = "time (s)",
     .unit = "K",
     .measure = "rms (% of the final rise)",
     .target = 3,
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
     .columns = "t_s,T1_C",
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
            "are in "
            "files beside.",
     .columns = "t_s,dT_K",
     .fit = "film,capacity",
     .along = "time (s)",
     .unit = "K",
     .measure = "rms (K)",
     .target = 0.5,
     .expected = pouch_expected,
     .scatter = 0.1,
     LAB_CALLS(battery)},
    {.name = NULL},
};
