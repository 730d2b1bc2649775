#include "crew.h"

#include <math.h>

#include "../model/cell.h"
#include "../model/effect.h"
#include "../model/noise.h"
#include "../model/random.h"
#include "control.h"
#include "feeders.h"
#include "practice.h"

#define MINUTE 60.0
#define HOUR 3600.0
#define DAY 86400.0

#define TAP_EVERY (32 * HOUR)
#define TAP_RATE 1.5     /* kg/s */
#define TAP_USUAL 1820.0 /* kg: what a pot makes in between */
#define TAP_LEAST 500.0
#define TAP_MOST 2600.0
#define SHAKE (20 * MINUTE)
#define ANODE_EVERY (28 * HOUR)
#define ANODE_LASTS (15 * MINUTE)
#define SHIFT (8 * HOUR)
#define RESCUE_AFTER 120.0 /* s of an anode effect */
#define RESCUE_ALUMINA 25.0
#define CHECK_AFTER 240.0 /* s: somebody looks at the feeders */
#define CHECK_ALUMINA 40.0
#define BEAM_LOW 0.05 /* m */
#define BEAM_RAISE 0.20
#define BATH_BAND 0.015 /* m */

/* Streams of the crew's key. */
enum { DRAW_TAP, DRAW_ANODE, DRAW_MASS, DRAW_SAMPLE };

/* Visit `count` of a plan, shaken a little. */
static double visit(const struct plant_crew *crew, int draw, uint64_t count, double first, double every) {
    return first + (double)count * every + SHAKE * (2 * plant_random_uniform(crew->key + (uint64_t)draw, count) - 1);
}

/* Where in a period a pot has its turn, so that neighbours in a plan are not neighbours in the hall. */
static double turn(unsigned pot, unsigned pots, unsigned stride, double every) {
    return ((pot - 1) * stride % pots + 0.5) / pots * every;
}

void plant_crew_init(struct plant_crew *crew, const struct plant_practice *practice, uint64_t seed, unsigned line,
                     unsigned pot, unsigned pots, const struct plant_site *site) {
    *crew = (struct plant_crew){
        .key = plant_random_key(seed, line, pot, PLANT_CAUSE_CREW),
        .first_tap = turn(pot, pots, 1, TAP_EVERY),
        .first_anode = turn(pot, pots, 7, ANODE_EVERY),
        .next_shift = turn(pot, pots, 3, SHIFT),
        .next_bath = turn(pot, pots, 11, DAY),
        .next_rescue = INFINITY,
        .next_check = INFINITY,
        .metal_target = site->cell->set.metal_mass + TAP_USUAL / 2,
        .bath_target = plant_cell_bath_level(site->cell),
        .steers_temp = practice->bath_temp,
        .steers_alf3 = practice->alf3,
        .bath_temp = practice->bath_temp,
        .alf3 = practice->alf3,
        .resistance_base = site->local->resistance,
    };
    crew->next_tap = visit(crew, DRAW_TAP, 0, crew->first_tap, TAP_EVERY);
    crew->next_anode = visit(crew, DRAW_ANODE, 0, crew->first_anode, ANODE_EVERY);
    site->cell->y[PLANT_METAL] = crew->metal_target - TAP_USUAL * crew->next_tap / TAP_EVERY;
    site->cell->cold = exp(-(ANODE_EVERY - crew->next_anode) / site->cell->set.cold_time);
    plant_control_cold_anode(site->control, site->cell->cold);
}

double plant_crew_tapping(const struct plant_crew *crew, double now) {
    return now < crew->tap_until ? TAP_RATE : 0;
}

static void tap(struct plant_crew *crew, const struct plant_site *site, double now, struct plant_deeds *deeds) {
    if (crew->tap_until > 0 && now >= crew->tap_until) {
        deeds->what |= PLANT_TAP_ENDS;
        crew->tap_until = 0;
    }
    if (now < crew->next_tap) return;
    uint64_t n = crew->taps++;
    crew->next_tap = visit(crew, DRAW_TAP, crew->taps, crew->first_tap, TAP_EVERY);
    double over = site->cell->y[PLANT_METAL] - crew->metal_target;
    double ladle = TAP_USUAL + 0.5 * over + 40 * plant_random_normal(crew->key + DRAW_MASS, n);
    if (ladle < TAP_LEAST) return;
    deeds->what |= PLANT_TAP_BEGINS;
    deeds->tapped = ladle < TAP_MOST ? ladle : TAP_MOST;
    crew->tap_until = now + deeds->tapped / TAP_RATE;
    site->noise->unrest += 0.7;
    plant_control_disturb(site->control, PLANT_TAPPING, now, deeds->tapped / TAP_RATE);
}

static void change_anode(struct plant_crew *crew, const struct plant_site *site, double now,
                         struct plant_deeds *deeds) {
    if (crew->anode_until > 0 && now >= crew->anode_until) {
        deeds->what |= PLANT_ANODE_DONE;
        crew->anode_until = 0;
    }
    if (now < crew->next_anode || crew->tap_until > 0) return;
    crew->next_anode = visit(crew, DRAW_ANODE, ++crew->anodes, crew->first_anode, ANODE_EVERY);
    crew->anode_until = now + ANODE_LASTS;
    deeds->what |= PLANT_ANODE_CHANGED;
    deeds->butt = plant_cell_change_anode(site->cell);
    site->noise->unrest += 1;
    plant_control_disturb(site->control, PLANT_ANODE_CHANGE, now, ANODE_LASTS);
}

static void keep_beam(const struct plant_site *site, struct plant_deeds *deeds) {
    if (site->cell->beam > BEAM_LOW || site->effect->on) return;
    site->cell->beam += BEAM_RAISE; /* the anodes stay where they are */
    deeds->what |= PLANT_BEAM_RAISED;
}

static void keep_bath(struct plant_crew *crew, const struct plant_site *site, double now, struct plant_deeds *deeds) {
    if (now < crew->next_bath) return;
    crew->next_bath += DAY;
    double off = plant_cell_bath_level(site->cell) - crew->bath_target;
    if (fabs(off) < BATH_BAND) return;
    deeds->bath = -0.7 * off * 2100 * (site->cell->set.cavity - site->cell->set.electrodes.anode_area * 1e-4);
    if (deeds->bath > 150) deeds->bath = 150;
    if (deeds->bath < -300) deeds->bath = -300;
    plant_cell_add_cryolite(site->cell, deeds->bath);
    deeds->what |= deeds->bath > 0 ? PLANT_BATH_ADDED : PLANT_BATH_TAPPED;
}

static double within(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

/* A hot pot gets AlF3 and a little less voltage, a cold one the contrary. */
static void correct(struct plant_crew *crew, const struct plant_site *site, double now, struct plant_deeds *deeds) {
    if (now < crew->next_shift) return;
    crew->next_shift += SHIFT;
    uint64_t n = crew->shifts++;
    uint64_t key = crew->key + DRAW_SAMPLE;
    crew->bath_temp = site->cell->y[PLANT_BATH_TEMP] + 1.2 * plant_random_normal(key, 2 * n);
    if (n % 3 == 0) crew->alf3 = site->cell->bath.alf3 + 0.15 * plant_random_normal(key, 2 * n + 1);

    double hot = crew->bath_temp - crew->steers_temp, poor = crew->steers_alf3 - crew->alf3;
    double usual = 0.02 * site->cell->ampere * PLANT_ALUMINA_PER_COULOMB * 0.94 * HOUR;
    site->local->alf3 = within(usual + 0.20 * hot + 0.8 * poor, 0, 6);
    crew->resistance_trim = within(crew->resistance_trim - 0.006 * within(hot, -8, 8), -0.6, 0.6);
    site->local->resistance = crew->resistance_base + crew->resistance_trim;
    deeds->what |= PLANT_SHIFT_CORRECTED;
}

static void rescue(struct plant_crew *crew, const struct plant_site *site, double now, struct plant_deeds *deeds) {
    if (!site->effect->on) {
        crew->next_rescue = INFINITY;
        return;
    }
    if (crew->next_rescue == INFINITY) crew->next_rescue = now + RESCUE_AFTER;
    if (crew->next_check == INFINITY) crew->next_check = now + CHECK_AFTER;
    if (now < crew->next_rescue) return;
    crew->next_rescue = now + RESCUE_AFTER / 2;
    plant_cell_add_alumina(site->cell, RESCUE_ALUMINA);
    deeds->what |= PLANT_RESCUED;
}

static void check_feeders(struct plant_crew *crew, const struct plant_site *site, double now,
                          struct plant_deeds *deeds) {
    if (now < crew->next_check) return;
    crew->next_check = INFINITY;
    if (!plant_feeders_blocked(site->feeders, now)) return;
    plant_feeders_clear(site->feeders, now);
    plant_cell_add_alumina(site->cell, CHECK_ALUMINA);
    deeds->what |= PLANT_FEEDERS_CLEARED;
}

struct plant_deeds plant_crew_step(struct plant_crew *crew, const struct plant_site *site, double now) {
    struct plant_deeds deeds = {0};
    tap(crew, site, now, &deeds);
    change_anode(crew, site, now, &deeds);
    keep_beam(site, &deeds);
    keep_bath(crew, site, now, &deeds);
    correct(crew, site, now, &deeds);
    rescue(crew, site, now, &deeds);
    check_feeders(crew, site, now, &deeds);
    return deeds;
}
