/* fault.h: what is made to go wrong, on request: `kind:tag-glob:from:for:arg`.
 *
 *     spike:*.voltage:10m:1h:0.5,0.02     outliers of 0.5 V with probability 0.02 a sample
 *     frozen:line1.pot07.bath_temp:0:-    from the start, for good
 *
 * Sensor faults change what the registers show and nothing else: the controller has its own instruments. Plant faults
 * (starve, roll, effect) change the pot and are given by its name.
 */
#ifndef PLANT_FAULT_H
#define PLANT_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum plant_fault_kind {
    PLANT_FAULT_NOISE,   /* arg: deviation added */
    PLANT_FAULT_SPIKE,   /* arg: height [, probability a sample: 0.01]; either sign */
    PLANT_FAULT_DROPOUT, /* arg: probability a sample (1): NaN */
    PLANT_FAULT_FROZEN,
    PLANT_FAULT_DRIFT,  /* arg: per hour */
    PLANT_FAULT_OFFSET, /* arg: added */
    PLANT_FAULT_STUCK,  /* arg: the value shown */
    PLANT_FAULT_STARVE, /* pot: nothing comes out of its feeders */
    PLANT_FAULT_ROLL,   /* pot: arg: mV rms that its metal pad rolls more */
    PLANT_FAULT_EFFECT, /* pot: an anode effect begins, at once */
    PLANT_FAULT_KINDS
};

struct plant_fault {
    enum plant_fault_kind kind;
    char *glob;         /* owned; as fnmatch(3) */
    double from, until; /* s since the start; until may be infinite */
    double arg, chance;
};

struct plant_faults {
    struct plant_fault *items; /* owned */
    unsigned count;
};

const char *plant_fault_name(enum plant_fault_kind kind);
bool plant_fault_is_sensor(enum plant_fault_kind kind);

/* Adds one. False with what is wrong in `why`. */
bool plant_faults_add(struct plant_faults *faults, const char *text, char *why, size_t size);
/* One a line; blank lines and those that begin with # are left out. `why` begins with the line's number. */
bool plant_faults_load(struct plant_faults *faults, const char *path, char *why, size_t size);
/* `line1.pot07@20s` or `line1.pot07@20s:starve` */
bool plant_faults_add_effect(struct plant_faults *faults, const char *text, char *why, size_t size);
void plant_faults_fini(struct plant_faults *faults);

#endif
