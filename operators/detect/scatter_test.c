/* The scatter of detect.process: signals that no longer go together, or follow one another, as they did. */
#include "process_testing.h"

static void signals_that_do_not_go_together(void **state) {
    (void)state;
    srand(4);
    struct test *t = test_open("detect.process", "{exclude: '*.temp', level: false, scatter: true}", PL_SAMPLES);
    push_run(t, UNLIKE, 0, RUN, 0);
    struct counts c = count(t, 0);
    assert_true(c.hit > 270 && c.wrong < 30);
    assert_non_null(strstr(t->out[1].event[0].body, "go together"));
    test_close(t);
}

/* Pressure is the flow of the frame before; then it is as much by itself. At one time they never had to do with one
 * another, so only what looks back sees it. */
static void signals_that_do_not_follow_one_another(void **state) {
    (void)state;
    for (unsigned lags = 0; lags <= 2; lags++) {
        char options[96];
        snprintf(options, sizeof options, "{signals: 2, level: false, scatter: {lags: %u}}", lags);
        srand(4);
        struct test *t = test_open("detect.process", options, PL_SAMPLES);
        double before = 0;
        for (unsigned row = 0; row < RUN; row++) {
            const double flow = noise(), other = row >= FAULT_FROM && row < FAULT_TO ? noise() : before;
            const struct sample rows[] = {{row * S, names[0], 100 + flow, 0},
                                          {row * S, names[2], 5 + other + 0.1 * noise(), 0}};
            test_push(t, rows, 2);
            before = flow;
        }
        const struct counts c = count(t, 0);
        if (c.wrong >= 20 || (lags ? c.hit < 200 : c.hit >= 20)) fail_msg("%u lags: %u, %u", lags, c.hit, c.wrong);
        test_close(t);
    }
}

/* It is said, and no alarm is made up. */
static void too_few_frames_for_so_many_lags(void **state) {
    (void)state;
    for (unsigned lags = 7; lags <= 8; lags++) { /* two rows a signal are needed, of four fifths of 43 and 42 */
        char options[96];
        snprintf(options, sizeof options, "{signals: 2, train: 50, level: false, scatter: {lags: %u}}", lags);
        srand(4);
        struct test *t = test_open("detect.process", options, PL_SAMPLES);
        for (unsigned row = 0; row < 100; row++) {
            const struct sample rows[] = {{row * S, names[0], noise(), 0}, {row * S, names[2], noise(), 0}};
            test_push(t, rows, 2);
        }
        assert_int_equal(test_counter(t, "judged"), 50);
        assert_int_equal(test_counter(t, "blind"), lags == 8 ? 50 : 0);
        test_close(t);
    }
}

/* Farther than ever on the way that they always went (T2); off that way (Q). */
static void components_tell_apart(void **state) {
    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        srand(5);
        struct test *t =
            test_open("detect.process", "{signals: 2, level: false, scatter: {components: 0.9, lags: 0}}", PL_SAMPLES);
        for (unsigned row = 0; row < RUN; row++) {
            const double load = noise(), far = row >= FAULT_FROM && row < FAULT_TO ? 1 : 0;
            const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise() + far * (off ? 0 : 9), 0},
                                          {row * S, names[1], 50 + 2 * load + 0.2 * noise() + far * (off ? 3 : 18), 0}};
            test_push(t, rows, 2);
        }
        const struct counts c = count(t, 0);
        assert_true(c.hit > 280 && c.wrong < 20);
        const struct event_row *began = NULL;
        for (unsigned i = 0; i < t->out[1].events && !began; i++)
            if (t->out[1].event[i].time >= FAULT_FROM * S) began = &t->out[1].event[i];
        assert_non_null(began);
        assert_non_null(strstr(began->body, off ? "(Q)" : "(T2)"));
        test_close(t);
    }
}

/* Power is twice the flow to the last digit, the temperature stands still: neither has a variance to be judged by. What
 * rounding does is no alarm, a power that has nothing to do with the flow is one. */
static void signals_that_others_determine(void **state) {
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        srand(seed);
        struct test *t =
            test_open("detect.process", "{signals: 4, level: false, scatter: {components: 0.9}}", PL_SAMPLES);
        for (unsigned row = 0; row < RUN; row++) {
            const double flow = noise(), off = row < 500 ? 0 : row < FAULT_FROM || row >= FAULT_TO ? 1e-5 : 3;
            const struct sample rows[] = {{row * S, names[0], 100 + 3 * flow, 0},
                                          {row * S, names[1], 50 + 6 * flow + off, 0},
                                          {row * S, names[2], 5 + 0.1 * noise(), 0},
                                          {row * S, names[3], 60, 0}};
            test_push(t, rows, 4);
        }
        const struct counts c = count(t, 0);
        if (c.missed || c.wrong >= 20) fail_msg("seed %u: %u missed, %u wrong", seed, c.missed, c.wrong);
        test_close(t);
    }
}

/* The power that a load takes rises by a tenth in 20000 frames, ten times what the noise is: wear. Then it is off at
 * once, for longer than it remembers, and that stays a fault; where it is accepted, it does not. */
static void wear_is_followed_and_a_fault_is_not_learned(void **state) {
    (void)state;
    enum { WEAR = 20000, LASTS = 6000, BEHIND = 1000 };
    static const char *const options[] = {
        "{signals: 3, level: false, scatter: true}",
        "{signals: 3, level: false, scatter: {forget: 500}}",
        "{signals: 3, level: false, scatter: {forget: 500, components: 0.9}}",
        "{signals: 3, level: false, scatter: {forget: 500, lags: 2, robust: true}}",
        "{signals: 3, level: false, scatter: {forget: 500, accept: 500}}",
    };
    for (unsigned k = 0; k < PL_COUNT_OF(options); k++) {
        srand(11);
        struct test *t = test_open("detect.process", options[k], PL_SAMPLES);
        for (unsigned row = 0; row < WEAR + LASTS + BEHIND; row++) {
            const double load = noise(), wear = 10.0 * (row < WEAR ? row : WEAR) / WEAR;
            const bool fault = row >= WEAR && row < WEAR + LASTS;
            const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise(), 0},
                                          {row * S, names[1], 50 + wear + load + 0.1 * noise() - (fault ? 2 : 0), 0},
                                          {row * S, names[2], 5 + 0.1 * noise(), 0}};
            test_push(t, rows, 3);
        }
        unsigned wrong = 0, hit = 0, behind = 0;
        for (unsigned i = 1; i < t->out[0].samples; i += 2) {
            const pl_time row = t->out[0].sample[i].time / S;
            const bool alarm = t->out[0].sample[i].value != 0;
            wrong += alarm && row < WEAR;
            hit += alarm && row >= WEAR && row < WEAR + LASTS;
            behind += alarm && row >= WEAR + LASTS;
        }
        const uint64_t followed = test_counter(t, "followed");
        bool good = wrong < WEAR / 200 && hit > LASTS * 98 / 100 && behind < BEHIND / 50 && followed > WEAR * 4 / 5;
        if (k == 0) good = wrong > WEAR / 2 && !followed;
        if (k == 4) good = wrong < WEAR / 200 && hit > 500 && hit < LASTS / 3;
        if (!good) fail_msg("%s: %u wrong, %u hit, %u behind, %zu", options[k], wrong, hit, behind, (size_t)followed);
        test_close(t);
    }
}

/* Numbers whose square is none, and a signal that has stood still: neither gets into what was learned. */
static void what_cannot_be_learned_is_not(void **state) {
    (void)state;
    srand(12);
    struct test *t =
        test_open("detect.process", "{signals: 3, level: false, scatter: {forget: 300, every: 1}}", PL_SAMPLES);
    for (unsigned row = 0; row < 3000; row++) {
        const struct sample rows[] = {{row * S, names[0], row % 500 == 499 ? 1e300 : 100 + noise(), 0},
                                      {row * S, names[1], 50 + noise(), 0},
                                      {row * S, names[2], row < 1000 ? 7 : 7 + noise(), 0}};
        test_push(t, rows, 3);
    }
    unsigned alarms = 0, spikes = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        assert_true(isfinite(t->out[0].sample[i - 1].value));
        alarms += t->out[0].sample[i].value != 0;
        spikes += t->out[0].sample[i].value != 0 && t->out[0].sample[i].time / S % 500 == 499;
    }
    if (spikes != 6 || alarms > 6 + 20) fail_msg("%u of 6, %u alarms", spikes, alarms);
    test_close(t);
}

/* Where an alarm is accepted they come as far as to what teaches, and not into it. */
static void numbers_without_a_square_never_teach(void **state) {
    (void)state;
    srand(12);
    struct test *t = test_open("detect.process",
                               "{signals: 2, level: false, scatter: {forget: 300, every: 1, accept: 20}}", PL_SAMPLES);
    for (unsigned row = 0; row < 3000; row++) {
        const bool wild = row >= 1000 && row < 1100;
        const struct sample rows[] = {{row * S, names[0], wild ? 1e300 * (1 + row % 7) : 100 + noise(), 0},
                                      {row * S, names[1], 50 + noise() + (row >= 2900 ? 9 : 0), 0}};
        test_push(t, rows, 2);
    }
    unsigned wild = 0, usual = 0, later = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        const pl_time row = t->out[0].sample[i].time / S;
        const bool alarm = t->out[0].sample[i].value != 0;
        assert_true(isfinite(t->out[0].sample[i - 1].value));
        wild += alarm && row >= 1000 && row < 1100;
        usual += alarm && row >= 1100 && row < 2900;
        later += alarm && row >= 2900 && row < 2920;
    }
    if (wild != 100 || usual > 20 || later != 20) fail_msg("%u of 100, %u, %u of 20", wild, usual, later);
    test_close(t);
}

/* A fifth of the frames that teach are upsets, all of one kind: they are the usual unless outliers are left out. */
static void upsets_among_what_teaches(void **state) {
    (void)state;
    for (unsigned robust = 0; robust < 2; robust++) {
        srand(6);
        struct test *t = test_open("detect.process",
                                   robust ? "{exclude: '*.temp', level: false, scatter: {robust: true}}"
                                          : "{exclude: '*.temp', level: false, scatter: true}",
                                   PL_SAMPLES);
        double wander = 0;
        for (unsigned row = 0; row < RUN; row++) {
            double value[SIGNALS];
            struct sample rows[SIGNALS];
            const bool faulty = row >= FAULT_FROM && row < FAULT_TO;
            make_frame(value, &wander, UNLIKE, faulty || (row < 300 && row % 5 == 3));
            for (unsigned s = 0; s < SIGNALS; s++)
                rows[s] = (struct sample){row * S, names[s], value[s], 0};
            test_push(t, rows, SIGNALS);
        }
        const struct counts c = count(t, 0);
        if (robust)
            assert_true(c.hit > 250 && c.wrong < 20);
        else
            assert_true(c.hit < 60);
        test_close(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_do_not_go_together),
        cmocka_unit_test(signals_that_do_not_follow_one_another),
        cmocka_unit_test(too_few_frames_for_so_many_lags),
        cmocka_unit_test(components_tell_apart),
        cmocka_unit_test(signals_that_others_determine),
        cmocka_unit_test(upsets_among_what_teaches),
        cmocka_unit_test(wear_is_followed_and_a_fault_is_not_learned),
        cmocka_unit_test(what_cannot_be_learned_is_not),
        cmocka_unit_test(numbers_without_a_square_never_teach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
