/* The rule library in lua/: each rule with rows on which it must speak, and rows on which it must not. */
#include "../testing.h"

#include <potline/time.h>

typedef void make_row(unsigned i, struct sample *row);

static const char *const asset_tags[] = {"p.current", "p.voltage"};

static double wave(unsigned i, double size) {
    return size * sin(i * 2.4) * cos(i * 0.37);
}

/* Voltage and current take turns, both a second apart. */
static void electric(unsigned i, struct sample *row, double volts, double kiloamperes) {
    *row = (struct sample){(pl_time)(i / 2 + 1) * PL_SECOND, asset_tags[i % 2], i % 2 ? volts : kiloamperes, 0};
}

static void steady(unsigned i, struct sample *row) {
    electric(i, row, 4.26 + wave(i, 0.02), 180 + wave(i + 7, 1));
}

/* The line's current steps: resistance stays. */
static void current_steps(unsigned i, struct sample *row) {
    double current = i / 400 % 2 ? 170 : 180;
    electric(i, row, 1.65 + current * 0.0145 + wave(i, 0.01), current);
}

/* 0.002 uohm a second from the 300th second on: 22 mV a minute. */
static void climbs(unsigned i, struct sample *row) {
    double second = i / 2.0, extra = second > 300 ? (second - 300) * 0.000002 : 0;
    electric(i, row, 1.65 + 180 * (0.0145 + extra) + wave(i, 0.01), 180);
}

/* A new anode, cold at first, costs 0.1 V at once. */
static void anode_changes(unsigned i, struct sample *row) {
    electric(i, row, (i / 2 > 300 ? 4.36 : 4.26) + wave(i, 0.02), 180);
}

static void effect(unsigned i, struct sample *row) {
    electric(i, row, i / 2 > 300 && i / 2 < 330 ? 15 : 4.26, 180);
    if (row->value == 15) row->quality = PL_Q_BAD | PL_Q_OUT_OF_RANGE;
}

static void lone_spikes(unsigned i, struct sample *row) {
    electric(i, row, i / 2 % 100 == 50 ? 15 : 4.26, 180);
}

static void power_jumps(unsigned i, struct sample *row) {
    electric(i, row, i / 2 > 600 && i / 2 < 700 ? 5.4 : 4.26, 180);
}

static void tagged(unsigned i, struct sample *row, const char *tag, double value) {
    *row = (struct sample){(pl_time)(i + 1) * PL_SECOND, tag, value, 0};
}

/* A shot of 1.5 kg every 90 rows. */
static double fed_until(unsigned i) {
    unsigned shots = i / 90;
    return shots * 1.5;
}

static void fed(unsigned i, struct sample *row) {
    tagged(i, row, "p.feed_total", fed_until(i));
}

static void fed_until_reset(unsigned i, struct sample *row) {
    tagged(i, row, "p.feed_total", i < 500 ? 100 + fed_until(i) : fed_until(i - 500));
}

static void not_fed(unsigned i, struct sample *row) {
    tagged(i, row, "p.feed_total", i < 300 ? fed_until(i) : 4.5);
}

static void sick(unsigned i, struct sample *row) {
    tagged(i, row, "p.shell_temp", 350);
    if (i % 3 == 0) *row = (struct sample){row->time, row->tag, NAN, PL_Q_BAD | PL_Q_MISSING};
}

static void healthy(unsigned i, struct sample *row) {
    tagged(i, row, "p.shell_temp", 350);
    if (i % 20 == 0) *row = (struct sample){row->time, row->tag, NAN, PL_Q_BAD | PL_Q_MISSING};
}

static void normal_bath(unsigned i, struct sample *row) {
    tagged(i, row, "p.bath_temp", 965 + wave(i, 3));
}

static void hot_bath(unsigned i, struct sample *row) {
    tagged(i, row, "p.bath_temp", i > 300 ? 990 : 965);
}

static void cold_bath(unsigned i, struct sample *row) {
    tagged(i, row, "p.bath_temp", i > 300 ? 935 : 965);
}

static void hot_for_a_moment(unsigned i, struct sample *row) {
    tagged(i, row, "p.bath_temp", i % 200 < 40 ? 990 : 965);
}

/* Voltage and noise take turns. */
static void shaken(unsigned i, struct sample *row, double volts, double millivolts) {
    *row = (struct sample){(pl_time)(i / 2 + 1) * PL_SECOND, i % 2 ? "p.noise" : "p.voltage",
                           i % 2 ? millivolts : volts, 0};
}

static void quiet(unsigned i, struct sample *row) {
    shaken(i, row, 4.26, i / 2 % 50 == 0 ? 200 : 15);
}

static void noisy(unsigned i, struct sample *row) {
    shaken(i, row, 4.26, i > 200 ? 90 + wave(i, 30) : 15);
}

/* The deviation over a minute needs some minutes to forget an anode effect. */
static void shaken_by_an_effect(unsigned i, struct sample *row) {
    double since = i / 2.0 - 300;
    shaken(i, row, since > 0 && since < 30 ? 15 : 4.26, since > 0 ? 15 + 5000 * exp(-since / 120) : 15);
}

static const struct {
    const char *file, *rule;
    make_row *rows;
    bool raised;
} cases[] = {
    {"anode-effect", "anode-effect-risk", climbs, true},
    {"anode-effect", "anode-effect-risk", steady, false},
    {"anode-effect", "anode-effect-risk", current_steps, false},
    {"anode-effect", "anode-effect-risk", anode_changes, false},
    {"anode-effect", "anode-effect", effect, true},
    {"anode-effect", "anode-effect", steady, false},
    {"anode-effect", "anode-effect", lone_spikes, false},
    {"energy-spike", "energy-spike", power_jumps, true},
    {"energy-spike", "energy-spike", steady, false},
    {"energy-spike", "energy-spike", lone_spikes, false},
    {"energy-spike", "energy-spike", effect, false},
    {"stuck-feeder", "stuck-feeder", not_fed, true},
    {"stuck-feeder", "stuck-feeder", fed, false},
    {"stuck-feeder", "stuck-feeder", fed_until_reset, false},
    {"sensor-health", "sensor-health", sick, true},
    {"sensor-health", "sensor-health", healthy, false},
    {"superheat", "superheat", hot_bath, true},
    {"superheat", "superheat", cold_bath, true},
    {"superheat", "superheat", normal_bath, false},
    {"superheat", "superheat", hot_for_a_moment, false},
    {"bath-temperature", "bath-hot", hot_bath, true},
    {"bath-temperature", "bath-cold", cold_bath, true},
    {"bath-temperature", "bath-hot", hot_for_a_moment, false},
    {"bath-temperature", "bath-cold", normal_bath, false},
    {"noise", "noise", noisy, true},
    {"noise", "noise", quiet, false},
    {"noise", "noise", shaken_by_an_effect, false},
};

/* How often the rule spoke over twenty minutes of rows. */
static unsigned raised_by(unsigned index) {
    enum { ROWS = 2400, CUT = 160 };
    char options[256], body[96];
    snprintf(options, sizeof options, "{scripts: '%s/%s.lua'}", LUA_FOLDER, cases[index].file);
    snprintf(body, sizeof body, "\"rule\":\"%s\"", cases[index].rule);
    struct test *t = test_open("rules", options, PL_SAMPLES);
    struct sample rows[CUT];
    for (unsigned i = 0; i < ROWS; i += CUT) {
        for (unsigned k = 0; k < CUT; k++)
            cases[index].rows(i + k, &rows[k]);
        test_push(t, rows, CUT);
    }
    unsigned raised = 0;
    for (unsigned i = 0; i < t->out[0].events; i++) {
        const struct event_row *event = &t->out[0].event[i];
        raised += strcmp(event->kind, "rule.raised") == 0 && strstr(event->body, body);
    }
    assert_int_equal(test_counter(t, "errors"), 0);
    test_close(t);
    return raised;
}

static void each_speaks_when_it_should(void **state) {
    (void)state;
    bool good = true;
    for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
        unsigned raised = raised_by(i);
        if ((raised == 1) == cases[i].raised && (raised == 0) == !cases[i].raised) continue;
        print_error("case %u: %s was raised %u times\n", i, cases[i].rule, raised);
        good = false;
    }
    assert_true(good);
}

static void the_whole_library_loads_at_once(void **state) {
    (void)state;
    struct test *t = test_open("rules", "{scripts: '" LUA_FOLDER "'}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "p.bath_temp", 960, 0}}, 1);
    assert_true(test_counter(t, "evaluated") >= 4);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_speaks_when_it_should),
                                       cmocka_unit_test(the_whole_library_loads_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
