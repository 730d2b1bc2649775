#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "follow_impl.h"
#include "models.h"

static const double PIECE = 60;                       /* s: the longest step of a gap that is bridged */
static const double ANODE_DENSITY = 1560;             /* kg/m3 */
static const double METAL_BY_CHARGE = 9.3214647e-8;   /* kg/C */
static const double CARBON_BY_METAL = 0.33387 * 1.05; /* what is burnt in excess of the reaction included */
static const double IN_EFFECT = 0.45;                 /* of the efficiency, during an anode effect */

static double square(double x) {
    return x * x;
}

double follow_value(const struct follow_setup *s, const char *name) {
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
    r->current = follow_value(setup, "current");
    r->feed_rate = r->feed_usual = follow_value(setup, "feed");
    r->fluoride_rate = follow_value(setup, "fluoride_feed");
    r->effect_since = -1;
    r->effect_over = r->visited = -1e9;
    for (unsigned i = 0; i < FOLLOW_SIGNALS; i++)
        r->last[i] = readings[i].count ? readings[i].mean : NAN;
    r->feed_told = readings[FOLLOW_FEED].count ? readings[FOLLOW_FEED].last : NAN;
    r->warm = NAN;
    r->distance = follow_value(setup, "distance") * 100;
    estimator_begin(&r->estimator);
    risk_begin(&r->risk, r->feed_rate);
    enum pl_code code = open_stepper(f, setup, error);
    if (code) return code;
    const double *y = solver_state(twin_cell_of(f->stepper.self)->solver);
    horizon_begin(&r->horizon, follow_value(setup, "alumina"), y[CELL_UNDISSOLVED], r->distance);
    return keep(f, r, error);
}

enum pl_code follow_resume(struct follow *f, const struct follow_record *r, const struct follow_setup *setup,
                           struct pl_error **error) {
    enum pl_code code = r->count > FOLLOW_STATE_MAX ? PL_CORRUPT : open_stepper(f, setup, error);
    if (code) return code;
    return pl_stepper_resume(&f->stepper, (enum pl_stepper_rung)r->made, r->held_for, r->t, r->state, r->count, error);
}

/* ---- Forward ---- */

/* cm/s by which the anodes burn away less what the metal rises. */
static double drift_of(const struct follow_setup *setup, double current, double efficiency) {
    double made = current * METAL_BY_CHARGE;
    double wear = made * CARBON_BY_METAL / (follow_value(setup, "anode_area") * ANODE_DENSITY);
    double rise = made * efficiency / (FOLLOW_METAL_DENSITY * follow_value(setup, "bottom"));
    return (wear - rise) * 100;
}

double follow_dissolving(const struct cell *c) {
    const struct bath *b = &c->flows.bath;
    return c->set.dissolution * fmax(1 - b->alumina / bath_saturation(b), 0);
}

double follow_cold(const struct follow_record *r) {
    return r->horizon.now[HORIZON_COLD] + r->minute.new_anodes;
}

double follow_kept_apart(double distance) {
    return fmin(fmax(distance, 1), 15);
}

static enum pl_code go_on(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                          const struct follow_span *span, struct pl_error **error) {
    bool effect = r->effect_since >= 0;
    double efficiency = follow_value(setup, "efficiency") * (effect ? IN_EFFECT : 1);
    double drift = drift_of(setup, span->current, efficiency), from = (double)(r->at - r->begun) * 1e-9;
    const struct cell *before = twin_cell_of(f->stepper.self);
    double hot = cell_temperature(before, solver_state(before->solver)),
           warm = fmax(hot - follow_value(setup, "gas"), 300);
    double share = r->horizon.now[HORIZON_SHARE];
    unsigned pieces = (unsigned)fmax(ceil(span->seconds / PIECE - 1e-9), 1);
    double seconds = span->seconds / pieces;
    r->distance = follow_kept_apart(r->distance + span->moved);
    for (unsigned i = 0; i < pieces; i++) {
        struct cell_inputs inputs = {.current = span->current,
                                     .distance = r->distance,
                                     .drift = drift,
                                     .cold = follow_cold(r),
                                     .feed = span->feed * share / span->seconds,
                                     .fluoride = span->fluoride / span->seconds,
                                     .tapped = span->tapped / span->seconds,
                                     .efficiency = efficiency,
                                     .top = follow_value(setup, "top") + r->estimator.loss / warm};
        enum pl_code code = twin_cell_feed(f->stepper.self, &inputs, error);
        if (!code) code = pl_stepper_advance(&f->stepper, from + seconds * (i + 1), error);
        if (code) return code;
        const struct cell *c = twin_cell_of(f->stepper.self);
        estimator_predict(&r->estimator, seconds, cell_capacity(c, solver_state(c->solver)), effect);
        r->distance = follow_kept_apart(r->distance + drift * seconds);
        r->minute.used += c->flows.taken * seconds;
    }
    r->minute.seconds += span->seconds;
    r->minute.feed += span->feed;
    r->minute.tapped += span->tapped;
    r->minute.moved += span->moved + drift * span->seconds;
    r->minute.doubt_alumina += square(span->caught_up);
    if (follow_uncounted(r)) r->minute.uncounted += span->seconds;
    return PL_OK;
}

/* ---- What comes out ---- */

static double health_of(const struct follow_record *r, double deviation) {
    static const double by_rung[PL_STEPPER_RUNGS] = {1, 1, 0.8, 0.6, 0.2};
    double seen = exp(-r->unseen[FOLLOW_VOLTAGE] / 600) * (0.4 + 0.6 * exp(-r->unseen[FOLLOW_CURRENT] / 600)) *
                  (0.6 + 0.4 * exp(-r->unseen[FOLLOW_BATH_TEMP] / 1800)) * (0.4 + 0.6 * exp(-follow_untold(r) / 1800));
    if (!isnan(r->last[FOLLOW_ANODE])) seen *= 0.8 + 0.2 * exp(-r->unseen[FOLLOW_ANODE] / 3600);
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
                       const struct follow_reading *in, const struct follow_span *span, double t,
                       struct follow_result *out) {
    bool seen = !isnan(out->innovation) && span->current > 1e4;
    double nominal = follow_value(setup, "current");
    struct risk_input input = {
        .t = t,
        .seconds = span->seconds,
        .feed = (span->feed - span->caught_up) / span->seconds, /* it was not all fed in this step */
        .share = fmax(r->horizon.now[HORIZON_SHARE], 0),
        .used = c->flows.taken,
        .alumina = c->flows.bath.alumina,
        .mass = c->flows.bath_mass,
        .undissolved = solver_state(c->solver)[CELL_UNDISSOLVED],
        .dissolving = follow_dissolving(c),
        .at_once = c->set.at_once,
        .deviation = out->deviation,
        .share_deviation = sqrt(r->horizon.now_p.at[HORIZON_SHARE][HORIZON_SHARE]),
        .voltage = seen ? 1.65 + (in->mean - 1.65) * nominal / span->current : NAN,
        .density = span->current / nominal / (1 - r->horizon.now[HORIZON_COLD] / c->set.voltage.anodes),
        .effect = out->effect,
        .held = t < r->visited + setup->attended,
    };
    input.settled = r->effect_since < 0 && t > r->effect_over + 2 * FOLLOW_BY_HAND;
    out->outlook = risk_step(&r->risk, &setup->risk, &input);
}

static enum pl_code take_step(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                              const struct follow_reading *in, pl_time end, struct follow_result *out,
                              struct pl_error **error) {
    memset(out, 0, sizeof *out);
    bool good[FOLLOW_SIGNALS];
    struct follow_span span = follow_span_of(r, setup, in, good, end);
    long steps = solver_effort(twin_cell_of(f->stepper.self)->solver).steps;
    enum pl_code code = go_on(f, r, setup, &span, error);
    if (code) return code;
    long now = solver_effort(twin_cell_of(f->stepper.self)->solver).steps;
    out->solver_steps = (uint64_t)(now > steps ? now - steps : now); /* less: the model was made anew, coarser */
    double t = (double)(end - r->begun) * 1e-9;
    follow_see(f, r, setup, in, good, &span, t, out);
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

/* A gap is gone through minute by minute, as if nothing had been told in each: one long step would have all that was
 * fed in it lie undissolved at its end. */
enum pl_code follow_step(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                         const struct follow_reading *in, pl_time end, struct follow_result *out,
                         struct pl_error **error) {
    static const struct follow_reading nothing[FOLLOW_SIGNALS];
    enum pl_code code = PL_OK;
    uint64_t solver_steps = 0;
    while (!code && end - r->at > 2 * PL_MINUTE) {
        code = take_step(f, r, setup, nothing, r->at + PL_MINUTE, out, error);
        solver_steps += out->solver_steps;
    }
    if (!code) code = take_step(f, r, setup, in, end, out, error);
    out->solver_steps += solver_steps;
    return code;
}
