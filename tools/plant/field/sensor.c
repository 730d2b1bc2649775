#include "sensor.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../model/random.h"

/* ---- who has which faults ---- */

static unsigned position(const struct plant_sensors *sensors, unsigned line, unsigned pot, unsigned signal) {
    unsigned within = pot == 0 ? signal : plant_line_signal_count + (pot - 1) * plant_pot_signal_count + signal;
    return (line - 1) * sensors->per_line + within;
}

const struct plant_sensor *plant_sensors_get(const struct plant_sensors *sensors, unsigned line, unsigned pot,
                                             unsigned signal) {
    return &sensors->items[position(sensors, line, pot, signal)];
}

static bool assign(struct plant_sensors *sensors, struct plant_sensor *sensor, const char *tag, unsigned *used) {
    sensor->first = *used;
    for (unsigned i = 0; i < sensors->wanted->count; i++) {
        const struct plant_fault *fault = &sensors->wanted->items[i];
        if (!plant_fault_is_sensor(fault->kind) || fnmatch(fault->glob, tag, 0) != 0) continue;
        unsigned *more = realloc(sensors->assigned, (*used + 1) * sizeof *more);
        if (!more) return false;
        sensors->assigned = more;
        more[(*used)++] = i;
        sensor->faults++;
    }
    return true;
}

bool plant_sensors_init(struct plant_sensors *sensors, const struct plant *plant, const struct plant_faults *faults) {
    const struct plant_options *o = &plant->options;
    *sensors = (struct plant_sensors){.plant = plant, .wanted = faults, .read = UINT64_MAX};
    sensors->per_line = plant_line_signal_count + o->pots * plant_pot_signal_count;
    sensors->items = calloc((size_t)o->lines * sensors->per_line, sizeof *sensors->items);
    bool good = sensors->items != NULL;
    unsigned used = 0;
    for (unsigned line = 1; good && line <= o->lines; line++)
        for (unsigned pot = 0; good && pot <= o->pots; pot++)
            for (unsigned i = 0; good && i < (pot ? plant_pot_signal_count : plant_line_signal_count); i++) {
                char tag[PLANT_NAME];
                plant_name(tag, line, pot, o->pots, (pot ? plant_pot_signals : plant_line_signals)[i].name);
                struct plant_sensor *sensor = &sensors->items[position(sensors, line, pot, i)];
                sensor->key = plant_random_key(o->seed, line, pot, PLANT_CAUSE_SENSOR + i);
                good = assign(sensors, sensor, tag, &used);
            }
    return good;
}

void plant_sensors_fini(struct plant_sensors *sensors) {
    free(sensors->items);
    free(sensors->assigned);
    *sensors = (struct plant_sensors){0};
}

/* ---- a reading ---- */

static double touch(const struct plant_fault *fault, const struct plant_sensor *sensor, uint64_t key, uint64_t step,
                    double now, double x) {
    switch (fault->kind) {
    case PLANT_FAULT_NOISE: return x + fault->arg * plant_random_normal(key, 2 * step);
    case PLANT_FAULT_SPIKE: return x + (plant_random_bits(key, 2 * step + 1) & 1 ? fault->arg : -fault->arg);
    case PLANT_FAULT_DROPOUT: return NAN;
    case PLANT_FAULT_FROZEN: return (double)sensor->before;
    case PLANT_FAULT_DRIFT: return x + fault->arg * (now - fault->from) / 3600;
    case PLANT_FAULT_OFFSET: return x + fault->arg;
    case PLANT_FAULT_STUCK: return fault->arg;
    default: return x;
    }
}

static bool strikes(const struct plant_fault *fault, uint64_t key, uint64_t step, double now) {
    if (now < fault->from || now >= fault->until) return false;
    if (fault->kind != PLANT_FAULT_SPIKE && fault->kind != PLANT_FAULT_DROPOUT) return true;
    return plant_random_uniform(key, 2 * step) < fault->chance;
}

static void read_one(struct plant_sensors *sensors, struct plant_sensor *sensor, const struct plant_signal *signal,
                     double truth) {
    uint64_t step = sensors->plant->step;
    double now = plant_elapsed(sensors->plant);
    double x = signal->noise > 0 ? truth + signal->noise * plant_random_normal(sensor->key, step) : truth;

    sensor->labels = 0;
    for (unsigned i = 0; i < sensor->faults; i++) {
        unsigned index = sensors->assigned[sensor->first + i];
        const struct plant_fault *fault = &sensors->wanted->items[index];
        uint64_t key = sensor->key + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
        if (!strikes(fault, key, step, now)) continue;
        if (fault->kind == PLANT_FAULT_FROZEN && sensors->read == UINT64_MAX) sensor->before = (float)x;
        x = touch(fault, sensor, key, step, now, x);
        sensor->labels |= 1u << fault->kind;
    }
    if (isfinite(x)) x = nearbyint(x / signal->resolution) * signal->resolution + 0.0; /* never -0 */
    sensor->value = (float)x;
    if (!(sensor->labels & 1u << PLANT_FAULT_FROZEN) && isfinite(x)) sensor->before = sensor->value;
}

void plant_sensors_read(struct plant_sensors *sensors) {
    const struct plant *plant = sensors->plant;
    if (sensors->read == plant->step) return;
    struct plant_sensor *sensor = sensors->items;
    for (unsigned l = 0; l < plant->options.lines; l++) {
        const struct plant_line *line = &plant->lines[l];
        for (unsigned i = 0; i < plant_line_signal_count; i++, sensor++)
            read_one(sensors, sensor, &plant_line_signals[i], plant_line_signals[i].value(line, NULL));
        for (unsigned p = 0; p < plant->options.pots; p++)
            for (unsigned i = 0; i < plant_pot_signal_count; i++, sensor++)
                read_one(sensors, sensor, &plant_pot_signals[i], plant_pot_signals[i].value(line, &line->pots[p]));
    }
    sensors->read = plant->step;
}

void plant_sensor_labels(char *out, size_t size, unsigned labels) {
    size_t used = 0;
    out[0] = 0;
    for (unsigned i = 0; i < PLANT_FAULT_KINDS; i++)
        if (labels & 1u << i && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "+" : "", plant_fault_name(i));
}
