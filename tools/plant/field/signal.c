#include "signal.h"

#include <stdio.h>

static double voltage(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->volts;
}

static double current(const struct plant_line *line, const struct plant_pot *pot) {
    (void)pot;
    return line->ampere / 1000;
}

static double bath_temp(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->cell.y[PLANT_BATH_TEMP];
}

static double anode_pos(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->cell.beam * 1000;
}

static double noise(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return plant_control_noise(&pot->control);
}

static double resistance(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->control.resistance;
}

static double feed_total(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->feed_total;
}

static double alf3_total(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->alf3_total;
}

static double tapped_total(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return pot->cell.meters.tapped;
}

static double metal_level(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return plant_cell_metal_level(&pot->cell) * 100;
}

static double bath_level(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return plant_cell_bath_level(&pot->cell) * 100;
}

static double shell_temp(const struct plant_line *line, const struct plant_pot *pot) {
    (void)line;
    return plant_wall_shell(&pot->cell.set.wall, pot->cell.y[PLANT_WALL_TEMP]);
}

static double line_voltage(const struct plant_line *line, const struct plant_pot *pot) {
    (void)pot;
    return line->volts;
}

const struct plant_signal plant_pot_signals[] = {
    {"voltage", "V", 0, 60, 0.002, 0.001, voltage, "of the pot, busbars included"},
    {"current", "kA", 0, 250, 0.05, 0.01, current, "of the line, seen at the pot"},
    {"bath_temp", "degC", 850, 1100, 0.4, 0.1, bath_temp, "thermocouple in the bath"},
    {"anode_pos", "mm", 0, 400, 0.02, 0.1, anode_pos, "position of the anode beam, up is more"},
    {"noise", "mV", 0, 20000, 0, 0.1, noise, "deviation of the voltage over a minute"},
    {"resistance", "uohm", 0, 400, 0, 0.001, resistance, "(voltage - 1.65 V) / current, smoothed over 20 s"},
    {"feed_total", "kg", 0, 1e9, 0, 0.5, feed_total, "alumina, by the count of feeder strokes"},
    {"alf3_total", "kg", 0, 1e8, 0, 0.01, alf3_total, "AlF3, by the count of the doser"},
    {"tapped_total", "kg", 0, 1e9, 0, 1, tapped_total, "metal, by the crane's scales"},
    {"metal_level", "cm", 0, 50, 0.05, 0.1, metal_level, "height of the metal"},
    {"bath_level", "cm", 0, 50, 0.1, 0.1, bath_level, "height of the bath over the metal"},
    {"shell_temp", "degC", 0, 700, 0.8, 0.1, shell_temp, "outside of the side wall"},
};
const unsigned plant_pot_signal_count = sizeof plant_pot_signals / sizeof *plant_pot_signals;

const struct plant_signal plant_line_signals[] = {
    {"line_current", "kA", 0, 250, 0.02, 0.01, current, "of the rectifier"},
    {"line_voltage", "V", 0, 2000, 0.05, 0.01, line_voltage, "over all pots"},
};
const unsigned plant_line_signal_count = sizeof plant_line_signals / sizeof *plant_line_signals;

void plant_name(char out[PLANT_NAME], unsigned line, unsigned pot, unsigned pots, const char *name) {
    int width = pots < 100 ? 2 : pots < 1000 ? 3 : 4;
    const char *dot = name ? "." : "", *rest = name ? name : "";
    if (pot == 0)
        snprintf(out, PLANT_NAME, "line%u%s%s", line, dot, rest);
    else
        snprintf(out, PLANT_NAME, "line%u.pot%0*u%s%s", line, width, pot, dot, rest);
}
