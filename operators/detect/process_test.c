/* detect.process: a plant of four signals that are known to go together, and what becomes of its faults. */
#include "process_testing.h"

static void a_step_of_one_signal(void **state) {
    (void)state;
    srand(1);
    struct test *t = test_open("detect.process", "{signals: 4}", PL_SAMPLES);
    push_run(t, STEP, 0, RUN, 0);
    struct counts c = count(t, 0);
    assert_int_equal(t->out[0].samples, 2 * RUN);
    assert_true(f1(c) > 0.9);
    assert_true(t->out[1].events >= 2);
    const struct event_row *began = &t->out[1].event[0], *ended = began + 1;
    assert_string_equal(began->kind, "detect.began");
    assert_non_null(strstr(began->body, "\"what\":\"level\",\"side\":\"lower\""));
    for (unsigned grown = 0; ended + 1 < began + t->out[1].events && strcmp(ended->kind, "detect.grew") == 0; ended++)
        assert_true(++grown <= 15);
    assert_true(ended > began + 1); /* the step is larger than what the first rows of its mean show */
    assert_string_equal(ended->kind, "detect.ended");
    assert_true(began->time >= FAULT_FROM * S && began->time < (FAULT_FROM + 40) * S);
    assert_true(ended->time >= (FAULT_TO - 1) * S);
    assert_non_null(strstr(ended->body, "\"tags\":[{\"tag\":\"l.pump.flow\""));
    assert_non_null(strstr(ended->body, "\"end\":"));
    assert_non_null(strstr(ended->body, "\"how\":\"back\""));
    test_close(t);
}

static unsigned alarms_behind(const struct test *t, unsigned row) {
    unsigned alarms = 0;
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *s = &t->out[0].sample[i];
        alarms += strcmp(s->tag, "l.pump.alarm") == 0 && s->time >= row * S && s->value != 0;
    }
    return alarms;
}

/* How the alarm of a step that is there until row `to` has ended; frames up to `rows`. */
static void expect_how(const char *options, unsigned rows, unsigned to, const char *how) {
    srand(1);
    double wander = 0;
    char has[32];
    struct test *t = test_open("detect.process", options, PL_SAMPLES);
    for (unsigned row = 0; row < rows; row++) {
        double value[SIGNALS];
        struct sample sample[SIGNALS];
        make_frame(value, &wander, STEP, row >= FAULT_FROM && row < to);
        for (unsigned s = 0; s < SIGNALS; s++)
            sample[s] = (struct sample){row * S, names[s], value[s], 0};
        test_push(t, sample, SIGNALS);
    }
    test_end(t);
    snprintf(has, sizeof has, "\"how\":\"%s\"", how);
    unsigned ended = 0;
    for (unsigned i = 0; i < t->out[1].events; i++) {
        const struct event_row *event = &t->out[1].event[i];
        if (event->time < FAULT_FROM * S || strcmp(event->kind, "detect.ended") != 0) continue;
        if (!strstr(event->body, has)) fail_msg("%s: %s", options, event->body);
        ended++;
    }
    assert_int_equal(ended, 1);
    test_close(t);
}

/* From an accepted level back to the one before: that is the end of it, and no fault on the other side. */
static void an_accepted_level_comes_back(void **state) {
    (void)state;
    for (unsigned restored = 0; restored < 2; restored++) {
        srand(1);
        double wander = 0;
        unsigned began = 0;
        struct test *t = test_open("detect.process", "{signals: 4, level: {accept: 100}}", PL_SAMPLES);
        for (unsigned row = 0; row < RUN; row++) {
            double value[SIGNALS];
            struct sample sample[SIGNALS];
            make_frame(value, &wander, STEP, row >= FAULT_FROM && row < FAULT_TO);
            for (unsigned s = 0; s < SIGNALS; s++)
                sample[s] = (struct sample){row * S, names[s], value[s], 0};
            test_push(t, sample, SIGNALS);
            if (!restored || row != FAULT_TO - 50) continue;
            const unsigned seed = (unsigned)rand();
            test_restore(t);
            srand(seed);
        }
        test_end(t);
        const struct event_row *last = &t->out[1].event[t->out[1].events - 1];
        for (unsigned i = 0; i < t->out[1].events; i++)
            began += strcmp(t->out[1].event[i].kind, "detect.began") == 0 && t->out[1].event[i].time >= FAULT_FROM * S;
        assert_int_equal(began, 1);
        assert_string_equal(last->kind, "detect.ended");
        assert_true(last->time >= FAULT_TO * S && last->time < (FAULT_TO + 60) * S);
        assert_non_null(strstr(last->body, "\"side\":\"lower\",\"start\":7"));
        assert_non_null(strstr(last->body, "\"how\":\"back\""));
        assert_true(alarms_behind(t, FAULT_TO) > 10); /* the frames are judged as ever */
        test_close(t);
    }
}

static void how_an_alarm_ends(void **state) {
    (void)state;
    expect_how("{signals: 4}", 1200, 1000, "back");
    expect_how("{signals: 4, level: {accept: 100}}", 1200, 1200, "lasts");
    expect_how("{signals: 4}", 900, 900, "open");
}

/* Power goes against the flow, which shows only while there is a load to speak of: how many alarms that is. */
static unsigned told_of_a_couple(const char *options) {
    srand(9);
    struct test *t = test_open("detect.process", options, PL_SAMPLES);
    for (unsigned row = 0; row < RUN; row++) {
        const double load = noise(), way = row >= FAULT_FROM && row < FAULT_FROM + 100 ? -1 : 1;
        const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise(), 0},
                                      {row * S, names[1], 50 + way * load + 0.1 * noise(), 0}};
        test_push(t, rows, 2);
        if (row == FAULT_FROM + 5) { /* within the episode */
            const unsigned seed = (unsigned)rand();
            test_restore(t);
            srand(seed);
        }
    }
    unsigned began = 0, ended = 0;
    for (unsigned i = 0; i < t->out[1].events; i++) {
        const struct event_row *event = &t->out[1].event[i];
        if (event->time < FAULT_FROM * S) continue;
        const bool begins = strcmp(event->kind, "detect.began") == 0;
        began += begins;
        ended += strcmp(event->kind, "detect.ended") == 0;
        if (!strstr(event->body, "\"tags\":[{\"tag\":\"l.pump."))
            fail_msg("%s %d: %s", event->kind, (int)(event->time / S), event->body);
    }
    assert_true(ended == began);
    test_close(t);
    return began;
}

static void an_alarm_that_flickers_is_told_once(void **state) {
    (void)state;
    assert_true(told_of_a_couple("{level: false, scatter: true, hold: 1}") > 8);
    assert_int_equal(told_of_a_couple("{level: false, scatter: true}"), 1);
}

/* Verdicts come from what is read, not from where it stands in the file. */
static void where_the_fault_stands_does_not_matter(void **state) {
    (void)state;
    const char *options = "{signals: 4, gap: 10m}";
    srand(2);
    struct test *whole = test_open("detect.process", options, PL_SAMPLES);
    push_run(whole, STEP, 0, RUN, 0);
    double as_it_is = f1(count(whole, 0));
    test_close(whole);
    for (unsigned cut = 15; cut <= 60; cut += 15) { /* up to 20 % of what teaches */
        srand(2);
        struct test *t = test_open("detect.process", options, PL_SAMPLES);
        push_run(t, STEP, cut, RUN, 0);
        double without = f1(count(t, 0));
        if (fabs(without - as_it_is) >= 0.02) fail_msg("%u frames less: F1 %g, was %g", cut, without, as_it_is);
        test_close(t);
    }
    srand(3);
    struct test *t = test_open("detect.process", options, PL_SAMPLES);
    push_run(t, NONE, 0, RUN, 0);
    srand(2);
    push_run(t, STEP, 0, RUN, 10000 * S);
    double behind = f1(count(t, 10000 * S));
    if (fabs(behind - as_it_is) >= 0.02) fail_msg("behind a normal run: F1 %g, was %g", behind, as_it_is);
    test_close(t);
}

/* Another run that follows without a gap: its levels are its own, and it is learned. */
static void another_run_is_known_by_its_jumps(void **state) {
    (void)state;
    srand(8);
    struct test *t = test_open("detect.process", "{signals: 3, exclude: '*.temp', jump: 3, settle: 10}", PL_SAMPLES);
    for (unsigned row = 0; row < 2000; row++) {
        double load = noise(), other = row < 1000 ? 0 : 40;
        struct sample rows[] = {{row * S, names[0], 100 + load + other, 0},
                                {row * S, names[1], 50 - load - other, 0},
                                {row * S, names[2], 5 + noise() + other - (row >= 1700 ? 4 : 0), 0}};
        test_push(t, rows, 3);
    }
    unsigned alarms = 0, late = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        alarms += t->out[0].sample[i].value != 0;
        late += t->out[0].sample[i].value != 0 && t->out[0].sample[i].time >= 1700 * S;
    }
    assert_true(late > 250);
    assert_true(alarms - late < 20);
    assert_int_equal(test_counter(t, "learned"), 2 * 300);
    assert_int_equal(test_counter(t, "runs"), 1);
    test_close(t);
}

/* Alarms and frames learned when, at row 1000, the temperature is another (by `jump`) and the others a little off. */
static void run_behind_a_run(const char *options, double jump, double off, unsigned *alarms, uint64_t *learned) {
    srand(8);
    struct test *t = test_open("detect.process", options, PL_SAMPLES);
    double temp = 60;
    for (unsigned row = 0; row < 2000; row++) {
        const double other = row < 1000 ? 0 : off;
        temp += 0.02 * noise() + (row == 1000 ? jump : 0);
        struct sample rows[] = {{row * S, names[0], 100 + noise() + other, 0},
                                {row * S, names[1], 50 + noise() - other, 0},
                                {row * S, names[3], temp, 0}};
        test_push(t, rows, 3);
    }
    *alarms = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2)
        *alarms += t->out[0].sample[i].value != 0;
    *learned = test_counter(t, "learned");
    test_close(t);
}

/* From row 1000 on a couple in a mass of water does what couples do: `at` is what it then shows by row, its own value
 * before. Alarms from then on, and how often it was another run. */
static unsigned broken_couple(const char *options, double (*at)(unsigned row, double temp), uint64_t *runs) {
    srand(8);
    struct test *t = test_open_ranged("detect.process", options, PL_SAMPLES, "*.temp", 0, 100);
    double temp = 60;
    for (unsigned row = 0; row < 2000; row++) {
        temp += 0.02 * noise() - 0.01 * (temp - 60);
        const double shown = row < 1000 ? temp : at(row, temp);
        const struct sample rows[] = {{row * S, names[0], 100 + noise(), 0},
                                      {row * S, names[1], 50 + noise(), 0},
                                      {row * S, names[3], shown, isnan(shown) ? PL_Q_BAD | PL_Q_MISSING : 0}};
        test_push(t, rows, 3);
    }
    unsigned alarms = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2)
        alarms += t->out[0].sample[i].value != 0 && t->out[0].sample[i].time >= 1000 * S;
    *runs = test_counter(t, "runs");
    test_close(t);
    return alarms;
}

static double open_couple(unsigned row, double temp) {
    (void)row;
    (void)temp;
    return 0;
}

static double another_place(unsigned row, double temp) {
    (void)row;
    return temp + 5;
}

static double away_for_a_while(unsigned row, double temp) {
    return row < 1400 ? (double)NAN : temp + 5;
}

static void a_broken_couple_is_an_alarm(void **state) {
    (void)state;
    static const char *const by_jump = "{signals: 3, jump: 3, level: {freedom: 0}}",
                             *const alone = "{signals: 3, jump: 3, jump_alone: true, level: {freedom: 0}}";
    static const struct {
        const char *options;
        double (*at)(unsigned row, double temp);
        unsigned least, most;
        uint64_t runs;
    } cases[] = {
        {by_jump, open_couple, 950, 1000, 0},    {by_jump, another_place, 950, 1000, 0},
        {alone, open_couple, 950, 1000, 0},      /* the end of its range */
        {alone, another_place, 0, 100, 1},       /* what the option costs */
        {alone, away_for_a_while, 550, 1000, 0}, /* it was not there in the frame before */
    };
    for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
        uint64_t runs;
        const unsigned alarms = broken_couple(cases[i].options, cases[i].at, &runs);
        if (alarms < cases[i].least || alarms > cases[i].most || runs != cases[i].runs)
            fail_msg("case %u: %u alarms, %zu runs", i, alarms, (size_t)runs);
    }
}

static void a_mass_does_not_jump(void **state) {
    (void)state;
    const char *options = "{signals: 3, level: {exclude: '*.temp', least: 0.001}, jump: 3, jump_alone: true}";
    unsigned alarms;
    uint64_t learned;
    run_behind_a_run(options, 1, 2, &alarms, &learned);
    assert_int_equal(learned, 2 * 300);
    assert_true(alarms < 20);
    run_behind_a_run(options, 0, 2, &alarms, &learned); /* a fault: two signals step, and nothing else is odd */
    assert_int_equal(learned, 300);
    assert_true(alarms > 900);
    run_behind_a_run("{signals: 3, level: {exclude: '*.temp', least: 0.001}}", 1, 2, &alarms, &learned);
    assert_int_equal(learned, 300); /* without `jump` there are no runs */
    assert_true(alarms > 900);
}

/* A level that stays is what people wanted, in the end; a spike does not move what was learned. */
static void a_new_level_is_accepted(void **state) {
    (void)state;
    srand(9);
    struct test *t = test_open("detect.process", "{signals: 1, level: {accept: 200}}", PL_SAMPLES);
    for (unsigned row = 0; row < 2000; row++)
        test_push(
            t, &(struct sample){row * S, names[0], 100 + noise() + (row >= 1000 ? 5 : 0) + (row == 700 ? 1e9 : 0), 0},
            1);
    unsigned spike = 0, fresh = 0, later = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        pl_time row = t->out[0].sample[i].time / S;
        bool alarm = t->out[0].sample[i].value != 0;
        spike += alarm && row < 1000;
        fresh += alarm && row >= 1000 && row < 1230;
        later += alarm && row >= 1230;
    }
    assert_true(spike <= 12 && fresh >= 195 && later < 10);
    test_close(t);
}

static void only_the_side_that_matters(void **state) {
    (void)state;
    for (unsigned above = 0; above < 2; above++) {
        srand(9);
        struct test *t =
            test_open("detect.process",
                      above ? "{signals: 1, level: {side: above}}" : "{signals: 1, level: {side: below}}", PL_SAMPLES);
        for (unsigned row = 0; row < 1500; row++)
            test_push(t,
                      &(struct sample){row * S, names[0],
                                       100 + noise() +
                                           (row >= 800 && row < 900     ? 5
                                            : row >= 1200 && row < 1300 ? -5
                                                                        : 0),
                                       0},
                      1);
        unsigned high = 0, low = 0;
        for (unsigned i = 1; i < t->out[0].samples; i += 2) {
            const pl_time row = t->out[0].sample[i].time / S;
            high += t->out[0].sample[i].value != 0 && row < 1000;
            low += t->out[0].sample[i].value != 0 && row >= 1000;
        }
        assert_true(above ? high > 80 && low == 0 : low > 80 && high == 0);
        test_close(t);
    }
}

static void a_wandering_signal_is_no_alarm(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (unsigned seed = 10; seed < 20; seed++) {
        srand(seed);
        struct test *t = test_open("detect.process", "{signals: 4}", PL_SAMPLES);
        push_run(t, NONE, 0, RUN, 0);
        struct counts c = count(t, 0);
        wrong += c.wrong + c.hit;
        for (unsigned i = 0; i < t->out[1].events; i++)
            assert_null(strstr(t->out[1].event[i].body, "l.pump.temp"));
        test_close(t);
    }
    if (wrong >= 10 * (RUN - LEARNED) / 100) fail_msg("%u alarms in %u frames", wrong, 10 * (RUN - LEARNED));
}

static void a_change_is_told_where_it_is(void **state) {
    (void)state;
    srand(5);
    struct test *t = test_open("detect.process", "{signals: 4, change: {recent: 10, before: 40}}", PL_SAMPLES);
    push_run(t, STEP, 0, RUN, 0);
    unsigned right = 0, wrong = 0;
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *row = &t->out[0].sample[i];
        if (strcmp(row->tag, "l.pump.changepoint") != 0 || row->value == 0) continue;
        pl_time at = row->time / S;
        (at >= FAULT_FROM && at < FAULT_FROM + 50) || (at >= FAULT_TO && at < FAULT_TO + 50) ? right++ : wrong++;
    }
    assert_true(right >= 2 && wrong <= 1);
    test_close(t);
}

/* What lies behind the cut never teaches, and what lies before it gets no verdict. */
static void a_cut(void **state) {
    (void)state;
    srand(6);
    struct test *t = test_open(
        "detect.process",
        "{exclude: '*.temp', signals: 4, level: false, scatter: true, train: 2000, cut: '1970-01-01T01:00:00Z'}",
        PL_SAMPLES);
    push_run(t, NONE, 0, RUN, 0);
    assert_int_equal(t->out[0].samples, 0);
    push_run(t, UNLIKE, 0, RUN, 3600 * S);
    assert_int_equal(t->out[0].samples, 2 * RUN);
    assert_int_equal(test_counter(t, "learned"), RUN);
    assert_true(f1(count(t, 3600 * S)) > 0.9);
    test_close(t);
}

static void frames_that_are_not_whole(void **state) {
    (void)state;
    srand(7);
    struct test *t = test_open("detect.process", "{signals: 2, train: 40, level: {freedom: 0}, regime: 1}", PL_SAMPLES);
    for (unsigned row = 0; row < 200; row++) {
        struct sample rows[] = {
            {row * S, "l.p.a", noise(), 0}, {row * S, "l.p.b", noise(), 0}, {row * S, "l.p.c", 1, 0}};
        if (row % 5 == 0) rows[1].value = NAN;
        test_push(t, rows, row % 7 == 3 ? 1 : 3);
        if (row % 2) test_watermark(t, row * S);
    }
    test_end(t);
    assert_int_equal(t->out[0].samples, 2 * 200); /* a verdict a time, whatever of it came */
    assert_true(test_counter(t, "refused") > 0);  /* the third signal has no place */
    for (unsigned i = 1; i < t->out[0].samples; i++)
        assert_true(t->out[0].sample[i].time >= t->out[0].sample[i - 1].time);
    test_close(t);
}

static void constant_and_empty_signals(void **state) {
    (void)state;
    struct test *t =
        test_open("detect.process", "{signals: 3, train: 60, level: {freedom: 0}, scatter: true, local: {window: 21}}",
                  PL_SAMPLES);
    for (unsigned row = 0; row < 300; row++) {
        struct sample rows[] = {
            {row * S, "l.p.a", 7, 0}, {row * S, "l.p.b", NAN, PL_Q_BAD | PL_Q_MISSING}, {row * S, "l.p.c", 0, 0}};
        test_push(t, rows, 3);
    }
    for (unsigned i = 0; i < t->out[0].samples; i++)
        assert_true(t->out[0].sample[i].value == 0);
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *options, *said;
    } cases[] = {
        {"{level: false}", "nothing to look at"},
        {"{level: false, scatter: true, change: true}", "too"},
        {"{train: 20}", "teach nothing"},
        {"{train: 100000}", "at most"},
        {"{level: false, signals: 200, scatter: {lags: 3}}", "200 signals of 4 frames"},
        {"{scatter: {forget: 299}}", "less than the 300 frames"},
        {"{scatter: {accept: 100}}", "`forget`"},
        {"{scatter: {every: 10}}", "`forget`"},
        {"{jump_alone: true}", "`jump`"},
        {"{scatter: {forget: 1000}, cut: '2026-01-01T00:00:00Z'}", "behind the `cut`"},
        {"{signals: 255, train: 2, level: false, scatter: {forget: 1000}}", "at most"},
    };
    for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
        char *text = test_refusal("detect.process", cases[i].options);
        if (!strstr(text, cases[i].said)) fail_msg("%s: %s", cases[i].options, text);
        pl_free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_of_one_signal),
        cmocka_unit_test(how_an_alarm_ends),
        cmocka_unit_test(an_accepted_level_comes_back),
        cmocka_unit_test(an_alarm_that_flickers_is_told_once),
        cmocka_unit_test(where_the_fault_stands_does_not_matter),
        cmocka_unit_test(another_run_is_known_by_its_jumps),
        cmocka_unit_test(a_mass_does_not_jump),
        cmocka_unit_test(a_broken_couple_is_an_alarm),
        cmocka_unit_test(only_the_side_that_matters),
        cmocka_unit_test(a_new_level_is_accepted),
        cmocka_unit_test(a_wandering_signal_is_no_alarm),
        cmocka_unit_test(a_change_is_told_where_it_is),
        cmocka_unit_test(a_cut),
        cmocka_unit_test(frames_that_are_not_whole),
        cmocka_unit_test(constant_and_empty_signals),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
