#include "follow.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "models.h"

static const double PIECE = 60; /* s: the longest step of a gap that is bridged */
static const double METAL_DENSITY = 2300, BATH_DENSITY = 2100, ANODE_DENSITY = 1560;
static const double METAL_BY_CHARGE = 9.3214647e-8;   /* kg/C */
static const double CARBON_BY_METAL = 0.33387 * 1.05; /* what is burnt in excess of the reaction included */
static const double BACK = 15;                        /* kg that a count may seem to go back */
static const double TAPPING = 8;                      /* kg in a minute: less is the jitter of a scale */
static const double RAISED = 0.05;                    /* m: the beam was raised, the anodes were not */
static const double RATE_MEMORY = 900;                /* s */
static const double COUNTED_SELDOM = 300;             /* s: so far apart counts of the feed may be */
static const double IN_EFFECT = 0.45;                 /* of the efficiency, during an anode effect */
static const double LEAST_MARGIN = 0.03;
static const double MINUTE = 60;                                 /* s of a stage of the horizon */
static const double LIKE_ONE = 0.35;                             /* of an anode's share of the voltage */
static const double JUMP = 5;                                    /* deviations */
static const double SETTLED = 60, ATTENDED = 300, BY_HAND = 900; /* s behind an anode effect */
static const double WAVES = 1.5; /* waves of the metal last for several steps, so these do not vary independently */

/* What is known of one step beside the readings. */
struct span {
    double seconds, current;
    double feed, fluoride, tapped; /* kg */
    double moved;                  /* cm, upwards, by beam and metal */
    double range;                  /* cm that the beam went to and fro */
    bool feed_known;
    double caught_up; /* kg of `feed` that may have come at any time since it was counted last */
};

static double square(double x) {
    return x * x;
}

static double value_of(const struct follow_setup *s, const char *name) {
    for (unsigned i = 0; s->model->parameters[i].name; i++)
        if (strcmp(s->model->parameters[i].name, name) == 0) return s->values[i];
    return NAN;
}

void follow_fingerprint(const struct follow_setup *setup, char out[17]) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = setup->model->name; *c; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    for (unsigned i = 0; setup->model->parameters[i].name; i++) {
        uint64_t bits;
        memcpy(&bits, &setup->values[i], sizeof bits);
        for (int k = 0; k < 64; k += 8)
            hash = (hash ^ (uint8_t)(bits >> k)) * UINT64_C(0x100000001b3);
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

/* ---- Life cycle ---- */

void follow_close(struct follow *f) {
    if (f->open) pl_stepper_close(&f->stepper);
    f->open = false;
}

static enum pl_code open_stepper(struct follow *f, const struct follow_setup *setup, struct pl_error **error) {
    follow_close(f);
    f->open = true;
    enum pl_code code = pl_stepper_open(&f->stepper, setup->model, setup->values, error);
    f->stepper.budget = (long)setup->budget;
    return code;
}

/* The model goes on from what was written down, rounded as that is: so would one that is made from it. */
static enum pl_code keep(const struct follow *f, struct follow_record *r, struct pl_error **error) {
    const struct pl_stepper *s = &f->stepper;
    size_t count = s->model->save(s->self, NULL);
    if (count > FOLLOW_STATE_MAX)
        return pl_error_set(error, PL_LIMIT, "a state of %zu numbers; at most %d are kept: fewer ledge_cells", count,
                            FOLLOW_STATE_MAX);
    s->model->save(s->self, r->state);
    r->count = (uint32_t)count;
    r->t = s->t;
    r->made = s->made;
    r->held_for = s->held_for;
    r->rung = s->rung;
    return s->model->load(s->self, r->state, count, error);
}

enum pl_code follow_begin(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                          const struct follow_reading *readings, pl_time begin, struct pl_error **error) {
    memset(r, 0, sizeof *r);
    r->begun = r->at = begin;
    r->current = value_of(setup, "current");
    r->feed_rate = value_of(setup, "feed");
    r->fluoride_rate = value_of(setup, "fluoride_feed");
    r->effect_since = -1;
    r->effect_over = r->visited = -1e9;
    for (unsigned i = 0; i < FOLLOW_SIGNALS; i++)
        r->last[i] = readings[i].count ? readings[i].mean : NAN;
    r->distance = value_of(setup, "distance") * 100;
    estimator_begin(&r->estimator);
    risk_begin(&r->risk, r->feed_rate);
    enum pl_code code = open_stepper(f, setup, error);
    if (code) return code;
    const double *y = solver_state(twin_cell_of(f->stepper.self)->solver);
    horizon_begin(&r->horizon, value_of(setup, "alumina"), y[CELL_UNDISSOLVED], r->distance);
    return keep(f, r, error);
}

enum pl_code follow_resume(struct follow *f, const struct follow_record *r, const struct follow_setup *setup,
                           struct pl_error **error) {
    enum pl_code code = r->count > FOLLOW_STATE_MAX ? PL_CORRUPT : open_stepper(f, setup, error);
    if (code) return code;
    return pl_stepper_resume(&f->stepper, (enum pl_stepper_rung)r->made, r->held_for, r->t, r->state, r->count, error);
}

/* ---- What came in ---- */

/* A value that never changes any more is none. */
static bool usable(struct follow_record *r, const struct follow_setup *setup, const struct follow_reading *reading,
                   unsigned signal, double seconds) {
    const struct follow_reading *in = &reading[signal];
    bool noisy = signal == FOLLOW_VOLTAGE || signal == FOLLOW_BATH_TEMP;
    if (in->count) {
        bool same = in->low == in->high && in->last == r->last[signal];
        r->same[signal] = same ? r->same[signal] + seconds : 0;
        if (noisy) r->last[signal] = in->last;
    }
    bool good = in->count && !(noisy && r->same[signal] >= setup->frozen);
    r->unseen[signal] = good ? 0 : r->unseen[signal] + seconds;
    return good;
}

/* What a count has grown by in a step. Where it is not told, what comes at its rate since it was told last, which the
 * next one corrects: what has been assumed too much is not assumed, or counted, again. `since`: s since it was told
 * last, at the end of the step. */
static double counted(struct follow_record *r, unsigned signal, bool good, const struct follow_reading *in,
                      double *rate, double since, bool *known) {
    double *last = &r->last[signal], *ahead = &r->ahead[signal], grown = in->last - *last;
    double back = BACK + (since <= COUNTED_SELDOM ? *rate * COUNTED_SELDOM : 0);
    *known = good && !isnan(*last) && grown > -back;
    if (*known) {
        *rate += (fmax(grown + *ahead, 0) / since - *rate) * -expm1(-since / RATE_MEMORY);
        *ahead = fmax(-grown, 0);
        if (grown < 0) return 0;
        *last = in->last;
        return grown;
    }
    double more = fmax(*rate * since - *ahead, 0);
    *ahead = good ? 0 : *ahead + more;
    *last = good ? in->last : *last + more;
    return more;
}

static struct span span_of(struct follow_record *r, const struct follow_setup *setup, const struct follow_reading *in,
                           bool *good, pl_time end) {
    struct span s = {.seconds = (double)(end - r->at) * 1e-9};
    double fed = r->unseen[FOLLOW_FEED] + s.seconds, fluoride = r->unseen[FOLLOW_FLUORIDE] + s.seconds;
    double rate = r->feed_rate, nothing = 0;
    for (unsigned i = 0; i < FOLLOW_SIGNALS; i++)
        good[i] = usable(r, setup, in, i, s.seconds);
    if (good[FOLLOW_CURRENT]) r->current = in[FOLLOW_CURRENT].mean;
    s.current = r->current;
    bool known;
    s.feed = counted(r, FOLLOW_FEED, good[FOLLOW_FEED], &in[FOLLOW_FEED], &r->feed_rate, fed, &s.feed_known);
    if (s.feed_known && fed > COUNTED_SELDOM) s.caught_up = s.feed - rate * s.seconds;
    s.fluoride =
        counted(r, FOLLOW_FLUORIDE, good[FOLLOW_FLUORIDE], &in[FOLLOW_FLUORIDE], &r->fluoride_rate, fluoride, &known);
    s.tapped = counted(r, FOLLOW_TAPPED, good[FOLLOW_TAPPED], &in[FOLLOW_TAPPED], &nothing, s.seconds, &known);
    const struct follow_reading *anode = &in[FOLLOW_ANODE];
    if (good[FOLLOW_ANODE]) {
        double moved = anode->mean - r->last[FOLLOW_ANODE];
        bool raised = fabs(moved) > RAISED || anode->high - anode->low > RAISED;
        /* What is left of a raise in the next step is no move either. */
        if (!isnan(moved) && !raised && !r->raised) s.moved = moved * 100;
        s.range = raised || r->raised ? 0.1 : (anode->high - anode->low) * 100;
        r->raised = raised;
        r->last[FOLLOW_ANODE] = anode->mean;
    }
    s.moved += s.tapped / (METAL_DENSITY * value_of(setup, "bottom")) * 100;
    return s;
}

/* ---- Forward ---- */

/* cm/s by which the anodes burn away less what the metal rises. */
static double drift_of(const struct follow_setup *setup, double current, double efficiency) {
    double made = current * METAL_BY_CHARGE;
    double wear = made * CARBON_BY_METAL / (value_of(setup, "anode_area") * ANODE_DENSITY);
    double rise = made * efficiency / (METAL_DENSITY * value_of(setup, "bottom"));
    return (wear - rise) * 100;
}

static double dissolving(const struct cell *c) {
    const struct bath *b = &c->flows.bath;
    return c->set.dissolution * fmax(1 - b->alumina / bath_saturation(b), 0);
}

/* cm */
static double kept_apart(double distance) {
    return fmin(fmax(distance, 1), 15);
}

static enum pl_code go_on(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                          const struct span *span, struct pl_error **error) {
    bool effect = r->effect_since >= 0;
    double efficiency = value_of(setup, "efficiency") * (effect ? IN_EFFECT : 1);
    double drift = drift_of(setup, span->current, efficiency), from = (double)(r->at - r->begun) * 1e-9;
    const struct cell *before = twin_cell_of(f->stepper.self);
    double hot = cell_temperature(before, solver_state(before->solver)), warm = fmax(hot - value_of(setup, "gas"), 300);
    double share = r->horizon.now[HORIZON_SHARE];
    unsigned pieces = (unsigned)fmax(ceil(span->seconds / PIECE - 1e-9), 1);
    double seconds = span->seconds / pieces;
    r->distance = kept_apart(r->distance + span->moved);
    for (unsigned i = 0; i < pieces; i++) {
        struct cell_inputs inputs = {.current = span->current,
                                     .distance = r->distance,
                                     .drift = drift,
                                     .feed = span->feed * share / span->seconds,
                                     .fluoride = span->fluoride / span->seconds,
                                     .tapped = span->tapped / span->seconds,
                                     .efficiency = efficiency,
                                     .top = value_of(setup, "top") + r->estimator.loss / warm};
        enum pl_code code = twin_cell_feed(f->stepper.self, &inputs, error);
        if (!code) code = pl_stepper_advance(&f->stepper, from + seconds * (i + 1), error);
        if (code) return code;
        const struct cell *c = twin_cell_of(f->stepper.self);
        estimator_predict(&r->estimator, seconds, cell_capacity(c, solver_state(c->solver)), effect);
        r->distance = kept_apart(r->distance + drift * seconds);
        r->minute.used += c->flows.taken * seconds;
    }
    r->minute.seconds += span->seconds;
    r->minute.feed += span->feed;
    r->minute.tapped += span->tapped;
    r->minute.moved += span->moved + drift * span->seconds;
    r->minute.doubt_alumina += square(span->caught_up);
    if (r->unseen[FOLLOW_FEED] > COUNTED_SELDOM) r->minute.uncounted += span->seconds;
    return PL_OK;
}

/* ---- Measurements ---- */

static struct horizon_cell horizon_cell_of(const struct cell *c, const struct follow_setup *setup) {
    return (struct horizon_cell){.voltage = c->set.voltage,
                                 .usual = value_of(setup, "alumina"),
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
                                  .gone = (float)-expm1(-dissolving(c) * m->seconds),
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
static double variance_of(const struct follow_reading *in, const struct span *span, double by_distance) {
    double deviation = in->count > 2 && isfinite(in->deviation) ? in->deviation : 0.011;
    double variance = square(deviation) / in->count + square(0.004) + 0.3 * fmax(square(deviation) - square(0.014), 0);
    return span->range > 0.012 ? variance + square(0.5 * by_distance * span->range) : variance;
}

/* Alumina changes slowly: what jumps is that an anode was changed, the way between anodes and metal, or, behind an
 * effect, that somebody has fed by hand. Anodes of a cell are changed a day apart: where one is new, the unrest of its
 * change and of an effect that is near is no second one. */
static void explain_jump(struct follow_record *r, double innovation, const double *slope, double t) {
    struct follow_minute *m = &r->minute;
    double anodes = innovation / slope[HORIZON_COLD];
    bool changed = m->new_anodes > 0 || horizon_new_anodes(&r->horizon) > 0;
    if (t < r->effect_over + BY_HAND && innovation < 0) {
        m->doubt_alumina = fmax(m->doubt_alumina, square(30));
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
                        const struct follow_reading *in, const struct span *span, bool clear, double t,
                        struct follow_result *out) {
    const struct cell *c = twin_cell_of(f->stepper.self);
    const struct horizon_cell cell = horizon_cell_of(c, setup);
    struct horizon_stage now = stage_of(&r->minute, c);
    const double x[HORIZON_STATES] = {c->flows.bath.alumina, 0, 1, r->distance,
                                      r->horizon.now[HORIZON_COLD] + r->minute.new_anodes};
    double slope[HORIZON_STATES], expected = 0;
    out->predicted = horizon_voltage(&cell, &now, x, slope);
    out->innovation = NAN;
    if (!clear) return;
    double variance = variance_of(in, span, slope[HORIZON_DISTANCE]), innovation = in->mean - out->predicted;
    for (unsigned i = 0; i < HORIZON_STATES; i++)
        for (unsigned k = 0; k < HORIZON_STATES; k++)
            expected += slope[i] * r->horizon.now_p.at[i][k] * slope[k];
    out->innovation = innovation / sqrt(variance + expected);
    out->jumped = fabs(out->innovation) > JUMP;
    if (out->jumped) explain_jump(r, innovation, slope, t);
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
        r->minute.alumina = setup->effect_alumina;
        r->minute.alumina_variance = square(0.12);
    } else if (!now && r->effect_since >= 0) {
        r->effect_since = -1;
        r->effect_over = t;
    }
}

/* The minute is over: what all minutes of the horizon say now. */
static void see_minute(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
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
        double n = m->readings, mean = m->off / n, spread = n > 2 ? (m->off_squares - n * mean * mean) / (n - 1) : 0;
        stage.variance = (float)(fmax(1 / m->weight, WAVES * spread / n) + square(0.002));
    }
    horizon_step(&r->horizon, &cell, &stage);
    const double *x = r->horizon.now;
    by->alumina = (x[HORIZON_ALUMINA] - c->flows.bath.alumina) / 100 * c->flows.bath_mass;
    by->undissolved = x[HORIZON_UNDISSOLVED] - solver_state(c->solver)[CELL_UNDISSOLVED];
    r->estimator.added += by->alumina + by->undissolved;
    r->distance = kept_apart(x[HORIZON_DISTANCE]);
    r->minute = (struct follow_minute){0};
}

static void see_levels(struct follow_record *r, const struct follow_setup *setup, const struct cell *c,
                       const struct follow_reading *in, const bool *good, struct cell_correction *by) {
    double cavity = value_of(setup, "bottom"), anodes = value_of(setup, "anode_area");
    if (good[FOLLOW_METAL])
        by->metal += estimator_see_mass(
            &r->estimator.metal, in[FOLLOW_METAL].mean * METAL_DENSITY * cavity - solver_state(c->solver)[CELL_METAL],
            square(40));
    if (!good[FOLLOW_BATH]) return;
    double gap = r->distance / 100;
    double seen = BATH_DENSITY * ((in[FOLLOW_BATH].mean - gap) * (cavity - anodes) + cavity * gap);
    by->bath += estimator_see_mass(&r->estimator.bath, seen - c->flows.bath_mass, square(120));
}

static void see_all(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                    const struct follow_reading *in, const bool *good, const struct span *span, double t,
                    struct follow_result *out) {
    struct cell *c = twin_cell_of(f->stepper.self);
    struct cell_correction by = {0};
    const struct follow_reading *u = &in[FOLLOW_VOLTAGE], *hot = &in[FOLLOW_BATH_TEMP];
    cell_read(c);
    bool effect = good[FOLLOW_VOLTAGE] ? u->mean > setup->effect_voltage : r->effect_since >= 0;
    bool clear = good[FOLLOW_VOLTAGE] && !effect && u->high < setup->effect_voltage && span->current > 1e4 &&
                 t > r->effect_over + SETTLED;
    /* Behind an effect the crew feeds by hand, which nobody counts. */
    if (r->effect_since >= 0 || t < r->effect_over + BY_HAND) {
        r->minute.doubt_alumina = fmax(r->minute.doubt_alumina, square(20));
    }
    /* And looks after the feeders. */
    if (t >= r->effect_over + ATTENDED && t - span->seconds < r->effect_over + ATTENDED) r->minute.attended = 1;
    if (span->tapped > 0 && r->minute.tapped > TAPPING) r->visited = t;
    if (!effect) lift(f, r);
    see_effect(r, setup, effect, t);
    see_voltage(f, r, setup, u, span, clear, t, out);
    if (r->minute.seconds > MINUTE - 1e-6) see_minute(f, r, setup, &by);
    if (good[FOLLOW_BATH_TEMP])
        by.temperature = estimator_see_temperature(&r->estimator, hot->mean - c->flows.bath.t,
                                                   square(0.4) / hot->count + square(0.1));
    see_levels(r, setup, c, in, good, &by);
    by.distance = r->distance - twin_cell_distance(f->stepper.self);
    twin_cell_correct(f->stepper.self, &by);
}

/* ---- What comes out ---- */

static double health_of(const struct follow_record *r, double deviation) {
    static const double by_rung[PL_STEPPER_RUNGS] = {1, 1, 0.8, 0.6, 0.2};
    double seen = exp(-r->unseen[FOLLOW_VOLTAGE] / 600) * (0.6 + 0.4 * exp(-r->unseen[FOLLOW_BATH_TEMP] / 1800)) *
                  (0.4 + 0.6 * exp(-r->unseen[FOLLOW_FEED] / 1800));
    double fits = 1 / (1 + fmax(r->horizon.surprise - 2, 0) / 8);
    double known = 1 / (1 + 2 * fmax(deviation - 0.25, 0));
    return seen * fits * known * by_rung[r->rung];
}

/* Where the model is meant for. */
static bool outside(const struct cell *c) {
    const struct bath *b = &c->flows.bath;
    double superheat = b->t - c->flows.liquidus;
    return b->alumina < 1.5 || b->alumina > bath_saturation(b) || b->t < 900 || b->t > 1050 || superheat < 0 ||
           superheat > 40 || c->set.current < 1e4;
}

static void look_ahead(struct follow_record *r, const struct follow_setup *setup, const struct cell *c,
                       const struct follow_reading *in, const struct span *span, double t, struct follow_result *out) {
    bool seen = !isnan(out->innovation) && span->current > 1e4;
    double nominal = value_of(setup, "current");
    struct risk_input input = {
        .t = t,
        .seconds = span->seconds,
        .feed = (span->feed - span->caught_up) / span->seconds, /* it was not all fed in this step */
        .share = fmax(r->horizon.now[HORIZON_SHARE], 0),
        .used = c->flows.taken,
        .alumina = c->flows.bath.alumina,
        .mass = c->flows.bath_mass,
        .undissolved = solver_state(c->solver)[CELL_UNDISSOLVED],
        .dissolving = dissolving(c),
        .at_once = c->set.at_once,
        .deviation = out->deviation,
        .share_deviation = sqrt(r->horizon.now_p.at[HORIZON_SHARE][HORIZON_SHARE]),
        .voltage = seen ? 1.65 + (in->mean - 1.65) * nominal / span->current : NAN,
        .density = span->current / nominal / (1 - r->horizon.now[HORIZON_COLD] / c->set.voltage.anodes),
        .effect = out->effect,
        .held = t < r->visited + setup->attended,
    };
    input.settled = r->effect_since < 0 && t > r->effect_over + 2 * BY_HAND;
    out->outlook = risk_step(&r->risk, &setup->risk, &input);
}

enum pl_code follow_step(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                         const struct follow_reading *in, pl_time end, struct follow_result *out,
                         struct pl_error **error) {
    memset(out, 0, sizeof *out);
    bool good[FOLLOW_SIGNALS];
    struct span span = span_of(r, setup, in, good, end);
    long steps = solver_effort(twin_cell_of(f->stepper.self)->solver).steps;
    enum pl_code code = go_on(f, r, setup, &span, error);
    if (code) return code;
    long now = solver_effort(twin_cell_of(f->stepper.self)->solver).steps;
    out->solver_steps = (uint64_t)(now > steps ? now - steps : now); /* less: the model was made anew, coarser */
    double t = (double)(end - r->begun) * 1e-9;
    see_all(f, r, setup, in, good, &span, t, out);
    r->at = end;
    r->steps++;
    r->rungs[f->stepper.rung]++;
    code = keep(f, r, error);
    if (code) return code;
    setup->model->read(f->stepper.self, out->out);
    const struct cell *c = twin_cell_of(f->stepper.self);
    out->effect = r->effect_since >= 0;
    out->deviation = sqrt(r->horizon.now_p.at[HORIZON_ALUMINA][HORIZON_ALUMINA]);
    out->health = health_of(r, out->deviation);
    out->uncertain = r->rung >= PL_STEPPER_LOOSE || out->effect || outside(c) || out->health < 0.5;
    look_ahead(r, setup, c, &in[FOLLOW_VOLTAGE], &span, t, out);
    return PL_OK;
}
