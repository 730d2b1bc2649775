#include "disturb.h"

#include <fnmatch.h>
#include <stdio.h>

static unsigned tags_matching(const struct plant_fault *fault, const struct plant *plant, unsigned line, unsigned pot) {
    const struct plant_signal *signals = pot ? plant_pot_signals : plant_line_signals;
    unsigned count = pot ? plant_pot_signal_count : plant_line_signal_count, matching = 0;
    char tag[PLANT_NAME];
    for (unsigned i = 0; i < count; i++) {
        plant_name(tag, line, pot, plant->options.pots, signals[i].name);
        matching += fnmatch(fault->glob, tag, 0) == 0;
    }
    return matching;
}

static bool is_pot(const struct plant_fault *fault, const struct plant *plant, unsigned line, unsigned pot) {
    char name[PLANT_NAME];
    plant_name(name, line, pot, plant->options.pots, NULL);
    return fnmatch(fault->glob, name, 0) == 0;
}

bool plant_disturb_check(const struct plant_faults *faults, const struct plant *plant, char *why, size_t size) {
    for (unsigned i = 0; i < faults->count; i++) {
        const struct plant_fault *fault = &faults->items[i];
        bool sensor = plant_fault_is_sensor(fault->kind);
        unsigned found = 0;
        for (unsigned line = 1; line <= plant->options.lines; line++)
            for (unsigned pot = 0; pot <= plant->options.pots; pot++)
                found += sensor ? tags_matching(fault, plant, line, pot) : pot && is_pot(fault, plant, line, pot);
        if (found) continue;
        snprintf(why, size, "%s: '%s' is no %s of this plant; names look like line1.pot07%s",
                 plant_fault_name(fault->kind), fault->glob, sensor ? "tag" : "pot", sensor ? ".voltage" : "");
        return false;
    }
    return true;
}

static void begin(const struct plant_fault *fault, struct plant_pot *pot) {
    if (fault->kind == PLANT_FAULT_STARVE) pot->feeders.held_until = fault->until;
    if (fault->kind == PLANT_FAULT_ROLL) pot->noise.roll = fault->arg / 1000;
    if (fault->kind == PLANT_FAULT_EFFECT) pot->effect.force = true;
}

static void end(const struct plant_fault *fault, struct plant_pot *pot) {
    if (fault->kind == PLANT_FAULT_ROLL) pot->noise.roll = 0;
}

void plant_disturb(const struct plant_faults *faults, struct plant *plant) {
    double now = plant_elapsed(plant), before = now - plant->seconds;
    for (unsigned i = 0; i < faults->count; i++) {
        const struct plant_fault *fault = &faults->items[i];
        bool begins = fault->from > before && fault->from <= now, ends = fault->until > before && fault->until <= now;
        if (plant_fault_is_sensor(fault->kind) || !(begins || ends)) continue;
        for (unsigned l = 1; l <= plant->options.lines; l++)
            for (unsigned p = 1; p <= plant->options.pots; p++)
                if (is_pot(fault, plant, l, p)) (begins ? begin : end)(fault, plant_pot(plant, l, p));
    }
}
