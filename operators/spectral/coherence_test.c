/* detect.coherence: what two signals have in common by frequency, and when it is lost. */
#include "../testing.h"

#define MS PL_MILLISECOND

static const char options[] = "{interval: 100ms, size: 64, pairs: [{name: drive, of: flow, with: power}], "
                              "bands: [{name: slow, low: 0.2, high: 1.5}, {name: fast, low: 2, high: 4.5}]}";

static double noise(void) {
    double sum = 0;
    for (unsigned i = 0; i < 12; i++)
        sum += test_random(100000) / 100000.0;
    return sum - 6;
}

/* Power follows the flow half a window's eighth later through a low pass: the slow band goes together, whatever the
 * gain and delay, the fast one is each signal's own. */
struct plant {
    double slow, delayed[8], other;
};

static void push_row(struct test *t, struct plant *plant, unsigned row, bool linked) {
    plant->slow = 0.8 * plant->slow + noise();
    plant->other = 0.8 * plant->other + noise();
    const double late = plant->delayed[row % 8];
    plant->delayed[row % 8] = plant->slow;
    const pl_time time = row * 100 * MS;
    test_gather(t, (struct sample){time, "l.p.flow", 100 + plant->slow + 0.3 * noise(), 0});
    test_gather(t, (struct sample){time, "l.p.power", 50 - 4 * (linked ? late : plant->other) + 1.2 * noise(), 0});
    test_gather(t, (struct sample){time, "l.p.flow.x", 1, 0});
}

static double mean_of(const struct test *t, const char *tag, unsigned from, unsigned to) {
    double sum = 0, count = 0;
    for (unsigned i = 0; i < t->out[2].samples; i++) {
        const struct sample *s = &t->out[2].sample[i];
        if (strcmp(s->tag, tag) != 0 || s->time < from * 100 * MS || s->time >= to * 100 * MS) continue;
        assert_true(s->value >= 0 && s->value <= 1);
        sum += s->value;
        count++;
    }
    assert_true(count > 0);
    return sum / count;
}

static unsigned alarms_in(const struct test *t, unsigned from, unsigned to) {
    unsigned count = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        const struct sample *alarm = &t->out[0].sample[i];
        assert_string_equal(alarm->tag, "l.p.drive.alarm");
        count += alarm->time >= from * 100 * MS && alarm->time < to * 100 * MS && alarm->value != 0;
    }
    return count;
}

enum { LINKED = 24000, LOST = 2000 };

static void a_link_that_is_lost(void **state) {
    (void)state;
    srand(1);
    struct plant plant = {0};
    struct test *t = test_open("detect.coherence", options, PL_SAMPLES);
    for (unsigned row = 0; row < LINKED + LOST + 3000; row++)
        push_row(t, &plant, row, row < LINKED || row >= LINKED + LOST);
    test_gathered(t);
    assert_true(mean_of(t, "l.p.drive.slow", 2000, LINKED) > 0.6);
    assert_true(mean_of(t, "l.p.drive.slow", LINKED + 1000, LINKED + LOST) < 0.35);
    assert_true(mean_of(t, "l.p.drive.slow", LINKED + LOST + 1500, LINKED + LOST + 3000) > 0.6);
    assert_true(alarms_in(t, 0, LINKED) <= 8); /* of 740 windows */
    assert_true(alarms_in(t, LINKED, LINKED + LOST) >= 20);
    const struct event_row *event = NULL;
    for (unsigned i = 0; i < t->out[1].events && !event; i++)
        if (t->out[1].event[i].time >= LINKED * 100 * MS) event = &t->out[1].event[i];
    assert_non_null(event);
    assert_string_equal(event->kind, "detect.began");
    assert_non_null(strstr(event->body, "flow and power go together less than they have in slow"));
    assert_non_null(strstr(event->body, "\"what\":\"slow\",\"side\":\"lower\""));
    assert_non_null(strstr(event->body, "{\"tag\":\"l.p.power\",\"share\":0.5}"));
    test_close(t);
}

/* Of n windows of noise the coherence is 1 / n; of a signal and its multiple it is 1. */
static void what_it_is_known_to_be(void **state) {
    (void)state;
    for (unsigned same = 0; same < 2; same++) {
        srand(2);
        struct test *t = test_open("detect.coherence",
                                   "{interval: 100ms, size: 64, overlap: 0, average: 1000, pairs: [{name: drive, of: "
                                   "a, with: b}], bands: [{name: all, low: 0.3, high: 4.7}]}",
                                   PL_SAMPLES);
        for (unsigned row = 0; row < 64 * 1000; row++) {
            const double a = noise(), b = same ? -7 * a + 3 : noise();
            const pl_time time = row * 100 * MS;
            test_gather(t, (struct sample){time, "l.p.a", a, 0});
            test_gather(t, (struct sample){time, "l.p.b", b, 0});
        }
        test_gathered(t);
        assert_int_equal(t->out[2].samples, 1);
        assert_near(t->out[2].sample[0].value, same ? 1 : 0.001, same ? 1e-9 : 0.0007);
        test_close(t);
    }
}

static void rows_that_do_not_meet(void **state) {
    (void)state;
    struct test *t = test_open("detect.coherence", options, PL_SAMPLES);
    for (unsigned row = 0; row < 2000; row++) {
        const pl_time time = row * 100 * MS;
        test_push(t, &(struct sample){time, "l.p.flow", 1.7e308 * (row % 2 ? 1 : -1), 0}, 1);
        test_push(t, &(struct sample){time + (row % 100 == 50) * MS, "l.p.power", row, row % 300 ? 0 : PL_Q_BAD}, 1);
    }
    test_push(t, &(struct sample){MS, "l.p.flow", 1, 0}, 1);
    assert_int_equal(test_counter(t, "skipped"), 7 + 1);
    assert_int_equal(test_counter(t, "broken"), 20 + 6); /* power was late, or bad: but for the first row of all */
    for (unsigned i = 0; i < t->out[0].samples; i++)
        assert_true(t->out[0].sample[i].value >= 0 && t->out[0].sample[i].value <= 1);
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("detect.coherence", "{interval: 1s, pairs: [{name: a, of: v, with: v}], bands: []}");
    assert_non_null(strstr(text, "goes together with itself"));
    assert_non_null(strstr(text, "0 bands"));
    pl_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_is_lost),
        cmocka_unit_test(what_it_is_known_to_be),
        cmocka_unit_test(rows_that_do_not_meet),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
