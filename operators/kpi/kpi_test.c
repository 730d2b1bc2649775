/* Key figures against sums done by hand. */
#include "../testing.h"

#define S PL_SECOND
#define H PL_HOUR

enum { EVERY = 10 };
static const double FARADAY = 9.3214647e-8;

static void assert_share(double found, double expected, double share) {
    if (!(fabs(found - expected) <= share * fabs(expected))) fail_msg("%.9g is not %.9g", found, expected);
}

/* A pot from `from` to `to`: steady, but for effects of a minute each at the given times, and one tapping. */
struct pot {
    const char *name;
    double volts, kiloamperes, efficiency;
    pl_time effect[4];
    pl_time tapping;
    pl_time blocked; /* from then on one stroke in five brings nothing */
};

static bool in_effect(const struct pot *pot, pl_time time) {
    for (unsigned i = 0; i < 4; i++)
        if (pot->effect[i] && time >= pot->effect[i] && time < pot->effect[i] + PL_MINUTE) return true;
    return false;
}

static void push_at(struct test *t, const struct pot *pot, pl_time time) {
    static const char *const signals[] = {"voltage", "current", "feed_total", "tapped_total", "metal_level"};
    double seconds = (double)time / S, made = pot->efficiency * FARADAY * 1000 * pot->kiloamperes * seconds;
    double tapped = pot->tapping && time >= pot->tapping ? 1500 : 0;
    double share = pot->blocked && time > pot->blocked ? (double)(time - pot->blocked) / (double)time / 4 : 0;
    double values[] = {in_effect(pot, time) ? 30 : pot->volts, pot->kiloamperes, 1.92 * made * (1 + share), tapped,
                       20 + (made - tapped) / (2300 * 32.4) * 100};
    test_push_signals(t, pot->name, time, signals, values, PL_COUNT_OF(signals));
}

static void run_pots(struct test *t, const struct pot *pots, unsigned count, pl_time to) {
    for (pl_time time = 0; time <= to; time += EVERY * S) {
        for (unsigned i = 0; i < count; i++)
            push_at(t, &pots[i], time);
        if (time % H == 0) test_watermark(t, time);
    }
}

static void a_day_of_a_steady_pot(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{shifts: ['00:00', '08:00', '16:00'], plant: ''}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {0}, 10 * H, 0};
    run_pots(t, &pot, 1, 24 * H);
    unsigned quality;
    assert_share(test_told(t, "l.p.kpi.day.energy", 24 * H, &quality), 4.2 * 180 * 24, 1e-9);
    assert_int_equal(quality, PL_Q_GOOD);
    assert_share(test_told(t, "l.p.kpi.day.production", 24 * H, &quality), 0.94 * FARADAY * 180e3 * 86400, 1e-3);
    assert_int_equal(quality, PL_Q_GOOD);
    assert_share(test_told(t, "l.p.kpi.day.kwh_per_t", 24 * H, NULL), 2979.98 * 4.2 / 0.94, 1e-3);
    assert_share(test_told(t, "l.p.kpi.day.current_efficiency", 24 * H, NULL), 94, 1e-3);
    assert_share(test_told(t, "l.p.kpi.day.alumina", 24 * H, NULL), 1920, 1e-3);
    assert_share(test_told(t, "l.p.kpi.day.voltage", 24 * H, NULL), 4.2, 1e-9);
    assert_share(test_told(t, "l.p.kpi.day.co2e", 24 * H, NULL), 1000 * 0.41 * 0.976 * 44 / 12, 1e-9);
    assert_near(test_told(t, "l.p.kpi.day.anode_effects", 24 * H, NULL), 0, 0);
    double shifts = 0, hours = 0;
    for (pl_time end = 8 * H; end <= 24 * H; end += 8 * H)
        shifts += test_told(t, "l.p.kpi.shift.energy", end, NULL);
    for (pl_time end = H; end <= 24 * H; end += H)
        hours += test_told(t, "l.p.kpi.hour.energy", end, NULL);
    assert_share(shifts, 4.2 * 180 * 24, 1e-9);
    assert_share(hours, 4.2 * 180 * 24, 1e-9);
    test_told(t, "l.p.kpi.hour.production", H, &quality);
    assert_int_equal(quality, PL_Q_UNCERTAIN); /* an hour's metal is a millimetre */
    test_close(t);
}

/* What is asked for in the middle of a day: that so far, the day before, and the target of a line by its pots. */
static void a_list_of_two_days(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{shifts: ['00:00'], targets: {kwh_per_t: 13000, throughput: 1.5}}", PL_SAMPLES);
    const struct pot pots[] = {{"l.p", 4.2, 180, 0.94, {0}, 10 * H, 0}, {"l.q", 4.4, 180, 0.92, {0}, 0, 0}};
    struct pl_error *error = NULL;
    char *reply = NULL;
    run_pots(t, pots, 2, 30 * H);
    assert_int_equal(pl_harness_command(t->h, "kpi list", "{asset: l}", &reply, &error), PL_OK);
    const char *specific = strstr(reply, "\"figure\":\"kwh_per_t\"");
    assert_non_null(specific);
    assert_non_null(strstr(specific, "\"target\":13000"));
    assert_non_null(strstr(reply, "\"from\":\"1970-01-02T00:00:00Z\",\"to\":\"1970-01-02T06:00:00Z\""));
    double value = strtod(strstr(specific, "\"value\":") + 8, NULL);
    double before = strtod(strstr(specific, "\"before\":") + 9, NULL);
    assert_share(before, test_told(t, "l.kpi.day.kwh_per_t", 24 * H, NULL), 1e-9);
    assert_share(value, before, 0.005);
    assert_share(strtod(strstr(strstr(reply, "\"figure\":\"throughput\""), "\"target\":") + 9, NULL), 3, 1e-12);
    assert_null(strstr(reply, "l.p")); /* a pattern is the whole name */
    pl_free(reply);
    assert_int_not_equal(pl_harness_command(t->h, "kpi list", "{period: week}", &reply, &error), PL_OK);
    pl_error_free(&error);
    test_close(t);
}

/* CF4 by IPCC 2006 Tier 2, centre-worked prebake: 0.143 kg a tonne by minute a pot-day, and 0.121 of that C2F6. */
static void anode_effects_count_by_the_slope_method(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: day, shifts: ['00:00']}", PL_SAMPLES);
    const struct pot pots[] = {{"l1.p1", 4.2, 180, 0.94, {2 * H, 3 * H}, 0, 0}, {"l1.p2", 4.3, 180, 0.92, {0}, 0, 0}};
    run_pots(t, pots, 2, 24 * H);
    assert_near(test_told(t, "l1.p1.kpi.day.anode_effects", 24 * H, NULL), 2, 1e-9);
    assert_near(test_told(t, "l1.p1.kpi.day.anode_effect_minutes", 24 * H, NULL), 1, 1e-9);
    assert_share(test_told(t, "l1.p1.kpi.day.pfc", 24 * H, NULL), 0.143 * 2 * (6630 + 0.121 * 11100), 1e-9);
    assert_near(test_told(t, "l1.kpi.day.anode_effects", 24 * H, NULL), 1, 1e-9);
    assert_share(test_told(t, "plant.kpi.day.pfc", 24 * H, NULL), 0.143 * (6630 + 0.121 * 11100), 1e-9);
    double energy =
        test_told(t, "l1.p1.kpi.day.energy", 24 * H, NULL) + test_told(t, "l1.p2.kpi.day.energy", 24 * H, NULL);
    assert_share(test_told(t, "plant.kpi.day.energy", 24 * H, NULL), energy, 1e-12);
    assert_share(test_told(t, "plant.kpi.day.current_efficiency", 24 * H, NULL), 93, 1e-3);
    assert_share(test_told(t, "plant.kpi.day.throughput", 24 * H, NULL), 1.86 * FARADAY * 180 * 86400, 1e-3);
    test_close(t);
}

/* An effect came and went at any time since the reading before: ten seconds of a minute are not half a per cent. */
static void an_effect_is_as_long_as_readings_tell(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: hour, shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    const struct pot seldom = {"l.p", 4.2, 180, 0.94, {H / 2}, 0, 0}, often = {"l.q", 4.2, 180, 0.94, {H / 2}, 0, 0},
                     never = {"l.r", 4.2, 180, 0.94, {0}, 0, 0};
    for (pl_time time = 0; time <= H; time += 50 * PL_MILLISECOND) {
        bool near = time > H / 2 - S && time < H / 2 + 2 * PL_MINUTE, due = time % (EVERY * S) == 0;
        if (near || due) push_at(t, &often, time);
        if (due) push_at(t, &seldom, time);
        if (due) push_at(t, &never, time);
    }
    test_watermark(t, H);
    static const char *const figures[] = {"pfc", "co2e", "anode_effect_minutes"};
    for (unsigned i = 0; i < PL_COUNT_OF(figures); i++) {
        unsigned quality[3];
        char tag[64];
        for (unsigned k = 0; k < 3; k++) {
            snprintf(tag, sizeof tag, "l.%c.kpi.hour.%s", "pqr"[k], figures[i]);
            test_told(t, tag, H, &quality[k]);
        }
        assert_int_equal(quality[0], PL_Q_UNCERTAIN);
        assert_int_equal(quality[1], PL_Q_GOOD);
        assert_int_equal(quality[2], PL_Q_GOOD);
    }
    unsigned quality;
    test_told(t, "l.p.kpi.hour.energy", H, &quality);
    assert_int_equal(quality, PL_Q_GOOD);
    test_close(t);
}

/* Read seldom before it and often behind it, or the other way round: begin and end are in the middle of their own gaps,
 * also where a period ends within one, or has been told before the end of it. */
static void an_effect_by_uneven_readings(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: [hour, day], shifts: ['00:00'], plant: '', hold: 1h}", PL_SAMPLES);
    static const struct {
        int second, volts;
    } readings[] = {
        {0, 4},     {1700, 4},   {1740, 30},  {1800, 30}, {1802, 4}, /* 1720 to 1801 */
        {3500, 4},  {3501, 30},  {3590, 30},  {3650, 4},             /* 3500.5 to 3620 */
        {5000, 4},  {7180, 4},   {7240, 30},  {7300, 30}, {7301, 4}, /* 7210 to 7300.5 */
        {10780, 4}, {10810, 30}, {10820, 30}, {10821, 4}, /* 10795 to 10820.5; the third hour is told before */
        {86400, 4}};
    for (unsigned i = 0; i < PL_COUNT_OF(readings); i++) {
        static const char *const signals[] = {"voltage", "current"};
        const double values[] = {readings[i].volts, 180};
        if (readings[i].second == 10810) test_watermark(t, 3 * H);
        test_push_signals(t, "l.p", readings[i].second * S, signals, values, PL_COUNT_OF(signals));
    }
    test_watermark(t, 24 * H);
    assert_near(test_told(t, "l.p.kpi.hour.anode_effect_minutes", H, NULL) * 2 * 60, 81 + 99.5, 1e-9);
    assert_near(test_told(t, "l.p.kpi.hour.anode_effect_minutes", 3 * H, NULL) * 60, 90.5, 1e-9);
    assert_near(test_told(t, "l.p.kpi.hour.anode_effect_minutes", 4 * H, NULL) * 60, 20.5, 1e-9);
    assert_near(test_told(t, "l.p.kpi.day.anode_effect_minutes", 24 * H, NULL) * 4 * 60, 81 + 119.5 + 90.5 + 25.5,
                1e-9);
    test_close(t);
}

/* A pot whose efficiency is none of the usual ones, read with noise: the first hours are not known, later ones are. */
static void an_hour_is_exact_once_the_pot_is_known(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: [hour, day], shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    const double kg = 0.925 * FARADAY * 180e3; /* a second */
    uint64_t random = 7;
    for (int second = 0; second <= 24 * 3600; second += 2) {
        double noise = -6;
        for (int i = 0; i < 12; i++) { /* near enough to a bell */
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            noise += (double)(random >> 11) * 0x1p-53;
        }
        pl_time time = second * S;
        double level = 20 + kg * second / (2300 * 32.4) * 100 + 0.06 * noise;
        test_push(t,
                  (struct sample[]){{time, "l.p.voltage", 4.2, 0},
                                    {time, "l.p.current", 180, 0},
                                    {time, "l.p.metal_level", level, 0}},
                  3);
        if (second % 3600 == 0) test_watermark(t, time);
    }
    unsigned quality = 0, uncertain = 0, off = 0;
    for (int hour = 1; hour <= 24; hour++) {
        double made = test_told(t, "l.p.kpi.hour.production", hour * H, &quality), error = fabs(made / (kg * 3600) - 1);
        uncertain += quality != PL_Q_GOOD;
        off += error > 0.005 && quality == PL_Q_GOOD;
        if (hour > 1) assert_true(error < 0.02);
        if (hour > 12) assert_share(made, kg * 3600, 0.01);
    }
    assert_true(uncertain > 0);
    assert_int_equal(off, 0); /* of those that are told as exact to half a per cent */
    assert_share(test_told(t, "l.p.kpi.day.production", 24 * H, &quality), kg * 86400, 5e-3);
    assert_int_equal(quality, PL_Q_GOOD);
    test_close(t);
}

/* A feeder that is blocked for a shift counts strokes that bring nothing: more than the metal has taken. */
static void strokes_of_a_blocked_feeder_are_not_sure(void **state) {
    (void)state;
    struct test *t =
        test_open("kpi", "{per: shift, shifts: ['00:00', '08:00', '16:00'], plant: '', level_noise: 0.02}", PL_SAMPLES);
    const struct pot pots[] = {{"l.p", 4.2, 180, 0.94, {0}, 0, 8 * H}, {"l.q", 4.2, 180, 0.94, {0}, 0, 0}};
    unsigned quality;
    run_pots(t, pots, 2, 16 * H);
    test_told(t, "l.q.kpi.shift.alumina", 16 * H, &quality);
    assert_int_equal(quality, PL_Q_GOOD);
    test_told(t, "l.p.kpi.shift.alumina", 16 * H, &quality);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    test_told(t, "l.p.kpi.shift.production", 16 * H, &quality);
    assert_int_equal(quality, PL_Q_GOOD);
    test_close(t);
}

/* A pot whose rows are missing from `from` to `to`: all, or those of one signal. */
static void run_with_gap(struct test *t, const struct pot *pot, pl_time from, pl_time to, const char *missing,
                         pl_time end) {
    static const char *const signals[] = {"voltage", "current", "metal_level"};
    for (pl_time time = 0; time <= end; time += EVERY * S) {
        double made = pot->efficiency * FARADAY * 1000 * pot->kiloamperes * (double)time / S;
        double values[] = {in_effect(pot, time) ? 30 : pot->volts, pot->kiloamperes, 20 + made / (2300 * 32.4) * 100};
        for (unsigned i = 0; i < PL_COUNT_OF(signals); i++)
            if (time < from || time >= to || (*missing && strcmp(missing, signals[i]) != 0))
                test_push_signals(t, pot->name, time, &signals[i], &values[i], 1);
        if (time % H == 0) test_watermark(t, time);
    }
}

static void assert_figure(struct test *t, const char *tag, pl_time time, double expected, double share,
                          unsigned quality) {
    unsigned found;
    assert_share(test_told(t, tag, time, &found), expected, share);
    if (found != quality) fail_msg("%s: quality %u, not %u", tag, found, quality);
}

/* Twenty minutes of a day are taken for what was before and behind them, and ratios are over the same time. What an
 * effect that nobody saw would have taken is less than half a per cent of a line's day, but not of a pot's. */
static void a_short_gap_is_bridged(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{shifts: ['00:00'], plant: '', level_noise: 0.05}", PL_SAMPLES);
    const struct pot pot = {"l.p1", 4.2, 180, 0.94, {0}, 0, 0};
    const double kwh = 4.2 * 180 * 24, kg = 0.94 * FARADAY * 180e3 * 86400;
    static const char *const others[] = {"l.p2", "l.p3", "l.p4"};
    for (pl_time time = 0; time <= 24 * H; time += EVERY * S) {
        for (unsigned i = 0; i < PL_COUNT_OF(others); i++) {
            struct pot other = pot;
            other.name = others[i];
            push_at(t, &other, time);
        }
        if (time < 5 * H || time >= 5 * H + 20 * PL_MINUTE) push_at(t, &pot, time);
        if (time % H == 0) test_watermark(t, time);
    }
    assert_figure(t, "l.p1.kpi.day.energy", 24 * H, kwh, 1e-9, PL_Q_UNCERTAIN);
    assert_figure(t, "l.p1.kpi.day.production", 24 * H, kg, 1e-3, PL_Q_GOOD);
    assert_figure(t, "l.p1.kpi.day.throughput", 24 * H, kg / 1000, 1e-3, PL_Q_GOOD);
    assert_figure(t, "l.p1.kpi.day.current_efficiency", 24 * H, 94, 1e-3, PL_Q_GOOD);
    assert_figure(t, "l.p1.kpi.day.kwh_per_t", 24 * H, 2979.98 * 4.2 / 0.94, 1e-3, PL_Q_UNCERTAIN);
    assert_figure(t, "l.kpi.day.energy", 24 * H, 4 * kwh, 1e-9, PL_Q_GOOD);
    assert_figure(t, "l.kpi.day.kwh_per_t", 24 * H, 2979.98 * 4.2 / 0.94, 1e-3, PL_Q_GOOD);
    /* The last value before it held for 30 s, to 20 s into the gap. */
    assert_near(test_told(t, "l.p1.kpi.day.bridged", 24 * H, NULL), (20 * 60 - 20) / 86400.0, 1e-9);
    assert_near(test_told(t, "l.p1.kpi.day.covered", 24 * H, NULL), 1 - (20 * 60 - 20) / 86400.0, 1e-9);
    test_close(t);
}

/* Without a current an effect is seen all the same, and what it took is counted. */
static void a_gap_of_the_current_hides_no_effect(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: day, shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {5 * H + 5 * PL_MINUTE}, 0, 0};
    run_with_gap(t, &pot, 5 * H, 5 * H + 20 * PL_MINUTE, "current", 24 * H);
    unsigned quality;
    assert_figure(t, "l.p.kpi.day.energy", 24 * H, 4.2 * 180 * (24 - 1 / 60.0) + 30 * 180 / 60.0, 1e-6, PL_Q_GOOD);
    assert_figure(t, "l.p.kpi.day.anode_effects", 24 * H, 1, 1e-9, PL_Q_GOOD);
    assert_near(test_told(t, "l.p.kpi.day.anode_effect_minutes", 24 * H, &quality), 1, 1e-9);
    test_close(t);
    /* But in which hour it was is not known, where the gap is in two. */
    t = test_open("kpi", "{per: hour, plant: ''}", PL_SAMPLES);
    run_with_gap(t, &pot, 5 * H - 5 * PL_MINUTE, 5 * H + 7 * PL_MINUTE, "current", 7 * H);
    test_told(t, "l.p.kpi.hour.energy", 6 * H, &quality);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    test_close(t);
}

/* Without a voltage one may have come and gone. */
static void an_effect_in_a_gap_is_not_ruled_out(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: day, shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {5 * H + PL_MINUTE}, 0, 0};
    run_with_gap(t, &pot, 5 * H, 5 * H + 3 * PL_MINUTE, "voltage", 24 * H);
    static const char *const figures[] = {"anode_effects", "anode_effect_minutes", "pfc", "co2e", "energy"};
    for (unsigned i = 0; i < PL_COUNT_OF(figures); i++) {
        char tag[64];
        unsigned quality;
        snprintf(tag, sizeof tag, "l.p.kpi.day.%s", figures[i]);
        test_told(t, tag, 24 * H, &quality);
        if (quality != PL_Q_UNCERTAIN) fail_msg("%s: quality %u", tag, quality);
    }
    test_close(t);
}

/* Three hours without a current: those hours have no ratios, the shift has some of the time that is known, and metal
 * that was made in them is not the next shift's. */
static void an_outage_is_over_when_it_is(void **state) {
    (void)state;
    struct test *t =
        test_open("kpi", "{shifts: ['00:00', '08:00', '16:00'], plant: '', level_noise: 0.03}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {0}, 0, 0};
    const double kg = 0.94 * FARADAY * 180e3 * 8 * 3600;
    run_with_gap(t, &pot, 5 * H, 8 * H, "current", 24 * H);
    static const char *const ratios[] = {"kwh_per_t", "current_efficiency", "throughput"};
    for (unsigned i = 0; i < PL_COUNT_OF(ratios); i++)
        for (pl_time end = 6 * H; end <= 8 * H; end += H) {
            char tag[64];
            unsigned quality;
            snprintf(tag, sizeof tag, "l.p.kpi.hour.%s", ratios[i]);
            test_told(t, tag, end, &quality);
            if (quality != (PL_Q_BAD | PL_Q_MISSING)) fail_msg("%s: quality %u", tag, quality);
        }
    unsigned quality;
    test_told(t, "l.p.kpi.hour.energy", 8 * H, &quality);
    assert_int_equal(quality, PL_Q_BAD | PL_Q_MISSING);
    assert_figure(t, "l.p.kpi.shift.current_efficiency", 8 * H, 94, 5e-3, PL_Q_UNCERTAIN);
    assert_figure(t, "l.p.kpi.shift.kwh_per_t", 8 * H, 2979.98 * 4.2 / 0.94, 5e-3, PL_Q_UNCERTAIN);
    assert_share(test_told(t, "l.p.kpi.shift.production", 16 * H, NULL), kg, 5e-3);
    assert_figure(t, "l.p.kpi.shift.production", 24 * H, kg, 2e-3, PL_Q_GOOD);
    test_close(t);
}

/* A gap that goes on when a shift ends is the next one's from there on; what was told is not changed. */
static void a_gap_across_the_end_of_a_shift(void **state) {
    (void)state;
    struct test *t =
        test_open("kpi", "{per: [shift, day], shifts: ['00:00', '08:00', '16:00'], plant: ''}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {0}, 0, 0};
    run_with_gap(t, &pot, 8 * H - 10 * PL_MINUTE, 8 * H + 10 * PL_MINUTE, "", 24 * H);
    assert_figure(t, "l.p.kpi.shift.energy", 8 * H, 4.2 * 180 * (8 * 3600 - 580) / 3600, 1e-9, PL_Q_UNCERTAIN);
    assert_figure(t, "l.p.kpi.shift.current_efficiency", 8 * H, 94, 2e-3, PL_Q_UNCERTAIN);
    assert_share(test_told(t, "l.p.kpi.shift.energy", 16 * H, NULL), 4.2 * 180 * 8, 1e-9);
    assert_near(test_told(t, "l.p.kpi.shift.bridged", 16 * H, NULL), 600 / 28800.0, 1e-9);
    assert_share(test_told(t, "l.p.kpi.day.energy", 24 * H, NULL), 4.2 * 180 * 24, 1e-9);
    test_close(t);
}

/* A level that comes hours later than the rest: what was made before is in the figures, as well as it is known. */
static void a_late_level_leaves_nothing_out(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: day, shifts: ['00:00'], plant: ''}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {0}, 0, 0};
    run_with_gap(t, &pot, 0, 6 * H, "metal_level", 24 * H);
    assert_share(test_told(t, "l.p.kpi.day.production", 24 * H, NULL), 0.94 * FARADAY * 180e3 * 86400, 2e-3);
    assert_share(test_told(t, "l.p.kpi.day.current_efficiency", 24 * H, NULL), 94, 2e-3);
    test_close(t);
}

/* Metal is tapped while its count is missing: the level falls by 1.5 t, which is no metal that was not made. */
static void a_tapping_that_nobody_counts(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: shift, shifts: ['00:00', '08:00', '16:00'], plant: ''}", PL_SAMPLES);
    static const char *const signals[] = {"voltage", "current", "tapped_total", "metal_level"};
    const double kg = 0.94 * FARADAY * 180e3; /* a second */
    for (int second = 0; second <= 24 * 3600; second += EVERY) {
        double tapped = second >= 10 * 3600 ? 1500 : 0;
        const double values[] = {4.2, 180, tapped, 20 + (kg * second - tapped) / (2300 * 32.4) * 100};
        bool counted = second < 9 * 3600 || second >= 12 * 3600;
        for (unsigned i = 0; i < PL_COUNT_OF(signals); i++)
            if (counted || i != 2) test_push_signals(t, "l.p", second * S, &signals[i], &values[i], 1);
        if (second % 3600 == 0) test_watermark(t, second * S);
    }
    for (pl_time end = 8 * H; end <= 24 * H; end += 8 * H)
        assert_share(test_told(t, "l.p.kpi.shift.production", end, NULL), kg * 8 * 3600, 3e-3);
    test_close(t);
}

/* A pot of which nothing comes for hours is still one of its line, which is short of it. */
static void a_line_that_is_short_of_a_pot(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: hour, plant: ''}", PL_SAMPLES);
    const struct pot lost = {"l.p", 4.2, 180, 0.94, {0}, 0, 0}, other = {"l.q", 4.2, 180, 0.94, {0}, 0, 0};
    for (pl_time time = 0; time <= 6 * H; time += EVERY * S) {
        if (time < H + H / 2 || time >= 4 * H + H / 2) push_at(t, &lost, time);
        push_at(t, &other, time);
        if (time % H == 0) test_watermark(t, time);
    }
    for (pl_time end = 2 * H; end <= 5 * H; end += H) {
        unsigned quality;
        test_told(t, "l.kpi.hour.energy", end, &quality);
        assert_int_equal(quality, PL_Q_UNCERTAIN);
    }
    assert_figure(t, "l.kpi.hour.energy", H, 2 * 4.2 * 180, 1e-9, PL_Q_GOOD);
    assert_figure(t, "l.kpi.hour.energy", 6 * H, 2 * 4.2 * 180, 1e-9, PL_Q_GOOD);
    test_close(t);
}

static void time_without_values_is_not_made_up(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: hour, hold: 30s, plant: ''}", PL_SAMPLES);
    for (int i = 0; i <= 360; i++) {
        if (i >= 60 && i < 240) continue; /* half an hour is missing */
        pl_time time = i * EVERY * S;
        test_push(t, (struct sample[]){{time, "l.p.voltage", 4, 0}, {time, "l.p.current", 100, 0}}, 2);
    }
    test_push(t, (struct sample[]){{0, "l.p.voltage", 9, 0}, {3700 * S, "l.p.voltage", 7, PL_Q_BAD}}, 2);
    test_watermark(t, H);
    unsigned quality;
    assert_near(test_told(t, "l.p.kpi.hour.covered", H, NULL), (600 + 20 + 1200) / 3600.0, 1e-9);
    assert_near(test_told(t, "l.p.kpi.hour.energy", H, &quality), 400 * (600 + 20 + 1200) / 3600.0, 1e-9);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    assert_near(test_told(t, "l.p.kpi.hour.voltage", H, NULL), 4, 1e-12);
    test_told(t, "l.p.kpi.hour.kwh_per_t", H, &quality); /* nothing says what was made */
    assert_int_equal(quality, PL_Q_BAD | PL_Q_MISSING);
    assert_int_equal(test_counter(t, "late"), 1);
    assert_int_equal(test_counter(t, "ignored"), 1);
    test_close(t);
}

static void days_go_by_the_clock_of_the_plant(void **state) {
    (void)state;
    /* 2026-03-29: clocks in Berlin are set forward, the day from 06:00 to 06:00 has 23 hours. */
    const pl_time begin = INT64_C(1774674000) * S; /* 2026-03-28T06:00 there */
    struct test *t =
        test_open("kpi", "{per: day, shifts: ['06:00'], zone: Europe/Berlin, plant: '', hold: 1h}", PL_SAMPLES);
    for (int i = 0; i <= 48; i++) {
        pl_time time = begin - H + i * H;
        test_push(t, (struct sample[]){{time, "l.p.voltage", 4, 0}, {time, "l.p.current", 100, 0}}, 2);
    }
    test_watermark(t, begin + 24 * H);
    assert_near(test_told(t, "l.p.kpi.day.energy", begin + 23 * H, NULL), 400 * 23, 1e-6);
    test_close(t);
}

static void a_restored_node_goes_on(void **state) {
    (void)state;
    struct test *t = test_open("kpi", "{per: [hour, day], shifts: ['00:00']}", PL_SAMPLES);
    const struct pot pot = {"l.p", 4.2, 180, 0.94, {3 * H}, 5 * H, 0};
    for (pl_time time = 0; time <= 24 * H; time += EVERY * S) {
        push_at(t, &pot, time);
        if (time % H == 0) test_watermark(t, time);
        if (time % (7 * H) == 40 * S) test_restore(t);
    }
    double energy = 4.2 * 180 * (24 - 1 / 60.0) + 30 * 180 / 60.0;
    assert_share(test_told(t, "l.p.kpi.day.energy", 24 * H, NULL), energy, 1e-9);
    assert_share(test_told(t, "l.p.kpi.day.current_efficiency", 24 * H, NULL), 94, 1e-3);
    assert_near(test_told(t, "l.p.kpi.day.anode_effects", 24 * H, NULL), 1, 1e-9);
    test_close(t);
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"{shifts: ['25:00']}", "time of day"},
                                           {"{zone: Europe/Berlyn}", "Berlin"},
                                           {"{per: []}", "say what"},
                                           {"{pfc: { slope: -1 }}", "slope"}};
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        char *text = test_refusal("kpi", wrong[i][0]);
        if (!strstr(text, wrong[i][1])) fail_msg("%s: %s", wrong[i][0], text);
        pl_free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_of_a_steady_pot),
        cmocka_unit_test(a_list_of_two_days),
        cmocka_unit_test(anode_effects_count_by_the_slope_method),
        cmocka_unit_test(an_effect_is_as_long_as_readings_tell),
        cmocka_unit_test(an_effect_by_uneven_readings),
        cmocka_unit_test(an_hour_is_exact_once_the_pot_is_known),
        cmocka_unit_test(strokes_of_a_blocked_feeder_are_not_sure),
        cmocka_unit_test(a_short_gap_is_bridged),
        cmocka_unit_test(a_gap_of_the_current_hides_no_effect),
        cmocka_unit_test(an_effect_in_a_gap_is_not_ruled_out),
        cmocka_unit_test(an_outage_is_over_when_it_is),
        cmocka_unit_test(a_gap_across_the_end_of_a_shift),
        cmocka_unit_test(a_late_level_leaves_nothing_out),
        cmocka_unit_test(a_tapping_that_nobody_counts),
        cmocka_unit_test(a_line_that_is_short_of_a_pot),
        cmocka_unit_test(time_without_values_is_not_made_up),
        cmocka_unit_test(days_go_by_the_clock_of_the_plant),
        cmocka_unit_test(a_restored_node_goes_on),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
