#include "pot.h"

#include <string.h>

#include "../model/random.h"

#define BEAM_SPEED 1.0 /* mm/s */

/* ---- life ---- */

static double spread(uint64_t key, unsigned what, double value, double share) {
    return value * plant_random_between(key, what, 1 - share, 1 + share);
}

/* No two pots are built alike, nor are they equally old. */
static struct plant_cell_set build(const struct plant_practice *practice, uint64_t key) {
    struct plant_cell_set set = plant_cell_reference;
    set.electrodes.anode_ohm *= practice->anode;
    set.electrodes.cathode_ohm *= practice->cathode;
    set.electrodes.external_ohm *= practice->external;
    set.top *= practice->top;
    set.distance += (practice->distance - 43) * 1e-3;
    set.efficiency = plant_random_between(key, 0, 0.932, 0.948) + practice->efficiency;
    set.electrodes.anode_ohm = spread(key, 1, set.electrodes.anode_ohm, 0.06);
    set.electrodes.cathode_ohm = spread(key, 2, set.electrodes.cathode_ohm, 0.10);
    set.electrodes.effect_alumina = plant_random_between(key, 3, 1.76, 1.86);
    set.wall.film = spread(key, 4, set.wall.film, 0.04);
    set.wall.outer = spread(key, 5, set.wall.outer, 0.05);
    set.top = spread(key, 6, set.top, 0.03);
    set.bottom = spread(key, 7, set.bottom, 0.08);
    set.slow_rate = spread(key, 8, set.slow_rate, 0.30);
    set.bath_mass = spread(key, 9, set.bath_mass, 0.04);
    set.metal_mass = spread(key, 10, set.metal_mass, 0.04);
    double less = 12.3 - practice->alf3;
    set.alf3 = plant_random_between(key, 11, 12.0 - less, 12.6 - less);
    set.alumina = plant_random_between(key, 12, 2.3, 2.6);
    set.superheat = plant_random_between(key, 13, 8.3, 9.7);
    set.distance = spread(key, 14, set.distance, 0.02);
    return set;
}

void plant_pot_init(struct plant_pot *pot, const struct plant_practice *practice, uint64_t seed, unsigned line,
                    unsigned number, unsigned pots) {
    uint64_t key = plant_random_key(seed, line, number, PLANT_CAUSE_SPREAD);
    struct plant_cell_set set = build(practice, key);
    memset(pot, 0, sizeof *pot);
    plant_cell_init(&pot->cell, &set);
    pot->cell.beam = plant_random_between(key, 15, 0.08, 0.25);
    pot->cell.cold = 0;
    plant_cell_electrify(&pot->cell, PLANT_AMPERE, 0);
    plant_noise_init(&pot->noise, seed, line, number);
    pot->noise.pad_calm *= practice->pad;
    plant_effect_init(&pot->effect, seed, line, number);
    plant_feeders_init(&pot->feeders, practice->blocks, seed, line, number);

    pot->local = (struct plant_targets){
        .resistance = (pot->cell.volts - PLANT_BACK_EMF) / PLANT_AMPERE * 1e6,
        .feed = 100,
        .alf3 = 0.02 * PLANT_AMPERE * PLANT_ALUMINA_PER_COULOMB * 0.94 * 3600,
    };
    pot->distance = practice->distance;
    plant_control_init(&pot->control, &pot->local);
    struct plant_site site = {&pot->cell, &pot->control, &pot->noise, &pot->feeders, &pot->effect, &pot->local};
    plant_crew_init(&pot->crew, practice, seed, line, number, pots, &site);
    plant_purity_init(&pot->purity, &pot->cell);
}

static void measure(struct plant_pot *pot, uint64_t number, double seconds, double ampere) {
    plant_noise_step(&pot->noise, number, pot->cell.distance, seconds);
    plant_cell_electrify(&pot->cell, ampere, pot->effect.volts);
    pot->volts = pot->cell.volts + pot->noise.volts;
}

void plant_pot_begin(struct plant_pot *pot, double ampere) {
    measure(pot, 0, 1, ampere);
}

/* ---- targets ---- */

static double *target(struct plant_targets *targets, enum plant_target which) {
    switch (which) {
    case PLANT_TARGET_RESISTANCE: return &targets->resistance;
    case PLANT_TARGET_FEED: return &targets->feed;
    default: return &targets->alf3;
    }
}

struct plant_targets plant_pot_targets(const struct plant_pot *pot) {
    struct plant_targets targets = pot->local, remote = pot->remote;
    for (unsigned i = 0; i < PLANT_TARGETS; i++)
        if (pot->remote_mask & 1u << i) *target(&targets, i) = *target(&remote, i);
    return targets;
}

void plant_pot_set_remote(struct plant_pot *pot, enum plant_target which, double value) {
    *target(&pot->remote, which) = value;
    pot->remote_mask |= 1u << which;
}

void plant_pot_release(struct plant_pot *pot, unsigned mask) {
    pot->remote_mask &= ~mask;
}

/* ---- a step ---- */

/* The drive runs at its speed, the controller counts what it moved. Returns m/s. */
static double drive_beam(struct plant_pot *pot, const struct plant_orders *orders, double seconds) {
    if (orders->move) pot->beam_left = orders->beam;
    if (pot->beam_left == 0) return 0;
    double most = BEAM_SPEED * seconds, mm = pot->beam_left;
    mm = mm > most ? most : mm < -most ? -most : mm;
    pot->beam_left -= mm;
    plant_control_beam_moved(&pot->control, mm);
    return mm * 1e-3 / seconds;
}

static void feed(struct plant_pot *pot, const struct plant_orders *orders, double now) {
    pot->feed_owed += orders->feed;
    unsigned strokes = orders->quick;
    while (pot->feed_owed >= pot->feeders.shot) {
        pot->feed_owed -= pot->feeders.shot;
        strokes++;
    }
    while (strokes-- > 0) {
        pot->feed_total += pot->feeders.shot;
        double kg = plant_feeders_stroke(&pot->feeders, now);
        if (kg > 0) plant_cell_add_alumina(&pot->cell, kg);
    }
}

void plant_pot_step(struct plant_pot *pot, uint64_t number, double seconds, double ampere, double nominal,
                    struct plant_happened *happened) {
    double now = (double)(number - 1) * seconds;
    struct plant_site site = {&pot->cell, &pot->control, &pot->noise, &pot->feeders, &pot->effect, &pot->local};
    happened->deeds = plant_crew_step(&pot->crew, &site, now);
    happened->feeders_changed = plant_feeders_age(&pot->feeders, now);

    pot->control.targets = plant_pot_targets(pot);
    struct plant_orders orders = plant_control_step(&pot->control, now, seconds, pot->volts, pot->cell.ampere, nominal);
    pot->pumping = orders.pumping;
    feed(pot, &orders, now);

    struct plant_cell_hold hold = {
        .alf3 = pot->control.targets.alf3 / 3600,
        .tapping = plant_crew_tapping(&pot->crew, now),
        .beam = drive_beam(pot, &orders, seconds),
        .efficiency_loss = plant_noise_efficiency_loss(&pot->noise),
    };
    pot->alf3_total += hold.alf3 * seconds;
    plant_cell_step(&pot->cell, &hold, seconds);
    plant_purity_step(&pot->purity, &pot->cell, pot->effect.on, seconds);

    bool was = pot->effect.on;
    plant_effect_step(&pot->effect, number, plant_cell_effect_ratio(&pot->cell), pot->pumping, seconds);
    happened->effect_began = pot->effect.on && !was;
    happened->effect_ended = was && !pot->effect.on;
    measure(pot, number, seconds, ampere);
    if (pot->cell.volts > PLANT_EFFECT_VOLTAGE) pot->effect_seconds += seconds;
}
