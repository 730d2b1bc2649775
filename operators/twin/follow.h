/* follow.h: one cell, followed: a CellModel on the ladder, an estimator, and what is known of the cell's inputs.
 *
 *     follow_begin(&cell, &record, &setup, readings, &error);         the first step of a cell, or after it was lost
 *     follow_resume(&cell, &record, &setup, &error);                  after a restart: from the record alone
 *     follow_step(&cell, &record, &setup, readings, end, &result);    each step
 *
 * Everything that the next step depends on is in the record, as numbers: the model is restarted at each step, so one
 * that was restored goes on to the last bit as one that was not.
 */
#ifndef TWIN_FOLLOW_H
#define TWIN_FOLLOW_H

#include <potline/stepper.h>
#include <potline/time.h>

#include "estimator.h"
#include "horizon.h"
#include "risk.h"

enum follow_signal {
    FOLLOW_VOLTAGE,   /* V */
    FOLLOW_CURRENT,   /* A */
    FOLLOW_BATH_TEMP, /* deg C */
    FOLLOW_ANODE,     /* m, up is more */
    FOLLOW_FEED,      /* kg so far */
    FOLLOW_FLUORIDE,  /* kg so far */
    FOLLOW_TAPPED,    /* kg so far */
    FOLLOW_METAL,     /* m */
    FOLLOW_BATH,      /* m over the metal */
    FOLLOW_SIGNALS
};

enum { FOLLOW_STATE_MAX = 320 };

/* Good samples of a signal in a step. */
struct follow_reading {
    double mean, deviation, low, high, last;
    unsigned count; /* 0: none */
};

struct follow_setup {
    const struct pl_model *model;
    double values[PL_MODEL_PARAMETERS_MAX];
    int64_t budget;
    double effect_voltage; /* V: above it an anode effect goes on */
    double effect_alumina; /* wt% at which one begins */
    double frozen;         /* s */
    double attended;       /* s behind tapping and an anode change in which the feed is held even */
    struct risk_setup risk;
};

/* A stage of the horizon that is not over yet. */
struct follow_minute {
    double seconds, feed, used, moved, tapped;
    double voltage, current, distance, weight; /* sums over good readings, the first three each times its weight */
    double off, off_squares, readings;         /* of what they were off what was expected */
    double alumina, alumina_variance;
    double attended, new_anodes, uncounted; /* the last: s of a feed that nobody has counted for long */
    double doubt_alumina, doubt_distance, doubt_cold;
};

/* What is kept of a cell. */
struct follow_record {
    pl_time begun, at;                        /* the model's 0 s; what has been followed */
    double t;                                 /* s: the model's state holds then */
    double current, feed_rate, fluoride_rate; /* as they were last: A, kg/s */
    double last[FOLLOW_SIGNALS];              /* of what is counted or a position; NaN: not seen yet */
    double ahead[FOLLOW_SIGNALS];             /* of `last`: more than has been counted */
    double same[FOLLOW_SIGNALS];              /* s without any change */
    double unseen[FOLLOW_SIGNALS];            /* s without a good reading */
    double feed_told;                         /* kg: the feed's count as it was told last; NaN: never */
    double feed_quiet;                        /* s since that has changed, told or not */
    double feed_usual;                        /* kg/s in the hour before it changed last */
    double warm;                              /* deg C of the bath, as it was believed last; NaN: never */
    double effect_over;                       /* s of the model, when the last one was; below 0: none */
    double effect_since;                      /* s of the model; below 0: there is none */
    double visited;                           /* s of the model, when metal was tapped or an anode changed last */
    double distance;                          /* cm, now */
    double unrest;                            /* V2: by how much steps are off their minute, of late */
    struct estimator estimator;
    struct horizon horizon;
    struct follow_minute minute;
    struct risk risk;
    uint64_t steps, rungs[PL_STEPPER_RUNGS];
    uint32_t made, held_for; /* of the ladder */
    uint32_t rung;           /* of the last step */
    uint32_t count;          /* numbers in `state` */
    uint32_t raised;         /* the beam was raised in the last step */
    double state[FOLLOW_STATE_MAX];
};

/* What is not kept: made again from the record. */
struct follow {
    struct pl_stepper stepper;
    bool open;
};

struct follow_result {
    double out[PL_MODEL_OUTPUTS_MAX]; /* of the model, corrected */
    double predicted;                 /* V, before the voltage of this step was looked at */
    double innovation;                /* normalised; NaN: there was no voltage */
    double deviation;                 /* wt% of the alumina */
    double health;                    /* 0 to 1 */
    struct risk_outlook outlook;
    uint64_t solver_steps;
    bool effect, uncertain;
};

enum pl_code follow_begin(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                          const struct follow_reading *readings, pl_time begin, struct pl_error **error);
enum pl_code follow_resume(struct follow *f, const struct follow_record *r, const struct follow_setup *setup,
                           struct pl_error **error);

/* To `end`, the end of the readings' step. PL_RANGE: beyond the physics, the cell is lost and must begin anew. */
enum pl_code follow_step(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                         const struct follow_reading *readings, pl_time end, struct follow_result *result,
                         struct pl_error **error);
void follow_close(struct follow *f);

/* 64 bits of name and values of the model, as 16 digits: says which constants gave a value. */
void follow_fingerprint(const struct follow_setup *setup, char out[17]);

#endif
