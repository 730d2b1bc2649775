/* map.h: where everything stands in the registers. A unit id is a line; each unit has
 *
 *     input registers (function 4)              holding registers (functions 3, 6, 16)
 *       0 time       uint64, ns since 1970        0 acknowledge      uint32: the step that was taken (lockstep)
 *       4 step       uint32                       2 watchdog         uint16: any new value is a sign of life
 *       6 step_ms    uint32                       3 watchdog_timeout uint16, s
 *       8 state      uint16: 1 runs, 2 ended      4 current_set      float32, kA
 *       9 pots       uint16                       6 current_remote   uint16
 *      10 current    float32, kA
 *      12 line_voltage float32, V               100 + 10 (pot - 1):
 *      14 watchdog_ok uint16                      0 resistance_set   float32, uohm
 *      15 effects    uint16                       2 acd_set          float32, mm: the same target as a distance
 *     100 + 25 (pot - 1):                         4 feed_set         float32, %
 *       0 .. 23 the signals, float32              6 alf3_set         float32, kg/h
 *      24 status     uint16, bits                 8 manual           uint16
 *                                                 9 remote           uint16: bits of the set points taken over
 *
 * Longer values have their high word first. Reserved registers read as 0.
 */
#ifndef PLANT_MAP_H
#define PLANT_MAP_H

#include <stdio.h>

#include "signal.h"

enum plant_table { PLANT_INPUT, PLANT_HOLDING };
enum plant_type { PLANT_U16, PLANT_U32, PLANT_U64, PLANT_F32 };

enum {
    PLANT_MAP_POTS = 100, /* first register of the pots, in both tables */
    PLANT_MAP_POT_INPUT = 25,
    PLANT_MAP_POT_HOLDING = 10,
    PLANT_MAP_MAX_POTS = 2000,
    PLANT_MAP_MAX_LINES = 247,
};

#define PLANT_RESISTANCE_LOW 12.0 /* uohm that may be asked for */
#define PLANT_RESISTANCE_HIGH 16.5

enum plant_input_register {
    PLANT_IN_TIME = 0,
    PLANT_IN_STEP = 4,
    PLANT_IN_STEP_MS = 6,
    PLANT_IN_STATE = 8,
    PLANT_IN_POTS = 9,
    PLANT_IN_LINE = 10, /* the line's signals */
    PLANT_IN_WATCHDOG_OK = 14,
    PLANT_IN_EFFECTS = 15,
    PLANT_IN_POT_STATUS = 24,
};

enum plant_holding_register {
    PLANT_HOLD_ACKNOWLEDGE = 0,
    PLANT_HOLD_WATCHDOG = 2,
    PLANT_HOLD_WATCHDOG_TIMEOUT = 3,
    PLANT_HOLD_CURRENT = 4,
    PLANT_HOLD_CURRENT_REMOTE = 6,
    /* of a pot */
    PLANT_HOLD_RESISTANCE = 0,
    PLANT_HOLD_ACD = 2,
    PLANT_HOLD_FEED = 4,
    PLANT_HOLD_ALF3 = 6,
    PLANT_HOLD_MANUAL = 8,
    PLANT_HOLD_REMOTE = 9,
};

/* Bits of a pot's status. */
enum plant_status {
    PLANT_STATUS_MANUAL = 1 << 0,
    PLANT_STATUS_REMOTE = 1 << 1, /* a set point is taken over */
    PLANT_STATUS_EFFECT = 1 << 2, /* the controller sees an anode effect */
    PLANT_STATUS_TAPPING = 1 << 3,
    PLANT_STATUS_ANODE = 1 << 4,   /* anode change under way */
    PLANT_STATUS_FEEDING = 3 << 5, /* enum plant_feeding */
    PLANT_STATUS_BEAM = 1 << 7,    /* the beam moves */
};

/* A register, or several that hold one value, with its name as printed. */
struct plant_register {
    const char *name, *unit;
    enum plant_table table;
    enum plant_type type;
    unsigned offset; /* of the header, or of a pot's block */
    double low, high;
    const char *doc;
};

extern const struct plant_register plant_map_line[]; /* ends with name NULL; signals are added by the printers */
extern const struct plant_register plant_map_pot[];

/* What of the map: measurements (input registers), set points (holding registers), or of these what has a value to be
 * reached, with the switch that must not be on, as sink.modbus reads it. */
enum plant_map_part { PLANT_MAP_MEASURED = 1, PLANT_MAP_SETPOINTS = 2, PLANT_MAP_TARGETS = 4 };

/* CSV as source.modbus reads it: tag,unit,address,table,type,words,scale,offset,description. */
void plant_map_print(FILE *out, unsigned lines, unsigned pots, unsigned parts);
/* CSV for a graph's `tags`: match,unit,low,high. */
void plant_map_print_tags(FILE *out, unsigned parts);

static inline unsigned plant_map_address(enum plant_table table, unsigned pot, unsigned offset) {
    unsigned block = table == PLANT_INPUT ? PLANT_MAP_POT_INPUT : PLANT_MAP_POT_HOLDING;
    return pot == 0 ? offset : PLANT_MAP_POTS + (pot - 1) * block + offset;
}

#endif
