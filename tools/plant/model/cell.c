#include "cell.h"

#include <math.h>

#include "rk4.h"

#define BATH_DENSITY 2100.0
#define METAL_DENSITY 2300.0
#define ALUMINA_DENSITY 3900.0
#define COLD 25.0  /* Celsius of what is added */
#define CRUST 50.0 /* kg of the side that never melt and are as warm as the ledge */

/* The enthalpy of the whole process is worth 0.48 + 1.65 CE volts, alumina from the cold included. That alumina is
 * heated and dissolved where it really happens, so its share leaves the sum. */
#define REACTION_BASE 0.48
#define REACTION_SLOPE 1.65

/* Geometry and drops of the 180 kA cell. Its heat at 4.26 V and 9 K superheat is 372 kW: sides 29 %, top 51 % (with the
 * cold anodes), bottom 8 %, collector bars 12 %. */
const struct plant_cell_set plant_cell_reference = {
    .electrodes = {.anode_area = 220000,
                   .cathode_area = 260000,
                   .anodes = 20,
                   .fan = 1.10,
                   .anode_ohm = 0.30 / 180e3,
                   .cathode_ohm = 0.30 / 180e3,
                   .external_ohm = 0.16 / 180e3,
                   .effect_alumina = 1.80,
                   .bubble_factor = 0.9},
    .wall = {.area = 10.08,
             .film = 1200,
             .ledge_k = 1.5,
             .ledge_per_kg = 1 / (2790 * 10.08),
             .wall_k = 18,
             .wall_depth = 0.10,
             .outer = 32,
             .ambient = 35,
             .capacity = 3.2e6,
             .latent = 5.2e5,
             .latent_slope = 1767 - 1320,
             .melting = 960,
             .cp_solid = 1320},
    .cavity = 32.4,
    .distance = 0.043,
    .bath_mass = 6200,
    .metal_mass = 15000,
    .alumina = 2.45,
    .alf3 = 12.3,
    .caf2 = 5.5,
    .mgf2 = 0.25,
    .superheat = 9,
    .cp_bath = 1767,
    .cp_metal = 880,
    .cp_alumina = 1128,
    .cp_alf3 = 1100,
    .cp_cryolite = 1500 + 5.2e5 / 940,
    .dissolving = 1.09e6,
    .top = 198,
    .bottom = 32,
    .bars = 46,
    .cold_anode = 0.65e9,
    .effect_top = 0.4,
    .cold_time = 8 * 3600,
    .fast_share = 0.4,
    .fast_rate = 0.1,
    .slow_rate = 0.003,
    .settling = 0.05,
    .sludge_time = 6 * 3600,
    .floating = 1.5,
    .efficiency = 0.94,
    .effect_efficiency = 0.4,
    .alf3_use = 0.02,
    .cryolite_gain = 0.03,
    .caf2_gain = 0.0016,
    .anode_height = 0.55,
    .anode_density = 1560,
    .carbon_excess = 1.05,
    .blocked = 0.7,
};

/* ---- the rates ---- */

/* What one step holds, beside the cell's own constants. */
struct held {
    const struct plant_cell_set *set;
    double additives;                  /* kg of CaF2 and MgF2 */
    double caf2, mgf2;                 /* kg */
    double heat;                       /* W: electric less external, reaction, cold anodes, AlF3 */
    double fast, slow, settle, sludge; /* 1/s */
    double used, made, alf3, tapping;  /* kg/s */
};

static void rates(const void *context, const double *y, double *dy) {
    const struct held *h = context;
    const struct plant_cell_set *set = h->set;
    double mass = y[PLANT_ALUMINA] + y[PLANT_ALF3] + y[PLANT_CRYOLITE] + h->additives, percent = 100 / mass;
    struct plant_bath bath = {y[PLANT_ALUMINA] * percent, y[PLANT_ALF3] * percent, h->caf2 * percent, 0,
                              h->mgf2 * percent};
    double liquidus = plant_bath_liquidus(&bath), celsius = y[PLANT_BATH_TEMP];
    struct plant_wall_flow f =
        plant_wall_flows(&set->wall, y[PLANT_LEDGE], liquidus, celsius, y[PLANT_LEDGE_TEMP], y[PLANT_WALL_TEMP]);

    double dissolving = h->fast * y[PLANT_FAST] + h->slow * y[PLANT_SLOW] + h->sludge * y[PLANT_SLUDGE];
    double settling = h->settle * y[PLANT_SLOW];
    dy[PLANT_LEDGE] = -f.melting;
    dy[PLANT_ALUMINA] = dissolving - h->used;
    dy[PLANT_ALF3] = h->alf3 - set->alf3_use * dissolving;
    dy[PLANT_CRYOLITE] = f.melting + set->cryolite_gain * dissolving;
    dy[PLANT_METAL] = h->made - h->tapping;
    dy[PLANT_FAST] = -h->fast * y[PLANT_FAST];
    dy[PLANT_SLOW] = -h->slow * y[PLANT_SLOW] - settling;
    dy[PLANT_SLUDGE] = settling - h->sludge * y[PLANT_SLUDGE];

    double over = celsius - set->wall.ambient;
    double capacity =
        set->cp_bath * (mass + y[PLANT_FAST] + y[PLANT_SLOW] + y[PLANT_SLUDGE]) + set->cp_metal * y[PLANT_METAL];
    dy[PLANT_BATH_TEMP] = (h->heat - f.film - f.melting * set->cp_bath * (celsius - liquidus) -
                           (set->top + set->bottom + set->bars) * over - set->dissolving * dissolving) /
                          capacity;
    dy[PLANT_LEDGE_TEMP] = (f.front - f.inner - f.melting * set->wall.cp_solid * (liquidus - y[PLANT_LEDGE_TEMP])) /
                           (set->wall.cp_solid * (y[PLANT_LEDGE] + CRUST));
    dy[PLANT_WALL_TEMP] = (f.inner - f.outer) / set->wall.capacity;

    double gain = set->cp_bath * (h->alf3 + (set->cryolite_gain - set->alf3_use) * dissolving - h->used) +
                  set->cp_metal * (h->made - h->tapping);
    dy[PLANT_HEAT_TIME] = over;
    dy[PLANT_SIDE_HEAT] = f.outer;
    dy[PLANT_CARRIED] = gain * (celsius - set->wall.melting);
    dy[PLANT_DISSOLVED] = dissolving;
}

/* ---- life ---- */

/* The ledge and wall that carry away just what the film brings. */
static void settle_wall(struct plant_cell *cell, double liquidus) {
    const struct plant_wall *w = &cell->set.wall;
    double flux = w->film * cell->set.superheat, half_wall = w->wall_depth / (2 * w->wall_k);
    double wall = w->ambient + flux * (1 / w->outer + half_wall), face = wall + flux * half_wall;
    double thickness = w->ledge_k * (liquidus - face) / flux;
    cell->y[PLANT_LEDGE] = thickness / w->ledge_per_kg;
    cell->y[PLANT_LEDGE_TEMP] = (liquidus + face) / 2;
    cell->y[PLANT_WALL_TEMP] = wall;
}

void plant_cell_init(struct plant_cell *cell, const struct plant_cell_set *set) {
    *cell = (struct plant_cell){.set = *set, .distance = set->distance, .beam = 0.2, .efficiency = set->efficiency};
    double *y = cell->y, percent = set->bath_mass / 100;

    y[PLANT_ALUMINA] = set->alumina * percent;
    y[PLANT_ALF3] = set->alf3 * percent;
    cell->caf2 = set->caf2 * percent;
    cell->mgf2 = set->mgf2 * percent;
    y[PLANT_CRYOLITE] = set->bath_mass - y[PLANT_ALUMINA] - y[PLANT_ALF3] - cell->caf2 - cell->mgf2;
    y[PLANT_METAL] = set->metal_mass;

    struct plant_bath bath = {set->alumina, set->alf3, set->caf2, 0, set->mgf2};
    double liquidus = plant_bath_liquidus(&bath);
    y[PLANT_BATH_TEMP] = liquidus + set->superheat;
    settle_wall(cell, liquidus);

    double use = 180e3 * PLANT_ALUMINA_PER_COULOMB * set->efficiency, slow = use * (1 - set->fast_share);
    y[PLANT_FAST] = use * set->fast_share / set->fast_rate;
    y[PLANT_SLOW] = slow / set->slow_rate;
    y[PLANT_SLUDGE] = slow * set->settling * set->sludge_time;

    int anodes = (int)set->electrodes.anodes;
    for (int i = 0; i < anodes; i++)
        cell->set_at[i] = -0.33 * (anodes - i) / anodes;
    cell->cold = 0.03;
}

void plant_cell_electrify(struct plant_cell *cell, double ampere, double extra) {
    const double *y = cell->y;
    const struct plant_cell_set *set = &cell->set;
    double mass = plant_cell_bath_mass(cell), percent = 100 / mass;

    cell->bath = (struct plant_bath){y[PLANT_ALUMINA] * percent, y[PLANT_ALF3] * percent, cell->caf2 * percent, 0,
                                     cell->mgf2 * percent};
    cell->liquidus = plant_bath_liquidus(&cell->bath);

    struct plant_bath bath = cell->bath;
    if (bath.alumina < 0.3) bath.alumina = 0.3;
    double floating = (y[PLANT_FAST] + y[PLANT_SLOW]) / mass * (BATH_DENSITY / ALUMINA_DENSITY);
    double conducting = 1 - set->floating * (floating < 0.3 ? floating : 0.3);
    double area = 1 - cell->cold / set->electrodes.anodes;
    cell->voltage =
        plant_voltage_of(&set->electrodes, &bath, y[PLANT_BATH_TEMP], ampere, 100 * cell->distance, area, conducting);
    cell->ampere = ampere;
    cell->extra = extra;
    cell->volts = cell->voltage.total + extra;
}

/* ---- a step ---- */

/* Current efficiency falls with superheat, with alumina, with waves of the metal pad; it gains by AlF3. */
static double efficiency(const struct plant_cell *cell, double loss) {
    if (cell->extra > 1) return cell->set.effect_efficiency;
    double e = cell->set.efficiency - 0.0013 * (plant_cell_superheat(cell) - 9) + 0.0026 * (cell->bath.alf3 - 12) -
               0.004 * (cell->bath.alumina - 2.4) - loss;
    return e < 0.6 ? 0.6 : e > 0.98 ? 0.98 : e;
}

/* Alumina dissolves slower near saturation and in a bath without superheat; an anode effect stirs. */
static double dissolution(const struct plant_cell *cell) {
    double room = (cell->voltage.saturation - cell->bath.alumina) / 5.5;
    double warm = 0.4 + 0.6 * plant_cell_superheat(cell) / 9;
    room = room < 0 ? 0 : room > 1.2 ? 1.2 : room;
    warm = warm < 0.3 ? 0.3 : warm > 1.2 ? 1.2 : warm;
    return room * warm * (cell->extra > 1 ? 3 : 1);
}

static void move_anodes(struct plant_cell *cell, const struct plant_cell_hold *hold, double made, double seconds) {
    const struct plant_cell_set *set = &cell->set;
    double carbon = cell->ampere * PLANT_METAL_PER_COULOMB * PLANT_CARBON_PER_METAL * set->carbon_excess;
    double wear = carbon / (set->electrodes.anode_area * 1e-4 * set->anode_density);
    double rise = (made - hold->tapping) / (METAL_DENSITY * set->cavity);
    cell->distance += (wear - rise + hold->beam) * seconds;
    if (cell->distance < 0.005) cell->distance = 0.005; /* anode on the metal */
    cell->beam += hold->beam * seconds;
    cell->wear += wear * seconds;
    cell->meters.carbon += carbon * seconds;

    if (seconds != cell->cold_step) {
        cell->cold_step = seconds;
        cell->cold_decay = exp(-seconds / set->cold_time);
    }
    cell->cold *= cell->cold_decay;
}

/* What is fed dissolves within seconds in a bath that an anode effect stirs: a long step goes there in parts, none
 * longer than that. */
static void integrate(struct plant_cell *cell, const struct held *held, double seconds) {
    int parts = (int)fmax(ceil(seconds * held->fast), 1);
    for (int i = 0; i < parts; i++)
        plant_rk4(rates, held, cell->y, PLANT_CELL_STATES, seconds / parts);
}

static void gain_caf2(struct plant_cell *cell, double kg) {
    cell->caf2 += kg;
    cell->meters.added += kg * cell->set.cp_bath * (cell->y[PLANT_BATH_TEMP] - cell->set.wall.melting);
}

void plant_cell_step(struct plant_cell *cell, const struct plant_cell_hold *hold, double seconds) {
    const struct plant_cell_set *set = &cell->set;
    struct plant_cell_meters *m = &cell->meters;
    double I = cell->ampere, ce = efficiency(cell, hold->efficiency_loss), easy = dissolution(cell);
    double celsius = cell->y[PLANT_BATH_TEMP];

    double alumina_volts =
        PLANT_ALUMINA_PER_COULOMB * ce * (set->cp_alumina * (celsius - COLD) + set->dissolving); /* fed elsewhere */
    double reaction = I * (REACTION_BASE + REACTION_SLOPE * ce - alumina_volts);
    double electric = I * cell->volts, external = I * cell->voltage.external;
    double anodes = set->cold_anode * cell->cold / set->cold_time + set->effect_top * I * cell->extra;
    double alf3_heat = hold->alf3 * set->cp_alf3 * (celsius - COLD);
    double used = I * PLANT_ALUMINA_PER_COULOMB * ce;
    if (used * seconds > 0.5 * cell->y[PLANT_ALUMINA]) used = 0.5 * cell->y[PLANT_ALUMINA] / seconds;
    double made = used * (PLANT_METAL_PER_COULOMB / PLANT_ALUMINA_PER_COULOMB);

    struct held held = {
        .set = set,
        .additives = cell->caf2 + cell->mgf2,
        .caf2 = cell->caf2,
        .mgf2 = cell->mgf2,
        .heat = electric - external - reaction - anodes - alf3_heat,
        .fast = set->fast_rate * easy,
        .slow = set->slow_rate * easy,
        .settle = set->slow_rate * set->settling * (easy < 1 ? 2 - easy : 1),
        .sludge = easy / set->sludge_time,
        .used = used,
        .made = made,
        .alf3 = hold->alf3,
        .tapping = hold->tapping,
    };
    double dissolved = cell->y[PLANT_DISSOLVED];
    integrate(cell, &held, seconds);
    gain_caf2(cell, set->caf2_gain * (cell->y[PLANT_DISSOLVED] - dissolved));
    move_anodes(cell, hold, made, seconds);

    cell->efficiency = ce;
    m->electric += electric * seconds;
    m->external += external * seconds;
    m->reaction += reaction * seconds;
    m->anodes += anodes * seconds;
    m->added -= alf3_heat * seconds;
    m->alf3 += hold->alf3 * seconds;
    m->charge += I * seconds;
    m->used += used * seconds;
    m->produced += made * seconds;
    m->tapped += hold->tapping * seconds;
}

/* ---- impulses ---- */

static double capacity(const struct plant_cell *cell) {
    const double *y = cell->y;
    return cell->set.cp_bath * (plant_cell_bath_mass(cell) + y[PLANT_FAST] + y[PLANT_SLOW] + y[PLANT_SLUDGE]) +
           cell->set.cp_metal * y[PLANT_METAL];
}

/* `kg` that now lie in the bath at its temperature had to be heated from the cold. */
static void heat_up(struct plant_cell *cell, double kg, double cp) {
    double celsius = cell->y[PLANT_BATH_TEMP], heat = kg * cp * (celsius - COLD);
    cell->y[PLANT_BATH_TEMP] -= heat / capacity(cell);
    cell->meters.added += kg * cell->set.cp_bath * (celsius - cell->set.wall.melting) - heat;
}

void plant_cell_add_alumina(struct plant_cell *cell, double kg) {
    cell->y[PLANT_FAST] += kg * cell->set.fast_share;
    cell->y[PLANT_SLOW] += kg * (1 - cell->set.fast_share);
    cell->meters.fed += kg;
    heat_up(cell, kg, cell->set.cp_alumina);
}

void plant_cell_add_cryolite(struct plant_cell *cell, double kg) {
    if (kg >= 0) {
        cell->y[PLANT_CRYOLITE] += kg;
        heat_up(cell, kg, cell->set.cp_cryolite);
    } else {
        double rest = 1 + kg / plant_cell_bath_mass(cell);
        cell->meters.drawn += cell->y[PLANT_ALUMINA] * (1 - rest);
        cell->y[PLANT_ALUMINA] *= rest;
        cell->y[PLANT_ALF3] *= rest;
        cell->y[PLANT_CRYOLITE] *= rest;
        cell->caf2 *= rest;
        cell->mgf2 *= rest;
        cell->meters.removed -= kg * cell->set.cp_bath * (cell->y[PLANT_BATH_TEMP] - cell->set.wall.melting);
    }
    cell->meters.cryolite += kg;
}

double plant_cell_change_anode(struct plant_cell *cell) {
    int oldest = 0;
    for (int i = 1; i < (int)cell->set.electrodes.anodes; i++)
        if (cell->set_at[i] < cell->set_at[oldest]) oldest = i;
    double butt = cell->set.anode_height - (cell->wear - cell->set_at[oldest]);
    cell->set_at[oldest] = cell->wear;
    cell->cold += 1;
    return butt;
}

/* ---- what it is now ---- */

double plant_cell_energy(const struct plant_cell *cell) {
    const struct plant_wall *w = &cell->set.wall;
    const double *y = cell->y;
    return capacity(cell) * (y[PLANT_BATH_TEMP] - w->melting) +
           (y[PLANT_LEDGE] + CRUST) * w->cp_solid * (y[PLANT_LEDGE_TEMP] - w->melting) - y[PLANT_LEDGE] * w->latent +
           w->capacity * (y[PLANT_WALL_TEMP] - w->melting);
}

double plant_cell_balance(const struct plant_cell *cell) {
    const struct plant_cell_meters *m = &cell->meters;
    const double *y = cell->y;
    double losses = (cell->set.top + cell->set.bottom + cell->set.bars) * y[PLANT_HEAT_TIME] + y[PLANT_SIDE_HEAT];
    return m->electric + m->added + y[PLANT_CARRIED] - m->external - m->reaction - m->anodes - m->removed - losses -
           cell->set.dissolving * y[PLANT_DISSOLVED];
}

double plant_cell_superheat(const struct plant_cell *cell) {
    return cell->y[PLANT_BATH_TEMP] - cell->liquidus;
}

double plant_cell_ledge(const struct plant_cell *cell) {
    return cell->set.wall.ledge_per_kg * cell->y[PLANT_LEDGE];
}

double plant_cell_metal_level(const struct plant_cell *cell) {
    return cell->y[PLANT_METAL] / (METAL_DENSITY * cell->set.cavity);
}

double plant_cell_bath_mass(const struct plant_cell *cell) {
    return cell->y[PLANT_ALUMINA] + cell->y[PLANT_ALF3] + cell->y[PLANT_CRYOLITE] + cell->caf2 + cell->mgf2;
}

/* The bath fills the gap under the anodes, then what the anodes leave of the cavity. */
double plant_cell_bath_level(const struct plant_cell *cell) {
    double volume = plant_cell_bath_mass(cell) / BATH_DENSITY,
           free = cell->set.cavity - cell->set.electrodes.anode_area * 1e-4;
    return cell->distance + (volume - cell->set.cavity * cell->distance) / free;
}

double plant_cell_effect_ratio(const struct plant_cell *cell) {
    return plant_voltage_effect_ratio(&cell->voltage, cell->set.blocked);
}
