#include "plc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WATCHDOG_TIMEOUT = 10 }; /* s */

/* ---- values in registers ---- */

static void put_bits(uint16_t *at, unsigned words, uint64_t bits) {
    for (unsigned i = 0; i < words; i++)
        at[i] = (uint16_t)(bits >> 16 * (words - 1 - i));
}

static void put_float(uint16_t *at, double value) {
    float number = (float)value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_bits(at, 2, bits);
}

static unsigned words_of(enum plant_type type) {
    return type == PLANT_U16 ? 1 : type == PLANT_U64 ? 4 : 2;
}

static double get_value(const uint16_t *at, enum plant_type type) {
    uint32_t bits = type == PLANT_U16 ? at[0] : (uint32_t)at[0] << 16 | at[1];
    if (type != PLANT_F32) return bits;
    float number;
    memcpy(&number, &bits, sizeof number);
    return (double)number;
}

/* ---- life ---- */

bool plant_plc_init(struct plant_plc *plc, struct plant *plant, struct plant_sensors *sensors) {
    *plc = (struct plant_plc){.plant = plant, .sensors = sensors};
    plc->lines = calloc(plant->options.lines, sizeof *plc->lines);
    if (!plc->lines) return false;
    for (unsigned i = 0; i < plant->options.lines; i++) {
        struct plant_plc_line *line = &plc->lines[i];
        line->inputs = PLANT_MAP_POTS + plant->options.pots * PLANT_MAP_POT_INPUT;
        line->holdings = PLANT_MAP_POTS + plant->options.pots * PLANT_MAP_POT_HOLDING;
        line->input = calloc(line->inputs, sizeof *line->input);
        line->holding = calloc(line->holdings, sizeof *line->holding);
        line->watchdog_timeout = WATCHDOG_TIMEOUT;
        if (!line->input || !line->holding) return false;
    }
    return true;
}

void plant_plc_fini(struct plant_plc *plc) {
    for (unsigned i = 0; plc->lines && i < plc->plant->options.lines; i++) {
        free(plc->lines[i].input);
        free(plc->lines[i].holding);
    }
    free(plc->lines);
    *plc = (struct plant_plc){0};
}

/* ---- images ---- */

uint16_t plant_status(const struct plant_pot *pot) {
    const struct plant_control *c = &pot->control;
    unsigned bits = (unsigned)c->feeding << 5;
    if (c->manual) bits |= PLANT_STATUS_MANUAL;
    if (pot->remote_mask) bits |= PLANT_STATUS_REMOTE;
    if (c->over_volts > 0 || c->feeding == PLANT_FEED_QUENCH) bits |= PLANT_STATUS_EFFECT;
    if (pot->crew.tap_until > 0) bits |= PLANT_STATUS_TAPPING;
    if (pot->crew.anode_until > 0) bits |= PLANT_STATUS_ANODE;
    if (pot->beam_left != 0) bits |= PLANT_STATUS_BEAM;
    return (uint16_t)bits;
}

static double distance_of(const struct plant_pot *pot, double resistance) {
    return pot->distance + (resistance - pot->crew.resistance_base) / PLANT_OHM_PER_MM;
}

static double resistance_of(const struct plant_pot *pot, double distance) {
    return pot->crew.resistance_base + (distance - pot->distance) * PLANT_OHM_PER_MM;
}

static void show_inputs(struct plant_plc *plc, unsigned number) {
    const struct plant_line *line = &plc->plant->lines[number - 1];
    struct plant_plc_line *plc_line = &plc->lines[number - 1];
    uint16_t *at = plc_line->input;
    put_bits(at + PLANT_IN_TIME, 4, (uint64_t)plant_time(plc->plant));
    put_bits(at + PLANT_IN_STEP, 2, (uint32_t)plc->plant->step);
    put_bits(at + PLANT_IN_STEP_MS, 2, (uint32_t)llround(plc->plant->seconds * 1000));
    at[PLANT_IN_STATE] = plc->ended ? 2 : 1;
    at[PLANT_IN_POTS] = (uint16_t)line->pot_count;
    for (unsigned i = 0; i < plant_line_signal_count; i++)
        put_float(at + PLANT_IN_LINE + 2 * i, plant_sensors_get(plc->sensors, number, 0, i)->value);
    at[PLANT_IN_WATCHDOG_OK] = !plc_line->silent;
    at[PLANT_IN_EFFECTS] = (uint16_t)plant_effects(line);

    for (unsigned p = 1; p <= line->pot_count; p++) {
        uint16_t *block = at + plant_map_address(PLANT_INPUT, p, 0);
        for (unsigned i = 0; i < plant_pot_signal_count; i++)
            put_float(block + 2 * i, plant_sensors_get(plc->sensors, number, p, i)->value);
        block[PLANT_IN_POT_STATUS] = plant_status(&line->pots[p - 1]);
    }
}

static void show_holdings(struct plant_plc *plc, unsigned number) {
    const struct plant_line *line = &plc->plant->lines[number - 1];
    struct plant_plc_line *plc_line = &plc->lines[number - 1];
    uint16_t *at = plc_line->holding;
    put_bits(at + PLANT_HOLD_ACKNOWLEDGE, 2, plc_line->acknowledged);
    at[PLANT_HOLD_WATCHDOG] = plc_line->watchdog;
    at[PLANT_HOLD_WATCHDOG_TIMEOUT] = plc_line->watchdog_timeout;
    put_float(at + PLANT_HOLD_CURRENT, plant_line_target(line) / 1000);
    at[PLANT_HOLD_CURRENT_REMOTE] = line->remote_given;

    for (unsigned p = 1; p <= line->pot_count; p++) {
        const struct plant_pot *pot = &line->pots[p - 1];
        struct plant_targets targets = plant_pot_targets(pot);
        uint16_t *block = at + plant_map_address(PLANT_HOLDING, p, 0);
        put_float(block + PLANT_HOLD_RESISTANCE, targets.resistance);
        put_float(block + PLANT_HOLD_ACD, distance_of(pot, targets.resistance));
        put_float(block + PLANT_HOLD_FEED, targets.feed);
        put_float(block + PLANT_HOLD_ALF3, targets.alf3);
        block[PLANT_HOLD_MANUAL] = pot->control.manual;
        block[PLANT_HOLD_REMOTE] = (uint16_t)pot->remote_mask;
    }
}

void plant_plc_publish(struct plant_plc *plc) {
    plant_sensors_read(plc->sensors);
    if (plc->frozen) return;
    for (unsigned i = 1; i <= plc->plant->options.lines; i++) {
        show_inputs(plc, i);
        show_holdings(plc, i);
    }
}

enum plant_exception plant_plc_read(const struct plant_plc *plc, unsigned unit, enum plant_table table,
                                    unsigned address, unsigned count, uint16_t *values) {
    if (unit < 1 || unit > plc->plant->options.lines) return PLANT_NO_SUCH_UNIT;
    const struct plant_plc_line *line = &plc->lines[unit - 1];
    unsigned size = table == PLANT_INPUT ? line->inputs : line->holdings;
    if (address >= size || count > size - address) return PLANT_ILLEGAL_ADDRESS;
    memcpy(values, (table == PLANT_INPUT ? line->input : line->holding) + address, count * sizeof *values);
    return PLANT_OK;
}

/* ---- the watchdog ---- */

static void release_line(struct plant_line *line) {
    line->remote_given = false;
    for (unsigned i = 0; i < line->pot_count; i++)
        plant_pot_release(&line->pots[i], ~0u);
}

void plant_plc_watch(struct plant_plc *plc) {
    double now = plant_elapsed(plc->plant);
    for (unsigned i = 0; i < plc->plant->options.lines; i++) {
        struct plant_plc_line *line = &plc->lines[i];
        if (!line->armed || line->silent || now - line->fed < line->watchdog_timeout) continue;
        line->silent = true;
        release_line(&plc->plant->lines[i]);
        if (plc->on_watchdog) plc->on_watchdog(plc->user, i + 1, true);
    }
}

static void feed_watchdog(struct plant_plc *plc, unsigned number, uint16_t value) {
    struct plant_plc_line *line = &plc->lines[number - 1];
    if (line->armed && value == line->watchdog) return;
    line->watchdog = value;
    line->armed = true;
    line->fed = plant_elapsed(plc->plant);
    if (!line->silent) return;
    line->silent = false;
    if (plc->on_watchdog) plc->on_watchdog(plc->user, number, false);
}

/* ---- writing ---- */

static bool is_target(const struct plant_register *r) {
    return r->type == PLANT_F32;
}

/* The register that begins at `address`; NULL: none. */
static const struct plant_register *register_at(const struct plant *plant, unsigned address, unsigned *pot) {
    static const struct plant_register acknowledge = {
        "acknowledge",          "", PLANT_HOLDING, PLANT_U32,
        PLANT_HOLD_ACKNOWLEDGE, 0,  4294967295.0,  "the step that was taken"};
    *pot = 0;
    if (address == PLANT_HOLD_ACKNOWLEDGE) return &acknowledge;
    unsigned offset = address;
    if (address >= PLANT_MAP_POTS) {
        *pot = (address - PLANT_MAP_POTS) / PLANT_MAP_POT_HOLDING + 1;
        offset = (address - PLANT_MAP_POTS) % PLANT_MAP_POT_HOLDING;
        if (*pot > plant->options.pots) return NULL;
    }
    for (const struct plant_register *r = *pot ? plant_map_pot : plant_map_line; r->name; r++)
        if (r->table == PLANT_HOLDING && r->offset == offset) return r;
    return NULL;
}

static enum plant_exception judge(const struct plant_plc *plc, const struct plant_write *w) {
    if (!(w->value >= w->what->low && w->value <= w->what->high)) return PLANT_ILLEGAL_VALUE;
    if (!is_target(w->what)) return PLANT_OK;
    const struct plant_line *line = &plc->plant->lines[w->line - 1];
    if (plc->lines[w->line - 1].silent) return PLANT_BUSY;
    if (!w->pot) return PLANT_OK;
    const struct plant_pot *pot = &line->pots[w->pot - 1];
    if (w->what->offset == PLANT_HOLD_ACD) {
        double resistance = resistance_of(pot, w->value);
        if (resistance < PLANT_RESISTANCE_LOW || resistance > PLANT_RESISTANCE_HIGH) return PLANT_ILLEGAL_VALUE;
    }
    return pot->control.manual ? PLANT_BUSY : PLANT_OK;
}

static void apply_pot(struct plant_pot *pot, const struct plant_write *w) {
    switch (w->what->offset) {
    case PLANT_HOLD_RESISTANCE: plant_pot_set_remote(pot, PLANT_TARGET_RESISTANCE, w->value); break;
    case PLANT_HOLD_ACD: plant_pot_set_remote(pot, PLANT_TARGET_RESISTANCE, resistance_of(pot, w->value)); break;
    case PLANT_HOLD_FEED: plant_pot_set_remote(pot, PLANT_TARGET_FEED, w->value); break;
    case PLANT_HOLD_ALF3: plant_pot_set_remote(pot, PLANT_TARGET_ALF3, w->value); break;
    case PLANT_HOLD_MANUAL:
        pot->control.manual = w->value != 0;
        if (pot->control.manual) plant_pot_release(pot, ~0u);
        break;
    case PLANT_HOLD_REMOTE: plant_pot_release(pot, ~(unsigned)w->value); break;
    }
}

static void apply(struct plant_plc *plc, const struct plant_write *w) {
    struct plant_line *line = &plc->plant->lines[w->line - 1];
    struct plant_plc_line *plc_line = &plc->lines[w->line - 1];
    if (w->pot) {
        apply_pot(&line->pots[w->pot - 1], w);
        return;
    }
    switch (w->what->offset) {
    case PLANT_HOLD_ACKNOWLEDGE:
        plc_line->acknowledged = (uint32_t)w->value;
        plc_line->acknowledged_once = true;
        break;
    case PLANT_HOLD_WATCHDOG: feed_watchdog(plc, w->line, (uint16_t)w->value); break;
    case PLANT_HOLD_WATCHDOG_TIMEOUT: plc_line->watchdog_timeout = (uint16_t)w->value; break;
    case PLANT_HOLD_CURRENT:
        line->remote = w->value * 1000;
        line->remote_given = true;
        break;
    case PLANT_HOLD_CURRENT_REMOTE:
        if (w->value == 0) line->remote_given = false;
        break;
    }
}

/* The values of a request; PLANT_OK only when each could be applied. */
static enum plant_exception understand(const struct plant_plc *plc, unsigned unit, unsigned address, unsigned count,
                                       const uint16_t *values, struct plant_write *writes, unsigned *found) {
    enum plant_exception worst = PLANT_OK;
    for (unsigned i = 0; i < count;) {
        unsigned pot;
        const struct plant_register *what = register_at(plc->plant, address + i, &pot);
        struct plant_write *w = &writes[(*found)++];
        *w = (struct plant_write){.line = unit, .pot = pot, .address = address + i, .value = values[i]};
        if (!what || words_of(what->type) > count - i) return PLANT_ILLEGAL_ADDRESS;
        w->what = what;
        w->value = get_value(values + i, what->type);
        enum plant_exception outcome = judge(plc, w);
        if (worst == PLANT_OK) worst = outcome;
        i += words_of(what->type);
    }
    return worst;
}

enum plant_exception plant_plc_write(struct plant_plc *plc, unsigned unit, unsigned address, unsigned count,
                                     const uint16_t *values) {
    enum { MOST = 128 };
    struct plant_write writes[MOST];
    unsigned found = 0;
    if (count == 0 || count > MOST) return PLANT_ILLEGAL_VALUE;
    if (unit < 1 || unit > plc->plant->options.lines) {
        struct plant_write stray = {
            .line = unit, .address = address, .outcome = PLANT_NO_SUCH_UNIT, .value = values[0]};
        if (plc->on_write) plc->on_write(plc->user, &stray);
        return PLANT_NO_SUCH_UNIT;
    }
    enum plant_exception outcome = understand(plc, unit, address, count, values, writes, &found);
    for (unsigned i = 0; i < found; i++) {
        writes[i].outcome = outcome;
        if (outcome == PLANT_OK && !plc->frozen) apply(plc, &writes[i]);
        if (plc->on_write) plc->on_write(plc->user, &writes[i]);
    }
    if (outcome == PLANT_OK && !plc->frozen) show_holdings(plc, unit);
    return outcome;
}

void plant_plc_restart(struct plant_plc *plc) {
    for (unsigned i = 0; i < plc->plant->options.lines; i++) {
        struct plant_plc_line *line = &plc->lines[i];
        line->watchdog = 0;
        line->watchdog_timeout = WATCHDOG_TIMEOUT;
        line->armed = line->silent = false;
        release_line(&plc->plant->lines[i]);
        show_holdings(plc, i + 1);
    }
}

/* ---- coils ---- */

static bool is_switch(const struct plant_plc *plc, unsigned address) {
    unsigned pot;
    const struct plant_register *what = register_at(plc->plant, address, &pot);
    return what && what->type == PLANT_U16 && what->high == 1;
}

enum plant_exception plant_plc_read_coils(const struct plant_plc *plc, unsigned unit, unsigned address, unsigned count,
                                          bool *values) {
    for (unsigned i = 0; i < count; i++) {
        uint16_t word;
        enum plant_exception why = plant_plc_read(plc, unit, PLANT_HOLDING, address + i, 1, &word);
        if (why) return why;
        if (!is_switch(plc, address + i)) return PLANT_ILLEGAL_ADDRESS;
        values[i] = word != 0;
    }
    return PLANT_OK;
}

enum plant_exception plant_plc_write_coil(struct plant_plc *plc, unsigned unit, unsigned address, bool value) {
    uint16_t word = value;
    if (!is_switch(plc, address)) return PLANT_ILLEGAL_ADDRESS;
    return plant_plc_write(plc, unit, address, 1, &word);
}

bool plant_plc_acknowledged(const struct plant_plc *plc, bool all) {
    uint32_t step = (uint32_t)plc->plant->step;
    for (unsigned i = 0; i < (all ? plc->plant->options.lines : 1); i++)
        if (!plc->lines[i].acknowledged_once || plc->lines[i].acknowledged != step) return false;
    return true;
}
