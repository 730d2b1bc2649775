/* detect.spectral: what is in a band, and what it tells of a tone that begins and of noise that ends. */
#include "../testing.h"

#define MS PL_MILLISECOND

static const double turn = 6.283185307179586;

static double noise(void) {
    return test_random(1000) / 1000.0 + test_random(1000) / 1000.0 - 1;
}

static const char options[] =
    "{interval: 100ms, size: 128, bands: [{name: slow, low: 0.2, high: 1}, {name: fast, low: 1, "
    "high: 5.1}]}";

static void push_value(struct test *t, unsigned row, double value) {
    test_push(t, &(struct sample){row * 100 * MS, "l.p.v", value, 0}, 1);
}

static const struct sample *band_at(const struct test *t, const char *tag, unsigned nth) {
    for (unsigned i = 0; i < t->out[2].samples; i++)
        if (strcmp(t->out[2].sample[i].tag, tag) == 0 && nth-- == 0) return &t->out[2].sample[i];
    fail_msg("no %s", tag);
    return NULL;
}

static void a_tone_is_in_its_band(void **state) {
    (void)state;
    struct test *t = test_open("detect.spectral", options, PL_SAMPLES);
    for (unsigned row = 0; row < 256; row++) /* on a slope, which counts for nothing */
        push_value(t, row, 40 + 0.01 * row + 3 * sin(turn * 0.05 * row) + 2 * cos(turn * 0.25 * row));
    assert_int_equal(t->out[2].samples, 2 * 3); /* windows overlap by half */
    for (unsigned n = 0; n < 3; n++) {
        assert_true(fabs(band_at(t, "l.p.v.slow", n)->value - 3 / sqrt(2)) < 0.03);
        assert_true(fabs(band_at(t, "l.p.v.fast", n)->value - 2 / sqrt(2)) < 0.03);
        assert_int_equal(band_at(t, "l.p.v.fast", n)->time, (127 + 64 * n) * 100 * MS);
    }
    test_close(t);
}

static void white_noise_is_spread(void **state) {
    (void)state;
    srand(1);
    struct test *t = test_open("detect.spectral",
                               "{interval: 100ms, size: 64, bands: [{name: low, low: 0, high: 2.5}, {name: high, "
                               "low: 2.5, high: 5.1}]}",
                               PL_SAMPLES);
    double sum[2] = {0};
    for (unsigned row = 0; row < 20000; row++)
        push_value(t, row, noise());
    for (unsigned i = 0; i < t->out[2].samples; i++)
        sum[i % 2] += t->out[2].sample[i].value * t->out[2].sample[i].value * 2 / t->out[2].samples;
    assert_true(fabs(sum[0] + sum[1] - 1.0 / 6) < 0.01); /* the variance of what was put in */
    assert_true(fabs(sum[0] - sum[1]) < 0.02);
    test_close(t);
}

static void a_tone_that_begins(void **state) {
    (void)state;
    srand(2);
    struct test *t = test_open("detect.spectral", options, PL_SAMPLES);
    for (unsigned row = 0; row < 12000; row++)
        push_value(t, row, 40 + noise() + (row >= 10000 && row < 10500 ? sin(turn * 0.31 * row) : 0));
    unsigned before = 0, during = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        assert_string_equal(t->out[0].sample[i].tag, "l.p.v.alarm");
        unsigned row = (unsigned)(t->out[0].sample[i].time / (100 * MS));
        before += row < 10000 && t->out[0].sample[i].value != 0;
        during += row >= 10060 && row < 10500 && t->out[0].sample[i].value != 0;
    }
    assert_true(before <= 2);
    assert_true(during >= 5);
    const struct event_row *event = NULL;
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (t->out[1].event[i].time > 10000 * 100 * MS && !event) event = &t->out[1].event[i];
    assert_non_null(event);
    assert_non_null(strstr(event->body, "fast (1 to 5.1 Hz) has more power"));
    assert_non_null(strstr(event->body, "\"what\":\"fast\",\"side\":\"higher\""));
    assert_non_null(strstr(event->body, "at 3.1")); /* 3.1 Hz, to the next line */
    test_close(t);
}

static void a_gap_begins_a_new_window(void **state) {
    (void)state;
    struct test *t = test_open("detect.spectral", options, PL_SAMPLES);
    for (unsigned row = 0; row < 200; row++)
        push_value(t, row < 100 ? row : row + 50, row);
    assert_int_equal(t->out[0].samples, 0);
    assert_int_equal(test_counter(t, "broken"), 1);
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("detect.spectral", "{interval: 1s, bands: [{name: a, low: 2, high: 3}]}");
    assert_non_null(strstr(text, "nothing beyond 0.5 Hz"));
    pl_free(text);
    text = test_refusal("detect.spectral", "{interval: 1s, bands: [{name: a, low: 0.3, high: 0.3}]}");
    assert_non_null(strstr(text, "not below"));
    pl_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_is_in_its_band),
        cmocka_unit_test(white_noise_is_spread),
        cmocka_unit_test(a_tone_that_begins),
        cmocka_unit_test(a_gap_begins_a_new_window),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
