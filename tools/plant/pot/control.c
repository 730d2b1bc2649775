#include "control.h"

#include <math.h>

#define UNDER 0.75
#define OVER 1.35
#define OVER_MORE 1.8
#define NOMINAL 1.05  /* nobody watches: rather too much */
#define IMPROVED 0.10 /* micro-ohm that an OVER must have brought */
#define OVER_LASTS (45 * 60.0)
#define UNDER_MIN (14 * 60.0)
#define UNDER_MAX (5 * 3600.0)
#define THRESHOLD 0.0080 /* micro-ohm a minute */
#define RISE_MAX 0.45    /* micro-ohm over the lowest of an UNDER */
#define WINDOW 12        /* minutes of the slope */
#define SETTLE (30 * 60.0)

#define BEAM_EVERY (5 * 60.0)
#define BEAM_TAPPING 15.0
#define DEAD_BAND 0.10
#define MOVE_MAX 0.8
#define MOVE_TAPPING 1.0

#define EFFECT_VOLTS 8.0
#define QUICK_SHOTS 12
#define QUICK_EVERY 1.5
#define PUMP_AFTER 4.0
#define PUMP_DEPTH 8.0 /* mm */
#define PUMP_PERIOD 16.0

#define COLD_ANODE 0.40 /* micro-ohm that a new anode costs at first */
#define COLD_TIME (8 * 3600.0)
#define WAVES 25.0 /* mV rms */
#define WAVES_MORE 0.25

#define METAL_PER_COULOMB 9.3214647e-8
#define ALUMINA_PER_METAL 1.889441
#define EFFICIENCY 0.94 /* as the controller believes */

void plant_control_init(struct plant_control *c, const struct plant_targets *targets) {
    *c = (struct plant_control){.targets = *targets,
                                .resistance = targets->resistance,
                                .disturbed_until = 600,
                                .next_minute = 60,
                                .next_beam = BEAM_EVERY,
                                .lowest = INFINITY,
                                .trigger = INFINITY};
}

/* ---- measuring ---- */

static void smooth(struct plant_control *c, double volts, double R, double seconds) {
    double minute = seconds / (60 + seconds), third = seconds / (20 + seconds);
    c->resistance += third * (R - c->resistance);
    if (c->mean == 0) c->mean = volts;
    double off = volts - c->mean;
    c->mean += minute * off;
    c->square += minute * (off * off * (1 - minute) - c->square);
}

double plant_control_noise(const struct plant_control *c) {
    return 1000 * sqrt(c->square);
}

/* Least squares over the last WINDOW minute means. */
static double slope_of(const struct plant_control *c) {
    double sum = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        sum += (i - (WINDOW - 1) / 2.0) * c->ring[(c->minutes - WINDOW + i) % PLANT_MINUTES];
    return sum / (WINDOW * (WINDOW * WINDOW - 1) / 12.0);
}

static double minute_mean(const struct plant_control *c) {
    return c->ring[(c->minutes - 1) % PLANT_MINUTES];
}

double plant_control_target(const struct plant_control *c) {
    return c->targets.resistance + c->compensation + (c->now < c->calm_until ? WAVES_MORE : 0);
}

void plant_control_beam_moved(struct plant_control *c, double mm) {
    c->beam += mm;
    if (c->feeding == PLANT_FEED_QUENCH) c->pump_shift += mm;
}

/* ---- feeding ---- */

static void feed(struct plant_control *c, enum plant_feeding feeding, double now) {
    c->feeding = feeding;
    c->since = now;
    c->lowest = INFINITY;
    c->over_extended = 0;
}

void plant_control_cold_anode(struct plant_control *c, double share) {
    c->compensation += COLD_ANODE * share;
}

void plant_control_disturb(struct plant_control *c, enum plant_disturbance what, double now, double lasts) {
    c->disturbance = what;
    c->disturbed_until = now + lasts + SETTLE;
    c->beam_hold = what == PLANT_TAPPING ? now : now + lasts;
    c->next_beam = now + BEAM_TAPPING;
    c->quarter_sum = c->quarter_time = 0;
    c->minutes = 0;
    c->trigger = INFINITY;
    if (what == PLANT_ANODE_CHANGE) plant_control_cold_anode(c, 1);
    if (c->feeding != PLANT_FEED_QUENCH) feed(c, PLANT_FEED_NOMINAL, now);
}

static void track_under(struct plant_control *c, double now) {
    double R = minute_mean(c);
    if (R < c->lowest) c->lowest = R;
    bool lean = now - c->since > UNDER_MIN && (c->slope > THRESHOLD || R - c->lowest > RISE_MAX);
    if (lean || (c->minutes > 2 && R > c->trigger + IMPROVED / 2)) {
        c->trigger = R;
        feed(c, PLANT_FEED_OVER, now);
    } else if (now - c->since > UNDER_MAX) {
        feed(c, PLANT_FEED_NOMINAL, now);
        c->disturbed_until = now + SETTLE;
    }
}

/* Resistance that is still up and rising after an OVER says that the alumina did not arrive. */
static void track_over(struct plant_control *c, double now) {
    if (now - c->since < OVER_LASTS * (1 + 0.5 * c->over_extended)) return;
    bool arrived = minute_mean(c) < c->trigger - IMPROVED || c->slope < THRESHOLD / 4;
    if (!arrived && c->over_extended < 3)
        c->over_extended++;
    else
        feed(c, PLANT_FEED_UNDER, now);
}

static void track(struct plant_control *c, double now) {
    c->slope = c->minutes >= WINDOW ? slope_of(c) : 0;
    if (plant_control_noise(c) > WAVES && c->mean < EFFECT_VOLTS && now > c->disturbed_until && now > 1800)
        c->calm_until = now + 1800;
    if (now < c->disturbed_until || c->manual) return;
    switch (c->feeding) {
    case PLANT_FEED_NOMINAL: feed(c, PLANT_FEED_UNDER, now); break;
    case PLANT_FEED_UNDER: track_under(c, now); break;
    case PLANT_FEED_OVER: track_over(c, now); break;
    case PLANT_FEED_QUENCH: break;
    }
}

static double feed_share(const struct plant_control *c, double now) {
    if (c->manual) return 1;
    switch (c->feeding) {
    case PLANT_FEED_UNDER: return UNDER;
    case PLANT_FEED_OVER:
        return c->over_extended > 0 || (now - c->since > 900 && c->slope > 1.5 * THRESHOLD) ? OVER_MORE : OVER;
    case PLANT_FEED_QUENCH: return 0;
    case PLANT_FEED_NOMINAL: break;
    }
    return NOMINAL;
}

/* ---- the beam ---- */

static double limited(double mm, double most) {
    return mm > most ? most : mm < -most ? -most : mm;
}

static void order_move(struct plant_orders *orders, double off, double most) {
    orders->move = true;
    orders->beam = limited(-off / PLANT_OHM_PER_MM, most);
}

/* R also tells of alumina: late in UNDER and early in OVER it is not the distance that is wrong. */
static bool tells_of_alumina(const struct plant_control *c, double now) {
    if (c->feeding == PLANT_FEED_UNDER) return c->slope > THRESHOLD / 3 || now - c->since < 600;
    return c->feeding == PLANT_FEED_OVER && now - c->since < 1200;
}

static void beam_step(struct plant_control *c, struct plant_orders *orders, double now) {
    if (now < c->next_beam || now < c->beam_hold || c->feeding == PLANT_FEED_QUENCH) return;
    double target = plant_control_target(c);
    if (c->disturbance == PLANT_TAPPING) {
        c->next_beam = now + BEAM_TAPPING;
        if (c->quarter_time > 0) order_move(orders, 0.8 * (c->quarter_sum / c->quarter_time - target), MOVE_TAPPING);
        c->quarter_sum = c->quarter_time = 0;
        return;
    }
    c->next_beam = now + BEAM_EVERY;
    if (c->minutes < 5) return;
    double mean = 0;
    for (unsigned i = 0; i < 5; i++)
        mean += c->ring[(c->minutes - 1 - i) % PLANT_MINUTES] / 5;
    double off = mean + PLANT_OHM_PER_MM * c->beam - target;
    if (fabs(off) > (tells_of_alumina(c, now) ? 6 : 1) * DEAD_BAND) order_move(orders, 0.7 * off, MOVE_MAX);
}

/* ---- anode effects ---- */

static void begin_quench(struct plant_control *c, double now) {
    feed(c, PLANT_FEED_QUENCH, now);
    c->quick_shots = QUICK_SHOTS;
    c->next_quick = now;
    c->pump_from = now + PUMP_AFTER;
    c->pump_shift = 0;
    c->under_volts = 0;
}

static void end_quench(struct plant_control *c, struct plant_orders *orders, double now) {
    feed(c, PLANT_FEED_OVER, now);
    c->trigger = INFINITY;
    c->minutes = 0;
    c->sum = c->sum_time = 0;
    c->disturbed_until = now + SETTLE;
    c->beam_hold = now + 600;
    orders->move = true;
    orders->beam = -c->pump_shift; /* back to where they were */
}

static void quench(struct plant_control *c, struct plant_orders *orders, double now, double volts, double seconds) {
    c->under_volts = volts < EFFECT_VOLTS - 2 ? c->under_volts + seconds : 0;
    while (c->quick_shots > 0 && now >= c->next_quick) {
        c->quick_shots--;
        c->next_quick += QUICK_EVERY;
        orders->quick++;
    }
    if (c->quick_shots == 0 && now - c->since > 60) { /* did not help: more of it */
        c->quick_shots = QUICK_SHOTS / 2;
        c->next_quick = now;
        c->since = now;
    }
    if (c->under_volts >= 6) {
        end_quench(c, orders, now);
    } else if (now >= c->pump_from) {
        double phase = fmod(now - c->pump_from, PUMP_PERIOD) / PUMP_PERIOD;
        double want = phase < 0.5 ? -PUMP_DEPTH : 0;
        orders->move = true;
        orders->pumping = true;
        orders->beam = want - c->pump_shift;
    }
}

static void watch_effect(struct plant_control *c, double now, double volts, double seconds) {
    c->over_volts = volts > EFFECT_VOLTS ? c->over_volts + seconds : 0;
    if (c->over_volts >= 3 && c->feeding != PLANT_FEED_QUENCH && !c->manual) begin_quench(c, now);
}

/* ---- a step ---- */

static void sample(struct plant_control *c, double now, double seconds, double R) {
    c->sum += (R - PLANT_OHM_PER_MM * c->beam) * seconds;
    c->sum_time += seconds;
    c->quarter_sum += R * seconds;
    c->quarter_time += seconds;
    if (now < c->next_minute) return;
    c->next_minute += 60;
    if (c->disturbance != PLANT_CALM && now > c->disturbed_until - SETTLE) c->disturbance = PLANT_CALM;
    c->compensation *= exp(-60 / COLD_TIME);
    c->ring[c->minutes++ % PLANT_MINUTES] = c->sum / c->sum_time;
    c->sum = c->sum_time = 0;
    track(c, now);
}

struct plant_orders plant_control_step(struct plant_control *c, double now, double seconds, double volts, double ampere,
                                       double ampere_nominal) {
    struct plant_orders orders = {0};
    c->now = now;
    double R = ampere > 1e3 ? (volts - PLANT_BACK_EMF) / ampere * 1e6 : c->resistance;
    smooth(c, PLANT_BACK_EMF + R * ampere_nominal * 1e-6, R, seconds); /* no waves of the line's current */
    sample(c, now, seconds, R);
    watch_effect(c, now, volts, seconds);
    if (c->feeding == PLANT_FEED_QUENCH)
        quench(c, &orders, now, volts, seconds);
    else if (!c->manual)
        beam_step(c, &orders, now);

    double nominal = ampere_nominal * METAL_PER_COULOMB * ALUMINA_PER_METAL * EFFICIENCY;
    orders.feed = nominal * c->targets.feed / 100 * feed_share(c, now) * seconds;
    return orders;
}
