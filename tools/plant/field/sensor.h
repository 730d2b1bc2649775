/* sensor.h: the instruments between the pots and the registers: noise, resolution, and the faults asked for.
 *
 * plant_sensors_read takes one reading of everything; the noise of a reading depends on its step alone, so it does not
 * matter how often anybody reads. Only frozen instruments look back.
 */
#ifndef PLANT_SENSOR_H
#define PLANT_SENSOR_H

#include "fault.h"
#include "signal.h"

struct plant_sensor {
    float value;     /* shown; NaN: nothing */
    unsigned labels; /* bits of enum plant_fault_kind that touched it */
    float before;    /* shown last while not frozen */
    uint64_t key;
    unsigned first, faults; /* in `assigned` */
};

struct plant_sensors {
    const struct plant *plant;         /* borrowed */
    const struct plant_faults *wanted; /* borrowed */
    struct plant_sensor *items;
    unsigned *assigned; /* indices of faults, a run for each sensor */
    unsigned per_line;
    uint64_t read; /* step of the values; UINT64_MAX: none */
};

bool plant_sensors_init(struct plant_sensors *sensors, const struct plant *plant, const struct plant_faults *faults);
void plant_sensors_fini(struct plant_sensors *sensors);
void plant_sensors_read(struct plant_sensors *sensors);

/* `pot` 0: the line's own. Numbers from 1, the signal's index in its table. */
const struct plant_sensor *plant_sensors_get(const struct plant_sensors *sensors, unsigned line, unsigned pot,
                                             unsigned signal);

/* Labels as text, joined by '+'; "" for none. */
void plant_sensor_labels(char *out, size_t size, unsigned labels);

#endif
