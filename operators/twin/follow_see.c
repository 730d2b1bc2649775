#include <math.h>

#include "follow_impl.h"
#include "models.h"

static const double BATH_DENSITY = 2100; /* kg/m3 */
static const double TAPPING = 8;         /* kg in a minute: less is the jitter of a scale */
static const double LEAST_MARGIN = 0.03;
static const double MINUTE = 60;                  /* s of a stage of the horizon */
static const double LIKE_ONE = 0.35;              /* of an anode's share of the voltage */
static const double JUMP = 5;                     /* deviations */
static const double SETTLED = 60, ATTENDED = 300; /* s behind an anode effect */
static const double WAVES = 1.5; /* waves of the metal last for several steps, so these do not vary independently */
static const double UNREST_MEMORY = 900; /* s */

static double square(double x) {
    return x * x;
}

static struct horizon_cell horizon_cell_of(const struct cell *c, const struct follow_setup *setup) {
    return (struct horizon_cell){.voltage = c->set.voltage,
                                 .usual = follow_value(setup, "alumina"),
                                 .at_once = c->set.at_once,
                                 .calcium = c->set.calcium,
                                 .magnesium = c->set.magnesium,
                                 .lithium = c->set.lithium};
}

/* The minute so far as a stage, as the cell is now. */
static struct horizon_stage stage_of(const struct follow_minute *m, const struct cell *c) {
    return (struct horizon_stage){.seconds = (float)m->seconds,
                                  .feed = (float)m->feed,
                                  .used = (float)m->used,
                                  .gone = (float)-expm1(-follow_dissolving(c) * m->seconds),
                                  .moved = (float)m->moved,
                                  .doubt_alumina = (float)(m->doubt_alumina * square(100 / c->flows.bath_mass)),
                                  .new_anodes = (float)m->new_anodes,
                                  .attended = (float)m->attended,
                                  .uncounted = (float)m->uncounted,
                                  .doubt_distance = (float)m->doubt_distance,
                                  .doubt_cold = (float)m->doubt_cold,
                                  .alumina = (float)m->alumina,
                                  .alumina_variance = (float)m->alumina_variance,
                                  .current = (float)c->set.current,
                                  .mass = (float)c->flows.bath_mass,
                                  .temperature = (float)c->flows.bath.t,
                                  .excess = (float)c->flows.bath.excess};
}

/* The model expects an anode effect that is not there: it has less alumina than the cell. */
static void lift(struct follow *f, struct follow_record *r) {
    struct cell *c = twin_cell_of(f->stepper.self);
    double alumina = c->flows.bath.alumina;
    if (!(c->set.current > 0) || c->flows.voltage.margin >= LEAST_MARGIN) return;
    struct bath bath = c->flows.bath;
    while (alumina < 4) {
        bath.alumina = alumina += 0.02;
        if (voltage_of(&c->set.voltage, &bath, c->set.current, r->distance).margin >= LEAST_MARGIN) break;
    }
    struct cell_correction up = {.alumina = (alumina - c->flows.bath.alumina) / 100 * c->flows.bath_mass};
    twin_cell_correct(f->stepper.self, &up);
    r->estimator.added += up.alumina;
    cell_read(c);
}

/* V: noise of a mean, waves that a step does not average out, and the beam's way within the step. */
static double variance_of(const struct follow_reading *in, const struct follow_span *span, double by_distance) {
    double deviation = in->count > 2 && isfinite(in->deviation) ? in->deviation : 0.011;
    double variance = square(deviation) / in->count + square(0.004) + 0.3 * fmax(square(deviation) - square(0.014), 0);
    return span->range > 0.012 ? variance + square(0.5 * by_distance * span->range) : variance;
}

static bool anode_is_new(const struct follow_record *r) {
    return r->minute.new_anodes > 0 || horizon_new_anodes(&r->horizon) > 0;
}

/* A new anode leaves the metal restless for half an hour, in waves that last longer than a step. Taken for a way of the
 * anodes, each of them makes the distance less certain, until it explains whatever lean alumina does to the voltage. */
static bool is_wave(const struct follow_record *r, double innovation, double variance) {
    return anode_is_new(r) && fabs(innovation) <= JUMP * sqrt(variance + r->unrest);
}

/* Alumina changes slowly: what jumps is that an anode was changed, the way between anodes and metal, or, behind an
 * effect, that somebody has fed by hand. Anodes of a cell are changed a day apart: where one is new, the unrest of its
 * change and of an effect that is near is no second one. */
static void explain_jump(struct follow_record *r, double innovation, double variance, const double *slope, double t) {
    struct follow_minute *m = &r->minute;
    double anodes = innovation / slope[HORIZON_COLD];
    bool changed = anode_is_new(r);
    if (t < r->effect_over + FOLLOW_BY_HAND && innovation < 0) {
        m->doubt_alumina = fmax(m->doubt_alumina, square(30));
    } else if (is_wave(r, innovation, variance)) {
        return;
    } else if (fabs(anodes - 1) < LIKE_ONE && !changed) {
        m->new_anodes = 1;
        r->visited = t;
        m->doubt_cold = fmax(m->doubt_cold, square(0.1));
        m->doubt_distance = fmax(m->doubt_distance, square(0.03));
    } else {
        m->doubt_distance = fmax(m->doubt_distance, square(fmin(fabs(innovation / slope[HORIZON_DISTANCE]), 1)));
        if (innovation > 0 && !changed) m->doubt_cold = fmax(m->doubt_cold, square(fmin(anodes, 1)));
    }
}

static void see_voltage(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                        const struct follow_reading *in, const struct follow_span *span, bool clear, double t,
                        struct follow_result *out) {
    const struct cell *c = twin_cell_of(f->stepper.self);
    const struct horizon_cell cell = horizon_cell_of(c, setup);
    struct horizon_stage now = stage_of(&r->minute, c);
    const double x[HORIZON_STATES] = {c->flows.bath.alumina, 0, 1, r->distance, follow_cold(r)};
    double slope[HORIZON_STATES], expected = 0;
    out->predicted = horizon_voltage(&cell, &now, x, slope);
    out->innovation = NAN;
    if (!clear) return;
    double variance = variance_of(in, span, slope[HORIZON_DISTANCE]), innovation = in->mean - out->predicted;
    for (unsigned i = 0; i < HORIZON_STATES; i++)
        for (unsigned k = 0; k < HORIZON_STATES; k++)
            expected += slope[i] * r->horizon.now_p.at[i][k] * slope[k];
    out->innovation = innovation / sqrt(variance + expected);
    if (fabs(out->innovation) > JUMP) explain_jump(r, innovation, variance + expected, slope, t);
    double weight = 1 / variance;
    r->minute.weight += weight;
    r->minute.voltage += weight * in->mean;
    r->minute.current += weight * span->current;
    r->minute.distance += weight * r->distance;
    r->minute.off += innovation;
    r->minute.off_squares += square(innovation);
    r->minute.readings++;
}

/* An anode effect has begun, or is over. */
static void see_effect(struct follow_record *r, const struct follow_setup *setup, bool now, double t) {
    if (now && r->effect_since < 0) {
        r->effect_since = t;
        r->unrest = 0; /* the rise before it is no wave */
        r->minute.alumina = setup->effect_alumina;
        r->minute.alumina_variance = square(0.12);
    } else if (!now && r->effect_since >= 0) {
        r->effect_since = -1;
        r->effect_over = t;
    }
}

/* V2: how readings of the minute scatter about what is expected and their mean way off that. */
static double scatter_of(const struct follow_minute *m) {
    double n = m->readings, mean = m->off / n;
    return n > 2 ? (m->off_squares - n * mean * mean) / (n - 1) : 0;
}

/* The minute is over, at `t`: what all minutes of the horizon say now. */
static void see_minute(struct follow *f, struct follow_record *r, const struct follow_setup *setup, double t,
                       struct cell_correction *by) {
    const struct cell *c = twin_cell_of(f->stepper.self);
    const struct horizon_cell cell = horizon_cell_of(c, setup);
    struct follow_minute *m = &r->minute;
    struct horizon_stage stage = stage_of(m, c);
    if (m->weight > 0) {
        double by_distance = c->flows.voltage.bath / r->distance;
        stage.current =
            (float)(m->current / m->weight); /* of the readings: it dips with any anode effect of the line */
        stage.voltage = (float)(m->voltage / m->weight + by_distance * (r->distance - m->distance / m->weight));
        double scatter = scatter_of(m);
        stage.variance = (float)(fmax(1 / m->weight, WAVES * scatter / m->readings) + square(0.002));
        bool settled = r->effect_since < 0 && t > r->effect_over + SETTLED + MINUTE;
        if (settled && m->readings > 2 && !(m->new_anodes > 0)) /* else that is most of it */
            r->unrest = fmax(scatter, r->unrest + (scatter - r->unrest) * -expm1(-m->seconds / UNREST_MEMORY));
    }
    horizon_step(&r->horizon, &cell, &stage);
    const double *x = r->horizon.now;
    by->alumina = (x[HORIZON_ALUMINA] - c->flows.bath.alumina) / 100 * c->flows.bath_mass;
    by->undissolved = x[HORIZON_UNDISSOLVED] - solver_state(c->solver)[CELL_UNDISSOLVED];
    r->estimator.added += by->alumina + by->undissolved;
    r->distance = follow_kept_apart(x[HORIZON_DISTANCE]);
    r->minute = (struct follow_minute){0};
}

static void see_levels(struct follow_record *r, const struct follow_setup *setup, const struct cell *c,
                       const struct follow_reading *in, const bool *good, struct cell_correction *by) {
    double cavity = follow_value(setup, "bottom"), anodes = follow_value(setup, "anode_area");
    if (good[FOLLOW_METAL])
        by->metal += estimator_see_mass(
            &r->estimator.metal,
            in[FOLLOW_METAL].mean * FOLLOW_METAL_DENSITY * cavity - solver_state(c->solver)[CELL_METAL], square(40));
    if (!good[FOLLOW_BATH]) return;
    double gap = r->distance / 100;
    double seen = BATH_DENSITY * ((in[FOLLOW_BATH].mean - gap) * (cavity - anodes) + cavity * gap);
    by->bath += estimator_see_mass(&r->estimator.bath, seen - c->flows.bath_mass, square(120));
}

void follow_see(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                const struct follow_reading *in, const bool *good, const struct follow_span *span, double t,
                struct follow_result *out) {
    struct cell *c = twin_cell_of(f->stepper.self);
    struct cell_correction by = {0};
    const struct follow_reading *u = &in[FOLLOW_VOLTAGE], *hot = &in[FOLLOW_BATH_TEMP];
    cell_read(c);
    bool effect = good[FOLLOW_VOLTAGE] ? u->mean > setup->effect_voltage : r->effect_since >= 0;
    bool clear = good[FOLLOW_VOLTAGE] && !effect && u->high < setup->effect_voltage && span->current > 1e4 &&
                 t > r->effect_over + SETTLED;
    /* Behind an effect the crew feeds by hand, which nobody counts. */
    if (r->effect_since >= 0 || t < r->effect_over + FOLLOW_BY_HAND) {
        r->minute.doubt_alumina = fmax(r->minute.doubt_alumina, square(20));
    }
    /* And looks after the feeders. */
    if (t >= r->effect_over + ATTENDED && t - span->seconds < r->effect_over + ATTENDED) r->minute.attended = 1;
    if (span->tapped > 0 && r->minute.tapped > TAPPING) r->visited = t;
    if (!effect) lift(f, r);
    see_effect(r, setup, effect, t);
    see_voltage(f, r, setup, u, span, clear, t, out);
    if (r->minute.seconds > MINUTE - 1e-6 || span->gap_told) see_minute(f, r, setup, t, &by);
    if (good[FOLLOW_BATH_TEMP])
        by.temperature = estimator_see_temperature(&r->estimator, hot->mean - c->flows.bath.t,
                                                   square(0.4) / hot->count + square(0.1));
    see_levels(r, setup, c, in, good, &by);
    by.distance = r->distance - twin_cell_distance(f->stepper.self);
    by.cold = follow_cold(r) - twin_cell_cold(f->stepper.self);
    twin_cell_correct(f->stepper.self, &by);
}
